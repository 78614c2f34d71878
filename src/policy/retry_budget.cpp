#include <sluice/policy/retry_budget.hpp>

#include <algorithm>

namespace sluice::policy {
namespace {

constexpr std::uint64_t one_retry = 1'000'000;
constexpr std::int64_t slot = nanoseconds(seconds{5}).count();

// Takes up to `wanted`; how much it took.
std::uint64_t take(std::atomic<std::uint64_t>& from, std::uint64_t wanted) noexcept
{
    std::uint64_t there = from.load(std::memory_order_relaxed);
    std::uint64_t taken = 0;
    do {
        taken = std::min(there, wanted);
        if (taken == 0)
            return 0;
    } while (!from.compare_exchange_weak(there, there - taken, std::memory_order_relaxed));
    return taken;
}

// The reserve is what is not owed.
std::uint64_t borrow(
    std::atomic<std::uint64_t>& owed, std::uint64_t reserve, std::uint64_t wanted) noexcept
{
    std::uint64_t debt = owed.load(std::memory_order_relaxed);
    std::uint64_t taken = 0;
    do {
        taken = std::min(reserve - std::min(debt, reserve), wanted);
        if (taken == 0)
            return 0;
    } while (!owed.compare_exchange_weak(debt, debt + taken, std::memory_order_relaxed));
    return taken;
}

}  // namespace

bool retry_budget::withdraw(const retry_budget_settings& settings, time_point now) noexcept
{
    if (settings.share_ppm == 0)
        return false;
    if (now.time_since_epoch().count() >= turn_at_.load(std::memory_order_relaxed))
        turn(now);
    // What would be lost first.
    const std::uint64_t old = take(previous_, one_retry);
    const std::uint64_t fresh = old == one_retry ? 0 : take(current_, one_retry - old);
    const std::uint64_t wanted = one_retry - old - fresh;
    if (wanted == 0)
        return true;
    const std::uint64_t borrowed = borrow(owed_, settings.reserve * one_retry, wanted);
    if (borrowed == wanted)
        return true;
    // Not enough in all: everything goes back where it was.
    previous_.fetch_add(old, std::memory_order_relaxed);
    current_.fetch_add(fresh, std::memory_order_relaxed);
    take(owed_, borrowed);
    return false;
}

double retry_budget::remaining(const retry_budget_settings& settings, time_point now) const noexcept
{
    if (settings.share_ppm == 0)
        return 0;
    const std::uint64_t reserve = settings.reserve * one_retry;
    const std::uint64_t debt = owed_.load(std::memory_order_relaxed);
    const std::uint64_t current = current_.load(std::memory_order_relaxed);
    const std::uint64_t previous = previous_.load(std::memory_order_relaxed);
    const std::int64_t late =
        now.time_since_epoch().count() - turn_at_.load(std::memory_order_relaxed);
    std::uint64_t fresh = late < slot ? current : 0;
    std::uint64_t lost = late < slot ? 0 : current;
    (late < 0 ? fresh : lost) += previous;
    const std::uint64_t saved = reserve - std::min(reserve, debt - std::min(debt, lost));
    return static_cast<double>(fresh + saved) / static_cast<double>(one_retry);
}

void retry_budget::turn(time_point now) noexcept
{
    const std::int64_t at = now.time_since_epoch().count();
    std::int64_t due = turn_at_.load(std::memory_order_relaxed);
    const bool late = at - due >= slot;
    if (at < due
        || !turn_at_.compare_exchange_strong(
            due, late ? at + slot : due + slot, std::memory_order_relaxed))
        return;
    std::uint64_t lost = previous_.exchange(0, std::memory_order_relaxed);
    const std::uint64_t gone = current_.exchange(0, std::memory_order_relaxed);
    if (late)
        lost += gone;
    else
        previous_.fetch_add(gone, std::memory_order_relaxed);
    take(owed_, lost);
}

}  // namespace sluice::policy
