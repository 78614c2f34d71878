#include "printing.hpp"
#include "recordings.hpp"
#include <sluice/wire/body_tap.hpp>
#include <sluice/wire/endpoint.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(body_taps)

using namespace sluice::wire;

namespace {

usage tapped(std::string_view body, std::size_t cut, endpoint where = endpoint::chat_completions)
{
    body_tap tap(where);
    tap.feed(body.substr(0, cut));
    tap.feed(body.substr(cut));
    return tap.tokens();
}

usage byte_by_byte(std::string_view body)
{
    body_tap tap(endpoint::chat_completions);
    for (std::size_t i = 0; i < body.size(); ++i)
        tap.feed(body.substr(i, 1));
    return tap.tokens();
}

}  // namespace

BOOST_AUTO_TEST_CASE(usage_is_found_at_every_cut)
{
    constexpr std::string_view body =
        R"({"choices":[{"message":{"content":"say \"usage\":{\"prompt_tokens\":9} \\"}}],"x":["usage"],"usage" : )"
        R"({"prompt_tokens":5,"completion_tokens":6,"s":"}{\"","total_tokens":11},"xusage":{"prompt_tokens":8}})";
    const usage want{.input = 5, .output = 6, .total = 11, .known = true};
    for (std::size_t cut = 0; cut <= body.size(); ++cut)
        BOOST_TEST((tapped(body, cut) == want), cut);
    BOOST_TEST((byte_by_byte(body) == want));
}

BOOST_AUTO_TEST_CASE(the_last_usage_that_counts_tokens_wins)
{
    BOOST_TEST(
        tapped(
            R"({"usage":{"prompt_tokens":1},"a":{"usage":{"prompt_tokens":2}},"usage":null,"b":{"usage":{"bytes":3}}})",
            0)
            .input
        == 2U);
}

BOOST_AUTO_TEST_CASE(a_name_that_only_ends_like_it_is_none)
{
    for (const auto body :
         {R"({"a\"usage":{"prompt_tokens":1}})",
          R"({"x":"\"usage\":{\"prompt_tokens\":1}"})",
          R"({"usages":{"prompt_tokens":1}})",
          R"(["usage",{"prompt_tokens":1}])"}) {
        const std::string_view text = body;
        for (std::size_t cut = 0; cut <= text.size(); ++cut)
            BOOST_TEST(!tapped(text, cut).known, text << cut);
    }
}

BOOST_AUTO_TEST_CASE(what_a_response_tells_back_of_its_request_has_no_usage)
{
    constexpr auto where = endpoint::responses;
    const std::string own = R"("usage":{"input_tokens":5,"output_tokens":6})";
    const std::string told = R"("tools":[{"parameters":{"usage":{"input_tokens":0}}}])";
    const usage want{.input = 5, .output = 6, .known = true};
    for (const auto& body : {"{" + own + "," + told + "}", "{" + told + " , " + own + "}"})
        for (std::size_t cut = 0; cut <= body.size(); ++cut)
            BOOST_TEST((tapped(body, cut, where) == want), body << cut);
    const auto cut_off = "{" + told + R"(,"usage":null,"temp)";
    for (std::size_t cut = 0; cut <= cut_off.size(); ++cut)
        BOOST_TEST(!tapped(cut_off, cut, where).known, cut);
}

BOOST_AUTO_TEST_CASE(a_usage_object_beyond_the_bound_is_ignored_and_the_next_is_read)
{
    const auto big = R"({"usage":{"prompt_tokens":1,"s":")"
                     + std::string(body_tap::max_object_bytes, 'x') + R"("})";
    for (const std::size_t cut : {std::size_t{0}, std::size_t{20}, std::size_t{4000}}) {
        BOOST_TEST(!tapped(big + "}", cut).known);
        BOOST_TEST(tapped(big + R"(,"usage":{"prompt_tokens":2}})", cut).input == 2U);
    }
}

BOOST_AUTO_TEST_CASE(the_usage_of_recorded_answers_is_found_whole_and_byte_by_byte)
{
    recordings::each("index.jsonl", [&](const simdjson::dom::element& record) {
        const auto api = recordings::text(record, "api");
        if (recordings::text(record, "kind") != "response"
            || (api != "chat.completions" && api != "responses" && api != "embeddings"))
            return;
        const auto text =
            recordings::read(recordings::folder() / "corpus" / recordings::text(record, "file"));
        simdjson::dom::parser oracle;
        simdjson::dom::element full;
        simdjson::dom::element counts;
        if (oracle.parse(text).get(full) != simdjson::SUCCESS
            || full["usage"].get(counts) != simdjson::SUCCESS)
            return;
        std::uint64_t input = 0;
        if (counts["prompt_tokens"].get(input) != simdjson::SUCCESS
            && counts["input_tokens"].get(input) != simdjson::SUCCESS)
            return;
        const auto whole = tapped(text, 0);
        BOOST_TEST(whole.known);
        BOOST_TEST(whole.input == input, recordings::text(record, "id"));
        BOOST_TEST((byte_by_byte(text) == whole));
    });
}

BOOST_AUTO_TEST_SUITE_END()
