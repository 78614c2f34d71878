#include <sluice/base/text.hpp>
#include <sluice/http/retry_after.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(retry_after)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::http;

namespace {

using wall = std::chrono::sys_seconds;

// Sun, 06 Nov 1994 08:49:37 GMT
constexpr wall then{784111777s};
constexpr auto year_long = 365 * 24h;

std::optional<nanoseconds> after(std::string_view text, wall now = then)
{
    return parse_retry_after("", text, now);
}

std::optional<nanoseconds> after_ms(std::string_view text)
{
    return parse_retry_after(text, "", then);
}

bool is(std::optional<nanoseconds> got, nanoseconds expected)
{
    return got.has_value() && *got == expected;
}

}  // namespace

BOOST_AUTO_TEST_CASE(seconds_and_milliseconds_may_have_fractions)
{
    BOOST_TEST(is(after("120"), 120s));
    BOOST_TEST(is(after("0"), 0s));
    BOOST_TEST(is(after(" 007 "), 7s));
    BOOST_TEST(is(after("0.25"), 250ms));
    BOOST_TEST(is(after("1.5000000009"), 1500ms));
    BOOST_TEST(is(after("2.999999999999"), 2999999999ns));
    BOOST_TEST(is(after_ms("1500"), 1500ms));
    BOOST_TEST(is(after_ms("12.5"), 12500us));
    BOOST_TEST(is(after_ms("0.000001"), 1ns));
}

BOOST_AUTO_TEST_CASE(milliseconds_count_first_and_junk_in_them_does_not_matter)
{
    BOOST_TEST(is(parse_retry_after("250", "7", then), 250ms));
    BOOST_TEST(is(parse_retry_after("soon", "7", then), 7s));
    BOOST_TEST(is(parse_retry_after("-1", "7", then), 7s));
    BOOST_TEST(is(parse_retry_after("", "7", then), 7s));
    BOOST_TEST(!parse_retry_after("", "", then).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_neither_a_number_nor_a_date_says_nothing)
{
    for (const auto text :
         {"-5",
          "+5",
          "1e3",
          "0x10",
          "nan",
          "inf",
          "5s",
          "5 5",
          ".5",
          "5.",
          "1.2.3",
          "soon",
          ",",
          "5,5",
          "Wed",
          "1994-11-06T08:49:37Z",
          "Sun, 06 Nov 1994 08:49:37 CET"}) {
        BOOST_TEST_CONTEXT(text)
        {
            BOOST_TEST(!after(text).has_value());
            BOOST_TEST(!after_ms(text).has_value());
        }
    }
}

BOOST_AUTO_TEST_CASE(huge_numbers_are_a_year)
{
    BOOST_TEST(is(after("99999999999999999999999999999999"), year_long));
    BOOST_TEST(is(after_ms("99999999999999999999999999999999.9"), year_long));
    BOOST_TEST(is(after("9223372036854775808"), year_long));
    BOOST_TEST(is(after("Fri, 31 Dec 9999 23:59:59 GMT"), year_long));
    BOOST_TEST(is(after("31536000.9"), year_long));
    BOOST_TEST(is(after(std::string(100'000, '9')), year_long));
}

BOOST_AUTO_TEST_CASE(the_three_forms_of_a_date_are_the_same_instant)
{
    BOOST_TEST(sluice::http_date(then) == "Sun, 06 Nov 1994 08:49:37 GMT");
    for (const auto text :
         {"Sun, 06 Nov 1994 08:49:37 GMT",
          "Sunday, 06-Nov-94 08:49:37 GMT",
          "Sun Nov  6 08:49:37 1994"}) {
        BOOST_TEST_CONTEXT(text)
        {
            BOOST_TEST((parse_http_date(text, then) == then));
            BOOST_TEST(is(after(text, then - 90s), 90s));
            BOOST_TEST(is(after(text, then), 0s));
            BOOST_TEST(is(after(text, then + 1h), 0s));
        }
    }
    BOOST_TEST((parse_http_date("Wed Nov 16 08:49:37 1994", then) == then + 240h));
    const auto now = then - 1500ms;
    BOOST_TEST(is(parse_retry_after("", "Sun, 06 Nov 1994 08:49:37 GMT", now), 1500ms));
}

BOOST_AUTO_TEST_CASE(a_two_digit_year_is_at_most_50_years_ahead)
{
    const auto in_2026 = wall{1785542400s};
    const auto year_of = [&](std::string_view text) {
        const auto found = parse_http_date(text, in_2026).value();
        return static_cast<int>(
            std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(found)).year());
    };
    BOOST_TEST(year_of("Sunday, 01-Mar-26 00:00:00 GMT") == 2026);
    BOOST_TEST(year_of("Sunday, 01-Mar-76 00:00:00 GMT") == 2076);
    BOOST_TEST(year_of("Sunday, 01-Mar-77 00:00:00 GMT") == 1977);
    BOOST_TEST(year_of("Sunday, 01-Mar-99 00:00:00 GMT") == 1999);
}

BOOST_AUTO_TEST_CASE(dates_and_times_that_do_not_exist_are_junk)
{
    for (const auto text :
         {"Sun, 00 Nov 1994 08:49:37 GMT",
          "Sun, 31 Nov 1994 08:49:37 GMT",
          "Sun, 29 Feb 1995 08:49:37 GMT",
          "Sun, 06 Nov 1994 24:00:00 GMT",
          "Sun, 06 Nov 1994 08:60:37 GMT",
          "Sun, 06 Nov 1994 08:49:61 GMT",
          "Sun, 06 nov 1994 08:49:37 GMT",
          "Tag, 06 Nov 1994 08:49:37 GMT",
          "Sunday, 06 Nov 1994 08:49:37 GMT",
          "Sun, 6 Nov 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 GMT+1",
          "Sun, 06 Nov 1994 08:49:37",
          "Sun Nov  6 08:49:37 94",
          "Sun, 06 Nov"}) {
        BOOST_TEST_CONTEXT(text)
        {
            BOOST_TEST(!parse_http_date(text, then).has_value());
        }
    }
    BOOST_TEST(parse_http_date("Thu, 29 Feb 1996 23:59:60 GMT", then).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
