#include "support.hpp"

BOOST_AUTO_TEST_SUITE(http_request_line)

using namespace sluice;
using namespace sluice::http;
using test::judge;
using test::with_line;

BOOST_AUTO_TEST_CASE(an_ordinary_request_line_is_taken_apart)
{
    request_head head;
    const std::string text = with_line("POST /v1/chat/completions?a=b&c=%20d?e HTTP/1.1");
    BOOST_TEST(judge(text, head) == errc{});
    BOOST_TEST(head.method() == method::post);
    BOOST_TEST(head.method_text() == "POST");
    BOOST_TEST(head.target() == "/v1/chat/completions?a=b&c=%20d?e");
    BOOST_TEST(head.path() == "/v1/chat/completions");
    BOOST_TEST(head.query() == "a=b&c=%20d?e");
    BOOST_TEST(head.minor_version() == 1);
    BOOST_TEST(head.host() == "gateway.test");
    BOOST_TEST(head.framing() == framing::none);
    BOOST_TEST(head.keep_alive());
    BOOST_TEST(!head.expect_continue());
}

BOOST_AUTO_TEST_CASE(a_head_object_is_as_good_as_new_for_the_next_head)
{
    request_head head;
    const std::string first =
        "POST http://other.test/x?q HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        "Expect: 100-continue\r\nConnection: close\r\nX-Api-Key: k\r\n\r\n";
    const std::string second = with_line("GET / HTTP/1.1");
    BOOST_TEST(judge(first, head) == errc{});
    BOOST_TEST(head.host() == "other.test");
    BOOST_TEST(judge(second, head) == errc{});
    BOOST_TEST(head.host() == "gateway.test");
    BOOST_TEST(head.query() == "");
    BOOST_TEST(head.content_length() == 0U);
    BOOST_TEST(head.framing() == framing::none);
    BOOST_TEST(!head.expect_continue());
    BOOST_TEST(head.keep_alive());
    BOOST_TEST(!head.has(header::x_api_key));
    BOOST_TEST(head.fields().size() == 1U);
}

BOOST_AUTO_TEST_CASE(any_token_is_a_method_but_connect_is_not_offered)
{
    request_head head;
    BOOST_TEST(judge(with_line("M!#$%&'*+-.^_`|~ / HTTP/1.1"), head) == errc{});
    BOOST_TEST(head.method() == method::other);
    for (const std::string line :
         {"CONNECT a.test:80 HTTP/1.1",
          " / HTTP/1.1",
          "[GET] / HTTP/1.1",
          "GET,POST / HTTP/1.1",
          "GET\t/ HTTP/1.1",
          "GET\x0c/ HTTP/1.1",
          "G\xc3\x89T / HTTP/1.1",
          "GET: / HTTP/1.1"})
        BOOST_TEST(judge(with_line(line)) == errc::bad_request);
    BOOST_TEST(judge(with_line(std::string("GE\0T / HTTP/1.1", 15))) == errc::bad_request);
}

BOOST_AUTO_TEST_CASE(only_http_1_0_and_1_1_are_spoken)
{
    BOOST_TEST(judge(with_line("GET / HTTP/1.0")) == errc{});
    for (const auto* version : {"HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/0.9", "HTTP/3.1"})
        BOOST_TEST(judge(with_line(std::string{"GET / "} + version)) == errc::unsupported_version);
    BOOST_TEST(judge("PRI * HTTP/2.0\r\n\r\n") == errc::unsupported_version);
    for (const auto* version :
         {"HTTP/1",
          "HTTP/1.",
          "HTTP/1.10",
          "HTTP/01.1",
          "HTTP/1.01",
          "HTTP/1,1",
          "HTTP/ 1.1",
          "http/1.1",
          "RTSP/1.0",
          "HTTP/-1.1",
          "HTTP1.1",
          "HTTP/1.1 ",
          " HTTP/1.1",
          "HTTP/1.1\t",
          "HTTP/1.\xef\xbc\x91",
          ""})
        BOOST_TEST(judge(with_line(std::string{"GET / "} + version)) == errc::bad_request);
    BOOST_TEST(judge(with_line("GET /")) == errc::bad_request);
    BOOST_TEST(judge("GET /\r\n\r\n") == errc::bad_request);
}

BOOST_AUTO_TEST_CASE(a_target_is_a_path_of_rfc_3986_octets)
{
    for (const auto* target :
         {"/",
          "//v1/models",
          "/a/../b",
          "/-._~!$&'()*+,;=:@",
          "/%00",
          "/%aF%Fa",
          "/?",
          "/?/?:@!$&'()*+,;=-._~%41"})
        BOOST_TEST(judge(with_line(std::string{"GET "} + target + " HTTP/1.1")) == errc{});
    for (const auto* target :
         {"",      "v1/models", "*",    "/mod els", "/#frag", "#a",     "/?a#b",
          "/a\\b", "/a^",       "/a`",  "/a\"",     "/a<",    "/a>",    "/a{",
          "/a}",   "/a|",       "/[",   "/]",       "/\x01",  "/\x7f",  "/\xc3\xa9",
          "/%",    "/%4",       "/%zz", "/%4g",     "/?%g4",  "/?a=\tb"})
        BOOST_TEST(
            judge(with_line(std::string{"GET "} + target + " HTTP/1.1")) == errc::bad_request);
    for (unsigned octet = 0; octet < 256; ++octet) {
        const std::string line = std::string{"GET /a"} + static_cast<char>(octet) + "41 HTTP/1.1";
        constexpr std::string_view allowed = "-._~!$&'()*+,;=:@/?%";
        const bool good = octet < 128
                          && (std::isalnum(static_cast<int>(octet)) != 0
                              || allowed.find(static_cast<char>(octet)) != std::string_view::npos);
        BOOST_TEST((judge(with_line(line)) == errc{}) == good, "octet " << octet);
    }
}

BOOST_AUTO_TEST_CASE(an_absolute_target_brings_its_own_host)
{
    request_head head;
    const std::string text = with_line("GET hTTp://other.test:8080/v1/models?x HTTP/1.1");
    BOOST_TEST(judge(text, head) == errc{});
    BOOST_TEST(head.host() == "other.test:8080");
    BOOST_TEST(head.find(header::host) == "gateway.test");
    BOOST_TEST(head.path() == "/v1/models");
    BOOST_TEST(head.query() == "x");

    const std::string bare = with_line("GET https://other.test?x HTTP/1.1");
    BOOST_TEST(judge(bare, head) == errc{});
    BOOST_TEST(head.path() == "/");
    BOOST_TEST(head.query() == "x");

    for (const auto* target :
         {"http://",
          "http:///v1",
          "http:v1/models",
          "http:/v1/models",
          "https://",
          "file:///etc/passwd",
          "ftp://gateway.test/",
          "http://user@gateway.test/",
          "http://gateway.test:99999/",
          "http://gateway.test:8o/",
          "http://gate way/",
          "http://[::1/",
          "http://?x"})
        BOOST_TEST(
            judge(with_line(std::string{"GET "} + target + " HTTP/1.1")) == errc::bad_request);
    BOOST_TEST(judge("GET http://a.test/ HTTP/1.1\r\n\r\n") == errc::bad_request);
}

BOOST_AUTO_TEST_CASE(the_asterisk_is_for_options)
{
    request_head head;
    const std::string text = with_line("OPTIONS * HTTP/1.1");
    BOOST_TEST(judge(text, head) == errc{});
    BOOST_TEST(head.path() == "*");
    BOOST_TEST(judge(with_line("OPTIONS ** HTTP/1.1")) == errc::bad_request);
    BOOST_TEST(judge(with_line("GET * HTTP/1.1")) == errc::bad_request);
}

BOOST_AUTO_TEST_CASE(limits_hold_at_the_limit_and_break_one_beyond)
{
    const auto line_of = [](std::size_t bytes) {
        return "GET /" + std::string(bytes - 14, 'a') + " HTTP/1.1";
    };
    head_limits limits{.head_bytes = 100000, .line_bytes = 1000, .fields = 3};
    BOOST_TEST(judge(with_line(line_of(1000)), limits) == errc{});
    BOOST_TEST(judge(with_line(line_of(1001)), limits) == errc::head_too_large);

    const std::string head = with_line("GET / HTTP/1.1");
    limits.head_bytes = head.size();
    BOOST_TEST(judge(head, limits) == errc{});
    limits.head_bytes = head.size() - 1;
    BOOST_TEST(judge(head, limits) == errc::head_too_large);

    limits = {.head_bytes = 1000000, .line_bytes = 1000000, .fields = 1000};
    BOOST_TEST(judge(with_line(line_of(65535)), limits) == errc{});
    BOOST_TEST(judge(with_line(line_of(65536)), limits) == errc::head_too_large);
    BOOST_TEST(judge(with_line(line_of(70000)), limits) == errc::head_too_large);
    BOOST_TEST(
        judge(with_line(std::string(256, 'M') + " / HTTP/1.1"), limits) == errc::head_too_large);
}

BOOST_AUTO_TEST_CASE(what_is_not_exactly_one_head_is_refused)
{
    BOOST_TEST(judge("") == errc::bad_request);
    BOOST_TEST(judge("\r\n\r\n") == errc::bad_request);
    BOOST_TEST(judge("GET / HTTP/1.1\r\nHost: a\r\n") == errc::bad_request);
    BOOST_TEST(judge("GET / HTTP/1.1\r\nHost: a\r\n\r\nX: y\r\n\r\n") == errc::bad_request);
    BOOST_TEST(judge("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") == errc::bad_request);
}

BOOST_AUTO_TEST_SUITE_END()
