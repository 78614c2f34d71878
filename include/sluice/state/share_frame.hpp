#pragma once
// What sharing a limit through Redis takes, whatever is shared: what there is by name, the question
// that tells what this gateway wants, and its part for an answer. Rates and places are built on it.

#include <sluice/base/clock.hpp>
#include <sluice/config/quota.hpp>
#include <sluice/net/redis.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::state {

struct share_settings {
    std::string prefix = "sluice";  // of every key
    std::string gateway;            // not empty
    milliseconds every{250};
    // A gateway that has not spoken for so long has no part any more; it keeps to its last one
    // until it can speak again.
    seconds gone{5};
};

// What one gateway wants of one limit, in what its whole is counted in.
struct share_demand {
    std::uint32_t wanted = 0;
    std::uint32_t whole = 0;
    std::uint32_t in_use = 0;  // nobody else's until it is free
};

// What is known of one shared limit, whatever its kind.
struct share_use {
    static constexpr unsigned idle_after = 8;  // turns without use, after which a part is let go

    std::uint32_t part = 0;  // as told; another is in force while Redis is away
    unsigned idle_turns = idle_after;
    bool told = false;  // Redis has a part of ours
    bool asking = false;

    [[nodiscard]] bool idle() const noexcept { return idle_turns == idle_after; }
    void used_now(bool it_is) noexcept
    {
        idle_turns = it_is ? 0 : std::min(idle_turns + 1, idle_after);
    }
};

// One thread, that of the io_context, which it outlives the running of; `client` outlives it.
class share_talk {
public:
    // `kind` is part of the keys; `gateways` tells how many there are, 0: not known yet.
    share_talk(
        boost::asio::io_context& context,
        net::redis_client& client,
        share_settings settings,
        std::string kind,
        std::function<unsigned()> gateways);

    // `heard` gets this gateway's part; none: Redis did not say.
    void tell(
        const std::string& name,
        share_demand what,
        std::function<void(std::optional<std::int64_t>)> heard);
    void let_go(const std::string& name);
    // One at a time.
    void after(duration pause, std::function<void()> then);

    [[nodiscard]] unsigned gateways() const { return gateways_(); }
    [[nodiscard]] bool up() const { return client_.up(); }
    [[nodiscard]] const share_settings& settings() const noexcept { return settings_; }
    // What is in force of a limit of which Redis has told this part, as things stand.
    [[nodiscard]] std::uint32_t in_force(
        std::uint32_t part, config::store_failure on_failure, std::uint32_t alone) const;

private:
    [[nodiscard]] std::string key_of(std::string_view name) const;

    net::redis_client& client_;
    share_settings settings_;
    std::string kind_;
    std::function<unsigned()> gateways_;
    net::redis_script share_;
    boost::asio::steady_timer timer_;
};

// All limits of one kind. A `Use` is a share_use with `which`, and that has a name.
template <class Use>
class share_frame : public share_talk {
public:
    using share_talk::share_talk;
    using uses = std::unordered_map<std::string, Use>;

    [[nodiscard]] uses& all() noexcept { return uses_; }

    // These from now on. One that is same(use, which) goes on as it was; begin(use) is told of
    // every other, end(use) of each that is no more.
    template <class Which, class Same, class Begin, class End>
    void watch(std::vector<Which> which, const Same& same, const Begin& begin, const End& end)
    {
        uses next;
        for (auto& each : which) {
            auto name = each.name;
            const auto known = uses_.find(name);
            const bool goes_on = known != uses_.end() && same(known->second, each);
            Use one = goes_on ? std::move(known->second) : Use{};
            one.which = std::move(each);
            if (goes_on)
                uses_.erase(known);
            else
                begin(one);
            next.insert_or_assign(std::move(name), std::move(one));
        }
        uses_.swap(next);
        for (auto& [name, one] : next) {
            if (one.told)
                let_go(name);
            end(one);
        }
    }

    // What a turn says of one limit: its part is let go when it has not been used for a while;
    // else Redis is told demand(), and give() gets the part.
    template <class Demand, class Give>
    void speak(const std::string& name, Use& one, const Demand& demand, Give give)
    {
        if (one.asking)
            return;
        if (one.idle()) {
            if (std::exchange(one.told, false))
                let_go(name);
            return;
        }
        one.asking = one.told = true;
        tell(name, demand(one), [this, name, give](std::optional<std::int64_t> part) {
            const auto found = uses_.find(name);
            if (found == uses_.end())
                return;
            found->second.asking = false;
            if (part)
                give(found->second, *part);
        });
    }

private:
    uses uses_;
};

}  // namespace sluice::state
