#include "recordings.hpp"
#include <sluice/base/random.hpp>
#include <sluice/wire/request.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

BOOST_TEST_DONT_PRINT_LOG_VALUE(sluice::errc)
BOOST_TEST_DONT_PRINT_LOG_VALUE(sluice::wire::usage_edit)

BOOST_AUTO_TEST_SUITE(request)

using sluice::errc;
using namespace sluice::wire;
namespace data = boost::unit_test::data;

namespace {

struct a_parser {
    request_parser parser;
    std::string body;

    parse_result parse(std::string_view text, endpoint where = endpoint::chat_completions)
    {
        // An exact allocation, so that a sanitizer sees a read behind the body.
        body = text;
        body.shrink_to_fit();
        return parser.parse(where, body);
    }
    request_facts facts(std::string_view text, endpoint where = endpoint::chat_completions)
    {
        const auto answer = parse(text, where);
        BOOST_TEST_REQUIRE(answer.has_value(), text << ": " << answer.error().message);
        return *answer;
    }
    void refused(std::string_view text, errc code, std::string_view param = {})
    {
        const auto answer = parse(text);
        BOOST_TEST_REQUIRE(answer.has_error(), text);
        BOOST_TEST((answer.error().code == code), text << ": " << answer.error().message);
        BOOST_TEST(answer.error().param == param, text);
        BOOST_TEST(!answer.error().message.empty());
    }
};

std::string with(std::string_view member)
{
    return R"({"model":"m1",)" + std::string(member) + R"(,"messages":[{"role":"user"}]})";
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_routed_paths_are_known_and_no_others)
{
    BOOST_TEST((endpoint_of("/v1/chat/completions") == endpoint::chat_completions));
    BOOST_TEST((endpoint_of("/v1/completions") == endpoint::completions));
    BOOST_TEST((endpoint_of("/v1/embeddings/") == endpoint::embeddings));
    BOOST_TEST((endpoint_of("/v1/responses") == endpoint::responses));
    for (const auto path :
         {"",
          "/",
          "/v1/",
          "/v1",
          "/v1/models",
          "/v1/chat/completions/x",
          "/v2/responses",
          "v1/responses"})
        BOOST_TEST(!endpoint_of(path).has_value(), path);
}

BOOST_FIXTURE_TEST_CASE(the_routing_members_are_read_wherever_they_stand, a_parser)
{
    const auto found = facts(
        " {\"messages\" : [ {\"role\":\"user\",\"model\":\"not this one\",\"stream\":false} ],"
        "\"max_tokens\":7 ,\"stream\" : true, \"user\":\"u-1\", \"model\" : \"gpt-4.1\" } \n");
    BOOST_TEST(found.model == "gpt-4.1");
    BOOST_TEST(body.substr(found.model_token.offset, found.model_token.length) == "\"gpt-4.1\"");
    BOOST_TEST(found.stream);
    BOOST_TEST((found.max_tokens == 7U));
    BOOST_TEST(found.user == "u-1");
    BOOST_TEST(!found.client_asked_usage);
}

BOOST_FIXTURE_TEST_CASE(members_left_out_or_null_are_absent, a_parser)
{
    for (
        const auto text :
        {R"({"model":"m"})",
         R"({"model":"m","stream":null,"max_tokens":null,"user":null,"safety_identifier":null,"stream_options":null})"}) {
        const auto found = facts(text);
        BOOST_TEST(!found.stream);
        BOOST_TEST(!found.max_tokens.has_value());
        BOOST_TEST(found.user.empty());
        BOOST_TEST((found.edit == usage_edit::none));
    }
}

BOOST_FIXTURE_TEST_CASE(the_largest_of_the_token_limits_counts, a_parser)
{
    BOOST_TEST(
        (facts(with(R"("max_tokens":5,"max_completion_tokens":9,"max_output_tokens":6)")).max_tokens
         == 9U));
    BOOST_TEST((facts(with(R"("max_tokens":0)")).max_tokens == 0U));
    BOOST_TEST((facts(with(R"("max_tokens":9007199254740992)")).max_tokens == max_max_tokens));
}

BOOST_DATA_TEST_CASE(
    a_token_limit_that_is_no_count_is_refused,
    data::make(
        {"-5",
         "-0",
         "1.5",
         "1.0",
         "1e3",
         "9007199254740993",
         "99999999999999999999999",
         "\"5\"",
         "[5]",
         "{}",
         "true"}))
{
    a_parser with_one;
    with_one.refused(
        with(R"("max_tokens":)" + std::string(sample)), errc::invalid_type, "max_tokens");
}

BOOST_FIXTURE_TEST_CASE(a_name_that_differs_in_case_alone_is_refused, a_parser)
{
    refused(with(R"("Model":"m2")"), errc::duplicate_parameter, "model");
    refused(R"({"MODEL":"m2"})", errc::duplicate_parameter, "model");
    refused(with(R"("MAX_TOKENS":9)"), errc::duplicate_parameter, "max_tokens");
    refused(
        with(R"("max_Completion_tokens":9)"), errc::duplicate_parameter, "max_completion_tokens");
    refused(with(R"("STREAM":false)"), errc::duplicate_parameter, "stream");
    refused(with(R"("N":9)"), errc::duplicate_parameter, "n");
    refused(with(R"("\u004dodel":"m2")"), errc::duplicate_parameter, "model");
    refused(
        with(R"("stream_options":{"Include_Usage":true})"),
        errc::duplicate_parameter,
        "include_usage");
    BOOST_TEST(
        facts(with(R"("Tools":[],"Models":1,"Include_Usage":1,"x":{"Model":1},"m\u00d6del":2)"))
            .model
        == "m1");
}

// Unicode folds two letters beyond ASCII to one in it, and so does Go's encoding/json.
BOOST_FIXTURE_TEST_CASE(a_name_that_folds_to_a_members_is_refused, a_parser)
{
    refused(with("\"\u017ftream\":false"), errc::duplicate_parameter, "stream");
    refused(with("\"max_to\u212aen\u017f\":9"), errc::duplicate_parameter, "max_tokens");
    refused(
        with("\"MAX_COMPLETION_TO\u212aEN\u017f\":9"),
        errc::duplicate_parameter,
        "max_completion_tokens");
    refused(with(R"("\u017ftream":false)"), errc::duplicate_parameter, "stream");
    refused(with(R"("max_to\u212aens":9)"), errc::duplicate_parameter, "max_tokens");
    refused(
        with("\"stream_options\":{\"include_u\u017fage\":true}"),
        errc::duplicate_parameter,
        "include_usage");
    BOOST_TEST(
        facts(with("\"max_to\u212aen\":1,\"\u017f\":1,\"\u212a\":1,\"\u017ftreams\":1")).model
        == "m1");
}

BOOST_FIXTURE_TEST_CASE(the_answers_that_are_asked_for_are_counted, a_parser)
{
    const auto answers = [this](std::string_view member, endpoint where = endpoint::completions) {
        return facts(with(member), where).answers;
    };
    BOOST_TEST(answers(R"("x":1)") == 1U);
    BOOST_TEST(answers(R"("n":null,"best_of":null)") == 1U);
    BOOST_TEST(answers(R"("n":0)") == 1U);
    BOOST_TEST(answers(R"("n":7)", endpoint::chat_completions) == 7U);
    BOOST_TEST(answers(R"("n":2,"best_of":5)") == 5U);
    BOOST_TEST(answers(R"("n":3,"best_of":1)") == 3U);
    BOOST_TEST(answers(R"("prompt":"a")") == 1U);
    BOOST_TEST(answers(R"("prompt":null)") == 1U);
    BOOST_TEST(answers(R"("prompt":[])") == 1U);
    BOOST_TEST(answers(R"("prompt":["a"])") == 1U);
    BOOST_TEST(answers(R"("prompt":["a","b",[1,2]],"n":2)") == 6U);
    BOOST_TEST(answers(R"("prompt":[1,2,3,4])") == 1U, "one prompt of tokens");
    BOOST_TEST(answers(R"("prompt":[[1,2],[3]])") == 2U);
    BOOST_TEST(answers(R"("prompt":["a","b"])", endpoint::chat_completions) == 1U);
    BOOST_TEST(answers(R"("n":9007199254740992,"prompt":["a","b"])") == max_max_tokens);
    for (const auto value : {"-1", "1.5", "\"5\"", "[5]", "9007199254740993"})
        for (const std::string name : {"n", "best_of"})
            refused(with('"' + name + "\":" + value), errc::invalid_type, name);
    BOOST_TEST(
        (parse(with(R"("prompt":["a"],"prompt":["a","b"])"), endpoint::completions).error().code
         == errc::duplicate_parameter));
    BOOST_TEST(answers(R"("prompt":1,"prompt":2)", endpoint::chat_completions) == 1U);
    for (const auto broken : {R"("prompt":["a" "b"])", R"("prompt":["a",])", R"("prompt":["a"})"})
        BOOST_TEST((parse(with(broken), endpoint::completions).error().code == errc::invalid_json));
}

BOOST_FIXTURE_TEST_CASE(user_goes_before_safety_identifier_in_any_order, a_parser)
{
    BOOST_TEST(facts(with(R"("user":"a","safety_identifier":"b")")).user == "a");
    BOOST_TEST(facts(with(R"("safety_identifier":"b","user":"a")")).user == "a");
    BOOST_TEST(facts(with(R"("safety_identifier":"b")")).user == "b");
    BOOST_TEST(
        facts(with(R"("user":"\u00e9\n\ud83d\ude00")")).user == "\xc3\xa9\n\xf0\x9f\x98\x80");
}

BOOST_FIXTURE_TEST_CASE(a_model_written_with_escapes_is_routed_by_what_it_means, a_parser)
{
    const auto found = facts(R"({"model":"gpt\u002d4\/x"})");
    BOOST_TEST(found.model == "gpt-4/x");
    BOOST_TEST(found.model_token.length == 15U);
}

BOOST_FIXTURE_TEST_CASE(a_model_of_256_bytes_passes_and_one_more_is_refused, a_parser)
{
    BOOST_TEST(facts(R"({"model":")" + std::string(256, 'm') + R"("})").model.size() == 256U);
    refused(R"({"model":")" + std::string(257, 'm') + R"("})", errc::invalid_type, "model");
    refused(R"({"model":"\u0041)" + std::string(256, 'm') + R"("})", errc::invalid_type, "model");
}

BOOST_DATA_TEST_CASE(
    a_model_that_is_no_name_is_refused,
    data::make(
        {R"("")",
         R"("a\nb")",
         R"("\u0000")",
         "\"\x7f\"",
         R"("\ud800")",
         "null",
         "7",
         "true",
         "[]",
         R"({"a":"b"})",
         R"(["m1"])"}))
{
    a_parser with_one;
    with_one.refused(R"({"model":)" + std::string(sample) + "}", errc::invalid_type, "model");
}

BOOST_FIXTURE_TEST_CASE(a_body_without_a_model_is_refused, a_parser)
{
    refused("{}", errc::missing_required_parameter, "model");
    refused(R"({"messages":[{"model":"m1"}]})", errc::missing_required_parameter, "model");
}

BOOST_FIXTURE_TEST_CASE(members_of_the_wrong_type_are_refused_by_name, a_parser)
{
    refused(with(R"("stream":"yes")"), errc::invalid_type, "stream");
    refused(with(R"("stream":1)"), errc::invalid_type, "stream");
    refused(with(R"("stream_options":true)"), errc::invalid_type, "stream_options");
    refused(with(R"("stream_options":[])"), errc::invalid_type, "stream_options");
    refused(with(R"("stream_options":{"include_usage":1})"), errc::invalid_type, "include_usage");
    refused(with(R"("user":5)"), errc::invalid_type, "user");
    refused(with(R"("safety_identifier":{})"), errc::invalid_type, "safety_identifier");
}

BOOST_DATA_TEST_CASE(
    a_member_given_twice_is_refused,
    data::make(
        {"model",
         "stream",
         "stream_options",
         "max_tokens",
         "max_completion_tokens",
         "max_output_tokens",
         "n",
         "best_of",
         "user",
         "safety_identifier"}))
{
    a_parser with_one;
    const std::string name = sample;
    const std::string value = name == "model" ? R"("m1")" : "null";
    const auto member = '"' + name + "\":" + value;
    with_one.refused("{" + member + "," + member + R"(,"x":1})", errc::duplicate_parameter, name);
    BOOST_TEST(with_one.facts(R"({"model":"m","x":{)" + member + "," + member + "}}").model == "m");
}

BOOST_FIXTURE_TEST_CASE(the_routing_names_must_not_be_written_with_escapes, a_parser)
{
    refused(R"({"model":"m1","\u006dodel":"m2"})", errc::duplicate_parameter, "model");
    refused(R"({"mod\u0065l":"m2"})", errc::duplicate_parameter, "model");
    refused(with(R"("str\u0065am":true)"), errc::duplicate_parameter, "stream");
    refused(
        with(R"("stream_options":{"include\u005fusage":true})"),
        errc::duplicate_parameter,
        "include_usage");
    refused(
        with(R"("stream_options":{"include_usage":true,"include_usage":true})"),
        errc::duplicate_parameter,
        "include_usage");
    BOOST_TEST(facts(with(R"("mod\u0065ls":1,"\ud83d":2,"include_usage":3)")).model == "m1");
}

BOOST_DATA_TEST_CASE(
    what_is_not_a_json_object_is_refused,
    data::make(std::vector<std::string>{
        "",
        " ",
        "[]",
        "null",
        "\"model\"",
        "{",
        "}",
        "{}}",
        "{}{}",
        "{} x",
        "\xef\xbb\xbf{\"model\":\"m\"}",
        R"({"model":"m"}garbage)",
        R"({"model":"m"},)",
        R"({"model":"m",})",
        R"({,"model":"m"})",
        R"({"model":"m" "a":1})",
        R"({"model":"m","a"})",
        R"({"model":"m","a":})",
        R"({"model":"m",1:2})",
        R"({"model":"m",a:2})",
        R"({'model':'m'})",
        R"(/*x*/{"model":"m"})",
        R"({"model":"m"// x)"
        "\n}",
        R"({"model":"m","a":[1,]})",
        R"({"model":"m","a":[,1]})",
        R"({"model":"m","a":[1 2]})",
        R"({"model":"m","a":[1}})",
        R"({"model":"m","a":{"b":1]})",
        R"({"model":"m","a":{,}})",
        R"({"model":"m","a":{"b"}})",
        R"({"model":"m","a":["b":1]})",
        R"({"model":"m","a":[1)",
        R"({"model":"m","a":"x)",
        R"({"model":"m","a":NaN})",
        R"({"model":"m","a":Infinity})",
        R"({"model":"m","a":-})",
        R"({"model":"m","a":+1})",
        R"({"model":"m","a":010})",
        R"({"model":"m","a":-01})",
        R"({"model":"m","a":1.})",
        R"({"model":"m","a":.5})",
        R"({"model":"m","a":1e})",
        R"({"model":"m","a":1e+})",
        R"({"model":"m","a":0x10})",
        R"({"model":"m","a":1_000})",
        R"({"model":"m","a":1"x"})",
        R"({"model":"m","a":"x"1})",
        R"({"model":"m","a":True})",
        R"({"model":"m","a":nul})",
        R"({"model":"m","a":nulll})",
        R"({"model":"m","a":true"x"})",
        R"({"model":"m","a":"\q"})",
        R"({"model":"m","a":"\u12g4"})",
        R"({"model":"m","a":"\u12"})",
        R"({"model":"m","a":"\'"})",
        R"({\"model":"m"})",
        R"({"model":"m",\n"a":1})",
        "{\"model\":\"m\",\"a\":\"\t\"}",
        "{\"model\":\"m\",\"a\":\"\xff\xfe\"}",
        "{\"model\":\"m\",\"a\":\"\xed\xa0\x80\"}",
        "{\"model\":\"m\",\"a\":\"\xc0\xaf\"}",
        std::string("{\"model\":\"m\",\"a\":1\0}", 19),
        "{\"model\":\"m\",\f\"a\":1}",
        "{\"model\":\"m\",\"a\":1\xc2\xa0}",
    }))
{
    a_parser with_one;
    with_one.refused(sample, errc::invalid_json);
}

BOOST_FIXTURE_TEST_CASE(a_bad_escape_is_found_at_every_place_of_the_body, a_parser)
{
    for (std::size_t before = 0; before < 150; ++before) {
        const auto text =
            with("\"a\":\"" + std::string(before, 'x') + "\\\\\\n\\q" + std::string(90, 'y') + '"');
        refused(text, errc::invalid_json);
        auto good = text;
        good[good.find("\\q") + 1] = '/';
        BOOST_TEST(facts(good).model == "m1");
    }
}

BOOST_FIXTURE_TEST_CASE(what_is_unusual_but_json_passes, a_parser)
{
    for (const auto value :
         {R"("\ud83d\ude00")",
          R"("\ud800")",
          R"("\u0000")",
          "0",
          "-0",
          "-0.0e-0",
          "1E+2",
          "123456789012345678901234567890",
          "1e999",
          "[ ]",
          "{ }",
          "[[],{},[{}]]",
          R"({"a":1,"a":2})",
          R"({"":0})",
          "[true,false,null]"})
        BOOST_TEST(facts(with("\"x\" :\r\n\t" + std::string(value))).model == "m1", value);
}

BOOST_FIXTURE_TEST_CASE(nesting_of_128_passes_and_one_more_is_refused, a_parser)
{
    const auto nested = [](std::size_t depth) {
        return R"({"model":"m","a":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']')
               + "}";
    };
    BOOST_TEST(facts(nested(max_json_depth)).model == "m");
    refused(nested(max_json_depth + 1), errc::invalid_json);
    refused(nested(100'000), errc::invalid_json);
}

BOOST_FIXTURE_TEST_CASE(a_giant_body_is_read_and_the_next_small_one_too, a_parser)
{
    const std::string text(3'000'000, 'x');
    BOOST_TEST(facts(with("\"a\":\"" + text + '"')).model == "m1");
    BOOST_TEST(facts(R"({"model":"m2"})").model == "m2");
    refused(with("\"a\":\"" + text), errc::invalid_json);
}

BOOST_FIXTURE_TEST_CASE(every_truncation_is_refused, a_parser)
{
    const auto whole =
        with(R"("stream":true,"stream_options":{"include_usage":false},"t":-1.5e3,"s":"\u00e9\n")");
    BOOST_TEST(facts(whole).stream);
    for (std::size_t size = 0; size < whole.size(); ++size)
        refused(whole.substr(0, size), errc::invalid_json);
}

// simdjson's DOM parser is right on all of JSONTestSuite. It is asked about requests with a few
// bytes changed; it also refuses lone surrogates and numbers that no machine type holds, which are
// grammatical.
BOOST_FIXTURE_TEST_CASE(verdicts_agree_with_a_full_parse_of_damaged_bodies, a_parser)
{
    const auto whole = with(
        R"("stream":true,"stream_options":{"include_usage":null},"tools":[{"a":[1,-2.5e+3,true,false,null,{}]},[]],"m":[{"r":"u","c":"it\n"},{"a":"b","c":"d","e":{"f":"g"}}],"s":"a\n\"\\b\/")");
    constexpr std::string_view junk = "{}[]:,\"\\ 0123456789-+.eEtrufalsn/x\x01\x7f\xc3\xff";
    simdjson::dom::parser oracle;
    sluice::random_engine draw(7);
    int valid = 0;
    for (int round = 0; round < 20'000; ++round) {
        auto text = whole;
        for (auto changes = draw() % 3 + 1; changes != 0; --changes) {
            const auto at = draw() % text.size();
            switch (draw() % 3) {
            case 0:
                text[at] = junk[draw() % junk.size()];
                break;
            case 1:
                text.erase(at, draw() % 3 + 1);
                break;
            default:
                text.insert(at, 1, junk[draw() % junk.size()]);
            }
        }
        const auto full = oracle.parse(text);
        const auto why = full.error();
        const bool is_object = why == simdjson::SUCCESS && full.value_unsafe().is_object();
        const auto answer = parse(text);
        const bool accepted = answer.has_value() || answer.error().code != errc::invalid_json;
        valid += accepted;
        if (accepted && answer.has_error())
            continue;  // refused for a member, before the end was reached
        if (accepted)
            BOOST_TEST((is_object || why == simdjson::NUMBER_ERROR), text);
        else
            BOOST_TEST(!is_object, text);
    }
    BOOST_TEST(valid > 1000);
}

BOOST_FIXTURE_TEST_CASE(recorded_requests_are_understood, a_parser)
{
    std::size_t routed = 0;
    recordings::each("index.jsonl", [&](const simdjson::dom::element& record) {
        const auto api = recordings::text(record, "api");
        if (recordings::text(record, "kind") != "request")
            return;
        const auto where = api == "chat.completions" ? endpoint::chat_completions
                           : api == "responses"      ? endpoint::responses
                                                     : endpoint::embeddings;
        if (where == endpoint::embeddings && api != "embeddings")
            return;
        const auto text =
            recordings::read(recordings::folder() / "corpus" / recordings::text(record, "file"));
        simdjson::dom::parser oracle;
        simdjson::dom::element full;
        std::string_view model;
        if (oracle.parse(text).get(full) != simdjson::SUCCESS
            || full["model"].get(model) != simdjson::SUCCESS)
            return;
        const auto found = facts(text, where);
        bool stream = false;
        if (full["stream"].get(stream) != simdjson::SUCCESS)
            stream = false;
        BOOST_TEST(found.model == model);
        BOOST_TEST(found.stream == stream);
        ++routed;
    });
    BOOST_TEST_MESSAGE(routed << " recorded requests");
}

BOOST_AUTO_TEST_SUITE_END()
