#include <sluice/simulate/answer.hpp>
#include <sluice/simulate/reply.hpp>
#include <sluice/simulate/schema.hpp>
#include <sluice/simulate/script.hpp>

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <string>

BOOST_AUTO_TEST_SUITE(simulated_answer)

using namespace sluice;
using namespace sluice::simulate;

namespace {

std::string example(std::string_view schema)
{
    simdjson::dom::parser parser;
    return example_of(parser.parse(schema.data(), schema.size()).value());
}

api_request chat(std::string_view members)
{
    return parse_request(
               endpoint::chat,
               R"({"model":"m","messages":[{"role":"user","content":"hello tool"}])"
                   + std::string(members) + "}")
        .operator*();
}

answer answer_to(const api_request& request, std::string_view how = "")
{
    random_engine draws{5};
    return make_answer(request, *parse_behaviour(how), "stable", 1700000000, draws);
}

// Of all events, without "data: " and the blank line.
std::size_t tokens_in(const script& lines)
{
    std::size_t count = 0;
    for (const auto& one : lines.events)
        count += one.token;
    return count;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_example_has_what_the_schema_requires)
{
    BOOST_TEST(
        example(
            R"({"type":"object","properties":{"a":{"type":"string","minLength":12},"b":{"type":"integer","minimum":7},
            "c":{"type":"array","items":{"enum":["x","y"]},"minItems":2},"d":{"type":"boolean"},"unwanted":{}},
            "required":["a","b","c","d"]})")
        == R"({"a":"plausibleeee","b":7,"c":["x","x"],"d":true})");
    BOOST_TEST(example(R"({"anyOf":[{"type":"number"},{"type":"null"}]})") == "1.0");
    BOOST_TEST(
        example(
            R"({"$ref":"#/$defs/p","$defs":{"p":{"type":"object","properties":{"n":{"const":3}}}}})")
        == R"({"n":3})");
}

BOOST_AUTO_TEST_CASE(a_schema_that_contains_itself_ends)
{
    const auto text = example(R"({"type":"object","properties":{"next":{"$ref":"#"}}})");
    simdjson::dom::parser parser;
    BOOST_TEST(!parser.parse(text).error());
    BOOST_TEST(text.size() < 1000U);
}

BOOST_AUTO_TEST_CASE(the_text_names_the_simulator_and_nothing_of_the_prompt)
{
    const auto said = answer_to(chat(""));
    BOOST_TEST(said.choices.front().text().starts_with("stable: "));
    BOOST_TEST(said.choices.front().text().find("hello") == std::string::npos);
    BOOST_TEST(said.choices.front().tokens.size() == 16U);
    BOOST_TEST(said.usage.prompt == 2U);
}

BOOST_AUTO_TEST_CASE(max_tokens_and_stop_end_the_text)
{
    const auto cut = answer_to(chat(R"(,"max_tokens":3)"));
    BOOST_TEST(cut.choices.front().tokens.size() == 3U);
    BOOST_TEST(cut.choices.front().finish == "length");
    const auto stopped = answer_to(chat(R"(,"stop":["le: "])"));
    BOOST_TEST(stopped.choices.front().text() == "stab");
    BOOST_TEST(stopped.choices.front().finish == "stop");
}

BOOST_AUTO_TEST_CASE(tools_are_called_when_the_client_wants_it)
{
    const std::string tools =
        R"(,"tools":[{"type":"function","function":{"name":"clock"}},{"type":"function","function":{"name":"map"}}])";
    BOOST_TEST(chat(tools).calls.size() == 1U);
    BOOST_TEST(chat(tools + R"(,"tool_choice":"none")").calls.empty());
    const auto named =
        chat(tools + R"(,"tool_choice":{"type":"function","function":{"name":"map"}})");
    BOOST_TEST_REQUIRE(named.calls.size() == 1U);
    BOOST_TEST(named.calls.front().name == "map");
    BOOST_TEST(named.calls.front().arguments == "{}");
}

BOOST_AUTO_TEST_CASE(a_call_without_model_or_messages_is_refused_with_the_member)
{
    BOOST_TEST(parse_request(endpoint::chat, R"({"messages":[]})").error().param == "model");
    BOOST_TEST(parse_request(endpoint::chat, R"({"model":"m"})").error().param == "messages");
    BOOST_TEST(parse_request(endpoint::embeddings, R"({"model":"m"})").error().param == "input");
    BOOST_TEST(parse_request(endpoint::chat, "{").error().code == "invalid_json");
    BOOST_TEST(
        parse_request(endpoint::chat, R"({"model":"m","messages":[{}],"n":0})").error().param
        == "n");
}

BOOST_AUTO_TEST_CASE(every_event_but_done_is_json_and_carries_the_time)
{
    simdjson::dom::parser parser;
    for (const auto where : {endpoint::chat, endpoint::completions, endpoint::responses}) {
        auto request = chat("");
        request.where = where;
        const auto lines = write_script(request, answer_to(request), behaviour{});
        BOOST_TEST(tokens_in(lines) == 16U);
        for (const auto& one : lines.events) {
            const std::string bytes = render(lines, one, 42);
            BOOST_TEST(bytes.ends_with("\n\n"));
            if (one.data == "[DONE]")
                continue;
            const auto data = bytes.substr(bytes.find("data: ") + 6);
            simdjson::dom::element root;
            BOOST_TEST_CONTEXT(bytes) BOOST_TEST_REQUIRE(!parser.parse(data).get(root));
            BOOST_TEST(std::int64_t(root["sim_sent_ns"]) == 42);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_break_comes_after_its_tokens_and_never_later_than_the_finish)
{
    const auto request = chat("");
    const auto lines = write_script(request, answer_to(request), behaviour{});
    BOOST_TEST(break_index(lines, *parse_behaviour("cut-0")) == 0U);
    BOOST_TEST(break_index(lines, *parse_behaviour("cut-3")) == 4U);     // role, three tokens
    BOOST_TEST(break_index(lines, *parse_behaviour("cut-500")) == 17U);  // before the finish
    BOOST_TEST(break_index(lines, behaviour{}) == lines.events.size());
}

BOOST_AUTO_TEST_CASE(usage_stands_where_the_behaviour_puts_it)
{
    const auto with_usage = [](std::string_view how, std::string_view members) {
        const auto request = chat(members);
        const auto lines = write_script(request, answer_to(request), *parse_behaviour(how));
        std::size_t count = 0;
        for (const auto& one : lines.events)
            count += one.data.find(R"("usage":{)") != std::string::npos;
        return count;
    };
    const std::string_view asked = R"(,"stream_options":{"include_usage":true})";
    BOOST_TEST(with_usage("", "") == 0U);
    BOOST_TEST(with_usage("", asked) == 1U);
    BOOST_TEST(with_usage("no-usage", asked) == 0U);
    BOOST_TEST(with_usage("usage-last", "") == 1U);
    BOOST_TEST(with_usage("usage-separate", "") == 1U);
    BOOST_TEST(with_usage("usage-several", "") == 17U);
}

BOOST_AUTO_TEST_CASE(no_usage_is_none_at_every_endpoint)
{
    auto request = chat("");
    request.inputs = {R"("a")"};
    for (const auto where :
         {endpoint::chat, endpoint::completions, endpoint::responses, endpoint::embeddings}) {
        request.where = where;
        const auto body = [&](std::string_view how) {
            return write_body(request, answer_to(request, how), *parse_behaviour(how), 42);
        };
        simdjson::dom::parser parser;
        BOOST_TEST(parser.parse(body(""))["usage"].is_object());
        simdjson::dom::element usage;
        const bool told = !parser.parse(body("no-usage"))["usage"].get(usage);
        BOOST_TEST((!told || usage.is_null()));
    }
}

BOOST_AUTO_TEST_CASE(a_character_is_split_inside)
{
    const auto [first, second] = split_character("ab\xc3\xa9z");
    BOOST_TEST(first == "ab\xc3");
    BOOST_TEST(second == "\xa9z");
    BOOST_TEST(split_character("plain").second.empty());
}

BOOST_AUTO_TEST_CASE(retry_after_is_never_early)
{
    const std::chrono::system_clock::time_point noon{seconds{784111776}};
    BOOST_TEST(retry_after_value(retry_after_form::seconds, milliseconds{1200}, noon) == "2");
    BOOST_TEST(
        retry_after_value(retry_after_form::date, milliseconds{1}, noon - seconds{1})
        == "Sun, 06 Nov 1994 08:49:37 GMT");
    BOOST_TEST(retry_after_value(retry_after_form::none, seconds{1}, noon).empty());
}

BOOST_AUTO_TEST_SUITE_END()
