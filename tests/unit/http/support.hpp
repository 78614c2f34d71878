#pragma once
// Heads and errors as the tests of this layer speak of them.

#include <sluice/http/head.hpp>
#include <sluice/http/scanner.hpp>

#include <boost/test/unit_test.hpp>

#include <ostream>
#include <string>
#include <string_view>

namespace sluice {

inline std::ostream& operator<<(std::ostream& out, errc code)
{
    return out << describe(code).label;
}

}  // namespace sluice

namespace sluice::http {

inline std::ostream& operator<<(std::ostream& out, header id)
{
    return out << (id == header::other ? "other" : name_of(id));
}
inline std::ostream& operator<<(std::ostream& out, method m)
{
    return out << "method " << static_cast<int>(m);
}
inline std::ostream& operator<<(std::ostream& out, framing f)
{
    return out << "framing " << static_cast<int>(f);
}
inline std::ostream& operator<<(std::ostream& out, head_scanner::progress p)
{
    return out << "progress " << static_cast<int>(p);
}

namespace test {

// What parse() says; errc{} when it accepts.
inline errc judge(std::string_view head, request_head& out, const head_limits& limits = {})
{
    const auto why = parse(head, limits, out);
    return why ? why->code : errc{};
}

inline errc judge(std::string_view head, const head_limits& limits = {})
{
    request_head out;
    return judge(head, out, limits);
}

// A GET with these field lines, "|" standing for CRLF.
inline std::string with_fields(std::string_view lines, std::string_view version = "HTTP/1.1")
{
    std::string out = "GET /v1/models " + std::string{version} + "\r\n";
    for (const char c : lines)
        out += c == '|' ? std::string{"\r\n"} : std::string{c};
    return out + "\r\n\r\n";
}

inline std::string with_line(std::string_view request_line)
{
    return std::string{request_line} + "\r\nHost: gateway.test\r\n\r\n";
}

inline errc judge_response(
    std::string_view head,
    response_head& out,
    method asked = method::post,
    const head_limits& limits = {})
{
    const auto why = parse(head, limits, asked, out);
    return why ? why->code : errc{};
}

}  // namespace test

}  // namespace sluice::http
