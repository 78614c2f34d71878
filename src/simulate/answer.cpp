#include <sluice/base/text.hpp>
#include <sluice/simulate/answer.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace sluice::simulate {
namespace {

constexpr std::array<std::string_view, 16> words{
    "the",
    "river",
    "opens",
    "its",
    "gate",
    "and",
    "water",
    "finds",
    "every",
    "level",
    "slowly",
    "while",
    "boats",
    "wait",
    "for",
    "light"};
constexpr std::array<std::string_view, 8> long_words{
    "größer", "naïve", "日本語", "水門", "façade", "🙂", "Ελλάδα", "señal"};

// Pieces that end before each space, so that every piece but the first begins with one.
std::vector<std::string> split_words(std::string_view text)
{
    std::vector<std::string> pieces;
    while (!text.empty()) {
        const auto end = text.find(' ', 1);
        pieces.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end);
    }
    return pieces;
}

// Pieces of about a token's size that split no character.
void split_json(std::string_view text, std::vector<std::string>& pieces)
{
    while (!text.empty()) {
        std::size_t end = std::min<std::size_t>(6, text.size());
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U)
            ++end;
        pieces.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

std::vector<std::string> generate(const behaviour& how, std::string_view name, random_engine& draws)
{
    std::vector<std::string> pieces{std::string(name) + ':'};
    while (pieces.size() < how.tokens) {
        const auto draw = draws();
        const auto word =
            how.half_utf8 ? long_words[draw % long_words.size()] : words[draw % words.size()];
        pieces.push_back(' ' + std::string(word));
    }
    if (how.half_utf8)
        pieces.front() += " «";
    if (how.big_event_bytes > 0)
        pieces.insert(pieces.begin() + 1, std::string(how.big_event_bytes, 'x'));
    return pieces;
}

// Ends the text before the first stop string, wherever in a piece it begins.
void apply_stops(const std::vector<std::string>& stops, choice& said)
{
    const std::string whole = said.text();
    std::size_t end = whole.size();
    for (const auto& stop : stops)
        end = std::min(end, whole.find(stop));
    for (std::size_t i = 0, from = 0; i < said.tokens.size(); ++i) {
        if (from + said.tokens[i].size() > end) {
            said.tokens[i].resize(end - from);
            said.tokens.resize(i + (said.tokens[i].empty() ? 0U : 1U));
            return;
        }
        from += said.tokens[i].size();
    }
}

choice make_choice(
    const api_request& request, const behaviour& how, std::string_view name, random_engine& draws)
{
    choice said;
    if (!request.calls.empty()) {
        said.calls = request.calls;
        said.finish = "tool_calls";
        for (const auto& call : said.calls)
            split_json(call.arguments, said.tokens);
        return said;
    }
    if (request.json)
        split_json(*request.json, said.tokens);
    else if (request.echo)
        said.tokens = split_words(*request.echo);
    else
        said.tokens = generate(how, name, draws);
    apply_stops(request.stops, said);
    if (request.max_tokens && said.tokens.size() > *request.max_tokens) {
        said.tokens.resize(*request.max_tokens);
        said.finish = "length";
    }
    return said;
}

std::string draw_id(random_engine& draws)
{
    std::array<std::uint8_t, 12> bytes{};
    for (auto& byte : bytes)
        byte = static_cast<std::uint8_t>(draws());
    return hex(bytes.data(), bytes.size());
}

std::string or_null(const std::string& text)
{
    return text.empty() ? "null" : json_string(text);
}

}  // namespace

std::string choice::text() const
{
    std::string all;
    for (const auto& token : tokens)
        all += token;
    return all;
}

answer make_answer(
    const api_request& request,
    const behaviour& how,
    std::string_view name,
    std::int64_t created,
    random_engine& draws)
{
    answer made;
    made.id = draw_id(draws);
    made.created = created;
    made.model = request.model;
    made.name = name;
    made.usage.prompt = std::max<std::size_t>(1, request.prompt_bytes / 4);
    for (std::uint32_t i = 0; i < request.choices; ++i) {
        made.choices.push_back(make_choice(request, how, name, draws));
        made.usage.completion += made.choices.back().tokens.size();
    }
    return made;
}

bool too_much(const api_request& request, const behaviour& how)
{
    // A token is an event with an object of its own; the text stands in it beside.
    constexpr std::uint64_t token_bytes = 64;
    constexpr std::uint64_t most_bytes = 128U << 20U;
    std::uint64_t tokens = how.tokens;
    std::uint64_t bytes = how.big_event_bytes;
    if (request.echo) {
        tokens = 1 + static_cast<std::uint64_t>(std::ranges::count(*request.echo, ' '));
        bytes = request.echo->size();
    }
    if (request.json) {
        tokens = request.json->size() / 6;
        bytes = request.json->size();
    }
    for (const auto& call : request.calls) {
        tokens += call.arguments.size() / 6;
        bytes += call.name.size() + call.arguments.size();
    }
    return request.choices * (tokens * token_bytes + bytes) > most_bytes;
}

std::string error_body(const refusal& why)
{
    return R"({"error":{"message":)" + json_string(why.message) + R"(,"type":)"
           + json_string(why.type) + R"(,"param":)" + or_null(why.param) + R"(,"code":)"
           + or_null(why.code) + "}}";
}

std::string usage_json(const token_usage& usage)
{
    return R"({"prompt_tokens":)" + std::to_string(usage.prompt) + R"(,"completion_tokens":)"
           + std::to_string(usage.completion) + R"(,"total_tokens":)"
           + std::to_string(usage.prompt + usage.completion)
           + R"(,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}})";
}

std::string json_string(std::string_view text)
{
    return '"' + json_escaped(text) + '"';
}

}  // namespace sluice::simulate
