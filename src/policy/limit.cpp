#include <sluice/policy/limit.hpp>

#include <algorithm>

namespace sluice::policy {
namespace {

using ticks = std::int64_t;
constexpr ticks forever = std::numeric_limits<ticks>::max();

// For a >= 0.
ticks add(ticks a, ticks b) noexcept
{
    return b > forever - a ? forever : a + b;
}

ticks times(ticks a, std::uint64_t b) noexcept
{
    return b != 0 && a > forever / static_cast<ticks>(std::min<std::uint64_t>(b, forever))
               ? forever
               : a * static_cast<ticks>(b);
}

// Between two tokens. Rounded up to a whole nanosecond: a rate that does not divide its period is
// never exceeded, and falls short by less than a nanosecond a token.
ticks interval(const rate& rate) noexcept
{
    const auto count =
        static_cast<ticks>(std::clamp<std::uint64_t>(rate.count, 1, std::uint64_t{1'000'000'000}));
    const ticks period = std::max<ticks>(rate.period.count(), 1);
    return (period - 1) / count + 1;
}

// How far the instant of fullness may lie ahead.
ticks depth(ticks each, std::uint64_t burst) noexcept
{
    return times(each, std::max<std::uint64_t>(burst, 1));
}

}  // namespace

admission take(limit_state& state, const limit_settings& settings, time_point now) noexcept
{
    if (!settings.requests)
        return {.admitted = true};
    const ticks each = interval(*settings.requests);
    const ticks capacity = depth(each, settings.burst);
    const ticks at = std::max<ticks>(now.time_since_epoch().count(), 0);

    ticks full_at = state.full_at.load(std::memory_order_relaxed);
    while (true) {
        const ticks then = add(std::max(full_at, at), each);
        const ticks wait = std::max<ticks>(then - at - capacity, 0);
        if (then == forever || wait > settings.max_wait.count())
            return {.admitted = false, .wait = nanoseconds(wait)};
        if (state.full_at.compare_exchange_weak(full_at, then, std::memory_order_relaxed))
            return {.admitted = true, .wait = nanoseconds(wait)};
    }
}

allowance allowance_of(
    const limit_state& state, const limit_settings& settings, time_point now) noexcept
{
    if (!settings.requests)
        return {};
    const ticks each = interval(*settings.requests);
    const ticks capacity = depth(each, settings.burst);
    const ticks at = std::max<ticks>(now.time_since_epoch().count(), 0);
    const ticks until_full = std::max(state.full_at.load(std::memory_order_relaxed), at) - at;
    const ticks left = std::max<ticks>(capacity - until_full, 0) / each;
    return {
        .limit = settings.burst,
        .remaining = static_cast<std::uint64_t>(left),
        .until_full = nanoseconds(until_full)};
}

bool enter(limit_state& state, const limit_settings& settings) noexcept
{
    if (!settings.concurrent)
        return true;
    std::uint32_t inside = state.in_flight.load(std::memory_order_relaxed);
    do {
        if (inside >= *settings.concurrent)
            return false;
    } while (!state.in_flight.compare_exchange_weak(inside, inside + 1, std::memory_order_relaxed));
    return true;
}

void leave(limit_state& state, const limit_settings& settings) noexcept
{
    if (settings.concurrent)
        state.in_flight.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace sluice::policy
