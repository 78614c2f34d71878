#include "ticks.hpp"
#include <sluice/policy/fair_wait.hpp>

#include <algorithm>

namespace sluice::policy {
namespace {

constexpr std::uint32_t most_weight = 1000;
constexpr ticks window = 1'000'000'000;    // who comes again within a second is seen in each
constexpr ticks most_ahead = 10 * window;  // of a waiter's own time, when it is in debt
constexpr std::uint64_t sum_mask = 0xfffff;
constexpr std::uint32_t window_mask = 0xffffff;

struct windows {
    std::uint32_t number = 0;
    std::uint64_t before = 0;
    std::uint64_t here = 0;
};

windows unpack_windows(std::uint64_t word) noexcept
{
    return {
        .number = static_cast<std::uint32_t>(word >> 40U),
        .before = (word >> 20U) & sum_mask,
        .here = word & sum_mask};
}

std::uint64_t pack(const windows& of) noexcept
{
    return (std::uint64_t{of.number} << 40U) | (of.before << 20U) | of.here;
}

// The windows as they are in window `number`.
windows moved_to(const windows& from, std::uint32_t number) noexcept
{
    const std::uint32_t past = (number - from.number) & window_mask;
    if (past == 0 || past > window_mask / 2)  // told an earlier time
        return from;
    return {.number = number, .before = past == 1 ? from.here : 0, .here = 0};
}

// The weights of all who had to wait lately, this one among them.
std::uint64_t count_in(
    waiting_room& room, waiter& self, std::uint32_t weight, std::uint32_t number) noexcept
{
    const bool counted = self.window.exchange(number + 1, std::memory_order_relaxed) == number + 1;
    std::uint64_t seen = room.windows.load(std::memory_order_relaxed);
    while (true) {
        const auto was = unpack_windows(seen);
        auto is = moved_to(was, number);
        if (!counted)
            is.here = std::min(is.here + weight, sum_mask);
        const std::uint64_t next = pack(is);
        if (next == seen
            || room.windows.compare_exchange_weak(seen, next, std::memory_order_relaxed))
            return std::max<std::uint64_t>({is.before, is.here, weight});
    }
}

// Takes `cost` of the waiter's own time. It holds `most`, or one request that is greater.
bool take_own(std::atomic<ticks>& own, ticks at, ticks cost, ticks most) noexcept
{
    ticks full_at = own.load(std::memory_order_relaxed);
    while (true) {
        const ticks base = std::max(full_at, at);
        if (cost > forever - base || (base != at && base - at + cost > most))
            return false;
        if (own.compare_exchange_weak(full_at, base + cost, std::memory_order_relaxed))
            return true;
    }
}

// The same without being counted: at least its own.
std::uint64_t seen_in(const waiting_room& room, std::uint32_t weight, std::uint32_t number) noexcept
{
    const auto is = moved_to(unpack_windows(room.windows.load(std::memory_order_relaxed)), number);
    return std::max<std::uint64_t>({is.before, is.here, weight});
}

// What was let in at once, or used beyond what was reserved: no further ahead than `most`.
void add_own(std::atomic<ticks>& own, ticks at, ticks cost, ticks most) noexcept
{
    ticks full_at = own.load(std::memory_order_relaxed);
    while (true) {
        const ticks base = std::max(full_at, at);
        const ticks ahead = base - at;
        const ticks then = base + std::min(cost, std::max<ticks>(most - ahead, 0));
        if (then == full_at || own.compare_exchange_weak(full_at, then, std::memory_order_relaxed))
            return;
    }
}

void give_own(std::atomic<ticks>& own, ticks at, ticks cost) noexcept
{
    ticks full_at = own.load(std::memory_order_relaxed);
    while (full_at > at) {
        const ticks then = full_at - std::min(cost, full_at - at);
        if (own.compare_exchange_weak(full_at, then, std::memory_order_relaxed))
            return;
    }
}

ticks halved_ticks_of(time_point now) noexcept
{
    return std::clamp<ticks>(now.time_since_epoch().count(), 0, forever / 2);
}

std::uint32_t number_at(ticks at) noexcept
{
    return static_cast<std::uint32_t>(at / window) & window_mask;
}

std::uint32_t weight_of(std::uint32_t weight) noexcept
{
    return std::clamp<std::uint32_t>(weight, 1, most_weight);
}

ticks scaled(ticks cost, std::uint64_t all, std::uint64_t part) noexcept
{
    __extension__ using wide = unsigned __int128;
    const wide product = wide{static_cast<std::uint64_t>(cost)} * all / part;
    return product > static_cast<wide>(forever) ? forever : static_cast<ticks>(product);
}

}  // namespace

admission take_fairly(
    bucket& from,
    const rate& rate,
    std::uint64_t burst,
    std::uint64_t amount,
    nanoseconds max_wait,
    waiting_room& room,
    waiter& self,
    std::uint32_t weight,
    time_point now) noexcept
{
    const auto at_once = take(from, rate, burst, amount, nanoseconds(0), now);
    if (max_wait.count() <= 0)
        return at_once;
    const ticks at = halved_ticks_of(now);
    const std::uint32_t own = weight_of(weight);
    const ticks plain = time_for(from, rate, amount).count();
    if (at_once.admitted) {
        const std::uint64_t all = seen_in(room, own, number_at(at));
        if (all > own)
            add_own(self.full_at, at, scaled(plain, all, own), max_wait.count());
        return at_once;
    }
    const std::uint64_t all = count_in(room, self, own, number_at(at));
    const ticks cost = scaled(plain, all, own);
    if (!take_own(self.full_at, at, cost, max_wait.count()))
        return at_once;
    const auto got = take(from, rate, burst, amount, max_wait, now);
    if (!got.admitted)
        give_own(self.full_at, at, cost);
    return got;
}

void settle_fairly(
    bucket& into,
    const rate& rate,
    std::uint64_t reserved,
    std::uint64_t used,
    const waiting_room& room,
    waiter& self,
    std::uint32_t weight,
    time_point now) noexcept
{
    settle(into, rate, reserved, used, now);
    const ticks held = time_for(into, rate, reserved).count();
    const ticks spent = time_for(into, rate, used).count();
    if (held == spent)
        return;
    const ticks at = halved_ticks_of(now);
    const std::uint32_t own = weight_of(weight);
    const std::uint64_t all = seen_in(room, own, number_at(at));
    if (spent < held)
        give_own(self.full_at, at, scaled(held - spent, all, own));
    else if (all > own)
        add_own(self.full_at, at, scaled(spent - held, all, own), most_ahead);
}

}  // namespace sluice::policy
