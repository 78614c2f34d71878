#include "ticks.hpp"
#include <sluice/policy/limit.hpp>

#include <algorithm>

namespace sluice::policy {
namespace {

__extension__ using wide = unsigned __int128;
constexpr std::uint64_t longest = forever;
constexpr std::uint64_t most_units = std::uint64_t{1} << 44U;
constexpr nanoseconds closed_for{1'000'000'000};  // nobody knows for how long

// For a >= 0.
ticks add(ticks a, ticks b) noexcept
{
    return b > forever - a ? forever : a + b;
}

ticks clamped(wide value) noexcept
{
    return value > static_cast<wide>(forever) ? forever : static_cast<ticks>(value);
}

// n / d, rounded up.
ticks quotient(wide n, std::uint64_t d) noexcept
{
    return clamped(n / d + (n % d != 0 ? 1 : 0));
}

// A rate as a fraction: nanoseconds for one.
class pace {
public:
    explicit pace(const rate& rate, std::uint32_t share = whole_share) noexcept
        : period_(static_cast<std::uint64_t>(std::max<ticks>(rate.period.count(), 1))),
          count_(std::clamp<std::uint64_t>(rate.count, 1, std::uint64_t{1'000'000'000})),
          share_(std::clamp<std::uint32_t>(share, 1, whole_share))
    {
    }

    // Rounded up: a rate that does not divide its period is never exceeded, and falls short by less
    // than a nanosecond a call.
    ticks cost(std::uint64_t amount) const noexcept
    {
        std::uint64_t product = 0;
        if (share_ == whole_share
            && !__builtin_mul_overflow(std::min(amount, most_units), period_, &product))
            return static_cast<ticks>(
                std::min(product / count_ + (product % count_ != 0 ? 1U : 0U), longest));
        return quotient(
            wide{std::min(amount, most_units)} * period_ * whole_share, count_ * share_);
    }

    // Whole ones in so much time.
    std::uint64_t worth(ticks time) const noexcept
    {
        std::uint64_t product = 0;
        if (share_ == whole_share
            && !__builtin_mul_overflow(static_cast<std::uint64_t>(time), count_, &product))
            return std::min(product / period_, most_units);
        const wide whole = wide{static_cast<std::uint64_t>(time)} * (count_ * share_)
                           / (wide{period_} * whole_share);
        return static_cast<std::uint64_t>(std::min(whole, wide{most_units}));
    }

    // How far the instant of fullness may lie ahead: enough for `burst` single ones, each rounded
    // up, and never for one more. A share makes the burst smaller, not shorter.
    ticks depth(std::uint64_t burst) const noexcept
    {
        const pace all = whole();
        const auto count = std::clamp<std::uint64_t>(burst, 1, most_units - 1);
        const auto single = static_cast<std::uint64_t>(all.cost(1));
        std::uint64_t singles = 0;
        if (__builtin_mul_overflow(count, single, &singles))
            singles = longest;
        const ticks next = all.cost(count + 1);
        return std::min(
            static_cast<ticks>(std::min(singles, longest)), next == forever ? forever : next - 1);
    }

    // Until there is room for so much in a bucket that is not full for so long.
    ticks wait(ticks until_full, ticks cost, std::uint64_t burst) const noexcept
    {
        const ticks capacity = depth(burst);
        return std::max<ticks>(add(until_full, std::min(cost, capacity)) - capacity, 0);
    }

    // A full bucket is worth its burst, to the one: it is not shared, one takes a nanosecond or
    // more, and the depth is not cut.
    bool holds_whole(std::uint64_t burst) const noexcept
    {
        std::uint64_t longest_depth = 0;
        return share_ == whole_share && count_ <= period_ && burst >= 1 && burst < most_units - 1
               && !__builtin_mul_overflow(burst + 1, period_, &longest_depth)
               && longest_depth < longest;
    }

private:
    pace whole() const noexcept
    {
        pace out = *this;
        out.share_ = whole_share;
        return out;
    }

    std::uint64_t period_;
    std::uint64_t count_;
    std::uint32_t share_;
};

ticks ticks_of(time_point now) noexcept
{
    return std::max<ticks>(now.time_since_epoch().count(), 0);
}

// Apart from take(), which has its answer before it needs any of this.
[[gnu::noinline]] admission take_in_turn(
    bucket& from,
    const rate& rate,
    std::uint64_t burst,
    std::uint64_t amount,
    nanoseconds max_wait,
    ticks at) noexcept
{
    const auto share = from.share.load(std::memory_order_relaxed);
    if (share == 0)
        return {.admitted = false, .wait = closed_for};
    const pace pace(rate, share);
    const ticks cost = pace.cost(amount);
    ticks full_at = from.full_at.load(std::memory_order_relaxed);
    while (true) {
        const ticks base = std::max(full_at, at);
        const ticks then = add(base, cost);
        // A full bucket lets everybody in.
        const ticks wait = base == at ? 0 : pace.wait(base - at, cost, burst);
        if (then == forever || wait > max_wait.count())
            return {.admitted = false, .wait = nanoseconds(wait)};
        if (from.full_at.compare_exchange_weak(full_at, then, std::memory_order_relaxed))
            return {.admitted = true, .wait = nanoseconds(wait)};
    }
}

}  // namespace

admission take(
    bucket& from,
    const rate& rate,
    std::uint64_t burst,
    std::uint64_t amount,
    nanoseconds max_wait,
    time_point now) noexcept
{
    const auto share = from.share.load(std::memory_order_relaxed);
    const ticks at = ticks_of(now);
    ticks full_at = from.full_at.load(std::memory_order_relaxed);
    // Mostly it is full and not shared, and nobody else takes at the same instant.
    if (share == whole_share && full_at <= at) {
        const ticks then = add(at, pace(rate).cost(amount));
        if (then != forever
            && from.full_at.compare_exchange_strong(full_at, then, std::memory_order_relaxed))
            return {.admitted = true};
    }
    return take_in_turn(from, rate, burst, amount, max_wait, at);
}

void settle(
    bucket& into,
    const rate& rate,
    std::uint64_t reserved,
    std::uint64_t used,
    time_point now) noexcept
{
    const ticks at = ticks_of(now);
    ticks full_at = into.full_at.load(std::memory_order_relaxed);
    if (used == reserved || (used < reserved && full_at <= at))
        return;
    const pace pace(rate, into.share.load(std::memory_order_relaxed));
    const ticks held = pace.cost(reserved);
    const ticks spent = pace.cost(used);
    if (held == spent)
        return;
    while (true) {
        if (spent < held && full_at <= at)
            return;
        const ticks base = std::max(full_at, at);
        const ticks then = spent > held ? std::min(add(base, spent - held), forever - 1)
                                        : base - std::min(held - spent, base - at);
        if (into.full_at.compare_exchange_weak(full_at, then, std::memory_order_relaxed))
            return;
    }
}

nanoseconds time_for(const bucket& of, const rate& rate, std::uint64_t amount) noexcept
{
    return nanoseconds(pace(rate, of.share.load(std::memory_order_relaxed)).cost(amount));
}

bool holds_whole(const rate& rate, std::uint64_t burst) noexcept
{
    return pace(rate, whole_share).holds_whole(burst);
}

allowance allowance_of(
    const bucket& of, const rate& rate, std::uint64_t burst, time_point now) noexcept
{
    const auto share = of.share.load(std::memory_order_relaxed);
    if (share == 0)
        return {.until_full = closed_for};
    const pace pace(rate, share);
    const ticks at = ticks_of(now);
    const ticks until_full = std::max(of.full_at.load(std::memory_order_relaxed), at) - at;
    if (until_full == 0 && pace.holds_whole(burst))
        return {.limit = burst, .remaining = burst, .until_full = nanoseconds(0)};
    const ticks capacity = pace.depth(burst);
    const auto left = pace.worth(std::max<ticks>(capacity - until_full, 0));
    if (share >= whole_share)
        return {
            .limit = burst,
            .remaining = std::min(left, burst),
            .until_full = nanoseconds(until_full)};
    // A full bucket lets one in, however small its part is.
    const auto part =
        std::clamp<std::uint64_t>(pace.worth(capacity), 1, std::max<std::uint64_t>(burst, 1));
    return {
        .limit = part,
        .remaining = until_full == 0 ? part : std::min(left, part),
        .until_full = nanoseconds(until_full)};
}

}  // namespace sluice::policy
