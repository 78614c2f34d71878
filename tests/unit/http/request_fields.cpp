#include "support.hpp"

BOOST_AUTO_TEST_SUITE(http_request_fields)

using namespace sluice;
using namespace sluice::http;
using test::judge;
using test::with_fields;

namespace {

errc judge_fields(std::string_view lines, std::string_view version = "HTTP/1.1")
{
    return judge(with_fields(lines, version));
}

}  // namespace

// Small heads are looked at octet by octet, larger ones as a whole.
BOOST_AUTO_TEST_CASE(what_an_octet_means_does_not_depend_on_where_it_stands)
{
    for (const bool in_name : {true, false}) {
        for (unsigned octet = 0; octet < 256; ++octet) {
            const std::string odd(1, static_cast<char>(octet));
            const std::string line = in_name ? "x-a" + odd + "b: c" : "x-a: b" + odd + "c";
            const std::string front = "GET / HTTP/1.1\r\nhost: a\r\n";
            request_head small;
            const std::string alone = front + line + "\r\n\r\n";
            const auto verdict = judge(alone, small);
            bool same = true;
            for (std::size_t pad = 0; pad < 140; pad += octet % 16 == 13 ? 1 : 9) {
                const std::string fill = "x-fill: " + std::string(pad, '~') + "\r\n";
                for (const bool first : {true, false}) {
                    const std::string more = first ? line + "\r\n" + fill : fill + line + "\r\n";
                    const std::string text = front + more + "\r\n";
                    request_head large;
                    same = same && judge(text, large) == verdict;
                    if (verdict == errc{} && same)
                        same = large.find("x-fill") == std::string(pad, '~')
                               && large.find("x-a") == small.find("x-a")
                               && large.fields().size() == small.fields().size() + 1;
                }
            }
            BOOST_TEST(same, "octet " << octet << (in_name ? " in a name" : " in a value"));
        }
    }
}

BOOST_AUTO_TEST_CASE(heads_of_every_length_are_read_to_their_end)
{
    for (std::size_t pad = 0; pad < 4300; pad += pad < 200 || pad > 4000 ? 1 : 61) {
        const std::string value(pad, 'v');
        request_head head;
        const std::string text = with_fields("Host: a|X-Long: " + value + "|X-Last: end");
        const bool fine = judge(text, head) == errc{} && head.find("x-long") == value
                          && head.find("x-last") == "end" && head.fields().size() == 3;
        BOOST_TEST(fine, "with a value of " << pad);
    }
}

BOOST_AUTO_TEST_CASE(fields_keep_their_order_spelling_and_inner_blanks)
{
    request_head head;
    const std::string text =
        with_fields("HOST:a.test|X-One: \t b  c\t |x-two:|X-Three:|X-One: again|Via: 1.1 x");
    BOOST_TEST(judge(text, head) == errc{});
    BOOST_TEST(head.fields().size() == 6U);
    BOOST_TEST(head.fields()[0].name == "HOST");
    BOOST_TEST(head.fields()[0].value == "a.test");
    BOOST_TEST(head.fields()[0].id == header::host);
    BOOST_TEST(head.fields()[1].value == "b  c");
    BOOST_TEST(head.fields()[2].value == "");
    BOOST_TEST(head.find("x-one") == "b  c");
    BOOST_TEST(head.find("x-three") == "");
    BOOST_TEST(head.find("x-four") == "");
    BOOST_TEST(head.find(header::via) == "1.1 x");
    BOOST_TEST(!head.has(header::date));
    BOOST_TEST(head.find(header::date) == "");
    std::size_t count = 0;
    for (const field f : head.fields())
        count += f.hop_by_hop ? 100 : 1;
    BOOST_TEST(count == 6U);
}

BOOST_AUTO_TEST_CASE(repeats_are_known_and_the_first_is_found)
{
    request_head head;
    const std::string text = with_fields("Host: a|Cookie: 1|Cookie: 2|Accept: x");
    BOOST_TEST(judge(text, head) == errc{});
    BOOST_TEST(head.repeated(header::cookie));
    BOOST_TEST(!head.repeated(header::accept));
    BOOST_TEST(head.find(header::cookie) == "1");
}

BOOST_AUTO_TEST_CASE(a_field_name_is_a_token_right_before_its_colon)
{
    BOOST_TEST(judge_fields("Host: a|!#$%&'*+-.^_`~azAZ09: x") == errc{});
    for (unsigned octet = 0; octet < 256; ++octet) {
        constexpr std::string_view allowed = "!#$%&'*+-.^_`|~:";
        const bool good = octet < 128
                          && (std::isalnum(static_cast<int>(octet)) != 0
                              || allowed.find(static_cast<char>(octet)) != std::string_view::npos);
        const std::string head = std::string{"GET / HTTP/1.1\r\nHost: a\r\nX"}
                                 + static_cast<char>(octet)
                                 + "Pad: some text that is long enough for every path\r\n\r\n";
        BOOST_TEST((judge(head) == errc{}) == good, "octet " << octet);
    }
    for (const auto* line : {": x", "X", "X x", "X : x", "X\t: x", " X: x", "\tX: x", "X\xa0: x"})
        BOOST_TEST(judge_fields(std::string{"Host: a|"} + line) == errc::bad_request);
}

BOOST_AUTO_TEST_CASE(a_value_holds_no_control_but_htab)
{
    for (unsigned octet = 0; octet < 256; ++octet) {
        const bool good = (octet >= 0x20 && octet != 0x7f) || octet == '\t';
        for (const std::size_t before : {0U, 3U, 20U}) {
            const std::string head =
                "GET / HTTP/1.1\r\nHost: a\r\nX-Pad: " + std::string(before, 'x')
                + static_cast<char>(octet) + "y\r\n\r\n";
            BOOST_TEST((judge(head) == errc{}) == good, "octet " << octet);
        }
    }
}

BOOST_AUTO_TEST_CASE(lines_end_in_crlf_and_are_never_folded)
{
    for (const std::string head :
         {"GET / HTTP/1.1\nHost: a\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: a\n\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: a\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n",
          "GET / HTTP/1.1\r\n Host: a\r\n\r\n"})
        BOOST_TEST(judge(head) == errc::bad_request);
}

BOOST_AUTO_TEST_CASE(fields_and_lines_over_the_limit_are_too_large)
{
    const auto fields = [](std::size_t count) {
        std::string lines = "Host: a";
        for (std::size_t i = 1; i < count; ++i)
            lines += "|X-A: b";
        return with_fields(lines);
    };
    BOOST_TEST(judge(fields(100)) == errc{});
    BOOST_TEST(judge(fields(101)) == errc::head_too_large);
    const head_limits many{.head_bytes = 65536, .line_bytes = 16384, .fields = 1000};
    BOOST_TEST(judge(fields(field_table::capacity), many) == errc{});
    BOOST_TEST(judge(fields(field_table::capacity + 1), many) == errc::head_too_large);

    const auto line = [](std::size_t bytes) {
        return with_fields("Host: a|X-A: " + std::string(bytes - 5, 'v'));
    };
    BOOST_TEST(judge(line(16384)) == errc{});
    BOOST_TEST(judge(line(16385)) == errc::head_too_large);
    const head_limits wide{.head_bytes = 200000, .line_bytes = 100000, .fields = 10};
    request_head head;
    const std::string widest = line(65535);
    BOOST_TEST(judge(widest, head, wide) == errc{});
    BOOST_TEST(head.find("x-a").size() == 65530U);
    BOOST_TEST(judge(line(65536), wide) == errc::head_too_large);
}

BOOST_AUTO_TEST_CASE(exactly_one_valid_host_is_wanted)
{
    BOOST_TEST(judge_fields("X: y") == errc::bad_request);
    BOOST_TEST(judge_fields("X: y", "HTTP/1.0") == errc{});
    BOOST_TEST(judge_fields("Host: a|Host: a") == errc::bad_request);
    BOOST_TEST(judge_fields("Host: a|X: y|host: b") == errc::bad_request);
    BOOST_TEST(judge_fields("Host: a|Host: b", "HTTP/1.0") == errc::bad_request);
    for (const auto* host :
         {"a",
          "gateway.test:8080",
          "gateway.test:",
          "127.0.0.1:65535",
          "[::1]",
          "[::1]:80",
          "[::]",
          "[1::]",
          "[1:2:3:4:5:6:7:8]",
          "[1:2:3:4:5:6:7::]",
          "[::2:3:4:5:6:7:8]",
          "[::ffff:192.0.2.1]",
          "[1:2:3:4:5:6:192.0.2.1]",
          "[fe80::aBcD]",
          "[v1.fe80::a+en1]",
          "a_b.test",
          "a%20b",
          "a-._~!$&'()*+,;=b"})
        BOOST_TEST(judge_fields(std::string{"Host: "} + host) == errc{}, host);
    for (const auto* host :
         {"",
          ":80",
          "a b",
          "a/b",
          "a?b",
          "a#b",
          "user@a",
          "a:b",
          "a:80:80",
          "a:99999",
          "a:65536",
          "a:000080",
          "a:-1",
          "a%zz",
          "a%4",
          "<a>",
          "\"a\"",
          "{a}",
          "a\\b",
          "a\xc3\xa9",
          "[::1",
          "::1",
          "[]",
          "[:]",
          "[:::]",
          "[1:::2]",
          "[1::2::3]",
          "[::1]x",
          "[1:2:3:4:5:6:7]",
          "[1:2:3:4:5:6:7:8:9]",
          "[1:2:3:4:5:6:7:8::]",
          "[12345::]",
          "[g::]",
          "[1:2:3:4:5:6:7:192.0.2.1]",
          "[::192.0.2]",
          "[::192.0.2.256]",
          "[::192.0.2.01]",
          "[::192.0.2.1.1]",
          "[::192.0.2.]",
          "[:1::]",
          "[1:]",
          "[v.a]",
          "[v1.]",
          "[v1a]",
          "[v1.a/]",
          "[fe80::1%25en0]"})
        BOOST_TEST(judge_fields(std::string{"Host: "} + host) == errc::bad_request, host);
}

BOOST_AUTO_TEST_SUITE_END()
