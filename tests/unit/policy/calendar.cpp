#include "zones.hpp"
#include <sluice/policy/calendar.hpp>

#include <boost/test/unit_test.hpp>

#include <set>

BOOST_AUTO_TEST_SUITE(calendars)

using namespace sluice;
using namespace sluice::policy;
using namespace std::chrono;
using namespace std::chrono_literals;

namespace {

std::int64_t day_number(year_month_day date)
{
    return sys_days(date).time_since_epoch().count();
}

// Two clocks: a steady one and a system clock that can be set wrong.
struct clocks {
    sluice::time_point steady{1000h};
    sys_seconds real = sys_days(2026y / May / 10) + 12h;
    seconds wrong{0};
    calendar of;

    explicit clocks(time_zone zone = {})
        : of(std::move(zone), real, steady)
    {
    }

    // A sample every 10 s.
    void pass(seconds time, std::set<std::int64_t>& days_seen)
    {
        for (seconds gone{0}; gone < time; gone += 10s) {
            steady += 10s;
            real += 10s;
            days_seen.insert(of.update(real + wrong, steady).day);
        }
    }
    void pass(seconds time)
    {
        std::set<std::int64_t> ignored;
        pass(time, ignored);
    }
    [[nodiscard]] std::int64_t today() const { return of.today().day; }
};

const auto tenth = day_number(2026y / May / 10);

}  // namespace

BOOST_AUTO_TEST_CASE(days_and_months_have_numbers_and_ends)
{
    const auto at = dates_at({}, sys_days(2026y / December / 31) + 23h + 59min + 59s);
    BOOST_TEST(at.day == day_number(2026y / December / 31));
    BOOST_TEST(at.month == 2026 * 12 + 11);
    BOOST_TEST((at.day_ends == sys_days(2027y / January / 1)));
    BOOST_TEST((at.month_ends == sys_days(2027y / January / 1)));
    const auto next = dates_at({}, at.day_ends);
    BOOST_TEST(next.day == at.day + 1);
    BOOST_TEST(next.month == at.month + 1);
    BOOST_TEST((next.month_ends == sys_days(2027y / February / 1)));
}

BOOST_AUTO_TEST_CASE(days_in_berlin_have_23_24_and_25_hours)
{
    const auto zone = zones::berlin();
    const auto length = [&](sys_seconds noon) {
        const auto today = dates_at(zone, noon);
        const auto begins = dates_at(zone, noon - 24h).day_ends;
        return duration_cast<hours>(today.day_ends - begins).count();
    };
    BOOST_TEST(length(sys_days(2026y / March / 28) + 12h) == 24);
    BOOST_TEST(length(sys_days(2026y / March / 29) + 12h) == 23);
    BOOST_TEST(length(sys_days(2026y / October / 25) + 12h) == 25);
    // Midnight there is 22:00 UTC in summer, 23:00 in winter.
    const auto day = day_number(2026y / March / 29);
    BOOST_TEST(dates_at(zone, sys_days(2026y / March / 28) + 23h - 1s).day == day - 1);
    BOOST_TEST(dates_at(zone, sys_days(2026y / March / 28) + 23h).day == day);
    BOOST_TEST(dates_at(zone, sys_days(2026y / March / 29) + 22h - 1s).day == day);
    BOOST_TEST(dates_at(zone, sys_days(2026y / March / 29) + 22h).day == day + 1);
    BOOST_TEST(
        (dates_at(zone, sys_days(2026y / March / 5)).month_ends
         == sys_days(2026y / March / 31) + 22h));
}

BOOST_AUTO_TEST_CASE(every_second_of_the_changing_days_belongs_to_one_day_in_order)
{
    const auto zone = zones::berlin();
    for (const auto around : {sys_days(2026y / March / 29), sys_days(2026y / October / 25)}) {
        auto before = dates_at(zone, around - days(1));
        for (sys_seconds at = around - days(1); at < around + days(2); at += 61s) {
            const auto now = dates_at(zone, at);
            BOOST_TEST_REQUIRE((at < now.day_ends));
            BOOST_TEST_REQUIRE((now.day == before.day || at >= before.day_ends));
            BOOST_TEST_REQUIRE(now.day - before.day <= 1);
            BOOST_TEST_REQUIRE(now.day >= before.day);
            before = now;
        }
    }
}

BOOST_AUTO_TEST_CASE(a_clock_that_keeps_step_is_followed)
{
    clocks at;
    at.pass(36h);
    BOOST_TEST(at.today() == tenth + 2);  // the midnight after 36 hours
    BOOST_TEST(!at.of.doubts());
    // Corrections of a few seconds are taken over.
    at.wrong = 20s;
    at.pass(1min);
    BOOST_TEST(!at.of.doubts());
    BOOST_TEST((at.of.wall(at.steady) == at.real + 20s));
    BOOST_TEST((at.of.wall(at.steady + 7s) == at.real + 27s));
}

BOOST_AUTO_TEST_CASE(two_jumps_of_a_day_forth_and_back_begin_no_period)
{
    clocks at(zones::berlin());
    std::set<std::int64_t> seen;
    for (int twice = 0; twice < 2; ++twice) {
        at.wrong = 24h;
        at.pass(50min, seen);
        BOOST_TEST(at.of.doubts());
        BOOST_TEST((at.of.wall(at.steady) == at.real));
        at.wrong = 0s;
        at.pass(50min, seen);
        BOOST_TEST(!at.of.doubts());
        at.wrong = -24h;
        at.pass(50min, seen);
        BOOST_TEST((at.of.wall(at.steady) == at.real));
        at.wrong = 0s;
        at.pass(50min, seen);
    }
    BOOST_TEST(seen.size() == 1U);
    BOOST_TEST(at.today() == tenth);
    // The day still ends when it does.
    at.pass(24h, seen);
    BOOST_TEST((seen == std::set<std::int64_t>{tenth, tenth + 1}));
}

BOOST_AUTO_TEST_CASE(a_midnight_during_doubt_comes_by_the_old_reckoning_once)
{
    clocks at;
    std::set<std::int64_t> seen;
    at.pass(11h + 30min, seen);
    at.wrong = -24h;
    at.pass(45min, seen);
    BOOST_TEST(at.today() == tenth + 1);
    at.wrong = 0s;
    at.pass(45min, seen);
    BOOST_TEST((seen == std::set<std::int64_t>{tenth, tenth + 1}));
}

BOOST_AUTO_TEST_CASE(a_new_time_is_adopted_when_it_has_held_for_an_hour)
{
    clocks at;
    at.wrong = 24h;
    at.pass(1h - 10s);
    BOOST_TEST(at.today() == tenth);
    at.pass(30s);
    BOOST_TEST(at.today() == tenth + 1);
    BOOST_TEST(!at.of.doubts());
    BOOST_TEST((at.of.wall(at.steady) == at.real + 24h));
    // And back: the time is, the day is not, and it lasts until it is really over.
    at.wrong = 0s;
    at.pass(2h);
    BOOST_TEST((at.of.wall(at.steady) == at.real));
    BOOST_TEST(at.today() == tenth + 1);
    BOOST_TEST((at.of.today().day_ends == sys_days(2026y / May / 12)));
    at.pass(24h);
    BOOST_TEST(at.today() == tenth + 1);
    at.pass(10h);
    BOOST_TEST(at.today() == tenth + 2);
}

BOOST_AUTO_TEST_CASE(a_time_that_does_not_hold_begins_its_hour_again)
{
    clocks at;
    for (int i = 1; i <= 6; ++i) {
        at.wrong = i * 24h;
        at.pass(30min);
    }
    BOOST_TEST(at.today() == tenth);
    BOOST_TEST((at.of.wall(at.steady) == at.real));
}

BOOST_AUTO_TEST_CASE(many_small_steps_are_no_way_around_the_tolerance)
{
    clocks at;
    for (int i = 0; i < 60; ++i) {
        at.wrong += 4min;
        at.pass(30s);
    }
    BOOST_TEST(at.of.doubts());
    BOOST_TEST((at.of.wall(at.steady) - at.real <= believed_clock::tolerance));
}

BOOST_AUTO_TEST_CASE(what_was_reached_before_a_restart_does_not_come_again)
{
    clocks at;
    BOOST_TEST(at.of.not_before(tenth + 2, 2026 * 12 + 5));
    at.pass(10s);
    BOOST_TEST(at.today() == tenth + 2);
    BOOST_TEST((at.of.today().day_ends == sys_days(2026y / May / 13)));
    BOOST_TEST(at.of.today().month == 2026 * 12 + 5);
    BOOST_TEST((at.of.today().month_ends == sys_days(2026y / July / 1)));
    BOOST_TEST(at.of.not_before(1, 1));
    BOOST_TEST(at.today() == tenth + 2);
    at.pass(60h);
    BOOST_TEST(at.today() == tenth + 3);
}

// A start with a clock far ahead would else close every budget until then.
BOOST_AUTO_TEST_CASE(a_date_far_ahead_was_never_reached)
{
    clocks at;
    const auto month = at.of.today().month;
    BOOST_TEST(!at.of.not_before(tenth + 400, month + 13));
    BOOST_TEST(!at.of.not_before(tenth + 3, month));
    BOOST_TEST(!at.of.not_before(tenth, month + 2));
    BOOST_TEST(at.today() == tenth);
    BOOST_TEST(at.of.today().month == month);
}

BOOST_AUTO_TEST_CASE(a_new_zone_moves_the_day_only_forward)
{
    clocks at;
    at.pass(11h);  // 23:00 UTC, 01:00 in Berlin
    at.of.set_zone(zones::berlin());
    at.pass(10s);
    BOOST_TEST(at.today() == tenth + 1);
    at.of.set_zone({});
    at.pass(10s);
    BOOST_TEST(at.today() == tenth + 1);
}

BOOST_AUTO_TEST_SUITE_END()
