#include "json_text.hpp"
#include <sluice/base/text.hpp>
#include <sluice/wire/json_watch.hpp>
#include <sluice/wire/key_finder.hpp>
#include <sluice/wire/reported_error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <vector>

namespace sluice::wire {
namespace {

// error.code, error.type and the like; OpenAI, Anthropic, Azure, Gemini, DashScope, new-api.
constexpr std::array<std::string_view, 9> quota_codes{
    "insufficient_quota",
    "billing_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "enforced_spend_limit_reached",
    "insufficient_user_quota",
    "insufficient_balance",
    "insufficient_credits",
    "arrearage"};
constexpr std::array<std::string_view, 8> rate_codes{
    "rate_limit_exceeded",
    "rate_limit_error",
    "rate_limit_reached_error",
    "resource_exhausted",
    "too_many_requests",
    "throttling",
    "requests",
    "tokens"};
constexpr std::array<std::string_view, 3> context_codes{
    "context_length_exceeded", "context_window_exceeded", "model_context_window_exceeded"};
constexpr std::array<std::string_view, 7> policy_codes{
    "content_policy_violation",
    "content_filter",
    "content_filter_error",
    "moderation_blocked",
    "data_inspection_failed",
    "datainspectionfailed",
    "sensitive_words_detected"};

constexpr std::array<std::string_view, 3> quota_words{
    "credit balance is too low", "insufficient balance", "insufficient credits"};
constexpr std::array<std::string_view, 11> context_words{
    "maximum context length",
    "context length exceeded",
    "exceeds the context window",
    "exceed context limit",
    "exceeds the model's context",
    "context_length_exceeded",
    "prompt is too long",
    "input is too long",
    "reduce the length of the messages",
    "exceeds the maximum number of tokens",
    "larger than the maximum context"};
constexpr std::array<std::string_view, 3> policy_words{
    "content management policy", "rejected as a result of our safety system", "content policy"};

bool one_of(std::string_view value, std::span<const std::string_view> lower_case) noexcept
{
    return std::ranges::any_of(
        lower_case, [&](std::string_view each) { return iequals(value, each); });
}

bool contains_one(std::string_view text, std::span<const std::string_view> lower_case) noexcept
{
    const auto same = [](char a, char b) { return lower(a) == b; };
    return std::ranges::any_of(lower_case, [&](std::string_view each) {
        return std::search(text.begin(), text.end(), each.begin(), each.end(), same) != text.end();
    });
}

// The values of the members of this name, wherever they stand: texts without their quotes, numbers.
std::vector<std::string_view> values_of(std::string_view body, std::string_view name)
{
    std::vector<std::string_view> found;
    key_finder finder(name);
    const char* p = body.data();
    const char* const end = p + body.size();
    while (finder.next(p, end)) {
        const bool text = *p == '"';
        const char* const begin = p + (text ? 1 : 0);
        p = begin;
        while (p != end && (text ? *p != '"' : *p >= '0' && *p <= '9'))
            p += *p == '\\' && end - p > 1 ? 2 : 1;
        if (p != begin)
            found.emplace_back(begin, static_cast<std::size_t>(p - begin));
    }
    return found;
}

error_kind kind_of_code(std::string_view code) noexcept
{
    if (one_of(code, quota_codes))
        return error_kind::quota;
    if (one_of(code, context_codes))
        return error_kind::context_length;
    if (one_of(code, policy_codes))
        return error_kind::content_policy;
    return one_of(code, rate_codes) ? error_kind::rate_limit : error_kind::other;
}

// What is more exact counts: spent money is also spelled as a rate limit by some.
int rank(error_kind kind) noexcept
{
    if (kind == error_kind::other)
        return 0;
    return kind == error_kind::rate_limit ? 1 : 2;
}

unsigned status_in(std::string_view number) noexcept
{
    unsigned value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value);
    return value >= 400 && value <= 599 ? value : 0;
}

error_kind kind_of_words(std::string_view words) noexcept
{
    if (contains_one(words, quota_words))
        return error_kind::quota;
    if (contains_one(words, context_words))
        return error_kind::context_length;
    return contains_one(words, policy_words) ? error_kind::content_policy : error_kind::other;
}

}  // namespace

reported_error read_error(std::string_view body)
{
    reported_error said;
    for (const auto name : {"code", "type", "status", "error_code"}) {
        for (const auto value : values_of(body, name)) {
            const auto kind = kind_of_code(value);
            if (rank(kind) > rank(said.kind))
                said.kind = kind;
            if (said.status == 0)
                said.status = status_in(value);
        }
    }
    if (const auto messages = values_of(body, "message"); !messages.empty())
        said.message = messages.front();
    if (rank(said.kind) < 2)
        if (const auto kind = kind_of_words(said.message); rank(kind) > rank(said.kind))
            said.kind = kind;
    return said;
}

bool is_error_body(std::string_view body)
{
    key_finder quick("error");
    const char* p = body.data();
    const char* const end = p + body.size();
    if (!quick.next(p, end))
        return false;
    json_watch watch;
    p = body.data();
    for (;;) {
        const auto hit = watch.next(p, end);
        if (hit == json_watch::hit::none)
            return false;
        if (hit == json_watch::hit::value_end)
            return is_truthy(watch.value());
        if (watch.depth() == 1 && watch.name() == "error")
            watch.follow();
    }
}

}  // namespace sluice::wire
