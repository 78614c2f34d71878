#include "sse_glance.hpp"

#include "blocks.hpp"
#include "json_text.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace sluice::wire {
namespace {

// With the quotes, so that the search below can compare in place.
constexpr std::array<std::string_view, 8> content_names{
    R"("content")",
    R"("reasoning_content")",
    R"("reasoning")",
    R"("reasoning_details")",
    R"("refusal")",
    R"("tool_calls")",
    R"("function_call")",
    R"("audio")"};
constexpr std::string_view text_name = R"("text")";

const char* skip_blanks(const char* p, const char* end) noexcept
{
    while (p != end && is_blank(*p))
        ++p;
    return p;
}

// Decides over one member after the other.
class looker {
public:
    looker(endpoint where, std::string_view data) noexcept
        : data_(data),
          where_(where)
    {
    }

    [[nodiscard]] glimpse answer() const noexcept
    {
        return content_ ? glimpse::content : glimpse::nothing;
    }

    // `quote` may close a member's name. False: unclear.
    [[nodiscard]] bool look(const char* quote)
    {
        const char* const end = data_.data() + data_.size();
        const char* p = skip_blanks(quote + 1, end);
        if (p == end || *p != ':')
            return true;
        p = skip_blanks(p + 1, end);
        if (end - p < 2)
            return false;
        const auto before = data_.substr(0, static_cast<std::size_t>(quote + 1 - data_.data()));
        if (before.ends_with(R"("usage")"))
            return *p != '{';
        if (before.ends_with(R"("error")"))
            return *p == 'n';
        return where_ == endpoint::responses ? look_at_type(before, p, end)
                                             : look_at_choice(before, p);
    }

private:
    bool look_at_type(std::string_view before, const char* value, const char* end)
    {
        if (*value != '"' || !before.ends_with(R"("type")"))
            return true;
        const char* const close = std::find(value + 1, end, '"');
        const auto size = std::min(close + 1, end) - value;
        content_ = content_ || is_content_type({value, static_cast<std::size_t>(size)});
        return content_;
    }

    bool look_at_choice(std::string_view before, const char* value)
    {
        if (before.ends_with(R"("finish_reason")"))
            return *value == 'n';
        const auto named = [&](std::string_view name) { return before.ends_with(name); };
        if (!std::ranges::any_of(content_names, named)
            && !(where_ == endpoint::completions && named(text_name)))
            return true;
        switch (*value) {
        case '"':
            content_ = content_ || value[1] != '"';
            return true;
        case '[':
        case '{':
            content_ = content_ || (value[1] != ']' && value[1] != '}');
            return !is_blank(value[1]);
        default:
            return *value == 'n';
        }
    }

    std::string_view data_;
    endpoint where_;
    bool content_ = false;
};

}  // namespace

bool is_content_name(endpoint where, std::string_view name)
{
    const auto same = [name](std::string_view quoted) {
        return quoted.substr(1, quoted.size() - 2) == name;
    };
    return std::ranges::any_of(content_names, same)
           || (where == endpoint::completions && same(text_name));
}

bool is_content_type(std::string_view type)
{
    return type.starts_with(R"("response.)")
           && (type.ends_with(R"(.delta")") || type.ends_with(R"(.partial_image")"));
}

glimpse glance(endpoint where, std::string_view data)
{
    if (data.size() < 2 || data.front() != '{' || data.back() != '}')
        return glimpse::unclear;
    looker at(where, data);
    const char* p = data.data();
    const char* const end = p + data.size();
    for (; end - p > static_cast<std::ptrdiff_t>(block_bytes); p += block_bytes)
        for (auto hits = block(p).equal('"') & block(p + 1).blank_or(':'); hits != 0;
             hits &= hits - 1)
            if (!at.look(p + std::countr_zero(hits)))
                return glimpse::unclear;
    for (; end - p > 1; ++p)
        if (*p == '"' && !at.look(p))
            return glimpse::unclear;
    return at.answer();
}

}  // namespace sluice::wire
