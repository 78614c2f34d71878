#include <sluice/config/units.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(units)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::config;

BOOST_AUTO_TEST_CASE(durations_read_and_print_in_their_shortest_spelling)
{
    BOOST_TEST((parse_duration("250ms") == 250ms));
    BOOST_TEST((parse_duration("30s") == 30s));
    BOOST_TEST((parse_duration("5m") == 5min));
    BOOST_TEST((parse_duration("24h") == 24h));
    BOOST_TEST((parse_duration("7d") == 168h));
    BOOST_TEST((parse_duration("0") == 0ms));
    BOOST_TEST((parse_duration("3650d").has_value()));
    for (const auto* wrong :
         {"",
          "s",
          "5",
          "5 s",
          "-5s",
          "5S",
          "1.5s",
          "5sec",
          "3651d",
          "99999999999999999999s",
          "+1s",
          "1e3s"})
        BOOST_TEST(!parse_duration(wrong).has_value(), wrong);
    BOOST_TEST(format_duration(90s) == "90s");
    BOOST_TEST(format_duration(600s) == "10m");
    BOOST_TEST(format_duration(1500ms) == "1500ms");
    BOOST_TEST(format_duration(48h) == "2d");
    BOOST_TEST(format_duration(0ms) == "0");
}

BOOST_AUTO_TEST_CASE(sizes_read_and_print)
{
    BOOST_TEST((parse_size("16KiB") == 16'384U));
    BOOST_TEST((parse_size("32MiB") == 33'554'432U));
    BOOST_TEST((parse_size("1GiB") == 1'073'741'824U));
    BOOST_TEST((parse_size("1000") == 1000U));
    for (const auto* wrong :
         {"",
          "KiB",
          "16KB",
          "16kib",
          "-1",
          "1.5MiB",
          "16 KiB",
          "99999999999999999999",
          "9999999999GiB"})
        BOOST_TEST(!parse_size(wrong).has_value(), wrong);
    BOOST_TEST(format_size(16'384) == "16KiB");
    BOOST_TEST(format_size(1000) == "1000");
}

BOOST_AUTO_TEST_CASE(rates_read_and_print)
{
    const auto rate = parse_rate("3000/min");
    BOOST_TEST_REQUIRE(rate.has_value());
    BOOST_TEST(rate->count == 3000U);
    BOOST_TEST((rate->period == 60s));
    for (const auto* right : {"50/s", "3000/min", "100/h", "1000000000/d"})
        BOOST_TEST(format_rate(parse_rate(right).value()) == right);
    for (const auto* wrong :
         {"",
          "50",
          "/s",
          "0/s",
          "1000000001/s",
          "50/m",
          "50/sec",
          "50 / s",
          "-1/s",
          "1.5/s",
          "50/"})
        BOOST_TEST(!parse_rate(wrong).has_value(), wrong);
}

BOOST_AUTO_TEST_CASE(numbers_and_percents_read_and_print)
{
    BOOST_TEST((parse_percent("12.5%") == 12.5));
    BOOST_TEST((parse_percent("0") == 0.0));
    BOOST_TEST((parse_percent("100%") == 100.0));
    for (const auto* wrong : {"", "%", "100.1%", "-1", "nan", "5%%", "1e1"})
        BOOST_TEST(!parse_percent(wrong).has_value(), wrong);
    for (const auto* wrong : {"", ".5", "-1", "inf", "0x10", "1e5", "1,5", "1.2.3"})
        BOOST_TEST(!parse_decimal(wrong).has_value(), wrong);
    BOOST_TEST((parse_number("1e-06") == 0.000001));
    BOOST_TEST((parse_number("2.5E+2") == 250.0));
    for (const auto* wrong : {"", "e5", "-1e5", "1e", "1e5x", "inf", "nan", "0x10", "1e999"})
        BOOST_TEST(!parse_number(wrong).has_value(), wrong);
    BOOST_TEST((parse_whole_number("1e+06") == 1'000'000U));
    BOOST_TEST((parse_whole_number("18446744073709551615") == 18446744073709551615U));
    for (const auto* wrong : {"1.5", "1e-1", "1e17", "18446744073709551616", "-1"})
        BOOST_TEST(!parse_whole_number(wrong).has_value(), wrong);
    BOOST_TEST(format_decimal(87.5) == "87.5");
    BOOST_TEST(format_decimal(5) == "5");
    BOOST_TEST(!parse_count("").has_value());
    BOOST_TEST(!parse_count("-0").has_value());
    BOOST_TEST(!parse_count("18446744073709551616").has_value());
}

BOOST_AUTO_TEST_CASE(times_read_and_print)
{
    const auto printed = [](std::string_view text) {
        const auto time = parse_time(text);
        return time ? format_time(*time) : std::string("none");
    };
    BOOST_TEST(printed("2027-01-31") == "2027-01-31T00:00:00Z");
    BOOST_TEST(printed("2027-01-31T18:05:09Z") == "2027-01-31T18:05:09Z");
    BOOST_TEST(printed("2027-01-31T01:00:00+02:30") == "2027-01-30T22:30:00Z");
    BOOST_TEST(printed("2028-02-29T23:59:59-00:01") == "2028-03-01T00:00:59Z");
    BOOST_TEST(parse_time("1970-01-02")->time_since_epoch().count() == 86'400);
    for (const auto* wrong :
         {"",
          "2027",
          "2027-02-29",
          "2027-13-01",
          "1969-12-31",
          "2027-1-31",
          "2027-01-31 ",
          "2027-01-31T18:00Z",
          "2027-01-31T18:00:00",
          "2027-01-31T24:00:00Z",
          "2027-01-31T18:00:60Z",
          "2027-01-31T18:00:00+2:00",
          "2027-01-31T18:00:00+02:00Z",
          "2027/01/31"})
        BOOST_TEST(!parse_time(wrong).has_value(), wrong);
}

BOOST_AUTO_TEST_SUITE_END()
