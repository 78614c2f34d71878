#include "zones.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(time_zones)

using namespace sluice::policy;
using namespace std::chrono;
using namespace std::chrono_literals;

namespace {

std::int64_t hours_of(const char* rule, sys_seconds at)
{
    const auto parsed = zone_rule::parse(rule);
    return parsed ? parsed->offset_at(at) / 3600 : -99;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_rule_changes_at_its_instants)
{
    constexpr auto berlin = zones::berlin_rule;
    // 29 March and 25 October 2026, 01:00 UTC.
    const sys_seconds spring = sys_days(2026y / March / 29) + 1h;
    const sys_seconds autumn = sys_days(2026y / October / 25) + 1h;
    BOOST_TEST(hours_of(berlin, spring - 1s) == 1);
    BOOST_TEST(hours_of(berlin, spring) == 2);
    BOOST_TEST(hours_of(berlin, autumn - 1s) == 2);
    BOOST_TEST(hours_of(berlin, autumn) == 1);
    BOOST_TEST(hours_of(berlin, sys_days(2027y / January / 1) - 30min) == 1);
}

BOOST_AUTO_TEST_CASE(rules_of_all_shapes_are_read)
{
    const sys_seconds winter = sys_days(2026y / January / 15);
    const sys_seconds summer = sys_days(2026y / July / 15);
    BOOST_TEST(hours_of("UTC0", summer) == 0);
    BOOST_TEST(hours_of("<+0545>-5:45", summer) == 5);
    BOOST_TEST(hours_of("<-03>3", summer) == -3);
    BOOST_TEST(hours_of("EST5EDT,M3.2.0,M11.1.0", summer) == -4);
    BOOST_TEST(hours_of("EST5EDT,M3.2.0,M11.1.0", winter) == -5);
    // South of the equator summer spans the new year; Ireland's summer is its standard time.
    BOOST_TEST(hours_of("AEST-10AEDT,M10.1.0,M4.1.0/3", winter) == 11);
    BOOST_TEST(hours_of("AEST-10AEDT,M10.1.0,M4.1.0/3", summer) == 10);
    BOOST_TEST(hours_of("IST-1GMT0,M10.5.0,M3.5.0/1", winter) == 0);
    BOOST_TEST(hours_of("IST-1GMT0,M10.5.0,M3.5.0/1", summer) == 1);
    // Day 60 of a J rule is 1 March in any year; of the other it is 29 February in leap years.
    BOOST_TEST(hours_of("AAA0BBB,J60/0,J300", sys_days(2028y / February / 29) + 1h) == 0);
    BOOST_TEST(hours_of("AAA0BBB,J60/0,J300", sys_days(2028y / March / 1)) == 1);
    BOOST_TEST(hours_of("AAA0BBB,59/0,300", sys_days(2028y / February / 29)) == 1);
    // Changes outside of the day they are named by (Greenland).
    BOOST_TEST(
        hours_of("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", sys_days(2026y / March / 29) + 30min) == -2);
    BOOST_TEST(
        hours_of("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", sys_days(2026y / March / 29) + 1h) == -1);
}

BOOST_AUTO_TEST_CASE(what_is_no_rule_is_refused)
{
    for (const auto text :
         {"",
          "A1",
          "CET",
          "<CET-1",
          "CET-1CEST",
          "CET-1CEST,M3.5.0",
          "CET-1CEST,M13.5.0,M10.5.0",
          "CET-1CEST,M3.6.0,M10.5.0",
          "CET-1CEST,M3.5.7,M10.5.0",
          "CET-1CEST,J0,J9",
          "CET-1CEST,M3.5.0,M10.5.0/",
          "CET-1CEST,M3.5.0,M10.5.0/3x",
          "CET-1:CEST"})
        BOOST_TEST(!zone_rule::parse(text), text);
}

BOOST_AUTO_TEST_CASE(listed_changes_hold_before_the_rule_does)
{
    // 2000: +2, 2010: +3, and the rule behind the last.
    const auto zone = zones::zone({{946'684'800, 7200}, {1'262'304'000, 10'800}}, "AAA-3", 600);
    BOOST_TEST_REQUIRE(zone.has_value());
    BOOST_TEST((zone->offset_at(sys_days(1999y / January / 1)) == 600s));
    BOOST_TEST((zone->offset_at(sys_days(2000y / January / 1)) == 2h));
    BOOST_TEST((zone->offset_at(sys_days(2010y / January / 1) - 1s) == 2h));
    BOOST_TEST((zone->offset_at(sys_days(2010y / January / 1)) == 3h));
    BOOST_TEST((zone->offset_at(sys_days(2050y / January / 1)) == 3h));
    // Without a rule the last one goes on.
    const auto bare = zones::zone({{946'684'800, 7200}}, "", 600);
    BOOST_TEST((bare->offset_at(sys_days(2050y / January / 1)) == 2h));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_or_damaged_is_refused_or_read_and_never_overrun)
{
    const auto whole = zones::file({{946'684'800, 7200}, {1'262'304'000, 10'800}}, "AAA-3", 0);
    BOOST_TEST(time_zone::parse(whole).has_value());
    for (std::size_t size = 0; size + 7 < whole.size(); ++size)
        BOOST_TEST(!time_zone::parse(std::string_view(whole).substr(0, size)), size);
    for (std::size_t at = 0; at < whole.size(); ++at)
        for (const char put : {'\0', '\x7f', '\xff'}) {
            auto damaged = whole;
            damaged[at] = put;
            if (const auto zone = time_zone::parse(damaged))
                (void)zone->offset_at(sys_days(2005y / January / 1)).count();
        }
    BOOST_TEST(!time_zone::parse("# not a zone"));
}

BOOST_AUTO_TEST_CASE(a_local_time_is_reached_at_its_first_instant)
{
    const auto berlin = zones::berlin();
    const auto reached = [&](local_seconds at) { return berlin.reaches(at); };
    const local_days before(2026y / March / 29);
    BOOST_TEST((reached(before) == sys_days(2026y / March / 28) + 23h));
    // 02:30 is skipped in spring: 03:00 comes instead, and in autumn it comes twice.
    BOOST_TEST((reached(before + 2h + 30min) == sys_days(2026y / March / 29) + 1h));
    const local_days autumn(2026y / October / 25);
    BOOST_TEST((reached(autumn + 2h + 30min) == sys_days(2026y / October / 25) + 30min));
    BOOST_TEST((reached(autumn + days(1)) == sys_days(2026y / October / 25) + 23h));
    BOOST_TEST((time_zone().reaches(before) == sys_days(2026y / March / 29)));
}

BOOST_AUTO_TEST_SUITE_END()
