#pragma once
// Heads of HTTP/1.1 messages, strictly (RFC 9110, 9112, 3986): what one recipient could read
// differently from another is refused, not repaired.

#include <sluice/base/errc.hpp>
#include <sluice/http/fields.hpp>
#include <sluice/http/names.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace sluice::http {

struct head_limits {
    static constexpr std::size_t longest_line = 65535;

    std::size_t head_bytes = 32768;  // first line to blank line, both included
    std::size_t line_bytes = 16384;  // one line without its CRLF; at most longest_line
    std::size_t fields = 100;        // at most field_table::capacity
};

struct refusal {
    errc code;
    std::string_view message;  // static; what is wrong, without any of the sender's bytes
};

enum class framing : std::uint8_t {
    none,    // no body
    length,  // content_length() octets, possibly 0
    chunked,
    until_close,  // answers only
};

// A request's head. Refers to the caller's buffer, which must neither move nor change; may be
// reused for the next head. Valid only after parse() accepted; after a refusal only the fields are,
// as far as they were read.
class request_head {
public:
    // Without any field.
    void clear() noexcept { fields_.clear(nullptr); }

    [[nodiscard]] http::method method() const noexcept { return method_; }
    [[nodiscard]] std::string_view method_text() const noexcept { return {base_, method_size_}; }
    [[nodiscard]] int minor_version() const noexcept { return minor_version_; }

    // As sent: origin-form, absolute-form or "*".
    [[nodiscard]] std::string_view target() const noexcept
    {
        return {base_ + target_, target_size_};
    }
    // Not percent-decoded. Begins with "/", or is "*"; "/" for an absolute-form without a path.
    [[nodiscard]] std::string_view path() const noexcept
    {
        return path_size_ == 0 ? std::string_view{"/"}
                               : std::string_view{base_ + path_, path_size_};
    }
    // Without the "?"; empty when there is none.
    [[nodiscard]] std::string_view query() const noexcept { return {base_ + query_, query_size_}; }
    // host[:port] of an absolute-form, else of Host (RFC 9112 3.2.2); empty only for HTTP/1.0.
    [[nodiscard]] std::string_view host() const noexcept { return {base_ + host_, host_size_}; }

    [[nodiscard]] const field_table& fields() const noexcept { return fields_; }
    [[nodiscard]] bool has(header id) const noexcept { return fields_.has(id); }
    [[nodiscard]] bool repeated(header id) const noexcept { return fields_.repeated(id); }
    [[nodiscard]] std::string_view find(header id) const noexcept { return fields_.find(id); }
    [[nodiscard]] std::string_view find(std::string_view lower_case_name) const noexcept
    {
        return fields_.find(lower_case_name);
    }

    // none, length or chunked.
    [[nodiscard]] http::framing framing() const noexcept { return framing_; }
    // 0 unless the framing is length.
    [[nodiscard]] std::uint64_t content_length() const noexcept { return content_length_; }
    // The client lets the connection live after this request (RFC 9112 9.3).
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
    // The client may be waiting for 100 Continue; never for HTTP/1.0 (RFC 9110 10.1.1).
    [[nodiscard]] bool expect_continue() const noexcept { return expect_continue_; }

private:
    friend class request_parser;

    const char* base_ = nullptr;
    std::uint64_t content_length_ = 0;
    std::uint32_t target_ = 0;
    std::uint32_t path_ = 0;
    std::uint32_t query_ = 0;
    std::uint32_t host_ = 0;
    std::uint16_t method_size_ = 0;
    std::uint16_t target_size_ = 0;
    std::uint16_t path_size_ = 0;
    std::uint16_t query_size_ = 0;
    std::uint16_t host_size_ = 0;
    http::method method_ = http::method::other;
    std::uint8_t minor_version_ = 1;
    http::framing framing_ = http::framing::none;
    bool keep_alive_ = false;
    bool expect_continue_ = false;
    field_table fields_;
};

static_assert(sizeof(request_head) <= 2048);
static_assert(std::is_trivially_destructible_v<request_head>);

// `head` is what head_scanner calls complete: the request line to the blank line. Nothing when
// accepted, else bad_request, head_too_large, unsupported_version, unsupported_transfer_coding or
// expectation_failed; the connection cannot be used after any of them.
[[nodiscard]] std::optional<refusal> parse(
    std::string_view head, const head_limits& limits, request_head& out) noexcept;

// An answer's head; lifetimes as above.
class response_head {
public:
    [[nodiscard]] unsigned status() const noexcept { return status_; }  // 100..599
    [[nodiscard]] std::string_view reason() const noexcept { return {base_ + 13, reason_size_}; }
    [[nodiscard]] int minor_version() const noexcept { return minor_version_; }

    [[nodiscard]] const field_table& fields() const noexcept { return fields_; }
    [[nodiscard]] bool has(header id) const noexcept { return fields_.has(id); }
    [[nodiscard]] bool repeated(header id) const noexcept { return fields_.repeated(id); }
    [[nodiscard]] std::string_view find(header id) const noexcept { return fields_.find(id); }
    [[nodiscard]] std::string_view find(std::string_view lower_case_name) const noexcept
    {
        return fields_.find(lower_case_name);
    }

    // none for answers to HEAD and for 1xx, 204 and 304, whatever the fields say (RFC 9112 6.3).
    [[nodiscard]] http::framing framing() const noexcept { return framing_; }
    // 0 when the head has no Content-Length; for an answer to HEAD and a 304 what a GET would get.
    [[nodiscard]] std::uint64_t content_length() const noexcept { return content_length_; }
    // The connection may carry another request once the body is read. False when the body ends with
    // the connection, and when a 1xx or 204 announces a body it cannot have.
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }

    // The same octets lie there now.
    void moved_to(const char* base) noexcept
    {
        base_ = base;
        fields_.moved_to(base);
    }

private:
    friend class response_parser;

    const char* base_ = nullptr;
    std::uint64_t content_length_ = 0;
    std::uint16_t status_ = 0;
    std::uint16_t reason_size_ = 0;
    std::uint8_t minor_version_ = 1;
    http::framing framing_ = http::framing::none;
    bool keep_alive_ = false;
    field_table fields_;
};

// `asked` is the method of the request this answers. Nothing when accepted, else upstream_invalid.
// 101 and the other 1xx are accepted: what they mean is the caller's business.
[[nodiscard]] std::optional<refusal> parse(
    std::string_view head, const head_limits& limits, method asked, response_head& out) noexcept;

}  // namespace sluice::http
