#pragma once
// Extra attempts as a share of the requests there were, so that an outage is never multiplied.
//
// Every request deposits `share`, every extra attempt withdraws one. A deposit can be spent for 5
// to 10 s; what is left then refills the reserve. Hence over any stretch of time, with any number
// of workers: extra attempts <= share x (requests in it and in the 10 s before it) + reserve. A
// 512th of each deposit is kept back, which pays for the reserve in an outage of many requests.

#include <sluice/base/clock.hpp>

#include <atomic>
#include <cstdint>

namespace sluice::policy {

struct retry_budget_settings {
    std::uint32_t share_ppm = 200'000;  // 20 %; 0: no extra attempts at all
    std::uint32_t reserve = 10;         // for a target with few requests; full at the start
};

// `share` in [0, 4000]; to the nearest millionth.
[[nodiscard]] constexpr std::uint32_t parts_per_million(double share) noexcept
{
    return static_cast<std::uint32_t>(share * 1e6 + 0.5);
}

// Any thread. A deposit is a load and an addition.
class retry_budget {
public:
    static constexpr std::uint32_t kept_back = 512;  // one of so many

    // Once per request, with its first attempt.
    void deposit(const retry_budget_settings& settings, time_point now) noexcept
    {
        if (now.time_since_epoch().count() >= turn_at_.load(std::memory_order_relaxed))
            turn(now);
        current_.fetch_add(
            settings.share_ppm - settings.share_ppm / kept_back, std::memory_order_relaxed);
    }

    // Once per extra attempt; false: it must not be made.
    [[nodiscard]] bool withdraw(const retry_budget_settings& settings, time_point now) noexcept;

    // Extra attempts that could be made now; with fractions.
    [[nodiscard]] double remaining(
        const retry_budget_settings& settings, time_point now) const noexcept;

private:
    void turn(time_point now) noexcept;

    // In millionths of an attempt.
    std::atomic<std::uint64_t> current_{0};
    std::atomic<std::uint64_t> previous_{0};  // what the slot before left
    std::atomic<std::uint64_t> owed_{0};      // what the reserve is short of
    std::atomic<std::int64_t> turn_at_{0};    // steady ns
};

}  // namespace sluice::policy
