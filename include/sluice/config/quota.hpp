#pragma once
// What a key, a tenant or a model may use: so much in a time, so much at once, so much money.

#include <sluice/policy/fair_wait.hpp>
#include <sluice/policy/limit.hpp>
#include <sluice/policy/purse.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::config {

// Nano-dollars.
struct budget_settings {
    std::optional<std::int64_t> daily;
    std::optional<std::int64_t> monthly;
    double soft = 0.8;  // the share that is told of
};

// Those who wait for limits that they share: the keys of a tenant, the tenants at a model.
struct waiting_line {
    struct place {
        policy::waiter requests;
        policy::waiter tokens;
    };

    explicit waiting_line(std::size_t sharers)
        : places(sharers)
    {
    }

    policy::waiting_room requests;
    policy::waiting_room tokens;
    std::vector<place> places;
};

// Somebody's place in the line of one quota.
struct turn {
    std::size_t place = 0;
    std::uint32_t weight = 1;  // 1 to 1000
};

// What is let through while the store that gateways share cannot be asked: this gateway's last part
// of each limit and its part of what was left of each budget; nothing beyond what it holds of
// budgets; as much as if it were alone.
enum class store_failure : std::uint8_t { keep_share, refuse, local };

struct quota {
    policy::limit_settings limits;
    budget_settings budget;
    store_failure on_store_failure = store_failure::keep_share;
    // Shared by all workers, carried over reloads by whose it is. Null only before build().
    std::shared_ptr<policy::limit_state> state;
    std::vector<std::size_t> budgets;    // indexes into snapshot::budgets; made by build()
    std::shared_ptr<waiting_line> line;  // made by build() where several may wait
};

enum class period : std::uint8_t { day, month };

// One sum of money for one period: what the ledger and the store account for.
struct budget {
    // "key:ID:daily", "key:ID:model:MODEL:daily", "tenant:NAME:monthly", "model:MODEL:daily":
    // its own for as long as the file names it.
    std::string id;
    config::period period = config::period::day;
    std::int64_t limit = 0;  // nano-dollars a period
    std::int64_t soft = 0;   // what is told of when it is spent; at most the limit
    store_failure on_store_failure = store_failure::keep_share;
    // What may be spent at once. Its authority grants to it; shared by all workers, carried over
    // reloads by `id`. Never null.
    std::shared_ptr<policy::purse> purse;
};

}  // namespace sluice::config
