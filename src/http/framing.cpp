#include "rules.hpp"
#include <sluice/base/text.hpp>
#include <sluice/http/octets.hpp>

#include <limits>

namespace sluice::http {

namespace {

constexpr std::uint64_t max_length = std::numeric_limits<std::int64_t>::max();

[[nodiscard]] bool read_length(std::string_view text, std::uint64_t& out) noexcept
{
    constexpr std::size_t never_too_large = 18;  // digits
    if (text.empty())
        return false;
    out = 0;
    for (const char c : text) {
        if (!is(c, octets::digit))
            return false;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (text.size() > never_too_large && out > (max_length - digit) / 10)
            return false;
        out = out * 10 + digit;
    }
    return true;
}

// Whose body ends where chunked ends can be answered with 501; where any other coding comes last
// nobody knows where the body ends (RFC 9112 6.1, 6.3).
[[nodiscard]] refusal unknown_coding(std::string_view value) noexcept
{
    const std::size_t comma = value.rfind(',');
    if (comma != std::string_view::npos) {
        const std::string_view before = trim_blanks(value.substr(0, comma));
        const bool again = iequals(
            before.substr(before.size() - std::min<std::size_t>(before.size(), 7)), "chunked");
        if (iequals(trim_blanks(value.substr(comma + 1)), "chunked") && !before.empty() && !again)
            return {errc::unsupported_transfer_coding, "a transfer coding other than chunked"};
    }
    return bad("Transfer-Encoding is not chunked");
}

}  // namespace

std::optional<refusal> read_body_fields(
    const field_table& fields, int minor_version, body_fields& out) noexcept
{
    if (fields.has(header::transfer_encoding)) {
        if (fields.has(header::content_length))
            return bad("both Transfer-Encoding and Content-Length");
        if (minor_version == 0)
            return bad("Transfer-Encoding in HTTP/1.0");
        if (fields.repeated(header::transfer_encoding))
            return bad("more than one Transfer-Encoding");
        const std::string_view value = fields.find(header::transfer_encoding);
        if (!iequals(value, "chunked"))
            return unknown_coding(value);
        out.chunked = true;
    } else if (fields.has(header::content_length)) {
        if (fields.repeated(header::content_length))
            return bad("more than one Content-Length");
        if (!read_length(fields.find(header::content_length), out.length))
            return bad("an invalid Content-Length");
        out.has_length = true;
    }
    return std::nullopt;
}

}  // namespace sluice::http
