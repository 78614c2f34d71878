#include "json_text.hpp"
#include "json_walk.hpp"
#include <sluice/base/text.hpp>
#include <sluice/wire/request.hpp>

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <span>

namespace sluice::wire {
namespace {

constexpr std::size_t keep_capacity = 1024 * 1024;
constexpr std::size_t least_capacity = 16 * 1024;
// The members the gateway acts on; include_usage stands in stream_options, the others at the top.
enum member : unsigned {
    model,
    stream,
    stream_options,
    max_tokens,
    max_completion_tokens,
    max_output_tokens,
    n,
    best_of,
    prompt,
    user,
    safety_identifier,
    include_usage,
    member_count
};

constexpr std::array<std::string_view, member_count> member_names{
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "best_of",
    "prompt",
    "user",
    "safety_identifier",
    "include_usage"};

// As Go's encoding/json matches names: without case, for which Unicode's simple folding knows two
// letters beyond ASCII too.
constexpr bool folds_to(std::string_view member, std::string_view name) noexcept
{
    constexpr std::string_view long_s = "\u017f";
    constexpr std::string_view kelvin = "\u212a";
    for (const char c : member) {
        if (c == 's' && name.starts_with(long_s))
            name.remove_prefix(long_s.size());
        else if (c == 'k' && name.starts_with(kelvin))
            name.remove_prefix(kelvin.size());
        else if (!name.empty() && lower(name.front()) == c)
            name.remove_prefix(1);
        else
            return false;
    }
    return name.empty();
}

// Also one that differs in case.
constexpr member find_member(std::string_view name) noexcept
{
    for (unsigned i = 0; i < member_count; ++i)
        if (iequals(member_names[i], name))
            return static_cast<member>(i);
    if (std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
        return member_count;
    for (unsigned i = 0; i < member_count; ++i)
        if (folds_to(member_names[i], name))
            return static_cast<member>(i);
    return member_count;
}

// At most max_max_tokens.
constexpr std::uint64_t times(std::uint64_t a, std::uint64_t b) noexcept
{
    return a > max_max_tokens / b ? max_max_tokens : a * b;
}

constexpr refusal not_json{errc::invalid_json, {}, "the body is not a valid JSON object"};
constexpr refusal not_utf8{errc::invalid_json, {}, "the body is not valid UTF-8"};
constexpr refusal too_large{errc::invalid_json, {}, "the body is too large to be read as JSON"};

// Reads the top level of one body.
class fact_reader {
public:
    fact_reader(
        json_walk walk,
        bool has_escapes,
        std::span<char> model_space,
        std::string& user_space) noexcept
        : walk_(walk),
          has_escapes_(has_escapes),
          model_space_(model_space),
          user_space_(user_space)
    {
    }

    [[nodiscard]] parse_result read(endpoint where)
    {
        facts_.where = where;
        const auto first = walk_.offset();
        if (!read_object(1) || !walk_.at_end())
            return why_;
        if (!has(model))
            return refusal{
                errc::missing_required_parameter,
                member_names[model],
                "the member model is missing"};
        const bool can_report =
            where == endpoint::chat_completions || where == endpoint::completions;
        if (!can_report || !facts_.stream)
            facts_.edit = usage_edit::none;
        else if (!options_seen_)
            edit(usage_edit::insert_member, {first + 1, 0});
        facts_.answers = times(each_prompts_, prompts_);
        return facts_;
    }

private:
    [[nodiscard]] bool has(member which) const noexcept { return (seen_ >> which & 1U) != 0; }
    void edit(usage_edit what, byte_range where) noexcept
    {
        facts_.edit = what;
        facts_.edit_at = where;
    }
    bool refuse(errc code, member which, std::string_view message) noexcept
    {
        why_ = {code, member_names[which], message};
        return false;
    }

    // depth 1: the body; 2: stream_options.
    bool read_object(std::size_t depth)
    {
        if (!walk_.take('{'))
            return false;
        if (walk_.take('}'))
            return true;
        do {
            if (walk_.peek() != '"')
                return false;
            auto name = walk_.token();
            if (!walk_.take('"') || !walk_.take(':'))
                return false;
            name = name.substr(1, name.size() - 2);
            if (!read_member(name, depth))
                return false;
        } while (walk_.take(','));
        return walk_.take('}');
    }

    bool read_member(std::string_view name, std::size_t depth)
    {
        std::array<char, 32> space;
        bool escaped = false;
        if (has_escapes_ && name.find('\\') != std::string_view::npos) {
            name = unescape(name, space).value_or(std::string_view{});
            escaped = true;
        }
        const auto which = find_member(name);
        if (which == member_count || (which == include_usage) != (depth == 2)
            || (which == prompt && facts_.where != endpoint::completions))
            return walk_.skip_value(depth);
        if (escaped || name != member_names[which] || has(which))
            return refuse(
                errc::duplicate_parameter,
                which,
                escaped      ? "the name of this member must not be written with escapes"
                : has(which) ? "the member is given more than once"
                             : "the name of this member must be in lower case");
        seen_ |= 1U << which;
        return read_value(which, depth);
    }

    bool read_value(member which, std::size_t depth)
    {
        if (which == stream_options && walk_.peek() == '{')
            return read_options();
        if (which == prompt && walk_.peek() == '[')
            return read_prompts(depth + 1);
        const auto first = walk_.peek();
        if (walk_.at_end())
            return false;
        const auto at = walk_.offset();
        const auto token = walk_.token();
        if (!walk_.skip_value(depth))
            return false;
        const bool null = first == 'n';
        switch (which) {
        case model:
            return read_model(first, at, token);
        case stream:
            facts_.stream = first == 't';
            return null || first == 't' || first == 'f'
                   || refuse(errc::invalid_type, which, "stream must be true or false");
        case stream_options:
            options_seen_ = true;
            edit(usage_edit::replace_options, {at, token.size()});
            return null || refuse(errc::invalid_type, which, "stream_options must be an object");
        case include_usage:
            facts_.client_asked_usage = first == 't';
            edit(
                first == 't' ? usage_edit::none : usage_edit::replace_include_usage,
                {at, token.size()});
            return null || first == 't' || first == 'f'
                   || refuse(errc::invalid_type, which, "include_usage must be true or false");
        case user:
        case safety_identifier:
            return null || read_user(which, first, token);
        case n:
        case best_of:
            return null || read_count(which, token, each_prompts_);
        case prompt:
            return true;
        default:
            return null || read_max_tokens(which, token);
        }
    }

    bool read_options()
    {
        options_seen_ = true;
        const auto behind_bracket = walk_.offset() + 1;
        auto empty = walk_;
        const bool is_empty = empty.take('{') && empty.peek() == '}';
        if (!read_object(2))
            return false;
        if (!has(include_usage))
            edit(
                is_empty ? usage_edit::insert_only_option : usage_edit::insert_option,
                {behind_bracket, 0});
        return true;
    }

    bool read_model(char first, std::size_t at, std::string_view token)
    {
        if (first != '"')
            return refuse(errc::invalid_type, model, "model must be a string");
        facts_.model_token = {at, token.size()};
        facts_.model = token.substr(1, token.size() - 2);
        if (has_escapes_ && facts_.model.find('\\') != std::string_view::npos)
            facts_.model = unescape(facts_.model, model_space_).value_or(std::string_view{});
        if (facts_.model.empty() || facts_.model.size() > max_model_bytes)
            return refuse(errc::invalid_type, model, "model must have 1 to 256 bytes");
        if (std::ranges::any_of(facts_.model, [](char c) {
                return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
            }))
            return refuse(errc::invalid_type, model, "model must not hold control characters");
        return true;
    }

    bool read_user(member which, char first, std::string_view token)
    {
        if (first != '"')
            return refuse(errc::invalid_type, which, "the member must be a string");
        if (which == safety_identifier && !facts_.user.empty())
            return true;
        facts_.user = token.substr(1, token.size() - 2);
        if (has_escapes_ && facts_.user.find('\\') != std::string_view::npos) {
            user_space_.resize(std::max(user_space_.size(), facts_.user.size()));
            const auto plain = unescape(facts_.user, user_space_);
            if (!plain)
                return refuse(
                    errc::invalid_type, which, "the member must be a string of characters");
            facts_.user = *plain;
        }
        return true;
    }

    // Texts or lists of tokens, one prompt each; or one prompt's tokens.
    bool read_prompts(std::size_t depth)
    {
        std::uint64_t count = 0;
        if (!walk_.take('['))
            return false;
        if (walk_.take(']'))
            return true;
        do {
            count += walk_.peek() == '"' || walk_.peek() == '[' ? 1 : 0;
            if (!walk_.skip_value(depth))
                return false;
        } while (walk_.take(','));
        prompts_ = std::max(count, prompts_);
        return walk_.take(']');
    }

    bool read_max_tokens(member which, std::string_view token)
    {
        std::uint64_t most = facts_.max_tokens.value_or(0);
        if (!read_count(which, token, most))
            return false;
        facts_.max_tokens = most;
        return true;
    }

    // The greater of the two.
    bool read_count(member which, std::string_view token, std::uint64_t& most)
    {
        std::uint64_t count = 0;
        const char* const end = token.data() + token.size();
        const auto [behind, error] = std::from_chars(token.data(), end, count);
        if (error != std::errc{} || behind != end || count > max_max_tokens)
            return refuse(
                errc::invalid_type, which, "the member must be an integer from 0 to 2^53");
        most = std::max(count, most);
        return true;
    }

    json_walk walk_;
    bool has_escapes_;
    std::span<char> model_space_;
    std::string& user_space_;
    request_facts facts_;
    refusal why_ = not_json;
    unsigned seen_ = 0;
    std::uint64_t prompts_ = 1;
    std::uint64_t each_prompts_ = 1;  // answers
    bool options_seen_ = false;
};

}  // namespace

request_parser::request_parser() = default;
request_parser::~request_parser() = default;
request_parser::request_parser(request_parser&&) noexcept = default;
request_parser& request_parser::operator=(request_parser&&) noexcept = default;

int request_parser::first_stage(std::string_view body)
{
    // The capacity only ever grows here, and by powers of two, so that bodies of like sizes share
    // it.
    if (!stage_ || stage_->capacity() < body.size()) {
        const auto capacity = std::bit_ceil(std::max(body.size(), least_capacity));
        const auto failed =
            stage_ ? stage_->set_capacity(capacity)
                   : simdjson::get_active_implementation()->create_dom_parser_implementation(
                         capacity, 1, stage_);
        if (failed)
            return failed;
    }
    return stage_->stage1(
        reinterpret_cast<const std::uint8_t*>(body.data()),
        body.size(),
        simdjson::stage1_mode::regular);
}

parse_result request_parser::parse(endpoint where, std::string_view body)
{
    if (body.empty())
        return refusal{errc::invalid_json, {}, "the body is empty"};
    if (body.size() > simdjson::SIMDJSON_MAXSIZE_BYTES / 2)
        return too_large;
    const auto failed = first_stage(body);
    if (failed == simdjson::MEMALLOC || failed == simdjson::CAPACITY)
        return too_large;
    if (failed == simdjson::UTF8_ERROR)
        return not_utf8;
    if (failed)
        return not_json;
    const auto escaped = check_escapes(body);
    if (escaped == escapes::invalid)
        return not_json;
    const json_walk walk(body, stage_->structural_indexes.get(), stage_->n_structural_indexes);
    auto answer = fact_reader(walk, escaped == escapes::valid, model_, user_).read(where);
    if (stage_->capacity() > keep_capacity)
        static_cast<void>(stage_->set_capacity(least_capacity));
    return answer;
}

}  // namespace sluice::wire
