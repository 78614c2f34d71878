#include <sluice/wire/json_closer.hpp>

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(json_closer_)

namespace {

using sluice::wire::json_closer;

constexpr std::string_view member = R"("error":{"message":"gone"})";

// Closes what is there after `text`; empty if that cannot be.
std::string closed(std::string_view text)
{
    json_closer cut;
    cut.feed(text);
    std::string all(text);
    return cut.close_with(all, member) ? all : std::string();
}

// The message of the error that a client reads in it.
std::string message_in(const std::string& text)
{
    simdjson::dom::parser parser;
    std::string_view message;
    if (parser.parse(text)["error"]["message"].get(message) != simdjson::SUCCESS)
        return "unreadable: " + text;
    return std::string(message);
}

BOOST_AUTO_TEST_CASE(an_object_cut_anywhere_becomes_one_that_tells_the_error)
{
    constexpr std::string_view texts[] = {
        R"( {"id":"c","choices":[{"index":0,"delta":{"content":"a\"b\\c\u00e9d"},"x":[]}],"n":null})",
        R"({"a":[1,-2.5,3e+7,0.0E-1],"b":true,"c":false,"d":{},"e":[[],[{}],{"f":[null]}]})",
        "{\"text\":\"\xc3\xa9 \xe0\xa4\x95 \xe2\x82\xac \xed\x9f\xbf \xf0\x9f\x98\x80 "
        "\xf4\x8f\xbf\xbf\"}",
        R"({ "a" : { "b" : [ 1 , { "c" : "d" } ] , "e" : 1 } , "f" : "g" } )",
        R"({"key\twith\u0041escape":{"":0}})",
    };
    for (const auto text : texts)
        for (std::size_t cut = 0; cut < text.find_last_of('}'); ++cut)
            BOOST_TEST(message_in(closed(text.substr(0, cut))) == "gone");
}

BOOST_AUTO_TEST_CASE(where_the_pieces_end_makes_no_difference)
{
    constexpr std::string_view text = R"({"a":[1,{"b":"c\u00e9"}],"d":-)";
    json_closer bytewise;
    for (std::size_t i = 0; i < text.size(); ++i)
        bytewise.feed(text.substr(i, 1));
    std::string all(text);
    BOOST_TEST(bytewise.close_with(all, member));
    BOOST_TEST(all == closed(text));
}

BOOST_AUTO_TEST_CASE(what_is_no_object_that_was_cut_is_left_alone)
{
    for (const std::string_view text :
         {"{}",
          R"({"a":1} )",
          "[1,",
          "\"a",
          "12",
          "tru",
          "[DON",
          R"({"a":1]})",
          "{,",
          R"({"a" 1)",
          R"({"a":nul!)",
          "{]"})
        BOOST_TEST(closed(text) == "");
}

BOOST_AUTO_TEST_CASE(nesting_is_followed_sixty_four_deep)
{
    std::string text = R"({"a":)";
    text.append(63, '[');
    BOOST_TEST(message_in(closed(text)) == "gone");
    BOOST_TEST(closed(text + '[') == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
