#pragma once
// Short texts and digits into memory that the caller knows to be large enough. Each answers the
// place behind what it wrote, or writes as many octets as its name says.

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice {

// "00" to "99".
inline constexpr auto digit_pairs = [] {
    std::array<char, 200> text{};
    for (std::size_t i = 0; i < 100; ++i) {
        text[2 * i] = static_cast<char>('0' + i / 10);
        text[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
    return text;
}();

// Below 100.
inline void put_two_digits(char* to, unsigned value) noexcept
{
    std::memcpy(to, &digit_pairs[std::size_t{2} * value], 2);
}

// Below 1000.
inline void put_three_digits(char* to, unsigned value) noexcept
{
    to[0] = static_cast<char>('0' + value / 100);
    put_two_digits(to + 1, value % 100);
}

// Below 1,000,000,000: nine digits.
inline char* put_nine_digits(char* to, unsigned value) noexcept
{
    put_three_digits(to, value / 1'000'000);
    put_three_digits(to + 3, value / 1'000 % 1'000);
    put_three_digits(to + 6, value % 1'000);
    return to + 9;
}

// Nano-dollars as dollars, say: "0.000149310". At most 21 octets.
inline char* put_billionths(char* to, std::uint64_t value) noexcept
{
    constexpr std::uint64_t one = 1'000'000'000;
    if (value < one)
        *to++ = '0';
    else
        to = std::to_chars(to, to + 11, value / one).ptr;
    *to++ = '.';
    return put_nine_digits(to, static_cast<unsigned>(value % one));
}

template <class Word>
inline void put_ends(char* to, const char* from, std::size_t bytes) noexcept
{
    Word front;
    Word back;
    std::memcpy(&front, from, sizeof front);
    std::memcpy(&back, from + bytes - sizeof back, sizeof back);
    std::memcpy(to, &front, sizeof front);
    std::memcpy(to + bytes - sizeof back, &back, sizeof back);
}

// Names and values are short: most are two words that may overlap. A scalar of 16 octets: an array
// would be copied by way of a guarded stack.
inline char* put_short(char* to, std::string_view text) noexcept
{
    __extension__ using sixteen = unsigned __int128;
    const char* const from = text.data();
    const std::size_t bytes = text.size();
    if (bytes > 32)
        std::memcpy(to, from, bytes);
    else if (bytes >= 16)
        put_ends<sixteen>(to, from, bytes);
    else if (bytes >= 8)
        put_ends<std::uint64_t>(to, from, bytes);
    else if (bytes >= 4)
        put_ends<std::uint32_t>(to, from, bytes);
    else
        for (std::size_t i = 0; i < bytes; ++i)
            to[i] = from[i];
    return to + bytes;
}

}  // namespace sluice
