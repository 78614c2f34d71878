#pragma once
// Decimal digits two at a time.

#include <array>
#include <cstddef>

namespace sluice {

// "00" to "99", one behind the other.
inline constexpr auto digit_pairs = [] {
    std::array<char, 200> text{};
    for (std::size_t i = 0; i < 100; ++i) {
        text[2 * i] = static_cast<char>('0' + i / 10);
        text[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
    return text;
}();

}  // namespace sluice
