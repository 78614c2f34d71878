#include <sluice/wire/splice.hpp>

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(splicing)

using namespace sluice::wire;

namespace {

struct a_splicer {
    request_parser parser;

    std::string operator()(
        std::string_view body,
        std::string_view model_json,
        bool ask_usage,
        endpoint where = endpoint::chat_completions)
    {
        const auto facts = parser.parse(where, body);
        BOOST_TEST_REQUIRE(facts.has_value(), body);
        const auto parts = splice(*facts, body, model_json, ask_usage);
        std::string joined;
        for (const auto piece : parts.pieces())
            joined += piece;
        BOOST_TEST(joined.size() == parts.total_bytes);
        simdjson::dom::parser oracle;
        BOOST_TEST((oracle.parse(joined).error() == simdjson::SUCCESS), joined);
        return joined;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(nothing_to_change_leaves_every_byte, a_splicer)
{
    constexpr std::string_view body = " { \"model\" : \"a\" , \"stream\":true, \"x\": 1.0e+00 } ";
    BOOST_TEST((*this)(body, {}, false) == body);
}

BOOST_FIXTURE_TEST_CASE(only_the_model_value_is_exchanged, a_splicer)
{
    BOOST_TEST(
        (*this)(" {\"x\": 1.0e+00,\"model\" : \"a\" } ", R"("deepseek-v3")", false)
        == " {\"x\": 1.0e+00,\"model\" : \"deepseek-v3\" } ");
}

BOOST_FIXTURE_TEST_CASE(usage_is_asked_for_in_every_form_stream_options_may_have, a_splicer)
{
    const auto with = [](std::string_view options) {
        return R"({"model":"a","stream":true)" + std::string(options) + "}";
    };
    BOOST_TEST(
        (*this)(with(""), {}, true)
        == R"({"stream_options":{"include_usage":true},"model":"a","stream":true})");
    BOOST_TEST(
        (*this)(with(R"(,"stream_options":null)"), {}, true)
        == with(R"(,"stream_options":{"include_usage":true})"));
    BOOST_TEST(
        (*this)(with(R"(,"stream_options":{ })"), {}, true)
        == with(R"(,"stream_options":{"include_usage":true })"));
    BOOST_TEST(
        (*this)(with(R"(,"stream_options":{"x":[{}]})"), {}, true)
        == with(R"(,"stream_options":{"include_usage":true,"x":[{}]})"));
    BOOST_TEST(
        (*this)(with(R"(,"stream_options":{"include_usage": false ,"x":1})"), {}, true)
        == with(R"(,"stream_options":{"include_usage": true ,"x":1})"));
    BOOST_TEST(
        (*this)(with(R"(,"stream_options":{"x":1,"include_usage":null})"), {}, true)
        == with(R"(,"stream_options":{"x":1,"include_usage":true})"));
}

BOOST_FIXTURE_TEST_CASE(usage_the_client_asked_for_is_not_asked_again, a_splicer)
{
    constexpr std::string_view body =
        R"({"stream_options":{"include_usage":true},"model":"a","stream":true})";
    BOOST_TEST((*this)(body, {}, true) == body);
    BOOST_TEST(parser.parse(endpoint::chat_completions, body)->client_asked_usage);
}

BOOST_FIXTURE_TEST_CASE(usage_is_not_asked_for_where_it_comes_anyway, a_splicer)
{
    BOOST_TEST((*this)(R"({"model":"a"})", {}, true) == R"({"model":"a"})");
    BOOST_TEST(
        (*this)(R"({"model":"a","stream":false})", {}, true) == R"({"model":"a","stream":false})");
    BOOST_TEST(
        (*this)(R"({"model":"a","stream":true})", {}, true, endpoint::responses)
        == R"({"model":"a","stream":true})");
    BOOST_TEST(
        (*this)(R"({"model":"a","stream":true})", {}, true, endpoint::completions)
        == R"({"stream_options":{"include_usage":true},"model":"a","stream":true})");
}

BOOST_FIXTURE_TEST_CASE(both_changes_work_in_either_order_of_the_members, a_splicer)
{
    BOOST_TEST(
        (*this)(R"({"model":"a","stream":true,"stream_options":{}})", R"("b")", true)
        == R"({"model":"b","stream":true,"stream_options":{"include_usage":true}})");
    BOOST_TEST(
        (*this)(R"({"stream":true,"stream_options":null,"model":"a"})", R"("b")", true)
        == R"({"stream":true,"stream_options":{"include_usage":true},"model":"b"})");
}

BOOST_FIXTURE_TEST_CASE(a_model_name_may_hold_anything, a_splicer)
{
    const auto name = json_string("a\"b\\c\n\xc3\xa9");
    BOOST_TEST(name == "\"a\\\"b\\\\c\\u000a\xc3\xa9\"");
    const auto body = (*this)(R"({"model":"a"})", name, false);
    BOOST_TEST(parser.parse(endpoint::chat_completions, body).has_error());
}

BOOST_AUTO_TEST_SUITE_END()
