#include "rules.hpp"
#include <sluice/base/text.hpp>
#include <sluice/http/octets.hpp>

#include <algorithm>
#include <cstring>

namespace sluice::http {

namespace {

[[nodiscard]] std::uint16_t narrow(std::size_t size) noexcept
{
    return static_cast<std::uint16_t>(size);
}

// Past "http://" or "https://", or nullptr.
[[nodiscard]] const char* skip_scheme(std::string_view target) noexcept
{
    for (const std::string_view scheme :
         {std::string_view{"http://"}, std::string_view{"https://"}})
        if (iequals(target.substr(0, scheme.size()), scheme))
            return target.data() + scheme.size();
    return nullptr;
}

}  // namespace

// One use: the head is read front to back, `at_` is where reading has come to.
class request_parser {
public:
    request_parser(std::string_view head, const head_limits& limits, request_head& out) noexcept
        : begin_(head.data()),
          at_(head.data()),
          end_(head.data() + head.size()),
          limits_(limits),
          out_(out)
    {
        out_.base_ = begin_;
        out_.content_length_ = 0;
        out_.query_size_ = 0;
        out_.host_size_ = 0;
        out_.framing_ = framing::none;
    }

    [[nodiscard]] std::optional<refusal> run() noexcept
    {
        if (auto why = read_method())
            return why;
        if (auto why = read_target())
            return why;
        if (auto why = read_version())
            return why;
        if (auto why = split_target())
            return why;
        if (auto why = parse_fields(begin_, at_, end_, limits_, out_.fields_))
            return why;
        if (auto why = judge_host())
            return why;
        if (auto why = judge_expect())
            return why;
        return judge_framing();
    }

private:
    [[nodiscard]] std::optional<refusal> read_method() noexcept
    {
        at_ = skip(at_, end_, octets::token);
        const auto size = static_cast<std::size_t>(at_ - begin_);
        if (size == 0 || *at_ != ' ')
            return bad("an invalid method");
        if (size > 255)
            return refusal{errc::head_too_large, "the method is longer than 255 octets"};
        out_.method_size_ = narrow(size);
        out_.method_ = recognise_method({begin_, size});
        if (out_.method_ == method::connect)
            return bad("CONNECT is not offered");
        ++at_;
        return std::nullopt;
    }

    [[nodiscard]] std::optional<refusal> read_target() noexcept
    {
        const char* const target = at_;
        const char* query = nullptr;
        for (;;) {
            at_ = skip(at_, end_, octets::target);
            if (*at_ == '?') {
                ++at_;
                query = query == nullptr ? at_ : query;
            } else if (*at_ == '%') {
                at_ = skip_percent_encoded(at_, end_);
                if (at_ == nullptr)
                    return bad("an invalid percent-encoding in the request target");
            } else {
                break;
            }
        }
        if (*at_ != ' ')
            return bad("an invalid octet in the request target, or no version after it");
        const auto size = static_cast<std::size_t>(at_ - target);
        if (size > max_line())
            return refusal{errc::head_too_large, "the request line is longer than allowed"};
        if (query != nullptr) {
            out_.query_ = offset(query);
            out_.query_size_ = narrow(static_cast<std::size_t>(at_ - query));
        }
        out_.target_ = offset(target);
        out_.target_size_ = narrow(size);
        path_end_ = query == nullptr ? at_ : query - 1;
        return std::nullopt;
    }

    [[nodiscard]] std::optional<refusal> split_target() noexcept
    {
        const char* path = begin_ + out_.target_;
        if (out_.target() == "*") {
            if (out_.method_ != method::options)
                return bad("the target * is for OPTIONS only");
        } else if (*path != '/') {
            const char* const authority = skip_scheme(out_.target());
            if (authority == nullptr)
                return bad("the request target is neither a path nor an http URI");
            path = std::find(authority, path_end_, '/');
            const std::string_view text{authority, static_cast<std::size_t>(path - authority)};
            if (!valid_authority(text))
                return bad("an invalid authority in the request target");
            out_.host_ = offset(authority);
            out_.host_size_ = narrow(text.size());
        }
        out_.path_ = offset(path);
        out_.path_size_ = narrow(static_cast<std::size_t>(path_end_ - path));
        return std::nullopt;
    }

    [[nodiscard]] std::optional<refusal> read_version() noexcept
    {
        const char* const version = at_ + 1;
        if (end_ - version < 12 || std::memcmp(version, "HTTP/", 5) != 0
            || !is(version[5], octets::digit) || version[6] != '.'
            || !is(version[7], octets::digit))
            return bad("an invalid HTTP version");
        if (version[8] != '\r' || version[9] != '\n')
            return bad("the request line does not end after the version");
        if (version[5] != '1' || version[7] > '1')
            return refusal{errc::unsupported_version, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
        if (static_cast<std::size_t>(version + 8 - begin_) > max_line())
            return refusal{errc::head_too_large, "the request line is longer than allowed"};
        out_.minor_version_ = version[7] == '1' ? 1 : 0;
        at_ = version + 10;
        return std::nullopt;
    }

    [[nodiscard]] std::optional<refusal> judge_host() noexcept
    {
        if (!out_.has(header::host)) {
            if (out_.minor_version_ == 0)
                return std::nullopt;
            return bad("no Host");
        }
        if (out_.repeated(header::host))
            return bad("more than one Host");
        const std::string_view value = out_.find(header::host);
        if (!valid_authority(value))
            return bad("an invalid Host");
        if (out_.host_size_ == 0) {
            out_.host_ = offset(value.data());
            out_.host_size_ = narrow(value.size());
        }
        return std::nullopt;
    }

    [[nodiscard]] std::optional<refusal> judge_expect() noexcept
    {
        out_.expect_continue_ = false;
        if (!out_.has(header::expect))
            return std::nullopt;
        if (out_.repeated(header::expect) || !iequals(out_.find(header::expect), "100-continue"))
            return refusal{errc::expectation_failed, "an expectation other than one 100-continue"};
        out_.expect_continue_ = out_.minor_version_ == 1;
        return std::nullopt;
    }

    [[nodiscard]] std::optional<refusal> judge_framing() noexcept
    {
        body_fields body;
        if (auto why = read_body_fields(out_.fields_, out_.minor_version_, body))
            return why;
        connection_options connection;
        if (auto why = read_connection(out_.fields_, connection))
            return why;
        if (body.chunked)
            out_.framing_ = framing::chunked;
        else if (body.has_length)
            out_.framing_ = framing::length;
        out_.content_length_ = body.length;
        out_.keep_alive_ = !connection.close && (out_.minor_version_ == 1 || connection.keep_alive);
        return std::nullopt;
    }

    [[nodiscard]] std::uint32_t offset(const char* p) const noexcept
    {
        return static_cast<std::uint32_t>(p - begin_);
    }
    [[nodiscard]] std::size_t max_line() const noexcept
    {
        return std::min(limits_.line_bytes, head_limits::longest_line);
    }

    const char* begin_;
    const char* at_;
    const char* end_;
    const char* path_end_ = nullptr;
    const head_limits& limits_;
    request_head& out_;
};

std::optional<refusal> parse(
    std::string_view head, const head_limits& limits, request_head& out) noexcept
{
    if (head.size() > limits.head_bytes)
        return refusal{errc::head_too_large, "the request head is larger than allowed"};
    if (!head.ends_with("\r\n\r\n"))
        return bad("the request head does not end in an empty line");
    return request_parser{head, limits, out}.run();
}

}  // namespace sluice::http
