#pragma once
// The parts of the JSON grammar (RFC 8259) that lie inside a token.

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::wire {

enum class escapes { none, valid, invalid };

// Every backslash of a text that is to be JSON, taken as inside a string.
[[nodiscard]] escapes check_escapes(std::string_view text);

[[nodiscard]] bool is_number(std::string_view token) noexcept;

// The inside of a JSON string whose escapes are valid. Nothing if it does not fit into `out` or has
// a lone surrogate, which is no character.
[[nodiscard]] std::optional<std::string_view> unescape(std::string_view raw, std::span<char> out);

[[nodiscard]] constexpr bool is_blank(char c) noexcept
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

[[nodiscard]] constexpr const char* skip_blanks(const char* p, const char* end) noexcept
{
    while (p != end && is_blank(*p))
        ++p;
    return p;
}

[[nodiscard]] constexpr std::string_view without_blanks_behind(std::string_view text) noexcept
{
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

// As Python's truth of the JSON value, which is what the OpenAI client asks for.
[[nodiscard]] constexpr bool is_truthy(std::string_view value) noexcept
{
    constexpr std::array<std::string_view, 6> falsy{"null", "false", "0", "\"\"", "{}", "[]"};
    return std::ranges::find(falsy, value) == falsy.end();
}

}  // namespace sluice::wire
