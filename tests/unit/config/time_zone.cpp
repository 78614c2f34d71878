#include <sluice/config/time_zone.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(time_zones_by_name)

using namespace sluice;
using namespace std::chrono;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(utc_needs_no_database)
{
    const auto utc = config::find_time_zone("UTC", "/nowhere");
    BOOST_TEST_REQUIRE(utc.has_value());
    BOOST_TEST((utc->offset_at(sys_days(2026y / July / 1)) == 0s));
    BOOST_TEST(!config::find_time_zone("Europe/Berlin", "/nowhere"));
}

BOOST_AUTO_TEST_CASE(what_is_no_name_of_a_zone_is_not_looked_up)
{
    for (const auto name :
         {"",
          "/etc/passwd",
          "../../../etc/passwd",
          "Europe",
          "Europe/",
          "Europe/Atlantis",
          "zone.tab",
          "tzdata.zi",
          "Europe/Berl\nin"})
        BOOST_TEST(!config::find_time_zone(name), name);
}

BOOST_AUTO_TEST_CASE(zones_of_the_database_are_understood)
{
    const auto berlin = config::find_time_zone("Europe/Berlin");
    if (!berlin) {
        BOOST_TEST_MESSAGE("skipped: no time zone database on this machine");
        return;
    }
    const auto hours_at = [](const char* name, sys_seconds at) {
        const auto zone = config::find_time_zone(name);
        return zone ? std::chrono::duration<double, std::ratio<3600>>(zone->offset_at(at)).count()
                    : -99;
    };
    const sys_seconds winter = sys_days(2026y / January / 15);
    const sys_seconds summer = sys_days(2026y / July / 15);
    const sys_seconds far_summer = sys_days(2090y / July / 15);
    BOOST_TEST(hours_at("Europe/Berlin", winter) == 1);
    BOOST_TEST(hours_at("Europe/Berlin", summer) == 2);
    BOOST_TEST(hours_at("Europe/Berlin", far_summer) == 2);
    BOOST_TEST(hours_at("Europe/Dublin", winter) == 0);
    BOOST_TEST(hours_at("Europe/Dublin", far_summer) == 1);
    BOOST_TEST(hours_at("Australia/Sydney", winter) == 11);
    BOOST_TEST(hours_at("Australia/Sydney", far_summer) == 10);
    BOOST_TEST(hours_at("America/New_York", far_summer) == -4);
    BOOST_TEST(hours_at("Asia/Kolkata", far_summer) == 5.5);
    BOOST_TEST(hours_at("Asia/Kathmandu", winter) == 5.75);
    BOOST_TEST(hours_at("Etc/GMT+5", winter) == -5);
    BOOST_TEST(hours_at("America/Sao_Paulo", sys_days(2018y / December / 1)) == -2);
}

BOOST_AUTO_TEST_SUITE_END()
