#pragma once
// The header of W3C Trace Context that says whose part a request is.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::http {

struct traceparent {
    std::uint64_t trace_high = 0;  // the trace id's 16 octets; not all 0
    std::uint64_t trace_low = 0;
    std::uint64_t span = 0;  // not 0
    std::uint8_t flags = 0;

    [[nodiscard]] bool sampled() const noexcept { return (flags & sampled_flag) != 0; }

    static constexpr std::uint8_t sampled_flag = 1;
    static constexpr std::uint8_t random_flag = 2;  // the trace id is random
    static constexpr std::size_t text_bytes = 55;
};

// Of version 00, or of a later one as far as it looks the same. Lower-case hex only. None: it is to
// be treated as if it were not there.
[[nodiscard]] std::optional<traceparent> parse_traceparent(std::string_view text) noexcept;

// As version 00, which has the two flags above; others are left out.
[[nodiscard]] std::array<char, traceparent::text_bytes> text_of(const traceparent& from) noexcept;

// 16 lower-case digits.
void write_hex(std::uint64_t value, std::span<char, 16> into) noexcept;

}  // namespace sluice::http
