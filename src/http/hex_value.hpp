#pragma once
#include <cstdint>

namespace sluice::http {

// Of a HEXDIG.
[[nodiscard]] constexpr std::uint64_t hex_value(char c) noexcept
{
    return static_cast<std::uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

}  // namespace sluice::http
