#include "spent_before.hpp"

#include "sqlite.hpp"

#include <chrono>

namespace sluice::state {
namespace {

std::chrono::sys_seconds begin_of(
    config::period period, const policy::time_zone& zone, const policy::dates& today)
{
    using namespace std::chrono;
    if (period == config::period::day)
        return zone.reaches(local_seconds(days(today.day)));
    const auto first = year(static_cast<int>(today.month / 12))
                       / month(static_cast<unsigned>(today.month % 12) + 1) / day(1);
    return zone.reaches(local_seconds(local_days(first).time_since_epoch()));
}

}  // namespace

std::int64_t spent_before::of(const std::string& budget, config::period period)
{
    if (path_.empty())
        return 0;
    auto& known = period == config::period::day ? days_ : months_;
    if (!known)
        known = read(period);
    const auto found = known->find(budget);
    return found == known->end() ? 0 : found->second;
}

spent_before::sums spent_before::read(config::period period) const
{
    sums by_budget;
    try {
        sqlite_database database(path_, sqlite_database::mode::read);
        auto row = database.prepare(
            "SELECT key, tenant, model, sum(nanodollars) FROM usage WHERE hour >= ?1 AND hour < ?2"
            " AND outcome IN ('answered', 'failed', 'cancelled') GROUP BY 1, 2, 3");
        // An hour within which the period begins is of the one before, as in usage by days. What is
        // later than the period was billed while the clock was wrong.
        const bool day = period == config::period::day;
        row.bind(1, std::int64_t{begin_of(period, zone_, today_).time_since_epoch().count()});
        row.bind(2, (day ? today_.day_ends : today_.month_ends).time_since_epoch().count());
        const std::string end = day ? ":daily" : ":monthly";
        while (row.step()) {
            const std::string key(row.text(0));
            const std::string tenant(row.text(1));
            const std::string model(row.text(2));
            const auto spent = row.integer(3);
            by_budget["key:" + key + end] += spent;
            by_budget["key:" + key + ":model:" + model + end] += spent;
            by_budget["tenant:" + tenant + end] += spent;
            by_budget["model:" + model + end] += spent;
        }
    } catch (const sqlite_error&) {
        // The ledger tells about its database itself.
        return {};
    }
    return by_budget;
}

}  // namespace sluice::state
