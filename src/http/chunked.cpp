#include <algorithm>
#include <limits>
#include <sluice/http/chunked.hpp>
#include <sluice/http/octets.hpp>
#include <sluice/http/writer.hpp>

namespace sluice::http {

namespace {

constexpr std::uint64_t max_size = std::numeric_limits<std::int64_t>::max();

[[nodiscard]] constexpr std::uint64_t hex_value(char c) noexcept
{
    return static_cast<std::uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

}  // namespace

void chunked::start(bool with_pieces) noexcept
{
    with_pieces_ = with_pieces;
    literal_used_ = false;
    line_is_here_ = state_ == state::size_start;
    line_begin_ = 0;
    run_begin_ = 0;
}

void chunked::begin_line(std::size_t at) noexcept
{
    state_ = state::size_start;
    between_chunks_ = true;
    canonical_ = true;
    line_is_here_ = true;
    line_begin_ = at;
    line_bytes_ = 0;
    line_extension_bytes_ = 0;
    digits_ = 0;
    size_ = 0;
}

bool chunked::in_framing() const noexcept
{
    return state_ != state::size_start && state_ != state::data && state_ != state::data_cr
           && state_ != state::data_lf;
}

std::span<char> chunked::step(std::span<char> raw, chunk_output& out) noexcept
{
    while (out.consumed < raw.size() && state_ != state::ended && state_ != state::failed) {
        if (state_ == state::data) {
            const auto size = static_cast<std::size_t>(
                std::min<std::uint64_t>(remaining_, raw.size() - out.consumed));
            const auto run = raw.subspan(out.consumed, size);
            out.consumed += size;
            remaining_ -= size;
            if (remaining_ == 0)
                state_ = state::data_cr;
            return run;
        }
        if (state_ == state::size_start && fast_size_line(raw, out))
            continue;
        const state before = state_;
        out.message = on_framing_octet(raw[out.consumed]);
        if (!out.message.empty())
            break;
        ++out.consumed;
        if (before == state::data_lf)
            begin_line(out.consumed);
        else if (before == state::end_lf)
            end_message(raw, out);
        else if (before == state::size_lf && !end_line(raw, out))
            break;
    }
    finish(raw, out);
    return {};
}

// Nearly every size line is whole and canonical: no state machine for it.
bool chunked::fast_size_line(std::span<char> raw, chunk_output& out) noexcept
{
    const char* const begin = raw.data() + out.consumed;
    const char* const end = raw.data() + raw.size();
    std::uint64_t size = 0;
    const char* p = begin;
    for (; p != end && p - begin < 15 && is(*p, octets::hex); ++p)
        size = size << 4U | hex_value(*p);
    if (p == begin || *begin == '0' || end - p < 2 || p[0] != '\r' || p[1] != '\n')
        return false;
    out.consumed += static_cast<std::size_t>(p - begin) + 2;
    remaining_ = size;
    between_chunks_ = false;
    state_ = state::data;
    return true;
}

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
    if (c != ';' && !is(c, octets::blank))
        return "an invalid chunk size";
    state_ = c == ';' ? state::ext_start : state::blank_before_ext;
    return {};
}

// RFC 9112 7.1.1: *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )
std::string_view chunked::on_extension_octet(char c) noexcept
{
    const bool blank = is(c, octets::blank);
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

bool chunked::end_line(std::span<char> raw, chunk_output& out) noexcept
{
    if (size_ == 0) {
        state_ = state::trailer_start;
        return true;
    }
    if (with_pieces_ && !(canonical_ && line_is_here_)) {
        if (literal_used_) {
            // Only one literal a call: the line is read again in the next one.
            extension_bytes_ = static_cast<std::uint16_t>(extension_bytes_ - line_extension_bytes_);
            out.consumed = line_begin_;
            begin_line(line_begin_);
            return false;
        }
        if (line_is_here_)
            flush(raw, line_begin_, out);
        out.pieces[out.count++] = chunk_size_line(literal_, size_);
        literal_used_ = true;
        run_begin_ = out.consumed;
    }
    state_ = state::data;
    remaining_ = size_;
    between_chunks_ = false;
    return true;
}

void chunked::end_message(std::span<char> raw, chunk_output& out) noexcept
{
    state_ = state::ended;
    between_chunks_ = false;
    const bool as_it_came = canonical_ && line_is_here_ && trailer_bytes_ == 0;
    if (!with_pieces_)
        return;
    if (as_it_came) {
        flush(raw, out.consumed, out);
        return;
    }
    if (line_is_here_)
        flush(raw, line_begin_, out);
    out.pieces[out.count++] = last_chunk;
    run_begin_ = out.consumed;
}

void chunked::finish(std::span<char> raw, chunk_output& out) noexcept
{
    if (with_pieces_ && state_ != state::ended && state_ != state::failed) {
        if (!in_framing())
            flush(raw, out.consumed, out);
        else if (line_is_here_)
            flush(raw, line_begin_, out);
    }
    if (!out.message.empty())
        state_ = state::failed;
    if (state_ == state::failed) {
        out.state = chunk_output::progress::error;
        out.message = out.message.empty() ? "the chunked body was wrong before" : out.message;
    } else if (state_ == state::ended) {
        out.state = chunk_output::progress::end;
    }
}

void chunked::flush(std::span<char> raw, std::size_t run_end, chunk_output& out) noexcept
{
    if (run_end > run_begin_)
        out.pieces[out.count++] = {raw.data() + run_begin_, run_end - run_begin_};
    run_begin_ = run_end;
}

}  // namespace sluice::http
