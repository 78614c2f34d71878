#include "printing.hpp"
#include "recordings.hpp"
#include <sluice/base/random.hpp>
#include <sluice/wire/sse_tap.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

BOOST_TEST_DONT_PRINT_LOG_VALUE(sluice::wire::finish)

BOOST_AUTO_TEST_SUITE(sse_taps)

using namespace sluice::wire;
using namespace std::chrono_literals;

namespace {

constexpr sluice::time_point start{1h};

// Everything a tap reports, to compare taps that saw the same bytes cut differently.
struct report {
    std::uint64_t events;
    std::uint64_t content_events;
    std::uint64_t malformed;
    usage tokens;
    finish reason;
    bool done;
    bool error;
    bool legal;
    bool said_all;
    bool boundary;
    bool reasoning;

    friend bool operator==(const report&, const report&) = default;
};

report of(const sse_tap& tap)
{
    return {
        tap.events(),
        tap.content_events(),
        tap.malformed_events(),
        tap.tokens(),
        tap.finish_reason(),
        tap.done(),
        tap.in_band_error(),
        tap.legal_end(),
        tap.said_all(),
        tap.at_event_boundary(),
        tap.reasoning_shown()};
}

report whole(std::string_view text, endpoint where = endpoint::chat_completions)
{
    sse_tap tap(where);
    tap.feed(text, start);
    return of(tap);
}

report cut_at(std::string_view text, std::size_t cut, endpoint where)
{
    sse_tap tap(where);
    tap.feed(text.substr(0, cut), start);
    tap.feed(text.substr(cut), start);
    return of(tap);
}

report cut_at_random(
    std::string_view text, std::uint64_t seed, std::uint64_t longest, endpoint where)
{
    sluice::random_engine draw(seed);
    sse_tap tap(where);
    while (!text.empty()) {
        const auto piece = text.substr(0, draw() % longest + 1);
        tap.feed(piece, start);
        text.remove_prefix(piece.size());
    }
    return of(tap);
}

const std::string chat =
    "data: "
    "{\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
    "\"finish_reason\":null}],\"usage\":null}\n\n"
    ": keep-alive\n\n"
    "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\\"usage\\\":{ "
    "\\\\\"},\"finish_reason\":null}],\"usage\":null}\n\n"
    "data: "
    "{\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0}]},\"finish_"
    "reason\":null}]}\n\n"
    "data: "
    "{\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n"
    "data: {\"id\":\"1\",\"choices\":[],\"usage\": "
    "{\"prompt_tokens\":5,\"completion_tokens\":7,\"prompt_tokens_details\":{\"cached_tokens\":2}}}"
    "\n\n"
    "data: [DONE]\n\n";

std::string with_line_ends(std::string text, std::string_view line_end)
{
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += line_end.size())
        text.replace(at, 1, line_end);
    return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_chat_stream_is_understood_at_every_cut_and_with_every_line_end)
{
    for (const auto* const line_end : {"\n", "\r\n", "\r"})
        for (const auto* const front : {"", "\xef\xbb\xbf"}) {
            const auto text = front + with_line_ends(chat, line_end);
            const auto seen = whole(text);
            BOOST_TEST(seen.events == 6U);
            BOOST_TEST(seen.content_events == 2U);
            BOOST_TEST(seen.malformed == 0U);
            BOOST_TEST(
                (seen.tokens == usage{.input = 5, .cached_input = 2, .output = 7, .known = true}));
            BOOST_TEST((seen.reason == finish::tool_calls));
            BOOST_TEST(seen.done);
            BOOST_TEST(!seen.error);
            BOOST_TEST(seen.legal);
            BOOST_TEST(seen.boundary);
            for (std::size_t cut = 0; cut <= text.size(); ++cut)
                BOOST_TEST((cut_at(text, cut, endpoint::chat_completions) == seen), cut);
            BOOST_TEST((cut_at_random(text, 1, 1, endpoint::chat_completions) == seen));
        }
}

BOOST_AUTO_TEST_CASE(tokens_are_timed_from_the_first_content_to_the_last)
{
    sse_tap tap(endpoint::chat_completions);
    auto now = start;
    BOOST_TEST(!tap.first_token_at().has_value());
    for (std::string_view rest = chat; !rest.empty();) {
        const auto size = rest.find("\n\n") + 2;
        tap.feed(rest.substr(0, size), now += 1ms);
        rest.remove_prefix(size);
    }
    BOOST_TEST((tap.first_token_at() == start + 3ms));
    BOOST_TEST((tap.last_token_at() == start + 4ms));
}

BOOST_AUTO_TEST_CASE(reasoning_is_told_from_what_else_is_generated_at_every_cut)
{
    const auto shows = [](endpoint where, std::string_view data) {
        const auto text = "data: " + std::string(data) + "\n\n";
        const auto seen = whole(text, where);
        for (std::size_t cut = 1; cut < text.size(); ++cut)
            BOOST_TEST((cut_at(text, cut, where) == seen), data << " cut at " << cut);
        return seen.reasoning;
    };
    using enum endpoint;
    for (const std::string_view delta :
         {R"({"reasoning_content":"hm"})",
          R"({"content":"","reasoning_content":"hm"})",
          R"({"content":"a","reasoning":"hm"})",
          R"({"reasoning_details":[{"text":"hm"}]})"}) {
        const auto data = R"({"choices":[{"index":0,"delta":)" + std::string(delta) + "}]}";
        BOOST_TEST(shows(chat_completions, data), delta);
    }
    for (const std::string_view delta :
         {R"({"role":"assistant","reasoning_content":null})",
          R"({"content":"reasoning","reasoning_content":""})",
          R"({"tool_calls":[{"function":{"name":"reasoning","arguments":""}}]})",
          R"({"content":"a","reasoning":null,"reasoning_details":[]})"}) {
        const auto data = R"({"choices":[{"index":0,"delta":)" + std::string(delta) + "}]}";
        BOOST_TEST(!shows(chat_completions, data), delta);
    }
    BOOST_TEST(shows(responses, R"({"type":"response.reasoning_text.delta","delta":"hm"})"));
    BOOST_TEST(shows(responses, R"({"type":"response.reasoning_summary_text.delta","delta":"h"})"));
    BOOST_TEST(!shows(responses, R"({"type":"response.output_text.delta","delta":"hm"})"));
    BOOST_TEST(!shows(responses, R"({"type":"response.reasoning_text.done","text":"hm"})"));
}

BOOST_AUTO_TEST_CASE(a_text_completion_counts_text)
{
    const std::string text =
        "data: {\"choices\":[{\"text\":\"a\",\"finish_reason\":null}]}\n\n"
        "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n";
    BOOST_TEST(whole(text, endpoint::completions).content_events == 1U);
    BOOST_TEST((whole(text, endpoint::completions).reason == finish::length));
    BOOST_TEST(whole(text, endpoint::chat_completions).content_events == 0U);
}

BOOST_AUTO_TEST_CASE(a_last_word_is_one_when_its_event_is_whole)
{
    const std::string stop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const std::string error = "data: {\"error\":{\"message\":\"x\"}}\n\n";
    const std::string completed = "data: {\"type\":\"response.completed\"}\n\n";
    BOOST_TEST(!whole("").said_all);
    BOOST_TEST(!whole(stop).said_all);
    BOOST_TEST(!whole(stop + "data: [DONE]").said_all);
    BOOST_TEST(!whole(stop + "data: [DONE]\n").said_all);
    BOOST_TEST(whole(stop + "data: [DONE]\n\n").said_all);
    BOOST_TEST(whole(error).said_all);
    BOOST_TEST(whole(completed, endpoint::responses).said_all);
    BOOST_TEST(!whole(completed).said_all);
    BOOST_TEST(!whole("data: [DONE]\n\n", endpoint::responses).said_all);
}

BOOST_AUTO_TEST_CASE(an_end_is_legal_only_when_the_dialect_knows_it)
{
    const std::string token =
        "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":null}]}\n\n";
    BOOST_TEST(!whole("").legal);
    BOOST_TEST(!whole(token).legal);
    BOOST_TEST(whole(token + "data: [DONE]").legal);
    BOOST_TEST(!whole(token + "data: [DON").legal);
    BOOST_TEST(whole("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n").legal);
    BOOST_TEST(!whole("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"\"}]}\n\n").legal);
    BOOST_TEST(!whole(token + "data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]\n\n").legal);
    BOOST_TEST(!whole("data: [DONE]\n\n", endpoint::responses).legal);
    BOOST_TEST(
        whole("data: {\"type\":\"response.completed\",\"response\":{}}\n\n", endpoint::responses)
            .legal);
    BOOST_TEST(
        whole("data: {\"type\":\"response.incomplete\",\"response\":{}}\n\n", endpoint::responses)
            .legal);
    BOOST_TEST(
        !whole("data: {\"response\":{\"type\":\"response.completed\"}}\n\n", endpoint::responses)
             .legal);
}

BOOST_AUTO_TEST_CASE(errors_in_a_stream_are_noticed_in_all_their_forms_at_every_cut)
{
    for (const std::string text :
         {"data: {\"error\":{\"message\":\"x\"}}\n\n",
          "data: {\"choices\":[],\"error\" : \"overloaded\"}\n\n",
          "data: {\"error\":500}\n\n",
          "event: error\ndata: {\"message\":\"x\"}\n\n",
          "event:error\r\ndata: {}\r\n\r\n",
          "error: {\"message\":\"x\"}\n\n",
          "data: {\"choices\":\ndata: [],\"error\":\ndata: {\"message\":1}}\n\n"})
        for (std::size_t cut = 0; cut <= text.size(); ++cut)
            BOOST_TEST(cut_at(text, cut, endpoint::chat_completions).error, text << cut);
    for (const std::string text :
         {"data: {\"type\":\"error\",\"message\":\"x\"}\n\n",
          "event: response.failed\ndata: "
          "{\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"x\"}}}\n\n"})
        for (std::size_t cut = 0; cut <= text.size(); ++cut)
            BOOST_TEST(cut_at(text, cut, endpoint::responses).error, text << cut);
}

BOOST_AUTO_TEST_CASE(what_only_mentions_an_error_is_none)
{
    for (const std::string text :
         {"data: {\"error\":null}\n\n",
          "data: {\"error\":{}}\n\n",
          "data: {\"error\":\"\"}\n\n",
          "data: {\"error\":false}\n\n",
          "data: "
          "{\"choices\":[{\"delta\":{\"content\":\"\\\"error\\\":{\"},\"error\":{\"x\":1}}]}\n\n",
          "event: errors\ndata: {}\n\n",
          "event: err\ndata: {}\n\n",
          ": error\n\n",
          "errors: {}\n\n"})
        for (std::size_t cut = 0; cut <= text.size(); ++cut)
            BOOST_TEST(!cut_at(text, cut, endpoint::chat_completions).error, text << cut);
    BOOST_TEST(!whole(
                    "data: {\"type\":\"response.created\",\"response\":{\"error\":{\"x\":1}}}\n\n",
                    endpoint::responses)
                    .error);
}

BOOST_AUTO_TEST_CASE(the_last_usage_wins_and_null_does_not_erase_it)
{
    const auto event = [](std::string_view value) {
        return "data: {\"choices\":[],\"x_groq\":{\"usage\":" + std::string(value) + "}}\n\n";
    };
    BOOST_TEST(
        whole(
            event("{\"prompt_tokens\":1}") + event("{\"prompt_tokens\":2}") + event("null")
            + event("{}"))
            .tokens.input
        == 2U);
}

BOOST_AUTO_TEST_CASE(usage_counts_only_where_the_answers_own_stands)
{
    const std::string usage = R"("usage":{"input_tokens":0,"output_tokens":0})";
    // What a client asked for is told back in the first events.
    for (const std::string& text :
         {R"({"type":"response.created","response":{"tools":[{"parameters":{)" + usage + "}}]}}",
          R"({"type":"response.created","response":{"metadata":{)" + usage + R"(},"usage":null}})",
          R"({"tools":{)" + usage + R"(},"response":{}})",
          R"({"response":[{)" + usage + "}]}",
          R"({"response":{}}{"tools":{)" + usage + "}}",
          R"([{)" + usage + "}]"})
        for (std::size_t cut = 0; cut <= text.size(); ++cut)
            BOOST_TEST(
                !cut_at("data: " + text + "\n\n", cut, endpoint::responses).tokens.known,
                text << cut);
    const auto completed =
        R"(data: {"type":"response.completed","response":{"tools":[{"x":1}],)" + usage + "}}\n\n";
    for (std::size_t cut = 0; cut <= completed.size(); ++cut)
        BOOST_TEST(cut_at(completed, cut, endpoint::responses).tokens.known, cut);

    for (const std::string& text :
         {R"({"choices":[],"tools":[{)" + usage + "}]}",
          R"({"choices":[{"delta":{"x":{)" + usage + "}}}]}",
          R"({"response":{)" + usage + "}}"})
        BOOST_TEST(!whole("data: " + text + "\n\n").tokens.known, text);
    for (const std::string& text :
         {"{" + usage + "}",
          R"({"choices":[],"x_groq":{)" + usage + "}}",
          R"({"choices":[{"delta":{},)" + usage + "}]}"})
        BOOST_TEST(whole("data: " + text + "\n\n").tokens.known, text);
}

BOOST_AUTO_TEST_CASE(usage_that_content_comes_after_is_early)
{
    const std::string usage = R"("usage":{"prompt_tokens":1,"completion_tokens":2})";
    const std::string token = R"("choices":[{"delta":{"content":"x"}}])";
    const auto event = [](const std::string& members) { return "data: {" + members + "}\n\n"; };
    const auto early = [](const std::string& text) {
        const bool is = whole(text).tokens.early;
        for (std::size_t cut = 0; cut <= text.size(); ++cut)
            BOOST_TEST(
                cut_at(text, cut, endpoint::chat_completions).tokens.early == is, text << cut);
        return is;
    };
    BOOST_TEST(early(event(usage) + event(token)));
    BOOST_TEST(!early(event(token) + event(usage)));
    BOOST_TEST(!early(event(usage) + event(token) + event(usage)));
    BOOST_TEST(!early(event(token + "," + usage)));
    BOOST_TEST(!early(event(usage + "," + token)));
    BOOST_TEST(early(event(usage + "," + token) + event(token)));
    BOOST_TEST(!early(event(token) + event(token)));
}

BOOST_AUTO_TEST_CASE(what_is_not_json_is_counted_and_changes_nothing)
{
    const auto seen =
        whole("data: {\"a\":\n\ndata: }{\n\ndata: hello\n\ndata:\n\ndata: {\"a\":\"\\q\"}\n\n");
    BOOST_TEST(seen.events == 5U);
    BOOST_TEST(seen.malformed == 4U);
    BOOST_TEST(!seen.tokens.known);
}

BOOST_AUTO_TEST_CASE(a_comment_may_stand_only_between_events)
{
    sse_tap tap(endpoint::chat_completions);
    const auto boundary_after = [&](std::string_view bytes) {
        tap.feed(bytes, start);
        return tap.at_event_boundary();
    };
    BOOST_TEST(tap.at_event_boundary());
    BOOST_TEST(!boundary_after("da"));
    BOOST_TEST(!boundary_after("ta: {}"));
    BOOST_TEST(!boundary_after("\n"));
    BOOST_TEST(boundary_after("\n"));
    BOOST_TEST(!boundary_after(": pi"));
    BOOST_TEST(boundary_after("ng\n"));
    BOOST_TEST(!boundary_after("event: x\n"));
    BOOST_TEST(!boundary_after(": ping\n"));
    BOOST_TEST(boundary_after("\r\n"));
}

BOOST_AUTO_TEST_CASE(an_event_of_two_megabytes_is_read_in_any_pieces)
{
    const auto text =
        "data: {\"choices\":[{\"delta\":{\"content\":\"" + std::string(2'000'000, 'x')
        + "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3}}\n\ndata: [DONE]\n\n";
    const auto seen = whole(text);
    BOOST_TEST(seen.tokens.input == 3U);
    BOOST_TEST(seen.content_events == 1U);
    BOOST_TEST(seen.done);
    BOOST_TEST((cut_at_random(text, 5, 70'000, endpoint::chat_completions) == seen));
}

BOOST_AUTO_TEST_CASE(a_usage_object_without_end_is_not_kept_without_bound)
{
    sse_tap tap(endpoint::chat_completions);
    tap.feed(std::string_view("data: {\"usage\":{\"prompt_tokens\":1,\"x\":\""), start);
    const std::string filling_text(10'000, 'x');
    const std::string_view filling = filling_text;
    for (int i = 0; i < 100; ++i)
        tap.feed(filling, start);
    tap.feed(std::string_view("\"}}\n\n"), start);
    BOOST_TEST(!tap.tokens().known);
    BOOST_TEST(tap.malformed_events() == 0U);
}

BOOST_AUTO_TEST_CASE(recorded_streams_are_understood_as_others_understood_them)
{
    std::size_t streams = 0;
    recordings::each("expected.jsonl", [&](const simdjson::dom::element& expected) {
        const auto id = recordings::text(expected, "id");
        const auto format = recordings::text(expected, "format");
        const auto text =
            recordings::read(recordings::folder() / "corpus" / recordings::text(expected, "file"));
        const auto where = format == "openai.responses"     ? endpoint::responses
                           : format == "openai.completions" ? endpoint::completions
                                                            : endpoint::chat_completions;
        const auto seen = whole(text, where);
        for (std::uint64_t seed = 0; seed < 20; ++seed)
            BOOST_TEST(
                (cut_at_random(text, seed, seed % 2 != 0 ? 40 : 1500, where) == seen),
                id << " seed " << seed);
        std::size_t differ = 0;
        for (std::size_t cut = 0; text.size() < 2500 && cut <= text.size(); ++cut)
            differ += !(cut_at(text, cut, where) == seen);
        BOOST_TEST(differ == 0U, id);
        if (format.starts_with("openai")) {
            BOOST_TEST(seen.events == std::uint64_t(expected["n_data"]), id);
            BOOST_TEST(seen.malformed == std::uint64_t(expected["bad"]), id);
            const bool done = expected["done"];
            BOOST_TEST((where == endpoint::responses ? seen.legal : seen.done) == done, id);
            const auto reason = recordings::text(expected, "finish");
            BOOST_TEST((reason.empty() ? "none" : reason) == label_of(seen.reason), id);
            BOOST_TEST(seen.error != expected["error"].is_null(), id);
            const auto tokens = expected["tokens"];
            BOOST_TEST(seen.tokens.known != tokens.is_null(), id);
            const auto same = [&](std::string_view name, std::uint64_t count) {
                std::uint64_t want = 0;
                if (!tokens.is_null() && tokens[name].get(want) == simdjson::SUCCESS)
                    BOOST_TEST(count == want, id << " " << name);
            };
            same("prompt", seen.tokens.input);
            same("completion", seen.tokens.output);
            same("cached", seen.tokens.cached_input);
            same("reasoning", seen.tokens.reasoning);
            const bool has_text = std::uint64_t(expected["text_len"]) != 0
                                  || expected["tool_calls"].get_array().size() != 0;
            if (has_text)
                BOOST_TEST(seen.content_events != 0U, id);
        }
        ++streams;
    });
    BOOST_TEST_MESSAGE(streams << " recorded streams");
}

BOOST_AUTO_TEST_SUITE_END()
