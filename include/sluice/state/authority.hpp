#pragma once
// Who says how much of a budget may still be spent. A gateway asks it for a slice ahead of need,
// spends that by itself (policy/purse.hpp) and gives back what it does not need.

#include <sluice/config/quota.hpp>
#include <sluice/state/operations.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace sluice::state {

// One budget in one of its periods. Money is in nano-dollars.
struct budget_period {
    std::string budget;       // "tenant:search:daily"
    std::int64_t period = 0;  // the number of the day or the month; grows
    std::int64_t limit = 0;   // as configured, without what was topped up
    // What this gateway's ledger knows to have been granted to it in this period, less what it gave
    // back: an authority that has forgotten more than that takes it from here.
    std::int64_t granted_here = 0;
    std::int64_t topped_up = 0;  // likewise, as far as this gateway was told
    std::string operations;      // that it topped up with
    // What an authority grants that cannot ask the others.
    config::store_failure on_failure = config::store_failure::keep_share;
};

// What is known of it at the authority.
struct budget_standing {
    std::int64_t topped_up = 0;
    std::int64_t granted = 0;  // to every gateway together, less what they gave back
};

struct grant {
    bool answered = false;      // false: the authority could not be asked; the rest means nothing
    bool perhaps_done = false;  // not answered, but what was asked may have been done
    bool alone = false;         // granted by this gateway to itself: the others were not asked
    std::int64_t amount = 0;    // from 0 to what was wanted, on top of what was owed
    budget_standing now;        // with this grant in it
    booking topped_up = booking::none;
};

class authority {
public:
    // Called exactly once, on any thread, possibly before the call it was given to returns; not
    // after the authority's end.
    using answer = std::function<void(const grant&)>;

    virtual ~authority() = default;

    // `wanted`, 0 or more: to be spent from now on, given as far as the budget reaches. `owed`, 0
    // or more: spent already without having been granted, taken whether the budget reaches or not.
    // 0 and 0 asks how the budget stands.
    virtual void take(
        const budget_period& of, std::int64_t wanted, std::int64_t owed, answer then) = 0;

    // Of what was granted; above 0. A period that is over takes nothing.
    virtual void give_back(const budget_period& of, std::int64_t amount, answer then) = 0;

    // Adds to this period's limit, once for each operation. For good when it has been answered.
    virtual void top_up(const budget_period& of, const extra& what, answer then) = 0;

    // How many gateways share its budgets, this one with them: at least 1. Any thread.
    [[nodiscard]] virtual unsigned gateways() const noexcept = 0;
};

}  // namespace sluice::state
