#pragma once
// Classes of octets and fast ways over runs of them. Nothing here reads outside [p, end).

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sluice::http {

namespace octets {

inline constexpr std::uint8_t token = 1;   // RFC 9110 5.6.2 tchar
inline constexpr std::uint8_t target = 2;  // RFC 3986 pchar and "/", but not "%"
inline constexpr std::uint8_t host = 4;  // RFC 3986 reg-name: unreserved, sub-delims; "%" likewise
inline constexpr std::uint8_t hex = 8;   // HEXDIG
inline constexpr std::uint8_t digit = 16;     // DIGIT
inline constexpr std::uint8_t in_value = 32;  // RFC 9110 5.5: HTAB, SP, VCHAR, obs-text

consteval std::array<std::uint8_t, 256> make_classes()
{
    std::array<std::uint8_t, 256> out{};
    const auto mark = [&out](std::string_view set, std::uint8_t classes) {
        for (const char c : set)
            out[static_cast<unsigned char>(c)] |= classes;
    };
    for (unsigned c = 0x20; c < 0x100; ++c)
        out[c] = c == 0x7f ? 0 : in_value;
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    mark(letters, token | target | host);
    mark("0123456789", token | target | host | digit | hex);
    mark("abcdefABCDEF", hex);
    mark("!#$%&'*+-.^_`|~", token);
    mark("-._~!$&'()*+,;=", target | host);
    mark(":@/", target);
    mark("\t", in_value);
    return out;
}

inline constexpr std::array<std::uint8_t, 256> classes = make_classes();

}  // namespace octets

[[nodiscard]] constexpr bool is(char c, std::uint8_t octet_class) noexcept
{
    return (octets::classes[static_cast<unsigned char>(c)] & octet_class) != 0;
}

// SP or HTAB.
[[nodiscard]] constexpr bool is_blank(char c) noexcept
{
    return c == ' ' || c == '\t';
}

// The first octet that is not of the class, or end.
[[nodiscard]] constexpr const char* skip(
    const char* p, const char* end, std::uint8_t octet_class) noexcept
{
    for (; end - p >= 4; p += 4) {
        if (!is(p[0], octet_class))
            return p;
        if (!is(p[1], octet_class))
            return p + 1;
        if (!is(p[2], octet_class))
            return p + 2;
        if (!is(p[3], octet_class))
            return p + 3;
    }
    while (p != end && is(*p, octet_class))
        ++p;
    return p;
}

// The first octet that is not a letter, digit or hyphen; may also stop earlier, but only within the
// last 15 octets before end.
[[nodiscard]] inline const char* skip_common_name(const char* p, const char* end) noexcept
{
#if defined(__SSE2__)
    for (; end - p >= 16; p += 16) {
        const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        const __m128i letter =
            _mm_sub_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
        const __m128i number = _mm_sub_epi8(x, _mm_set1_epi8('0'));
        const __m128i good = _mm_or_si128(
            _mm_or_si128(
                _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter),
                _mm_cmpeq_epi8(_mm_min_epu8(number, _mm_set1_epi8(9)), number)),
            _mm_cmpeq_epi8(x, _mm_set1_epi8('-')));
        const auto run = std::countr_zero(~static_cast<unsigned>(_mm_movemask_epi8(good)));
        if (run != 16)
            return p + run;
    }
#else
    static_cast<void>(end);
#endif
    return p;
}

// The first octet that must not stand in a field value (a control other than HTAB, or DEL), or end.
[[nodiscard]] inline const char* find_control(const char* p, const char* end) noexcept
{
#if defined(__SSE2__)
    for (; end - p >= 16; p += 16) {
        const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
        const __m128i tab = _mm_cmpeq_epi8(x, _mm_set1_epi8('\t'));
        const __m128i del = _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f));
        const __m128i bad = _mm_or_si128(_mm_andnot_si128(tab, low), del);
        const auto run = std::countr_zero(static_cast<unsigned>(_mm_movemask_epi8(bad)) | 0x10000U);
        if (run != 16)
            return p + run;
    }
#endif
    return skip(p, end, octets::in_value);
}

// Whether find_control() would find one; faster for short texts.
[[nodiscard]] inline bool has_control(std::string_view text) noexcept
{
    const char* const end = text.data() + text.size();
#if defined(__SSE2__)
    if (text.size() >= 16) {
        const char* const tail = end - 16;  // overlaps what was seen before
        for (const char* p = text.data(); p < tail; p += 16)
            if (find_control(p, p + 16) != p + 16)
                return true;
        return find_control(tail, end) != end;
    }
#endif
    return skip(text.data(), end, octets::in_value) != end;
}

[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept
{
    const char* const end = text.data() + text.size();
    return !text.empty() && skip(text.data(), end, octets::token) == end;
}

// Without leading and trailing SP and HTAB (RFC 9110 5.6.3 OWS).
[[nodiscard]] constexpr std::string_view trim_blanks(std::string_view text) noexcept
{
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

}  // namespace sluice::http
