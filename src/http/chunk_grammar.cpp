// What each octet of a chunked body's framing may be.
#include "hex_value.hpp"
#include <sluice/http/chunked.hpp>
#include <sluice/http/octets.hpp>

#include <limits>

namespace sluice::http {

namespace {

constexpr std::uint64_t max_size = std::numeric_limits<std::int64_t>::max();

}  // namespace

std::string_view chunked::on_framing_octet(char c) noexcept
{
    switch (state_) {
    case state::size_start:
    case state::size_digits:
        ++line_bytes_;
        return on_size_octet(c);
    case state::data_cr:
        state_ = state::data_lf;
        return c == '\r' ? "" : "chunk data does not end in CRLF";
    case state::data_lf:
        return c == '\n' ? "" : "chunk data does not end in CRLF";
    case state::size_lf:
        return c == '\n' ? "" : "a chunk size line does not end in CRLF";
    case state::trailer_start:
    case state::trailer_name:
    case state::trailer_value:
    case state::trailer_lf:
    case state::end_lf:
        return on_trailer_octet(c);
    default:
        // The CR that ends the line is not counted.
        if (c != '\r') {
            ++line_extension_bytes_;
            if (++line_bytes_ > max_line_bytes)
                return "a chunk size line is too long";
            if (++extension_bytes_ > max_extension_bytes)
                return "too many octets of chunk extensions";
        }
        return on_extension_octet(c);
    }
}

std::string_view chunked::on_size_octet(char c) noexcept
{
    if (is(c, octets::hex)) {
        if (digits_ == 16)
            return "a chunk size has too many digits";
        canonical_ = canonical_ && !(digits_ > 0 && size_ == 0);
        ++digits_;
        size_ = size_ << 4U | hex_value(c);
        state_ = state::size_digits;
        return {};
    }
    if (digits_ == 0)
        return "a chunk does not start with its size";
    if (c == '\r') {
        if (size_ > max_size)
            return "a chunk size is too large";
        state_ = state::size_lf;
        return {};
    }
    canonical_ = false;
    ++line_extension_bytes_;
    if (++extension_bytes_ > max_extension_bytes)
        return "too many octets of chunk extensions";
    if (c != ';' && !is_blank(c))
        return "an invalid chunk size";
    state_ = c == ';' ? state::ext_start : state::blank_before_ext;
    return {};
}

// RFC 9112 7.1.1: *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )
std::string_view chunked::on_extension_octet(char c) noexcept
{
    const bool blank = is_blank(c);
    const bool token = is(c, octets::token);
    state next = state::failed;
    switch (state_) {
    case state::blank_before_ext:
        next = blank ? state_ : c == ';' ? state::ext_start : state::failed;
        break;
    case state::ext_start:
        next = blank ? state_ : token ? state::ext_name : state::failed;
        break;
    case state::ext_name:
        next = token       ? state_
               : blank     ? state::ext_name_blank
               : c == '='  ? state::ext_value_start
               : c == ';'  ? state::ext_start
               : c == '\r' ? state::size_lf
                           : state::failed;
        break;
    case state::ext_name_blank:
        next = blank      ? state_
               : c == '=' ? state::ext_value_start
               : c == ';' ? state::ext_start
                          : state::failed;
        break;
    case state::ext_value_start:
        next = blank      ? state_
               : c == '"' ? state::ext_quoted
               : token    ? state::ext_token
                          : state::failed;
        break;
    case state::ext_token:
    case state::ext_quoted_end:
        next = token && state_ == state::ext_token ? state_
               : blank                             ? state::blank_before_ext
               : c == ';'                          ? state::ext_start
               : c == '\r'                         ? state::size_lf
                                                   : state::failed;
        break;
    case state::ext_quoted:
        next = c == '"'                  ? state::ext_quoted_end
               : c == '\\'               ? state::ext_escape
               : is(c, octets::in_value) ? state_
                                         : state::failed;
        break;
    case state::ext_escape:
        next = is(c, octets::in_value) ? state::ext_quoted : state::failed;
        break;
    default:
        break;
    }
    if (next == state::failed)
        return "an invalid chunk extension";
    if (next == state::size_lf && size_ > max_size)
        return "a chunk size is too large";
    state_ = next;
    return {};
}

std::string_view chunked::on_trailer_octet(char c) noexcept
{
    if (state_ == state::end_lf)
        return c == '\n' ? "" : "the trailer section does not end in CRLF";
    if (state_ == state::trailer_start && c == '\r') {
        state_ = state::end_lf;
        return {};
    }
    if (++trailer_bytes_ > max_trailer_bytes)
        return "the trailer section is too large";
    if (state_ == state::trailer_value) {
        if (c == '\r')
            state_ = state::trailer_lf;
        return c == '\r' || is(c, octets::in_value) ? "" : "a control character in a trailer field";
    }
    if (state_ == state::trailer_lf) {
        state_ = state::trailer_start;
        return c == '\n' ? "" : "a trailer field does not end in CRLF";
    }
    if (state_ == state::trailer_name && c == ':') {
        state_ = state::trailer_value;
        return {};
    }
    state_ = state::trailer_name;
    return is(c, octets::token) ? "" : "an invalid trailer field name";
}

}  // namespace sluice::http
