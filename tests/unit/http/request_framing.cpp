#include "support.hpp"

#include <map>

BOOST_AUTO_TEST_SUITE(http_request_framing)

using namespace sluice;
using namespace sluice::http;
using test::judge;
using test::with_fields;

namespace {

errc judge_fields(const std::string& lines, std::string_view version = "HTTP/1.1")
{
    return judge(with_fields("Host: a|" + lines, version));
}

bool keeps_alive(const std::string& lines, std::string_view version)
{
    request_head head;
    const std::string text = with_fields("Host: a" + lines, version);
    BOOST_TEST(judge(text, head) == errc{});
    return head.keep_alive();
}

// Which fields of a request are hop-by-hop, by their names as sent.
std::map<std::string, bool> hops(const std::string& lines)
{
    request_head head;
    const std::string text = with_fields("Host: a|" + lines);
    BOOST_TEST(judge(text, head) == errc{});
    std::map<std::string, bool> out;
    for (const field f : head.fields())
        out[std::string{f.name}] = f.hop_by_hop;
    return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_content_length_is_digits_below_2_to_the_63)
{
    request_head head;
    for (const auto& [text, value] : std::map<std::string, std::uint64_t>{
             {"0", 0},
             {"58", 58},
             {"58 \t ", 58},
             {"0000000000000000000000058", 58},
             {"9223372036854775807", 9223372036854775807U}}) {
        const std::string request = with_fields("Host: a|Content-Length: " + text);
        BOOST_TEST(judge(request, head) == errc{});
        BOOST_TEST(head.framing() == framing::length);
        BOOST_TEST(head.content_length() == value);
    }
    for (const auto* text :
         {"",
          " ",
          "-0",
          "+1",
          "0x3a",
          "5 8",
          "5\t8",
          "58,58",
          "58, 58",
          "\"58\"",
          "'58'",
          "(58)",
          "58.0",
          "%35%38",
          "1e3",
          "\x85"
          "58",
          "9223372036854775808",
          "18446744073709551616",
          "18446744073709551617",
          "99999999999999999999999999999"})
        BOOST_TEST(judge_fields(std::string{"Content-Length: "} + text) == errc::bad_request);
    BOOST_TEST(judge_fields("Content-Length: 5|Content-Length: 5") == errc::bad_request);
    BOOST_TEST(judge_fields("Content-Length: 5|Content-Length: 6") == errc::bad_request);
    BOOST_TEST(judge_fields("Content-Length: |Content-Length: 5") == errc::bad_request);
}

BOOST_AUTO_TEST_CASE(the_only_transfer_coding_is_one_chunked)
{
    request_head head;
    const std::string request = with_fields("Host: a|Transfer-Encoding: \tChUnKeD ");
    BOOST_TEST(judge(request, head) == errc{});
    BOOST_TEST(head.framing() == framing::chunked);
    BOOST_TEST(head.content_length() == 0U);

    for (const auto* text : {"gzip, chunked", "gzip;q=1, chunked", "identity,chunked"})
        BOOST_TEST(
            judge_fields(std::string{"Transfer-Encoding: "} + text)
            == errc::unsupported_transfer_coding);
    for (const auto* text :
         {"",
          "gzip",
          "identity",
          "xchunked",
          "chunk",
          "chunkedx",
          "\"chunked\"",
          "'chunked'",
          "chunked;q=1",
          "chunked,",
          ",chunked",
          "chunked, chunked",
          "chunked, gzip",
          "chunked gzip",
          "chunked\xa0",
          "chun\xe2\x84\xaa"
          "ed"})
        BOOST_TEST(
            judge_fields(std::string{"Transfer-Encoding: "} + text) == errc::bad_request, text);
    BOOST_TEST(
        judge_fields("Transfer-Encoding: chunked|Transfer-Encoding: chunked") == errc::bad_request);
    BOOST_TEST(
        judge_fields("Transfer-Encoding: x|Transfer-Encoding: chunked") == errc::bad_request);
    BOOST_TEST(judge_fields("Transfer-Encoding: chunked|Content-Length: 5") == errc::bad_request);
    BOOST_TEST(judge_fields("Content-Length: 5|Transfer-Encoding: chunked") == errc::bad_request);
    BOOST_TEST(judge_fields("Content-Length: 0|Transfer-Encoding: gzip") == errc::bad_request);
    BOOST_TEST(judge_fields("Transfer-Encoding: chunked", "HTTP/1.0") == errc::bad_request);
    BOOST_TEST(judge_fields("Content-Length: 5", "HTTP/1.0") == errc{});
}

BOOST_AUTO_TEST_CASE(underscores_do_not_imitate_framing_or_credentials)
{
    for (const auto* name :
         {"Content_Length",
          "transfer_encoding",
          "TRANSFER_ENCODING",
          "x_api_key",
          "X_Api-Key",
          "keep_alive",
          "proxy_authorization",
          "Content_Type"})
        BOOST_TEST(judge_fields(std::string{name} + ": 0") == errc::bad_request, name);
    for (const auto* name : {"X_Custom", "Content_Lengths", "_", "user_agent"})
        BOOST_TEST(judge_fields(std::string{name} + ": 0") == errc{}, name);
}

BOOST_AUTO_TEST_CASE(only_one_100_continue_is_expected)
{
    request_head head;
    const std::string request = with_fields("Host: a|Expect: 100-Continue");
    BOOST_TEST(judge(request, head) == errc{});
    BOOST_TEST(head.expect_continue());
    const std::string old = with_fields("Host: a|Expect: 100-continue", "HTTP/1.0");
    BOOST_TEST(judge(old, head) == errc{});
    BOOST_TEST(!head.expect_continue());
    for (const std::string lines :
         {"Expect: x-foo",
          "Expect:",
          "Expect: 100-continue, x",
          "Expect: 100-continue|Expect: 100-continue"})
        BOOST_TEST(judge_fields(lines) == errc::expectation_failed);
}

BOOST_AUTO_TEST_CASE(persistence_follows_the_version_and_connection)
{
    BOOST_TEST(keeps_alive("", "HTTP/1.1"));
    BOOST_TEST(!keeps_alive("", "HTTP/1.0"));
    BOOST_TEST(keeps_alive("|Connection: keep-alive", "HTTP/1.0"));
    BOOST_TEST(keeps_alive("|Connection: x,  Keep-ALIVE ,y", "HTTP/1.0"));
    BOOST_TEST(!keeps_alive("|Connection: keep-alives", "HTTP/1.0"));
    BOOST_TEST(!keeps_alive("|Connection: CLOSE", "HTTP/1.1"));
    BOOST_TEST(!keeps_alive("|Connection: x|Connection: ,close", "HTTP/1.1"));
    BOOST_TEST(!keeps_alive("|Connection: keep-alive, close", "HTTP/1.1"));
    BOOST_TEST(!keeps_alive("|Connection: keep-alive|Connection: close", "HTTP/1.0"));
    BOOST_TEST(keeps_alive("|Connection: closed, @,,", "HTTP/1.1"));
}

BOOST_AUTO_TEST_CASE(hop_by_hop_fields_are_marked)
{
    const auto marked = hops(
        "Connection: X-A, keep-alive,accept|Connection: x-b|X-A: 1|x-b: 2|X-C: 3|X-A: "
        "4|Keep-Alive: 5|"
        "Proxy-Connection: x|PROXY-Custom: x|proxy-authenticate: x|TE: x|Trailer: x|Upgrade: x|"
        "Accept: x|Proxyless: x|Cookie: x");
    for (const auto* name :
         {"Connection",
          "X-A",
          "x-b",
          "Keep-Alive",
          "Proxy-Connection",
          "PROXY-Custom",
          "proxy-authenticate",
          "TE",
          "Trailer",
          "Upgrade",
          "Accept"})
        BOOST_TEST(marked.at(name), name);
    for (const auto* name : {"Host", "X-C", "Proxyless", "Cookie"})
        BOOST_TEST(!marked.at(name), name);
    BOOST_TEST(hops("Transfer-Encoding: chunked").at("Transfer-Encoding"));
}

BOOST_AUTO_TEST_CASE(a_client_cannot_strip_what_the_gateway_needs)
{
    const auto marked = hops(
        "Connection: close, Authorization, Content-Length, Host, content-type, x-sluice-hops, via|"
        "Authorization: Bearer x|Content-Length: 0|Content-Type: x|X-Sluice-Hops: 1|Via: 1.1 x");
    for (const auto& [name, hop_by_hop] : marked)
        BOOST_TEST(hop_by_hop == (name == "Connection"), name);
}

BOOST_AUTO_TEST_CASE(connection_names_a_bounded_number_of_fields)
{
    std::string options = "Connection: close";
    for (int i = 0; i < 64; ++i)
        options += ",x" + std::to_string(i);
    BOOST_TEST(judge_fields(options) == errc{});
    BOOST_TEST(judge_fields(options + ",y") == errc::bad_request);
    BOOST_TEST(judge_fields(options + "|Connection: y") == errc::bad_request);
}

BOOST_AUTO_TEST_SUITE_END()
