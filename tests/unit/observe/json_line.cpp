#include <sluice/observe/json_line.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <limits>
#include <span>
#include <string>
#include <utility>

BOOST_AUTO_TEST_SUITE(json_line_)

namespace {

using namespace sluice;
using namespace sluice::observe;

std::string text_of(std::string_view value, std::size_t cap = 128)
{
    std::array<char, 512> memory;
    json_line line(memory);
    return std::string(line.text("v", value, cap).finish());
}

BOOST_AUTO_TEST_CASE(members_stand_in_the_order_written)
{
    std::array<char, 512> memory;
    json_line line(memory);
    line.text("a", "x").number("b", 7).integer("c", -7).flag("d", true);
    line.millis("e", nanoseconds{1'002'003'999}).millis("f", nanoseconds{-1});
    BOOST_TEST(
        line.finish() == "{\"a\":\"x\",\"b\":7,\"c\":-7,\"d\":true,\"e\":1002.003,\"f\":0.000}\n");
}

BOOST_AUTO_TEST_CASE(an_object_without_members_is_valid)
{
    std::array<char, json_line::least_bytes> memory;
    BOOST_TEST(json_line(memory).finish() == "{}\n");
}

BOOST_AUTO_TEST_CASE(whatever_would_end_the_string_or_the_line_is_escaped)
{
    BOOST_TEST(text_of("a\"b\\c\nd") == "{\"v\":\"a\\\"b\\\\c\\u000ad\"}\n");
    // At every place within a word and behind one.
    for (std::size_t at = 0; at < 20; ++at)
        for (const auto& [c, escape] : std::array<std::pair<char, std::string_view>, 5>{
                 {{'"', "\\\""},
                  {'\\', "\\\\"},
                  {'\n', "\\u000a"},
                  {'\0', "\\u0000"},
                  {'\x1f', "\\u001f"}}}) {
            std::string value(20, 'x');
            value[at] = c;
            std::string expected(20, 'x');
            expected.replace(at, 1, escape);
            BOOST_TEST(text_of(value) == "{\"v\":\"" + expected + "\"}\n");
        }
}

BOOST_AUTO_TEST_CASE(text_that_is_utf8_stays_and_the_rest_is_replaced)
{
    BOOST_TEST(text_of("grüße 日本 🙂") == "{\"v\":\"grüße 日本 🙂\"}\n");
    BOOST_TEST(text_of("a\xc3") == "{\"v\":\"a\\ufffd\"}\n");
    BOOST_TEST(text_of("\xf4\x90\x80\x80") == "{\"v\":\"\\ufffd\\ufffd\\ufffd\\ufffd\"}\n");
}

BOOST_AUTO_TEST_CASE(a_long_value_is_cut_at_a_characters_end)
{
    BOOST_TEST(text_of("abcdefghijkl", 10) == "{\"v\":\"abcdefghij\"}\n");
    BOOST_TEST(text_of("abcdefghi\n", 10) == "{\"v\":\"abcdefghi\"}\n");
    BOOST_TEST(text_of("abcdefghié", 10) == "{\"v\":\"abcdefghi\"}\n");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_left_out_and_the_line_stays_whole)
{
    for (std::size_t size = json_line::least_bytes; size < 120; ++size) {
        std::string memory(size + 1, '#');
        json_line line(std::span(memory.data(), size));
        line.text("first", "some text that is long")
            .number("n", std::numeric_limits<std::uint64_t>::max());
        line.flag("flag", false)
            .millis("ms", nanoseconds{5})
            .integer("i", -1)
            .text("last", "\"\"\"\"");
        const auto written = line.finish();
        BOOST_TEST(written.size() <= size);
        BOOST_TEST(written.starts_with('{'));
        BOOST_TEST(written.ends_with("}\n"));
        BOOST_TEST(memory.back() == '#');
    }
}

BOOST_AUTO_TEST_CASE(money_is_written_to_the_billionth)
{
    std::array<char, 256> memory;
    json_line line(memory);
    line.billionths("a", 0).billionths("b", 1).billionths("c", 1'234'567'890);
    line.billionths("d", 9'223'372'036'854'775'807).billionths("e", -5);
    BOOST_TEST(
        line.finish()
        == R"({"a":0.000000000,"b":0.000000001,"c":1.234567890,"d":9223372036.854775807,"e":0.000000000})"
           "\n");
}

BOOST_AUTO_TEST_CASE(a_time_is_written_in_utc_with_milliseconds)
{
    timestamp_text time;
    BOOST_TEST(time.of(nanoseconds{0}) == "1970-01-01T00:00:00.000Z");
    BOOST_TEST(time.of(nanoseconds{951'827'696'789'000'000}) == "2000-02-29T12:34:56.789Z");
    BOOST_TEST(time.of(nanoseconds{951'827'696'790'999'999}) == "2000-02-29T12:34:56.790Z");
    BOOST_TEST(time.of(nanoseconds{1'798'761'599'999'000'000}) == "2026-12-31T23:59:59.999Z");
    BOOST_TEST(time.of(nanoseconds{-1}) == "1970-01-01T00:00:00.000Z");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
