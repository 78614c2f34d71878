#pragma once
// Rules that heads of both directions share.

#include <sluice/http/head.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::http {

[[nodiscard]] inline refusal bad(std::string_view message) noexcept
{
    return {errc::bad_request, message};
}

// The lines from `first` to the blank line that ends at `end`; both point into a head that begins
// at `base` and ends in CRLF CRLF.
[[nodiscard]] std::optional<refusal> parse_fields(
    const char* base,
    const char* first,
    const char* end,
    const head_limits& limits,
    field_table& out) noexcept;

struct connection_options {
    bool close = false;
    bool keep_alive = false;
};

// Reads all Connection fields and marks what they name as hop-by-hop.
[[nodiscard]] std::optional<refusal> read_connection(
    field_table& fields, connection_options& out) noexcept;

struct body_fields {
    bool has_length = false;
    bool chunked = false;
    std::uint64_t length = 0;
};

// Content-Length and Transfer-Encoding: at most one of them, once, valid, fit for the version.
[[nodiscard]] std::optional<refusal> read_body_fields(
    const field_table& fields, int minor_version, body_fields& out) noexcept;

// host [ ":" port ] with a host that is not empty (RFC 3986 3.2.2, 3.2.3).
[[nodiscard]] bool valid_authority(std::string_view text) noexcept;

// Past "%XX", or nullptr when that is not what p points at.
[[nodiscard]] const char* skip_percent_encoded(const char* p, const char* end) noexcept;

}  // namespace sluice::http
