#include "rules.hpp"
#include <sluice/http/octets.hpp>

#include <algorithm>
#include <cstring>

namespace sluice::http {

namespace {

constexpr std::ptrdiff_t shortest_line = 12;  // HTTP/1.1 200

[[nodiscard]] refusal invalid(std::string_view message) noexcept
{
    return {errc::upstream_invalid, message};
}

}  // namespace

class response_parser {
public:
    response_parser(std::string_view head, const head_limits& limits, response_head& out) noexcept
        : begin_(head.data()),
          end_(head.data() + head.size()),
          limits_(limits),
          out_(out)
    {
        out_.base_ = begin_;
    }

    [[nodiscard]] std::optional<refusal> run(method asked) noexcept
    {
        if (auto why = read_status_line())
            return why;
        const char* const first_field =
            begin_ + shortest_line + (has_reason_ ? 1 : 0) + out_.reason_size_ + 2;
        if (auto why = parse_fields(begin_, first_field, end_, limits_, out_.fields_))
            return invalid(why->message);
        return judge_framing(asked);
    }

private:
    [[nodiscard]] std::optional<refusal> read_status_line() noexcept
    {
        if (end_ - begin_ < shortest_line + 4 || std::memcmp(begin_, "HTTP/1.", 7) != 0
            || (begin_[7] != '0' && begin_[7] != '1') || begin_[8] != ' ')
            return invalid("the answer does not start with an HTTP/1.1 status line");
        if (begin_[9] < '1' || begin_[9] > '5' || !is(begin_[10], octets::digit)
            || !is(begin_[11], octets::digit))
            return invalid("an invalid status code");
        const char* const reason = begin_ + shortest_line;
        has_reason_ = *reason == ' ';
        const char* const line_end = has_reason_ ? find_control(reason, end_) : reason;
        if (line_end[0] != '\r' || line_end[1] != '\n')
            return invalid("an invalid reason phrase");
        if (static_cast<std::size_t>(line_end - begin_)
            > std::min<std::size_t>(limits_.line_bytes, 65535))
            return invalid("the status line is longer than allowed");
        out_.reason_size_ = static_cast<std::uint16_t>(has_reason_ ? line_end - reason - 1 : 0);
        out_.status_ = static_cast<std::uint16_t>(
            (begin_[9] - '0') * 100 + (begin_[10] - '0') * 10 + (begin_[11] - '0'));
        out_.minor_version_ = begin_[7] == '1' ? 1 : 0;
        return std::nullopt;
    }

    [[nodiscard]] std::optional<refusal> judge_framing(method asked) noexcept
    {
        body_fields body;
        if (auto why = read_body_fields(out_.fields_, out_.minor_version_, body))
            return invalid(why->message);
        connection_options connection;
        if (auto why = read_connection(out_.fields_, connection))
            return invalid(why->message);

        const bool never_a_body = out_.status_ < 200 || out_.status_ == 204;
        if (never_a_body && body.chunked)
            return invalid("Transfer-Encoding in an answer that has no body");
        out_.content_length_ = body.length;
        out_.keep_alive_ = !connection.close && (out_.minor_version_ == 1 || connection.keep_alive);
        if (never_a_body || out_.status_ == 304 || asked == method::head)
            out_.framing_ = framing::none;
        else if (body.chunked)
            out_.framing_ = framing::chunked;
        else
            out_.framing_ = body.has_length ? framing::length : framing::until_close;
        if (out_.framing_ == framing::until_close || (never_a_body && body.length != 0))
            out_.keep_alive_ = false;
        return std::nullopt;
    }

    const char* begin_;
    const char* end_;
    const head_limits& limits_;
    response_head& out_;
    bool has_reason_ = false;
};

std::optional<refusal> parse(
    std::string_view head, const head_limits& limits, method asked, response_head& out) noexcept
{
    if (head.size() > limits.head_bytes)
        return invalid("the answer's head is larger than allowed");
    if (!head.ends_with("\r\n\r\n"))
        return invalid("the answer's head does not end in an empty line");
    return response_parser{head, limits, out}.run(asked);
}

}  // namespace sluice::http
