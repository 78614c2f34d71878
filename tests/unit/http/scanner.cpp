#include "support.hpp"
#include <sluice/http/scanner.hpp>

#include <cstring>
#include <memory>

BOOST_AUTO_TEST_SUITE(http_scanner)

using namespace sluice;
using namespace sluice::http;
using progress = head_scanner::progress;

namespace {

const std::string sample = "POST /v1/chat/completions HTTP/1.1\r\nHost: "
                           "gateway.test\r\nX-Empty:\r\nContent-Length: 2\r\n\r\n";

// Everything at once, in memory of exactly that size, so that a read past the end is seen.
head_scanner::answer scan_once(
    std::string_view bytes, message_kind kind = message_kind::request, head_limits limits = {})
{
    const auto exact = std::make_unique<char[]>(bytes.size());
    if (!bytes.empty())
        std::memcpy(exact.get(), bytes.data(), bytes.size());
    head_scanner scanner{kind, limits};
    return scanner.scan({exact.get(), bytes.size()});
}

// After how many octets a refusal comes when they arrive one by one; 0 when it never comes.
std::size_t refused_after(std::string_view bytes, message_kind kind, head_limits limits = {})
{
    head_scanner scanner{kind, limits};
    for (std::size_t size = 1; size <= bytes.size(); ++size) {
        const auto answer = scanner.scan(bytes.substr(0, size));
        if (answer.state == progress::refused)
            return size;
        if (answer.state == progress::complete)
            break;
    }
    return 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_head_is_complete_at_its_blank_line_however_it_is_cut)
{
    const std::string stream = sample + "{}GET /";
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        head_scanner scanner{message_kind::request, {}};
        const auto first = scanner.scan(std::string_view{stream}.substr(0, cut));
        BOOST_TEST((first.state == progress::complete) == (cut >= sample.size()));
        const auto last = cut >= sample.size() ? first : scanner.scan(stream);
        BOOST_TEST(last.state == progress::complete);
        BOOST_TEST(last.begin == 0U);
        BOOST_TEST(last.size == sample.size());
    }
}

BOOST_AUTO_TEST_CASE(the_end_and_a_bare_line_feed_are_found_wherever_they_stand)
{
    for (std::size_t pad = 0; pad < 150; ++pad) {
        const std::string front = "GET /" + std::string(pad, 'x') + " HTTP/1.1\r\nHost: a";
        const std::string head = front + "\r\n\r\n";
        for (const std::size_t body : {0U, 1U, 15U, 16U, 17U, 63U, 64U, 65U}) {
            const auto whole = scan_once(head + std::string(body, '\n'));
            const auto bare = scan_once(front + "\n\r\n" + std::string(body, 'b'));
            const bool fine = whole.state == progress::complete && whole.begin == 0
                              && whole.size == head.size() && bare.state == progress::refused;
            BOOST_TEST(fine, "a path of " << pad << ", " << body << " octets behind");
        }
    }
}

BOOST_AUTO_TEST_CASE(byte_by_byte_is_the_same_as_at_once)
{
    head_scanner scanner{message_kind::request, {}};
    for (std::size_t size = 0; size < sample.size(); ++size)
        BOOST_TEST(
            scanner.scan(std::string_view{sample}.substr(0, size)).state == progress::incomplete);
    BOOST_TEST(scanner.scan(sample).state == progress::complete);
    scanner.reset();
    BOOST_TEST(scanner.scan(sample).size == sample.size());
}

BOOST_AUTO_TEST_CASE(one_empty_line_before_a_request_is_skipped_and_no_more)
{
    const auto answer = scan_once("\r\n" + sample);
    BOOST_TEST(answer.state == progress::complete);
    BOOST_TEST(answer.begin == 2U);
    BOOST_TEST(answer.size == sample.size());
    BOOST_TEST(scan_once("").state == progress::incomplete);
    BOOST_TEST(scan_once("\r").state == progress::incomplete);
    BOOST_TEST(scan_once("\r\n").state == progress::incomplete);
    BOOST_TEST(scan_once("\r\n\r").state == progress::refused);
    BOOST_TEST(scan_once("\rG").state == progress::refused);
    BOOST_TEST(scan_once("\nGET").state == progress::refused);
    BOOST_TEST(scan_once("\r\n\r\n" + sample).why.code == errc::bad_request);
    BOOST_TEST(refused_after("\r\n\r\n", message_kind::request) == 3U);
    BOOST_TEST(refused_after("\r\nHTTP/1.1 200 OK", message_kind::response) == 1U);
}

BOOST_AUTO_TEST_CASE(what_cannot_become_a_request_is_refused_at_its_first_octet)
{
    BOOST_TEST(refused_after("\x16\x03\x01\x02", message_kind::request) == 1U);
    BOOST_TEST(refused_after(" GET / HTTP/1.1", message_kind::request) == 1U);
    BOOST_TEST(refused_after(std::string_view{"\r\n\x00\r\nQUIT", 9}, message_kind::request) == 3U);
    BOOST_TEST(refused_after("{\"model\"", message_kind::request) == 1U);
    BOOST_TEST(refused_after("HTTP/2", message_kind::response) == 6U);
    BOOST_TEST(refused_after("<html>", message_kind::response) == 1U);
    BOOST_TEST(refused_after("\x15\x03\x03", message_kind::response) == 1U);
    BOOST_TEST(scan_once("<html>", message_kind::response).why.code == errc::upstream_invalid);
    const std::string preface = "PRI * HTTP/2.0\r\n\r\n";
    BOOST_TEST(scan_once(preface + "SM\r\n\r\n").size == preface.size());
}

BOOST_AUTO_TEST_CASE(a_bare_lf_is_refused_when_it_comes)
{
    for (const std::string text :
         {"GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost: a\n", "GET / HTTP/1.1\r\nHost: a\r\n\n"}) {
        BOOST_TEST(refused_after(text, message_kind::request) == text.size());
        BOOST_TEST(scan_once(text + "more").why.code == errc::bad_request);
    }
    BOOST_TEST(
        scan_once("HTTP/1.1 200 OK\n\n", message_kind::response).why.code
        == errc::upstream_invalid);
}

BOOST_AUTO_TEST_CASE(answers_are_scanned_alike)
{
    const std::string head = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
    for (std::size_t cut = 0; cut <= head.size(); ++cut) {
        const auto answer =
            scan_once(std::string_view{head}.substr(0, cut), message_kind::response);
        BOOST_TEST(
            answer.state == (cut == head.size() ? progress::complete : progress::incomplete));
    }
}

BOOST_AUTO_TEST_CASE(limits_hold_at_the_limit_and_are_refused_early_beyond)
{
    const auto kind = message_kind::request;
    const head_limits exact{.head_bytes = sample.size(), .line_bytes = 34, .fields = 3};
    BOOST_TEST(scan_once(sample, kind, exact).state == progress::complete);
    BOOST_TEST(refused_after(sample, kind, exact) == 0U);

    head_limits less = exact;
    less.head_bytes = sample.size() - 1;
    BOOST_TEST(scan_once(sample, kind, less).why.code == errc::head_too_large);
    BOOST_TEST(refused_after(sample, kind, less) == sample.size() - 1);
    less = exact;
    less.line_bytes = 33;
    BOOST_TEST(scan_once(sample, kind, less).why.code == errc::head_too_large);
    BOOST_TEST(refused_after(sample, kind, less) == 35U);
    less = exact;
    less.fields = 2;
    BOOST_TEST(scan_once(sample, kind, less).why.code == errc::head_too_large);

    const std::string endless = "GET /" + std::string(100000, 'a');
    BOOST_TEST(refused_after(endless, kind) == 16386U);
    std::string many = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < 5000; ++i)
        many += "X-A: b\r\n";
    BOOST_TEST(refused_after(many, kind) == 16U + 101U * 8U);
    BOOST_TEST(scan_once(many, message_kind::response).why.code == errc::upstream_invalid);
}

BOOST_AUTO_TEST_SUITE_END()
