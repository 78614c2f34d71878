#include <sluice/policy/latency.hpp>

#include <algorithm>

namespace sluice::policy {
namespace {

// The word: the average (36 bits, in 32 ns) above the instant of its last change (28 bits, in 2^20
// ns; comes round after 78 hours, when an estimate that old may be taken for a younger one).
constexpr unsigned value_shift = 28;
constexpr std::uint64_t stamp_mask = (std::uint64_t{1} << value_shift) - 1;
constexpr std::uint64_t largest = (std::uint64_t{1} << 36U) - 1;
constexpr unsigned unit_shift = 5;
constexpr unsigned stamp_shift = 20;
constexpr unsigned half_life_shift = 12;  // in ticks
constexpr std::uint64_t half_life = std::uint64_t{1} << half_life_shift;
constexpr std::uint64_t forgotten = 10;  // half-lives
constexpr std::uint64_t between_samples = 8;
constexpr std::uint64_t a_second = 954;

std::uint64_t stamp_of(time_point now) noexcept
{
    return (static_cast<std::uint64_t>(now.time_since_epoch().count()) >> stamp_shift) & stamp_mask;
}

// Ticks since the word changed. Another worker's clock may be up to a second ahead: that is none.
std::uint64_t age(std::uint64_t word, std::uint64_t stamp) noexcept
{
    const std::uint64_t gone = (stamp - word) & stamp_mask;
    return gone > stamp_mask - a_second ? 0 : gone;
}

// value / 2^(ticks / half_life); between the halvings by the parabola that starts as steeply as the
// power does, at most 0.8 % below it.
std::uint64_t decay(std::uint64_t value, std::uint64_t ticks) noexcept
{
    constexpr std::uint64_t slope = 726'817;  // ln 2 x 2^20
    constexpr std::uint64_t bend = 202'529;   // (ln 2 - 1/2) x 2^20
    const std::uint64_t halvings = ticks >> half_life_shift;
    if (halvings >= forgotten)
        return 0;
    const std::uint64_t part = ticks & (half_life - 1);
    const std::uint64_t factor = (std::uint64_t{1} << 20U) - ((slope * part) >> half_life_shift)
                                 + ((bend * part * part) >> (2 * half_life_shift));
    return ((value >> halvings) * factor + (std::uint64_t{1} << 19U)) >> 20U;
}

std::uint64_t pack(std::uint64_t value, std::uint64_t stamp) noexcept
{
    return (value << value_shift) | stamp;
}

}  // namespace

void latency_estimate::sample(nanoseconds took, time_point now) noexcept
{
    const std::uint64_t stamp = stamp_of(now);
    const std::uint64_t fresh = std::clamp<std::uint64_t>(
        static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)) >> unit_shift,
        1,
        largest);
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    const std::uint64_t old = word >> value_shift;
    if (old == 0) {
        word_.compare_exchange_strong(word, pack(fresh, stamp), std::memory_order_relaxed);
        return;
    }
    const std::uint64_t gone = age(word, stamp);
    if (fresh <= old && gone < between_samples)
        return;
    const std::uint64_t now_worth = decay(old, gone);
    const std::uint64_t next =
        fresh >= now_worth ? fresh : now_worth + (fresh - decay(fresh, gone));
    word_.compare_exchange_strong(
        word, pack(std::max<std::uint64_t>(next, 1), stamp), std::memory_order_relaxed);
}

nanoseconds latency_estimate::at(time_point now) const noexcept
{
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    const std::uint64_t value = decay(word >> value_shift, age(word, stamp_of(now)));
    return nanoseconds(static_cast<std::int64_t>(value << unit_shift));
}

nanoseconds latency_estimate::last(time_point now, nanoseconds limit) const noexcept
{
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if (age(word, stamp_of(now)) > static_cast<std::uint64_t>(limit.count()) >> stamp_shift)
        return nanoseconds{0};
    return nanoseconds(static_cast<std::int64_t>((word >> value_shift) << unit_shift));
}

}  // namespace sluice::policy
