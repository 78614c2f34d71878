#include <sluice/base/put.hpp>
#include <sluice/http/octets.hpp>
#include <sluice/http/writer.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace sluice::http {

namespace {

struct phrase {
    unsigned status;
    std::string_view text;
};

// The IANA registry, and the 499 of access logs.
// clang-format off
constexpr std::array phrases{
    phrase{100, "Continue"},           phrase{101, "Switching Protocols"},  phrase{102, "Processing"},
    phrase{103, "Early Hints"},        phrase{200, "OK"},                   phrase{201, "Created"},
    phrase{202, "Accepted"},           phrase{203, "Non-Authoritative Information"},
    phrase{204, "No Content"},         phrase{205, "Reset Content"},        phrase{206, "Partial Content"},
    phrase{207, "Multi-Status"},       phrase{208, "Already Reported"},     phrase{226, "IM Used"},
    phrase{300, "Multiple Choices"},   phrase{301, "Moved Permanently"},    phrase{302, "Found"},
    phrase{303, "See Other"},          phrase{304, "Not Modified"},         phrase{305, "Use Proxy"},
    phrase{307, "Temporary Redirect"}, phrase{308, "Permanent Redirect"},   phrase{400, "Bad Request"},
    phrase{401, "Unauthorized"},       phrase{402, "Payment Required"},     phrase{403, "Forbidden"},
    phrase{404, "Not Found"},          phrase{405, "Method Not Allowed"},   phrase{406, "Not Acceptable"},
    phrase{407, "Proxy Authentication Required"},                           phrase{408, "Request Timeout"},
    phrase{409, "Conflict"},           phrase{410, "Gone"},                 phrase{411, "Length Required"},
    phrase{412, "Precondition Failed"},                                     phrase{413, "Content Too Large"},
    phrase{414, "URI Too Long"},       phrase{415, "Unsupported Media Type"},
    phrase{416, "Range Not Satisfiable"},                                   phrase{417, "Expectation Failed"},
    phrase{421, "Misdirected Request"},                                     phrase{422, "Unprocessable Content"},
    phrase{423, "Locked"},             phrase{424, "Failed Dependency"},    phrase{425, "Too Early"},
    phrase{426, "Upgrade Required"},   phrase{428, "Precondition Required"},
    phrase{429, "Too Many Requests"},  phrase{431, "Request Header Fields Too Large"},
    phrase{451, "Unavailable For Legal Reasons"},                           phrase{499, "Client Closed Request"},
    phrase{500, "Internal Server Error"},                                   phrase{501, "Not Implemented"},
    phrase{502, "Bad Gateway"},        phrase{503, "Service Unavailable"},  phrase{504, "Gateway Timeout"},
    phrase{505, "HTTP Version Not Supported"},                              phrase{506, "Variant Also Negotiates"},
    phrase{507, "Insufficient Storage"},                                    phrase{508, "Loop Detected"},
    phrase{511, "Network Authentication Required"},
};
// clang-format on
static_assert(std::ranges::is_sorted(phrases, {}, &phrase::status));

constexpr std::size_t most_digits = 20;
using decimal = std::array<char, most_digits>;

// At the end of the memory.
[[nodiscard]] std::string_view to_decimal(std::uint64_t value, decimal& memory) noexcept
{
    char* const end = memory.data() + memory.size();
    char* at = end;
    for (; value >= 10; value /= 100) {
        at -= 2;
        put_two_digits(at, static_cast<unsigned>(value % 100));
    }
    if (value != 0 || at == end)
        *--at = static_cast<char>('0' + value);
    return {at, static_cast<std::size_t>(end - at)};
}

inline char* end_line(char* to) noexcept
{
    std::memcpy(to, "\r\n", 2);
    return to + 2;
}

[[nodiscard]] std::string_view version(int minor_version) noexcept
{
    return minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1";
}

[[nodiscard]] bool is_printable_word(std::string_view text) noexcept
{
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

std::string_view reason_phrase(unsigned status) noexcept
{
    const auto found = std::ranges::lower_bound(phrases, status, {}, &phrase::status);
    return found != phrases.end() && found->status == status ? found->text : "Unknown";
}

bool head_writer::room(std::size_t bytes) noexcept
{
    if (refused_ || overflowed_)
        return false;
    overflowed_ = static_cast<std::size_t>(end_ - at_) < bytes;
    return !overflowed_;
}

void head_writer::put(std::string_view text) noexcept
{
    at_ = put_short(at_, text);
}

void head_writer::request_line(
    std::string_view method, std::string_view target, int minor_version) noexcept
{
    refused_ = refused_ || !is_token(method) || !is_printable_word(target);
    if (!room(method.size() + target.size() + 12))
        return;
    put(method);
    put(" ");
    put(target);
    put(" ");
    put(version(minor_version));
    put("\r\n");
}

void head_writer::status_line(unsigned status, int minor_version) noexcept
{
    status_line(status, status == 200 ? "OK" : reason_phrase(status), minor_version);
}

void head_writer::status_line(unsigned status, std::string_view reason, int minor_version) noexcept
{
    constexpr std::string_view usual = "HTTP/1.1 200 OK\r\n";
    if (status == 200 && minor_version == 1 && reason == "OK") {
        lines(usual);
        return;
    }
    refused_ = refused_ || status < 100 || status > 999 || has_control(reason);
    if (!room(reason.size() + 15))
        return;
    decimal memory;
    put(version(minor_version));
    put(" ");
    put(to_decimal(status, memory));
    put(" ");
    put(reason);
    put("\r\n");
}

void head_writer::line(std::string_view name, std::string_view value) noexcept
{
    if (!room(name.size() + value.size() + 4))
        return;
    char* at = put_short(at_, name);
    *at++ = ':';
    *at++ = ' ';
    at_ = end_line(put_short(at, value));
}

void head_writer::field(std::string_view name, std::string_view value) noexcept
{
    refused_ = refused_ || !is_token(name) || has_control(value);
    line(name, value);
}

void head_writer::field(std::string_view name, std::uint64_t value) noexcept
{
    decimal memory;
    field(name, to_decimal(value, memory));
}

void head_writer::field(header id, std::string_view value) noexcept
{
    refused_ = refused_ || id == header::other || has_control(value);
    line(name_of(id), value);
}

void head_writer::field(header id, std::uint64_t value) noexcept
{
    refused_ = refused_ || id == header::other;
    decimal memory;
    line(name_of(id), to_decimal(value, memory));
}

void head_writer::lines(std::string_view rendered) noexcept
{
    if (room(rendered.size()))
        put(rendered);
}

void head_writer::trusted(std::string_view name_and_colon, std::string_view value) noexcept
{
    if (room(name_and_colon.size() + value.size() + 2))
        at_ = end_line(put_short(put_short(at_, name_and_colon), value));
}

void head_writer::trusted(std::string_view name_and_colon, std::uint64_t value) noexcept
{
    decimal memory;
    trusted(name_and_colon, to_decimal(value, memory));
}

std::string_view head_writer::finish() noexcept
{
    if (!room(2))
        return {};
    put("\r\n");
    return {begin_, size()};
}

std::string_view chunk_size_line(
    std::span<char, chunk_size_line_bytes> memory, std::uint64_t payload_bytes) noexcept
{
    char* const begin = memory.data();
    char* end = std::to_chars(begin, begin + 16, payload_bytes, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace sluice::http
