#include "sse_glance.hpp"

#include "blocks.hpp"
#include "json_text.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace sluice::wire {
namespace {

// Small letters, and every other byte whose lowest five bits are alike.
class letters {
public:
    constexpr explicit letters(std::string_view which) noexcept
    {
        for (const char c : which)
            bits_ |= bit(c);
    }
    [[nodiscard]] constexpr bool may_hold(char c) const noexcept { return (bits_ & bit(c)) != 0; }

private:
    static constexpr std::uint32_t bit(char c) noexcept
    {
        return std::uint32_t{1} << (static_cast<unsigned char>(c) & 31U);
    }
    std::uint32_t bits_ = 0;
};

// The last letter, and the one before it, of the names that are looked for.
constexpr letters last_letters("eglnorst");
constexpr letters letters_before("agilnopx");

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
        if (reasoning_)
            return glimpse::reasoning;
        return content_ ? glimpse::content : glimpse::nothing;
    }

    // `quote` may close a member's name; two bytes stand in front of it. False: unclear.
    [[nodiscard]] bool look(const char* quote)
    {
        // Two letters sort out nearly all names.
        return !last_letters.may_hold(quote[-1]) || !letters_before.may_hold(quote[-2])
               || look_at(quote);
    }

    // At a block, and the byte behind it.
    [[nodiscard]] bool look_through(const char* p)
    {
        auto hits = block(p).equal('"');
        if (hits == 0)
            return true;
        const block behind(p + 1);
        hits &= behind.equal(':') | behind.up_to(' ');
        for (; hits != 0; hits &= hits - 1)
            if (!look(p + std::countr_zero(hits)))
                return false;
        return true;
    }

private:
    // Rare: not inlined, so that the look at all other names is.
    [[gnu::noinline]] bool look_at(const char* quote)
    {
        const char* const end = data_.data() + data_.size();
        const char* p = skip_blanks(quote + 1, end);
        if (p == end || *p != ':')
            return true;
        p = skip_blanks(p + 1, end);
        if (end - p < 2)
            return false;
        const std::string_view before(data_.data(), static_cast<std::size_t>(quote - data_.data()));
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
        default:
            return where_ == endpoint::responses || look_at_choice(before, p);
        }
    }

    bool look_at_type(const char* value, const char* end)
    {
        if (*value != '"')
            return true;
        const char* const close = std::find(value + 1, end, '"');
        const auto size = std::min(close + 1, end) - value;
        const std::string_view type(value, static_cast<std::size_t>(size));
        content_ = content_ || is_content_type(type);
        reasoning_ = content_ && is_reasoning_type(type);
        return content_;
    }

    bool look_at_choice(std::string_view before, const char* value)
    {
        // null first: most members that could carry something carry nothing
        if (*value == 'n')
            return true;
        const auto what = named(before);
        if (what == glimpse::nothing)
            return true;
        switch (*value) {
        case '"':
            note(what, value[1] != '"');
            return true;
        case '[':
        case '{':
            note(what, value[1] != ']' && value[1] != '}');
            return !is_blank(value[1]);
        default:
            return *value == 'n';
        }
    }

    void note(glimpse what, bool there)
    {
        content_ = content_ || there;
        reasoning_ = reasoning_ || (there && what == glimpse::reasoning);
    }

    // As is_content_name and is_reasoning_name, of text that ends with a name and has its opening
    // quote.
    [[nodiscard]] glimpse named(std::string_view before) const
    {
        const auto any_of = [](bool reasoning, bool other) {
            return reasoning ? glimpse::reasoning : other ? glimpse::content : glimpse::nothing;
        };
        switch (before.back()) {
        case 't':
            if (ends_with(before, R"("content)"))
                return glimpse::content;
            return any_of(
                ends_with(before, R"("reasoning_content)"),
                where_ == endpoint::completions && ends_with(before, R"("text)"));
        case 'g':
            return any_of(ends_with(before, R"("reasoning)"), false);
        case 's':
            return any_of(
                ends_with(before, R"("reasoning_details)"), ends_with(before, R"("tool_calls)"));
        case 'l':
            return any_of(
                false, ends_with(before, R"("refusal)") || ends_with(before, R"("function_call)"));
        default:
            return any_of(false, ends_with(before, R"("audio)"));
        }
    }

    std::string_view data_;
    endpoint where_;
    bool content_ = false;
    bool reasoning_ = false;
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
    constexpr auto step = static_cast<std::ptrdiff_t>(block_bytes);
    looker at(where, data);
    // Names are closed by a quote behind the first two bytes and in front of the last one.
    const char* p = data.data() + 2;
    const char* const end = data.data() + data.size() - 1;
    for (; end - p >= step; p += step)
        if (!at.look_through(p))
            return glimpse::unclear;
    if (p < end && data.size() > block_bytes + 2) {
        // The last block overlaps the one before it: a name looked at twice changes nothing.
        p = end;
        if (!at.look_through(end - step))
            return glimpse::unclear;
    }
    for (; p < end; ++p)
        if (*p == '"' && !at.look(p))
            return glimpse::unclear;
    return at.answer();
}

}  // namespace sluice::wire
