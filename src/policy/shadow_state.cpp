#include <sluice/policy/shadow_state.hpp>

#include <algorithm>

namespace sluice::policy {
namespace {

constexpr unsigned sum_bits = 48;
constexpr std::uint64_t most_spent = (std::uint64_t{1} << sum_bits) - 1;
constexpr std::int64_t unit = 10;  // nano-dollars

std::uint64_t day_of(nanoseconds system_now) noexcept
{
    constexpr std::int64_t day = std::int64_t{86'400} * 1'000'000'000;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(system_now.count(), 0) / day);
}

}  // namespace

void daily_spend::add(std::int64_t nanodollars, nanoseconds system_now) noexcept
{
    const auto positive = std::max<std::int64_t>(nanodollars, 0);
    const auto more = static_cast<std::uint64_t>(positive / unit + (positive % unit != 0 ? 1 : 0));
    const auto day = day_of(system_now);
    auto word = word_.load(std::memory_order_relaxed);
    std::uint64_t next = 0;
    do {
        const auto sum = word >> sum_bits == day ? word & most_spent : 0;
        next = day << sum_bits | std::min(most_spent, sum + std::min(more, most_spent));
    } while (!word_.compare_exchange_weak(word, next, std::memory_order_relaxed));
}

std::int64_t daily_spend::today(nanoseconds system_now) const noexcept
{
    const auto word = word_.load(std::memory_order_relaxed);
    return word >> sum_bits == day_of(system_now)
               ? static_cast<std::int64_t>(word & most_spent) * unit
               : 0;
}

}  // namespace sluice::policy
