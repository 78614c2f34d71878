#include "json_text.hpp"
#include <sluice/base/text.hpp>
#include <sluice/wire/json_watch.hpp>
#include <sluice/wire/key_finder.hpp>
#include <sluice/wire/reported_error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

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
// Anthropic says it with 400 and no code of its own.
constexpr std::array<std::string_view, 1> quota_sentences{
    "your credit balance is too low to access the anthropic api. "
    "please go to plans & billing to upgrade or purchase credits."};
constexpr std::array<std::string_view, 4> code_names{"code", "type", "status", "error_code"};
constexpr std::array<std::string_view, 7> parts_of_an_error{
    "error", "errors", "detail", "details", "response", "data", "x_groq"};
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

struct error_member {
    std::string_view name;
    std::string_view value;  // a text without its quotes, a number, or empty
};

// Texts and numbers only.
std::string_view scalar_at(const char* p, const char* end) noexcept
{
    const bool text = *p == '"';
    const char* const begin = p + (text ? 1 : 0);
    p = begin;
    while (p != end && (text ? *p != '"' : *p >= '0' && *p <= '9'))
        p += *p == '\\' && end - p > 1 ? 2 : 1;
    return {begin, static_cast<std::size_t>(p - begin)};
}

// Of the error itself and of what providers wrap it in, but not of anything else inside: that may
// be a piece of the request. Names are good until the next one.
template <class Use>
void each_member(std::string_view body, Use use)
{
    constexpr std::uint32_t nothing = ~std::uint32_t{0};
    json_watch watch;
    const char* p = body.data();
    const char* const end = p + body.size();
    std::uint32_t foreign = nothing;  // the depth of the member whose inside is passed over
    while (watch.next(p, end) == json_watch::hit::member) {
        if (watch.depth() > foreign)
            continue;
        foreign = nothing;
        if (*p != '{' && *p != '[')
            use(error_member{watch.name(), scalar_at(p, end)});
        else if (!one_of(watch.name(), parts_of_an_error))
            foreign = watch.depth();
    }
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

bool tells_of_money(std::string_view words, unsigned status) noexcept
{
    return one_of(words, quota_sentences)
           || ((status == 402 || status == 403 || status == 429)
               && contains_one(words, quota_words));
}

error_kind kind_of_words(std::string_view words, unsigned status) noexcept
{
    if (tells_of_money(words, status))
        return error_kind::quota;
    if (contains_one(words, context_words))
        return error_kind::context_length;
    return contains_one(words, policy_words) ? error_kind::content_policy : error_kind::other;
}

}  // namespace

reported_error read_error(std::string_view body, unsigned status)
{
    reported_error said;
    each_member(body, [&said](const error_member& each) {
        if (each.name == "message") {
            if (said.message.empty())
                said.message = each.value;
        } else if (one_of(each.name, code_names)) {
            const auto kind = kind_of_code(each.value);
            if (rank(kind) > rank(said.kind))
                said.kind = kind;
            if (said.status == 0)
                said.status = status_in(each.value);
        }
    });
    if (rank(said.kind) < 2) {
        const auto kind = kind_of_words(said.message, status != 0 ? status : said.status);
        if (rank(kind) > rank(said.kind))
            said.kind = kind;
    }
    return said;
}

std::string plain_words(std::string_view message)
{
    if (check_escapes(message) == escapes::valid) {
        std::string words(message.size(), '\0');
        if (const auto plain = unescape(message, words)) {
            words.resize(plain->size());
            return words;
        }
    }
    return std::string(message);
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
