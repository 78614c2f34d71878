#include <sluice/state/rate_shares.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace sluice::state {
namespace {

using policy::whole_share;

constexpr double memory = 1;       // seconds over which the use is averaged
constexpr double rate_room = 1.5;  // beyond what is used, so that more is not refused at once
// Used that much and found that empty, it could use more, and nobody knows how much.
constexpr double much = 0.8;
constexpr double quite_empty = 0.4;
constexpr double longest_backlog = 1e18;  // ns
constexpr std::uint32_t least = 20;       // no part is smaller than a 20th of an even one
constexpr std::uint32_t away = 4;         // without Redis an unused part is a quarter of that
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

template <class Use>
share_demand rate_demand(const Use& one)
{
    const bool more = one.used >= much && one.empty >= quite_empty;
    const double wanted = more ? whole_share : one.used * rate_room * one.scale;
    const auto within = std::clamp(wanted, 1.0, static_cast<double>(whole_share));
    return {.wanted = static_cast<std::uint32_t>(within), .whole = whole_share};
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
    share_settings settings,
    std::function<unsigned()> gateways)
    : frame_(context, client, std::move(settings), "rate", std::move(gateways)),
      random_(std::hash<std::string>{}(frame_.settings().gateway))
{
}

void rate_shares::watch(std::vector<shared_rate> all)
{
    frame_.watch(
        std::move(all),
        [](const use& known, const shared_rate& which) { return known.which.of == which.of; },
        [this](use& one) { begin(one); },
        [](use& one) { set_share(*one.which.of, one.scale, whole_share, steady::now()); });
}

void rate_shares::begin(use& one) const
{
    one.full_at = full_at(one.which);
    one.scale = std::max<std::uint32_t>(one.which.of->share.load(std::memory_order_relaxed), 1);
    give(one, idle_share());
}

void rate_shares::start()
{
    last_turn_ = steady::now();
    look();
}

std::uint32_t rate_shares::even_share() const
{
    return std::max<std::uint32_t>(whole_share / std::max(frame_.gateways(), 1U), 1);
}

std::uint32_t rate_shares::idle_share() const
{
    if (frame_.gateways() == 0)
        return first_share;
    return frame_.up() ? even_share() : std::max<std::uint32_t>(even_share() / away, 1);
}

// Not at even times, or clients that come at such would be seen always or never.
void rate_shares::look()
{
    const auto now = steady::now();
    const auto at = now.time_since_epoch().count();
    ++looks_;
    if (busy_ > 0)
        for (auto& [name, one] : frame_.all())
            if (!one.idle() && full_at(one.which) > at)
                ++one.not_full;
    if (now - last_turn_ >= frame_.settings().every)
        turn(now);
    const auto mean =
        std::chrono::duration_cast<nanoseconds>(frame_.settings().every) / looks_a_turn;
    const auto pause = std::chrono::duration_cast<nanoseconds>(mean * (0.5 + random_.uniform()));
    frame_.after(
        busy_ > 0 ? std::chrono::duration_cast<duration>(pause) : frame_.settings().every,
        [this] { look(); });
}

void rate_shares::turn(time_point now)
{
    const auto passed = now - last_turn_;
    last_turn_ = now;
    busy_ = 0;
    for (auto& [name, one] : frame_.all()) {
        measure(one, now, passed);
        busy_ += one.idle() ? 0U : 1U;
        frame_.speak(name, one, rate_demand<use>, [this](use& about, std::int64_t part) {
            const auto most = std::clamp<std::int64_t>(part, even_share() / least, whole_share);
            give(about, static_cast<std::uint32_t>(most));
        });
        give(one, one.told ? one.part : idle_share());
    }
    looks_ = 0;
}

void rate_shares::measure(use& one, time_point now, duration passed) const
{
    const auto moved = full_at(one.which);
    const bool rested = one.idle();
    one.used_now(moved != one.full_at);
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
    const double weight = 1 - std::exp(-in_seconds(passed) / memory);
    one.used += weight * (used - one.used);
    one.empty += weight * (empty - one.empty);
}

// What its part lets through now.
void rate_shares::give(use& one, std::uint32_t part) const
{
    one.part = std::max<std::uint32_t>(part, 1);
    const auto share = frame_.in_force(one.part, one.which.on_failure, whole_share);
    const double before = one.scale;
    set_share(*one.which.of, one.scale, share, steady::now());
    // What was used of the part before is another part of this one.
    one.used = std::min(one.used * before / one.scale, 1.0);
}

}  // namespace sluice::state
