#include "redis_scripts.hpp"
#include <sluice/state/rate_shares.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace sluice::state {
namespace {

using policy::whole_share;

constexpr double memory = 1;  // seconds over which the use is averaged
constexpr double room = 1.5;  // beyond what is used, so that more is not refused at once
// Used that much and found that empty, it could use more, and nobody knows how much.
constexpr double much = 0.8;
constexpr double quite_empty = 0.4;
constexpr double longest_backlog = 1e18;  // ns
constexpr std::uint32_t least = 20;       // no part is smaller than a 20th of an even one
constexpr std::uint32_t away = 4;         // without Redis an unused part is a quarter of that
constexpr unsigned idle_after = 8;        // turns without use, after which a part is let go
constexpr unsigned looks_a_turn = 16;

// Another part from now on; what was taken stays taken, and takes another time to refill. `scale`
// is the last part that was not 0.
void set_share(policy::bucket& of, std::uint32_t& scale, std::uint32_t share, time_point now)
{
    of.share.store(share, std::memory_order_relaxed);
    if (share == 0 || share == scale)
        return;
    const auto before = std::exchange(scale, share);
    const auto at = now.time_since_epoch().count();
    auto full_at = of.full_at.load(std::memory_order_relaxed);
    while (full_at > at) {
        const double backlog = static_cast<double>(full_at - at) * before / share;
        const auto then = at + static_cast<std::int64_t>(std::min(backlog, longest_backlog));
        if (of.full_at.compare_exchange_weak(full_at, then, std::memory_order_relaxed))
            return;
    }
}

std::string demand_of(double used, double empty, std::uint32_t share)
{
    const bool more = used >= much && empty >= quite_empty;
    const double wanted = more ? whole_share : used * room * share;
    return std::to_string(
        static_cast<std::uint32_t>(std::clamp(wanted, 1.0, static_cast<double>(whole_share))));
}

// The time in which the whole rate refills the burst, in nanoseconds.
double depth_of(const shared_rate& of)
{
    const auto period = static_cast<double>(of.rate.period.count());
    return std::max(
        period * static_cast<double>(of.burst) / static_cast<double>(of.rate.count), 1.0);
}

std::int64_t full_at(const shared_rate& of)
{
    return of.of->full_at.load(std::memory_order_relaxed);
}

}  // namespace

rate_shares::rate_shares(
    boost::asio::io_context& context,
    net::redis_client& client,
    rate_shares_settings settings,
    std::function<unsigned()> gateways)
    : client_(client),
      settings_(std::move(settings)),
      gateways_(std::move(gateways)),
      share_(std::string(share_script)),
      timer_(context),
      random_(std::hash<std::string>{}(settings_.gateway))
{
}

void rate_shares::watch(std::vector<shared_rate> all)
{
    std::unordered_map<std::string, use> next;
    for (auto& which : all) {
        auto name = which.name;
        const auto known = uses_.find(name);
        if (known != uses_.end() && known->second.which.of == which.of) {
            known->second.which = std::move(which);
            next.insert_or_assign(std::move(name), std::move(known->second));
            uses_.erase(known);
            continue;
        }
        use fresh;
        fresh.full_at = full_at(which);
        fresh.idle_turns = idle_after;
        fresh.scale = std::max<std::uint32_t>(which.of->share.load(std::memory_order_relaxed), 1);
        fresh.which = std::move(which);
        give(fresh, idle_share());
        next.insert_or_assign(std::move(name), std::move(fresh));
    }
    uses_.swap(next);
    for (auto& [name, one] : next) {
        if (one.told)
            let_go(name, one);
        set_share(*one.which.of, one.scale, whole_share, steady::now());
    }
}

void rate_shares::start()
{
    last_turn_ = steady::now();
    look();
}

std::uint32_t rate_shares::even_share() const
{
    return std::max<std::uint32_t>(whole_share / std::max(gateways_(), 1U), 1);
}

std::uint32_t rate_shares::idle_share() const
{
    if (gateways_() == 0)
        return first_share;
    return client_.up() ? even_share() : std::max<std::uint32_t>(even_share() / away, 1);
}

// Not at even times, or clients that come at such would be seen always or never.
void rate_shares::look()
{
    const auto now = steady::now();
    const auto at = now.time_since_epoch().count();
    ++looks_;
    if (busy_ > 0)
        for (auto& [name, one] : uses_)
            if (one.idle_turns < idle_after && full_at(one.which) > at)
                ++one.not_full;
    if (now - last_turn_ >= settings_.every)
        turn(now);
    const auto mean = std::chrono::duration_cast<nanoseconds>(settings_.every) / looks_a_turn;
    const auto pause = std::chrono::duration_cast<nanoseconds>(mean * (0.5 + random_.uniform()));
    timer_.expires_after(busy_ > 0 ? std::chrono::duration_cast<duration>(pause) : settings_.every);
    timer_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            look();
    });
}

void rate_shares::turn(time_point now)
{
    const auto passed = now - last_turn_;
    last_turn_ = now;
    busy_ = 0;
    for (auto& [name, one] : uses_) {
        measure(one, now, passed);
        busy_ += one.idle_turns < idle_after ? 1U : 0U;
        if (one.idle_turns == idle_after && one.told && !one.asking)
            let_go(name, one);
        give(one, one.told || one.idle_turns < idle_after ? one.part : idle_share());
        if (one.idle_turns < idle_after && !one.asking)
            tell(name, one);
    }
    looks_ = 0;
}

void rate_shares::measure(use& one, time_point now, duration passed)
{
    const auto moved = full_at(one.which);
    const bool rested = one.idle_turns == idle_after;
    one.idle_turns = moved != one.full_at ? 0 : std::min(one.idle_turns + 1, idle_after);
    one.full_at = moved;
    const auto backlog =
        static_cast<double>(moved) - static_cast<double>(now.time_since_epoch().count());
    const double empty = std::clamp(backlog / depth_of(one.which), 0.0, 1.0);
    const double used = static_cast<double>(std::exchange(one.not_full, 0)) / looks_;
    if (rested) {
        // Nobody looked at it.
        one.used = backlog > 0 ? 1 : 0;
        one.empty = empty;
        return;
    }
    const double weight = 1 - std::exp(-std::chrono::duration<double>(passed).count() / memory);
    one.used += weight * (used - one.used);
    one.empty += weight * (empty - one.empty);
}

void rate_shares::tell(const std::string& name, use& one)
{
    one.asking = true;
    one.told = true;
    client_.run(
        share_,
        {settings_.prefix + ":rate:{" + name + '}'},
        {settings_.gateway,
         demand_of(one.used, one.empty, one.scale),
         std::to_string(settings_.gone.count()),
         std::to_string(whole_share),
         "0"},
        [this, name](const net::redis_answer& heard) {
            const auto found = uses_.find(name);
            if (found == uses_.end())
                return;
            auto& about = found->second;
            about.asking = false;
            if (!heard.ok() || heard.reply.is != net::redis_reply::kind::integer)
                return;
            const auto part =
                std::clamp<std::int64_t>(heard.reply.number, even_share() / least, whole_share);
            give(about, static_cast<std::uint32_t>(part));
        });
}

// What its part lets through now.
void rate_shares::give(use& one, std::uint32_t part) const
{
    one.part = std::max<std::uint32_t>(part, 1);
    auto share = one.part;
    if (!client_.up() && one.which.on_failure == config::store_failure::refuse)
        share = 0;
    else if (!client_.up() && one.which.on_failure == config::store_failure::local)
        share = whole_share;
    const double before = one.scale;
    set_share(*one.which.of, one.scale, share, steady::now());
    // What was used of the part before is another part of this one.
    one.used = std::min(one.used * before / one.scale, 1.0);
}

void rate_shares::let_go(const std::string& name, use& one)
{
    one.told = false;
    client_.run(
        share_,
        {settings_.prefix + ":rate:{" + name + '}'},
        {settings_.gateway, "-1", "1", "1", "0"},
        [](const net::redis_answer&) {});
}

}  // namespace sluice::state
