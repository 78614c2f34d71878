#pragma once
// Which day and month it is, for budgets and prices, whatever happens to the system clock.
//
// A jump of the clock is not believed until it has held; days and months never go backwards.

#include <sluice/base/clock.hpp>
#include <sluice/policy/believed_clock.hpp>
#include <sluice/policy/time_zone.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <utility>

namespace sluice::policy {

// Of one instant, in the time zone of the calendar.
struct dates {
    std::int64_t day = 0;    // since 1 January 1970
    std::int64_t month = 0;  // since January of the year 0
    std::chrono::sys_seconds day_ends{};
    std::chrono::sys_seconds month_ends{};

    friend bool operator==(const dates&, const dates&) = default;
};
[[nodiscard]] dates dates_at(const time_zone& zone, std::chrono::sys_seconds at);

class calendar {
public:
    using system_time = believed_clock::system_time;

    // The first sample is believed.
    calendar(time_zone zone, system_time system, time_point steady);

    // Both clocks, read together; every second or so, by one thread. What day it is now.
    const dates& update(system_time system, time_point steady);
    [[nodiscard]] const dates& today() const noexcept { return today_; }

    // The same thread. A new zone shows in the next update(); a day that it sets back stays.
    void set_zone(time_zone zone) { zone_ = std::move(zone); }
    // What was already reached before a restart: no earlier day or month comes again. False: it is
    // so far ahead that the clock was wrong then, and nothing comes of it.
    static constexpr std::int64_t most_days_ahead = 2;  // another time zone is up to 26 hours
    [[nodiscard]] bool not_before(std::int64_t day, std::int64_t month) noexcept;

    // Whether the system clock is not believed at present.
    [[nodiscard]] bool doubts() const noexcept { return clock_.doubts(); }

    // What time it is; any thread, without a system call.
    [[nodiscard]] std::chrono::sys_seconds wall(time_point steady) const noexcept;

private:
    time_zone zone_;
    believed_clock clock_;
    dates today_;
    std::atomic<std::int64_t> ahead_;  // nanoseconds of system time minus steady time
};

}  // namespace sluice::policy
