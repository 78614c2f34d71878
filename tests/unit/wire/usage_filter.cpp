#include "recordings.hpp"
#include <sluice/base/random.hpp>
#include <sluice/wire/usage_filter.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(usage_filters)

using namespace sluice::wire;

namespace {

std::string filtered(const std::vector<std::string_view>& pieces)
{
    usage_filter filter;
    std::vector<std::string_view> out;
    std::string sent;
    for (const auto piece : pieces) {
        filter.process(piece, out);
        for (const auto bytes : out)
            sent += bytes;
        BOOST_TEST_REQUIRE(filter.held_bytes() <= usage_filter::max_held_bytes);
    }
    filter.finish(out);
    for (const auto bytes : out)
        sent += bytes;
    return sent;
}

std::string filtered_at_random(std::string_view text, std::uint64_t seed)
{
    sluice::random_engine draw(seed);
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < text.size(); at += pieces.back().size())
        pieces.push_back(text.substr(at, draw() % (seed % 2 != 0 ? 40 : 1500) + 1));
    return filtered(pieces);
}

void same_at_every_cut(const std::string& text, const std::string& want)
{
    const std::string_view view = text;
    for (std::size_t cut = 0; cut <= text.size(); ++cut)
        BOOST_TEST_REQUIRE(
            filtered({view.substr(0, cut), view.substr(cut)}) == want, "cut at " << cut);
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < text.size(); ++i)
        bytes.push_back(view.substr(i, 1));
    BOOST_TEST(filtered(bytes) == want);
}

const std::string token =
    "data: "
    "{\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":null}],\"usage\":null}\n\n";
const std::string last =
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
const std::string usage_chunk =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7}}\n\n";
const std::string end_mark = "data: [DONE]\n\n";

std::string with_line_ends(std::string text, std::string_view line_end)
{
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += line_end.size())
        text.replace(at, 1, line_end);
    return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_usage_event_goes_and_every_other_byte_stays)
{
    for (const auto* const line_end : {"\n", "\r\n", "\r"})
        same_at_every_cut(
            with_line_ends(
                token + ": ping\n\n" + last + ": ping\n\n" + usage_chunk + end_mark, line_end),
            with_line_ends(token + ": ping\n\n" + last + ": ping\n\n" + end_mark, line_end));
}

BOOST_AUTO_TEST_CASE(a_usage_event_without_its_blank_line_goes_too)
{
    const auto cut_short = usage_chunk.substr(0, usage_chunk.size() - 2);
    same_at_every_cut(last + cut_short, last);
    same_at_every_cut(last + cut_short + "\n", last);
}

BOOST_AUTO_TEST_CASE(events_that_only_resemble_it_stay)
{
    same_at_every_cut(usage_chunk + token + last, usage_chunk + token + last);
    for (const std::string other :
         {"data: {\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":5}}\n\n",
          "data: {\"choices\":[],\"usage\":null}\n\n",
          "data: {\"choices\":[],\"x\":{\"usage\":{\"a\":1}}}\n\n",
          "data: {\"x\":{\"choices\":[]},\"usage\":{\"a\":1}}\n\n",
          "data: {\"choices\":[],\"usage\":{\"a\":1},\"error\":{\"message\":\"x\"}}\n\n",
          "data: {\"choices\":[],\"usage\":{\"a\":1}\n\n",
          "data: x\n\n",
          "event: ping\nid: 7\ndata\n\n",
          "\n\n\n",
          "data: {\"choices\":[],\"usage\":"})
        same_at_every_cut(last + other + end_mark, last + other + end_mark);
}

BOOST_AUTO_TEST_CASE(an_event_in_several_lines_is_one_event)
{
    same_at_every_cut(
        last + "event: x\ndata: {\"choices\":[],\ndata: \"usage\":{\"a\":1}}\n\n" + end_mark,
        last + end_mark);
}

BOOST_AUTO_TEST_CASE(nothing_is_held_before_a_finish_reason)
{
    usage_filter filter;
    std::vector<std::string_view> out;
    filter.process("data: {\"choices\":[],\"us", out);
    BOOST_TEST(filter.held_bytes() == 0U);
    BOOST_TEST_REQUIRE(out.size() == 1U);
    filter.process("age\":null}\n\n" + last, out);
    filter.process("data: {\"choices\":[],\"us", out);
    BOOST_TEST(out.empty());
    BOOST_TEST(filter.held_bytes() == 23U);
    filter.process("age\":{}}\n\ndata: [DONE]\n\n", out);
    BOOST_TEST_REQUIRE(out.size() == 1U);
    BOOST_TEST(out[0] == end_mark);
    BOOST_TEST(filter.removed_events() == 1U);
}

BOOST_AUTO_TEST_CASE(the_end_mark_is_never_held)
{
    usage_filter filter;
    std::vector<std::string_view> out;
    filter.process(last, out);
    filter.process("data: [", out);
    BOOST_TEST_REQUIRE(out.size() == 1U);
    BOOST_TEST(out[0] == "data: [");
}

BOOST_AUTO_TEST_CASE(blanks_around_the_json_change_nothing)
{
    same_at_every_cut(
        last + "data:   { \"choices\" : [ ] , \"usage\" : {} }  \n\n" + end_mark, last + end_mark);
}

BOOST_AUTO_TEST_CASE(several_events_can_be_let_go_by_one_piece)
{
    const std::string odd = "data: {\"choices\":[],\"x\":1}\nid: 1\n\n";
    const auto text = last + odd + odd + odd + end_mark;
    same_at_every_cut(text, text);
}

BOOST_AUTO_TEST_CASE(an_event_beyond_the_bound_is_let_go_unchanged)
{
    const auto big = "data: {\"choices\":[],\"usage\":{\"a\":\""
                     + std::string(usage_filter::max_held_bytes, 'x') + "\"}}\n\n";
    const auto text = last + big + end_mark;
    const std::string_view view = text;
    const auto cut = text.size() - 40;
    BOOST_TEST((filtered({view.substr(0, cut), view.substr(cut)}) == text));
}

BOOST_AUTO_TEST_CASE(recorded_streams_lose_their_usage_event_at_any_cut_and_nothing_else)
{
    std::size_t removed = 0;
    recordings::each("expected.jsonl", [&](const simdjson::dom::element& expected) {
        const auto format = recordings::text(expected, "format");
        if (format != "openai.chat" && format != "openai.completions")
            return;
        const auto id = recordings::text(expected, "id");
        const auto text =
            recordings::read(recordings::folder() / "corpus" / recordings::text(expected, "file"));
        const auto want = filtered({text});
        BOOST_TEST(want.size() <= text.size());
        removed += want.size() < text.size();
        for (std::uint64_t seed = 0; seed < 20; ++seed)
            BOOST_TEST(filtered_at_random(text, seed) == want, id << " seed " << seed);
    });
    BOOST_TEST_MESSAGE(removed << " recorded streams had a usage event to remove");
}

BOOST_AUTO_TEST_SUITE_END()
