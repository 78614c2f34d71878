#include "sse_glance.hpp"

#include "blocks.hpp"
#include "json_text.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace sluice::wire {
namespace {

const char* skip_blanks(const char* p, const char* end) noexcept
{
    while (p != end && is_blank(*p))
        ++p;
    return p;
}

// The size is a constant, so this is a comparison of a word or two and no call.
template <std::size_t Size>
bool ends_with(std::string_view text, const char (&tail)[Size])
{
    constexpr auto bytes = Size - 1;
    return text.size() >= bytes && std::memcmp(text.end() - bytes, tail, bytes) == 0;
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
        const std::string_view before(data_.data(), static_cast<std::size_t>(quote - data_.data()));
        // The last letter sorts out nearly all names at the price of one comparison.
        switch (before.back()) {
        case 'e':
            if (where_ == endpoint::responses && ends_with(before, R"("type)"))
                return look_at_type(p, end);
            return *p != '{' || !ends_with(before, R"("usage)");
        case 'r':
            return *p == 'n' || !ends_with(before, R"("error)");
        case 'n':
            return *p == 'n' || where_ == endpoint::responses
                   || !ends_with(before, R"("finish_reason)");
        case 't':
        case 'g':
        case 's':
        case 'l':
        case 'o':
            return where_ == endpoint::responses || look_at_choice(before, p);
        default:
            return true;
        }
    }

private:
    bool look_at_type(const char* value, const char* end)
    {
        if (*value != '"')
            return true;
        const char* const close = std::find(value + 1, end, '"');
        const auto size = std::min(close + 1, end) - value;
        content_ = content_ || is_content_type({value, static_cast<std::size_t>(size)});
        return content_;
    }

    bool look_at_choice(std::string_view before, const char* value)
    {
        // null first: most members that could carry something carry nothing
        if (*value == 'n')
            return true;
        if (!names_content(before))
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

    // As is_content_name, of text that ends with a name and has its opening quote.
    [[nodiscard]] bool names_content(std::string_view before) const
    {
        switch (before.back()) {
        case 't':
            return ends_with(before, R"("content)") || ends_with(before, R"("reasoning_content)")
                   || (where_ == endpoint::completions && ends_with(before, R"("text)"));
        case 'g':
            return ends_with(before, R"("reasoning)");
        case 's':
            return ends_with(before, R"("tool_calls)")
                   || ends_with(before, R"("reasoning_details)");
        case 'l':
            return ends_with(before, R"("refusal)") || ends_with(before, R"("function_call)");
        default:
            return ends_with(before, R"("audio)");
        }
    }

    std::string_view data_;
    endpoint where_;
    bool content_ = false;
};

}  // namespace

bool is_content_name(endpoint where, std::string_view name)
{
    switch (name.size()) {
    case 4:
        return where == endpoint::completions && name == "text";
    case 5:
        return name == "audio";
    case 7:
        return name == "content" || name == "refusal";
    case 9:
        return name == "reasoning";
    case 10:
        return name == "tool_calls";
    case 13:
        return name == "function_call";
    case 17:
        return name == "reasoning_content" || name == "reasoning_details";
    default:
        return false;
    }
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
