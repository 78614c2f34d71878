#include <sluice/policy/calendar.hpp>

#include <algorithm>
#include <utility>

namespace sluice::policy {

using namespace std::chrono;

namespace {

std::int64_t month_number(const year_month_day& date) noexcept
{
    return std::int64_t{static_cast<int>(date.year())} * 12 + static_cast<unsigned>(date.month())
           - 1;
}

}  // namespace

dates dates_at(const time_zone& zone, sys_seconds at)
{
    const auto day = floor<days>(zone.local(at));
    const year_month_day date(day);
    const auto next_month = date.year() / date.month() / 1 + months(1);
    return {
        .day = day.time_since_epoch().count(),
        .month = month_number(date),
        .day_ends = zone.reaches(day + days(1)),
        .month_ends = zone.reaches(local_days(next_month))};
}

calendar::calendar(time_zone zone, system_time system, time_point steady)
    : zone_(std::move(zone)),
      clock_(system, steady),
      today_(dates_at(zone_, floor<seconds>(system))),
      ahead_((system.time_since_epoch() - steady.time_since_epoch()).count())
{
}

const dates& calendar::update(system_time system, time_point steady)
{
    const auto believed = clock_.update(system, steady);
    ahead_.store(
        (believed.time_since_epoch() - steady.time_since_epoch()).count(),
        std::memory_order_relaxed);
    const auto at = floor<seconds>(believed);
    const auto now = dates_at(zone_, at);
    // Where the date goes back, the one that was reached lasts until it is over.
    if (now.day >= today_.day) {
        today_.day = now.day;
        today_.day_ends = now.day_ends;
    }
    if (now.month >= today_.month) {
        today_.month = now.month;
        today_.month_ends = now.month_ends;
    }
    return today_;
}

bool calendar::not_before(std::int64_t day, std::int64_t month) noexcept
{
    using std::chrono::days;
    if (day > today_.day + most_days_ahead || month > today_.month + 1)
        return false;
    if (day > today_.day) {
        today_.day = day;
        today_.day_ends = zone_.reaches(local_days(days(day + 1)));
    }
    if (month > today_.month) {
        today_.month = month;
        const auto next = month + 1;
        today_.month_ends = zone_.reaches(local_days(
            year(static_cast<int>(next / 12))
            / std::chrono::month(static_cast<unsigned>(next % 12) + 1) / 1));
    }
    return true;
}

sys_seconds calendar::wall(time_point steady) const noexcept
{
    const nanoseconds ahead(ahead_.load(std::memory_order_relaxed));
    return floor<seconds>(system_time(steady.time_since_epoch() + ahead));
}

}  // namespace sluice::policy
