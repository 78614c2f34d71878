#pragma once
// The parts of the JSON grammar (RFC 8259) that lie inside a token.

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

[[nodiscard]] constexpr std::string_view without_blanks_behind(std::string_view text) noexcept
{
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

}  // namespace sluice::wire
