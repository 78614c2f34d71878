#include "support.hpp"

BOOST_AUTO_TEST_SUITE(http_response_head)

using namespace sluice;
using namespace sluice::http;
using test::judge_response;

namespace {

std::string answer(std::string_view first_line, std::string_view lines = "")
{
    std::string out{first_line};
    for (const char c : "|" + std::string{lines})
        out += c == '|' ? std::string{"\r\n"} : std::string{c};
    return out + (lines.empty() ? "\r\n" : "\r\n\r\n");
}

errc judge_line(std::string_view first_line)
{
    response_head head;
    return judge_response(answer(first_line), head);
}

errc judge_fields(std::string_view lines, std::string_view first_line = "HTTP/1.1 200 OK")
{
    response_head head;
    return judge_response(answer(first_line, lines), head);
}

struct framed {
    http::framing framing;
    bool keep_alive;
    bool operator==(const framed&) const = default;
};
std::ostream& operator<<(std::ostream& out, const framed& f)
{
    return out << f.framing << (f.keep_alive ? ", keep-alive" : ", close");
}

framed frame(std::string_view first_line, std::string_view lines, method asked = method::post)
{
    response_head head;
    const std::string text = answer(first_line, lines);
    BOOST_TEST(judge_response(text, head, asked) == errc{});
    return {head.framing(), head.keep_alive()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_status_line_is_taken_apart)
{
    response_head head;
    const std::string text = answer(
        "HTTP/1.1 429 Too  Many\tRequ\xc3\xaasts", "Retry-After: 2|X-Hop: 1|Connection: x-hop");
    BOOST_TEST(judge_response(text, head) == errc{});
    BOOST_TEST(head.status() == 429U);
    BOOST_TEST(head.reason() == "Too  Many\tRequ\xc3\xaasts");
    BOOST_TEST(head.minor_version() == 1);
    BOOST_TEST(head.find(header::retry_after) == "2");
    BOOST_TEST(head.find("x-hop") == "1");
    BOOST_TEST(head.fields()[1].hop_by_hop);
    BOOST_TEST(!head.fields()[0].hop_by_hop);
}

BOOST_AUTO_TEST_CASE(a_reason_may_be_empty_or_left_out_with_its_space)
{
    response_head head;
    for (const auto* line : {"HTTP/1.1 200 ", "HTTP/1.1 200"}) {
        const std::string text = answer(line, "Content-Length: 3");
        BOOST_TEST(judge_response(text, head) == errc{});
        BOOST_TEST(head.reason() == "");
        BOOST_TEST(head.content_length() == 3U);
    }
    BOOST_TEST(judge_line("HTTP/1.1 200") == errc{});
}

BOOST_AUTO_TEST_CASE(a_wrong_status_line_is_the_upstreams_fault)
{
    for (const auto* line :
         {"HTTP/1.0 100 x", "HTTP/1.1 599 x", "HTTP/1.1 101 Switching Protocols"})
        BOOST_TEST(judge_line(line) == errc{});
    for (const std::string line :
         {"HTTP/1.1 abc X",
          "HTTP/1.1 099 X",
          "HTTP/1.1 600 X",
          "HTTP/1.1 799 X",
          "HTTP/1.1 20 X",
          "HTTP/1.1 2000 X",
          "HTTP/1.1 20x X",
          "HTTP/1.1 -20 X",
          "HTTP/1.1  200 OK",
          "HTTP/1.1\t200 OK",
          "HTTP/1.1 200\tOK",
          "HTTP/1.1 200OK",
          "HTTP/1.1 200 O\x01K",
          "HTTP/1.1 200 O\rK",
          "HTTP/1.1 200 O\nK",
          "HTTP/1.1 200 O\x7fK",
          "HTTP/1.2 200 OK",
          "HTTP/2 200 OK",
          "HTTP/2.0 200 OK",
          "HTTP/0.9 200 OK",
          "http/1.1 200 OK",
          "ICY 200 OK"
          " and more",
          " HTTP/1.1 200 OK",
          "HTTP/1.1",
          ""})
        BOOST_TEST(judge_line(line) == errc::upstream_invalid, line);
}

BOOST_AUTO_TEST_CASE(lying_framing_is_the_upstreams_fault)
{
    for (const auto* lines :
         {"Content-Length: 0xff",
          "Content-Length: abc",
          "Content-Length: 1 2",
          "Content-Length: -1",
          "Content-Length:",
          "Content-Length: 9223372036854775808",
          "Content-Length: 5|Content-Length: 5",
          "Content-Length: 5|Transfer-Encoding: chunked",
          "Transfer-Encoding: chunked, gzip",
          "Transfer-Encoding: gzip, chunked",
          "Transfer-Encoding: identity",
          "Transfer-Encoding:",
          "Transfer-Encoding: chunked|Transfer-Encoding: chunked",
          "X-A : a",
          "X-A",
          "X\x01"
          "A: a",
          "X-A: a\x01",
          "X-A: a| folded",
          "Content_Length: 5"})
        BOOST_TEST(judge_fields(lines) == errc::upstream_invalid, lines);
    BOOST_TEST(
        judge_fields("Transfer-Encoding: chunked", "HTTP/1.0 200 OK") == errc::upstream_invalid);
    BOOST_TEST(
        judge_fields("Transfer-Encoding: chunked", "HTTP/1.1 204 x") == errc::upstream_invalid);
    BOOST_TEST(
        judge_fields("Transfer-Encoding: chunked", "HTTP/1.1 100 x") == errc::upstream_invalid);
}

BOOST_AUTO_TEST_CASE(the_body_is_framed_by_the_first_rule_that_applies)
{
    constexpr std::string_view ok = "HTTP/1.1 200 OK";
    BOOST_TEST(frame(ok, "Content-Length: 5") == (framed{framing::length, true}));
    BOOST_TEST(frame(ok, "Transfer-Encoding: Chunked") == (framed{framing::chunked, true}));
    BOOST_TEST(frame(ok, "X: y") == (framed{framing::until_close, false}));
    BOOST_TEST(
        frame(ok, "Connection: close|Content-Length: 5") == (framed{framing::length, false}));
    BOOST_TEST(frame(ok, "Content-Length: 5", method::head) == (framed{framing::none, true}));
    BOOST_TEST(
        frame(ok, "Transfer-Encoding: chunked", method::head) == (framed{framing::none, true}));
    BOOST_TEST(frame(ok, "X: y", method::head) == (framed{framing::none, true}));
    BOOST_TEST(frame("HTTP/1.1 304 x", "Content-Length: 5") == (framed{framing::none, true}));
    BOOST_TEST(
        frame("HTTP/1.1 304 x", "Transfer-Encoding: chunked") == (framed{framing::none, true}));
    BOOST_TEST(frame("HTTP/1.1 204 x", "X: y") == (framed{framing::none, true}));
    BOOST_TEST(frame("HTTP/1.1 204 x", "Content-Length: 0") == (framed{framing::none, true}));
    BOOST_TEST(frame("HTTP/1.1 204 x", "Content-Length: 8") == (framed{framing::none, false}));
    BOOST_TEST(frame("HTTP/1.1 100 x", "") == (framed{framing::none, true}));
    BOOST_TEST(frame("HTTP/1.1 103 x", "Link: y") == (framed{framing::none, true}));
    BOOST_TEST(frame("HTTP/1.0 200 OK", "Content-Length: 5") == (framed{framing::length, false}));
    BOOST_TEST(
        frame("HTTP/1.0 200 OK", "Connection: keep-alive|Content-Length: 5")
        == (framed{framing::length, true}));
    BOOST_TEST(
        frame("HTTP/1.0 200 OK", "Connection: keep-alive")
        == (framed{framing::until_close, false}));
}

BOOST_AUTO_TEST_CASE(limits_hold_for_answers)
{
    response_head head;
    const std::string text = answer("HTTP/1.1 200 OK", "A: b|C: d");
    const auto judged = [&](head_limits limits) {
        return judge_response(text, head, method::get, limits);
    };
    BOOST_TEST(judged({.head_bytes = text.size(), .line_bytes = 15, .fields = 2}) == errc{});
    BOOST_TEST(
        judged({.head_bytes = text.size() - 1, .line_bytes = 15, .fields = 2})
        == errc::upstream_invalid);
    BOOST_TEST(
        judged({.head_bytes = text.size(), .line_bytes = 14, .fields = 2})
        == errc::upstream_invalid);
    BOOST_TEST(
        judged({.head_bytes = text.size(), .line_bytes = 15, .fields = 1})
        == errc::upstream_invalid);
}

BOOST_AUTO_TEST_SUITE_END()
