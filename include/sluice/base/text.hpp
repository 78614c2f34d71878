#pragma once
// Words about ASCII text that several layers share.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

[[nodiscard]] constexpr char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// ASCII only: header names, tokens, schemes.
[[nodiscard]] constexpr bool iequals(std::string_view a, std::string_view b) noexcept
{
    if (a.size() != b.size())
        return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

// Without leading and trailing space, tab, CR and LF.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept
{
    constexpr std::string_view blank = " \t\r\n";
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

// So that unordered maps with std::string keys can be asked with a string_view.
struct string_hash {
    using is_transparent = void;
    [[nodiscard]] std::size_t operator()(std::string_view text) const noexcept
    {
        return std::hash<std::string_view>{}(text);
    }
};

// The text as the inside of a JSON string: quotes, backslash and control characters escaped, bytes
// that are not UTF-8 replaced. Quotes around it are the caller's.
[[nodiscard]] std::string json_escaped(std::string_view text);

// Lower-case hexadecimal.
[[nodiscard]] std::string hex(const std::uint8_t* bytes, std::size_t count);

// 32 digits of those that nobody else has or can guess.
[[nodiscard]] std::string random_name();

// The form of a date that is to be sent (RFC 9110 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::string http_date(std::chrono::system_clock::time_point when);

}  // namespace sluice
