#include "json_text.hpp"

#include "blocks.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace sluice::wire {
namespace {

constexpr int no_digit = -1;

constexpr int hex_digit(char c) noexcept
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return no_digit;
}

// What a backslash and this byte stand for; 'u' for itself, 0 for nothing.
constexpr auto meanings = [] {
    std::array<char, 256> table{};
    table['"'] = '"';
    table['\\'] = '\\';
    table['/'] = '/';
    table['b'] = '\b';
    table['f'] = '\f';
    table['n'] = '\n';
    table['r'] = '\r';
    table['t'] = '\t';
    table['u'] = 'u';
    return table;
}();

constexpr char meaning(char c) noexcept
{
    return meanings[static_cast<unsigned char>(c)];
}

constexpr bool is_simple(char c) noexcept
{
    const char meant = meaning(c);
    return meant != 0 && meant != 'u' && meant != '\\';
}

// The length of the escape at p, 0 if there is none.
std::size_t escape_length(const char* p, const char* end) noexcept
{
    if (end - p < 2 || meaning(p[1]) == 0)
        return 0;
    if (p[1] != 'u')
        return 2;
    if (end - p < 6)
        return 0;
    for (int i = 2; i < 6; ++i)
        if (hex_digit(p[i]) == no_digit)
            return 0;
    return 6;
}

std::uint32_t code_unit(const char* p) noexcept
{
    std::uint32_t unit = 0;
    for (int i = 0; i < 4; ++i)
        unit = unit << 4U | static_cast<std::uint32_t>(hex_digit(p[i]));
    return unit;
}

std::size_t write_utf8(std::uint32_t code, std::array<char, 4>& out) noexcept
{
    const auto tail = [code](unsigned shift) {
        return static_cast<char>(0x80U | ((code >> shift) & 0x3fU));
    };
    if (code < 0x80) {
        out[0] = static_cast<char>(code);
        return 1;
    }
    if (code < 0x800) {
        out = {static_cast<char>(0xc0U | code >> 6U), tail(0)};
        return 2;
    }
    if (code < 0x10000) {
        out = {static_cast<char>(0xe0U | code >> 12U), tail(6), tail(0)};
        return 3;
    }
    out = {static_cast<char>(0xf0U | code >> 18U), tail(12), tail(6), tail(0)};
    return 4;
}

// The character written as \uXXXX or as a pair of them at the start of `raw`, which is shortened.
std::optional<std::uint32_t> take_unicode(std::string_view& raw) noexcept
{
    const auto first = code_unit(raw.data() + 2);
    raw.remove_prefix(6);
    if (first < 0xd800 || first > 0xdfff)
        return first;
    if (first > 0xdbff || !raw.starts_with("\\u"))
        return std::nullopt;
    const auto second = code_unit(raw.data() + 2);
    if (second < 0xdc00 || second > 0xdfff)
        return std::nullopt;
    raw.remove_prefix(6);
    return 0x10000U + ((first - 0xd800U) << 10U) + (second - 0xdc00U);
}

const char* skip_digits(const char* p, const char* end) noexcept
{
    while (p != end && *p >= '0' && *p <= '9')
        ++p;
    return p;
}

}  // namespace

escapes check_escapes(std::string_view text)
{
    const char* const end = text.data() + text.size();
    const auto* p = static_cast<const char*>(std::memchr(text.data(), '\\', text.size()));
    if (p == nullptr)
        return escapes::none;
    // What follows the escape before: its second backslash opens nothing.
    const char* behind = p;
    for (; end - p > 64; p += 64) {
        const std::uint64_t low = block(p).equal('\\') | block(p + 16).equal('\\') << 16U;
        const std::uint64_t high = block(p + 32).equal('\\') | block(p + 48).equal('\\') << 16U;
        for (auto hits = low | high << 32U; hits != 0; hits &= hits - 1) {
            const char* const at = p + std::countr_zero(hits);
            if (is_simple(at[1]) || at < behind)
                continue;
            const auto length = escape_length(at, end);
            if (length == 0)
                return escapes::invalid;
            behind = at + length;
        }
    }
    for (; p != end; ++p) {
        if (*p != '\\' || p < behind)
            continue;
        const auto length = escape_length(p, end);
        if (length == 0)
            return escapes::invalid;
        behind = p + length;
    }
    return escapes::valid;
}

bool is_number(std::string_view token) noexcept
{
    const char* p = token.data();
    const char* const end = p + token.size();
    if (p != end && *p == '-')
        ++p;
    const char* const integer = p;
    p = skip_digits(p, end);
    if (p == integer || (*integer == '0' && p - integer > 1))
        return false;
    if (p != end && *p == '.') {
        const char* const fraction = ++p;
        p = skip_digits(p, end);
        if (p == fraction)
            return false;
    }
    if (p != end && (*p == 'e' || *p == 'E')) {
        ++p;
        if (p != end && (*p == '+' || *p == '-'))
            ++p;
        const char* const exponent = p;
        p = skip_digits(p, end);
        if (p == exponent)
            return false;
    }
    return p == end;
}

std::optional<std::string_view> unescape(std::string_view raw, std::span<char> out)
{
    std::size_t used = 0;
    while (!raw.empty()) {
        std::array<char, 4> bytes{raw.front()};
        std::size_t count = 1;
        if (raw.front() != '\\') {
            raw.remove_prefix(1);
        } else if (raw[1] != 'u') {
            bytes[0] = meaning(raw[1]);
            raw.remove_prefix(2);
        } else {
            const auto code = take_unicode(raw);
            if (!code)
                return std::nullopt;
            count = write_utf8(*code, bytes);
        }
        if (out.size() - used < count)
            return std::nullopt;
        for (std::size_t i = 0; i < count; ++i)
            out[used++] = bytes[i];
    }
    return std::string_view(out.data(), used);
}

}  // namespace sluice::wire
