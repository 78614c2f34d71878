#pragma once
// Where gateways find each other's live changes in Redis, what they ask it, and what it answers.
//
// Four keys with one hash tag: the items by name, their order of arrival, a head (a word that a
// record which was lost has not, the number of the last arrival, the sum of all versions), and who
// leads. Redis decides between two items of a name by the same rule as state::supersedes().

#include <sluice/net/redis.hpp>
#include <sluice/state/spread.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::state {

struct spread_head {
    std::string word;  // empty: Redis has nothing
    std::uint64_t arrival = 0;
    std::uint64_t sum = 0;
    bool leads = false;  // the one who asks
};

// What came after a number; `upto` is where to go on, the head's last arrival at the end.
struct spread_page {
    std::string word;
    std::uint64_t arrival = 0;
    std::uint64_t upto = 0;
    std::vector<spread_item> items;
    std::size_t unreadable = 0;
};

// Of each item that was put: none, Redis has it now; else what goes before it there.
struct spread_put {
    std::string word;
    std::uint64_t arrival = 0;
    std::uint64_t added = 0;  // arrivals by this put
    std::vector<std::optional<spread_item>> better;
};

class redis_spread {
public:
    static constexpr std::size_t page_items = 500;
    static constexpr std::size_t page_bytes = std::size_t{256} << 10U;
    static constexpr std::size_t put_items = 100;
    static constexpr std::size_t put_bytes = std::size_t{128} << 10U;

    struct question {
        std::shared_ptr<const net::redis_script> script;
        std::vector<std::string> keys;
        std::vector<std::string> arguments;
    };

    // `gateway`: no spaces, not empty.
    redis_spread(std::string_view prefix, std::string gateway);

    // Leads, or goes on leading, for `lease` if nobody else does; with 0 it leads no more.
    [[nodiscard]] question look(milliseconds lease) const;
    [[nodiscard]] question read(std::uint64_t after) const;
    // `fresh`: the word of a new record.
    [[nodiscard]] question put(
        const std::vector<const spread_item*>& items, std::string_view fresh) const;
    // Takes out those that are there in these very versions.
    [[nodiscard]] question forget(const std::vector<spread_item>& gone) const;

    // None: not what the script answers.
    [[nodiscard]] static std::optional<spread_head> head(const net::redis_reply& reply);
    [[nodiscard]] static std::optional<spread_page> page(const net::redis_reply& reply);
    [[nodiscard]] static std::optional<spread_put> put_answer(
        const net::redis_reply& reply, const std::vector<std::string>& names);

private:
    std::shared_ptr<const net::redis_script> look_;
    std::shared_ptr<const net::redis_script> read_;
    std::shared_ptr<const net::redis_script> put_;
    std::shared_ptr<const net::redis_script> forget_;
    std::string gateway_;
    std::vector<std::string> keys_;
};

}  // namespace sluice::state
