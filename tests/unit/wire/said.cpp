#include "recordings.hpp"
#include <sluice/wire/said.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

BOOST_AUTO_TEST_SUITE(said)

namespace wire = sluice::wire;
using wire::endpoint;
using wire::read_said;
using wire::same_calls;
using wire::tool_call;

namespace {

// Code points of UTF-8.
std::uint64_t characters(std::string_view text)
{
    return static_cast<std::uint64_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & '\xc0') != '\x80'; }));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_chat_answer_is_read)
{
    const auto answer = read_said(
        endpoint::chat_completions,
        false,
        R"({"choices":[{"index":0,"message":{"content":"Hi \u00e9","tool_calls":[
            {"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}},
            {"id":"b","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"},
            {"index":1,"message":{"content":"other"},"finish_reason":"stop"}]})");
    BOOST_TEST(answer.text == "Hi \xc3\xa9");
    BOOST_TEST(answer.finish == "tool_calls");
    BOOST_REQUIRE_EQUAL(answer.calls.size(), 2U);
    BOOST_TEST(answer.calls[0].name == "f");
    BOOST_TEST(answer.calls[0].arguments == R"({"x":1})");
    BOOST_TEST(answer.calls[1].name == "g");
}

BOOST_AUTO_TEST_CASE(a_stream_is_put_together)
{
    const auto answer = read_said(
        endpoint::chat_completions,
        true,
        ": hello\r\ndata: "
        "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"He\"}}]}\n\n"
        "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"other\"}}]}\n\n"
        "data: "
        "{\"choices\":[{\"delta\":{\"content\":\"llo\",\"tool_calls\":[{\"index\":0,\"function\":"
        "{\"name\":\"f\",\"arguments\":\"{\"}}]}}]}\n\n"
        "data: not json\n\n"
        "data: "
        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}"
        "]},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    BOOST_TEST(answer.text == "Hello");
    BOOST_TEST(answer.finish == "stop");
    BOOST_REQUIRE_EQUAL(answer.calls.size(), 1U);
    BOOST_TEST(answer.calls[0].arguments == "{}");
}

BOOST_AUTO_TEST_CASE(a_response_is_read_whole_and_as_a_stream)
{
    const std::string body =
        R"({"status":"completed","output":[{"type":"reasoning"},{"type":"message","content":[)"
        R"({"type":"output_text","text":"Hi"}]},{"type":"function_call","name":"f","arguments":"{}"}]})";
    for (const bool stream : {false, true}) {
        const std::string payload = stream
                                        ? "event: response.output_text.delta\ndata: "
                                          R"({"type":"response.output_text.delta","delta":"H"})"
                                          "\n\ndata: {\"type\":\"response.completed\",\"response\":"
                                              + body + "}\n\n"
                                        : body;
        const auto answer = read_said(endpoint::responses, stream, payload);
        BOOST_TEST(answer.text == "Hi");
        BOOST_TEST(answer.finish == "completed");
        BOOST_REQUIRE_EQUAL(answer.calls.size(), 1U);
        BOOST_TEST(answer.calls[0].name == "f");
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_says_nothing)
{
    for (const auto* payload : {"", "{", "[]", "{\"choices\":3}", "data: {\n\n"}) {
        const auto answer = read_said(endpoint::chat_completions, false, payload);
        BOOST_TEST(answer.text.empty());
        BOOST_TEST(answer.calls.empty());
    }
    // An index that would make a huge list.
    const auto answer = read_said(
        endpoint::chat_completions,
        true,
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":4000000000,\"function\":"
        "{\"name\":\"f\"}}]}}]}\n\n");
    BOOST_TEST(answer.calls.empty());
}

BOOST_AUTO_TEST_CASE(calls_are_equal_as_json)
{
    const std::vector<tool_call> a{{"f", R"({"a": 1, "b": ["\u0041", null, true, 2.5]})"}};
    const auto same = [&](const char* name, const char* arguments) {
        return same_calls(a, {{name, arguments}});
    };
    BOOST_TEST(same("f", R"({"b":["A",null,true,25e-1],"a":1})"));
    BOOST_TEST(same("f", R"({"b":["A",null,true,2.5],"a":1.0})"));
    BOOST_TEST(!same("g", R"({"b":["A",null,true,2.5],"a":1})"));
    BOOST_TEST(!same("f", R"({"b":["A",null,false,2.5],"a":1})"));
    BOOST_TEST(!same("f", R"({"b":["A",null,true],"a":1})"));
    BOOST_TEST(!same("f", R"({"a":1})"));
    BOOST_TEST(!same("f", R"({"a":1,"b":["A",null,true,2.5],"c":0})"));
    BOOST_TEST(!same("f", "no json"));
    BOOST_TEST(!same_calls(a, {}));
    BOOST_TEST(same_calls({{"f", "oops"}}, {{"f", "oops"}}));
}

BOOST_AUTO_TEST_CASE(a_name_that_comes_twice_stands_for_no_other)
{
    const auto same = [](const char* a, const char* b) {
        return same_calls({{"f", a}}, {{"f", b}}) || same_calls({{"f", b}}, {{"f", a}});
    };
    BOOST_TEST(!same(R"({"a":1,"a":1})", R"({"a":1,"b":2})"));
    BOOST_TEST(!same(R"({"a":1,"a":2})", R"({"a":2,"a":1})"));
    BOOST_TEST(same(R"({"a":1,"b":3,"a":2})", R"({"b":3,"a":1,"a":2})"));
}

// Looked for one after the other, the members of the one would take minutes to find in the other.
BOOST_AUTO_TEST_CASE(arguments_in_another_order_are_compared_however_many_they_are)
{
    constexpr int many = 300'000;
    std::string rising = "{";
    std::string falling = "{";
    for (int i = 0; i < many; ++i) {
        const std::string comma = i > 0 ? "," : "";
        rising += comma + "\"k" + std::to_string(i) + "\":0";
        falling += comma + "\"k" + std::to_string(many - 1 - i) + "\":0";
    }
    BOOST_TEST(same_calls({{"f", rising + '}'}}, {{"f", falling + '}'}}));
    BOOST_TEST(!same_calls({{"f", rising + '}'}}, {{"f", falling + R"(,"k":0})"}}));
}

BOOST_AUTO_TEST_CASE(recorded_streams_say_what_was_assembled_elsewhere)
{
    recordings::each("expected.jsonl", [](const simdjson::dom::element& row) {
        const auto format = recordings::text(row, "format");
        const bool responses = format == "openai.responses";
        if (format != "openai.chat" && format != "openai.completions" && !responses)
            return;
        const auto where = responses                        ? endpoint::responses
                           : format == "openai.completions" ? endpoint::completions
                                                            : endpoint::chat_completions;
        const auto file = recordings::text(row, "file");
        const auto answer =
            read_said(where, true, recordings::read(recordings::folder() / "corpus" / file));
        BOOST_TEST_CONTEXT(file)
        {
            BOOST_TEST(characters(answer.text) == std::uint64_t(row["text_len"]));
            BOOST_TEST(answer.text.starts_with(recordings::text(row, "text_head")));
            simdjson::dom::array calls;
            if (row["tool_calls"].get(calls) == simdjson::SUCCESS)
                BOOST_TEST(answer.calls.size() == calls.size());
        }
    });
}

BOOST_AUTO_TEST_SUITE_END()
