// HTTP/1.1 as clients may speak it.

#include "support/gateway.hpp"
#include "support/upstream.hpp"
#include <sluice/http/retry_after.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <utility>

BOOST_AUTO_TEST_SUITE(client_http)

using namespace loopback;

namespace {

// A provider that answers with the body it was sent.
struct world {
    explicit world(std::string_view limits = "{}")
        : gate(config(echo.port()).set("limits", limits)),
          client(gate.connect())
    {
    }

    provider echo{[](connection& c) {
        for (;;)
            c.send(answer_text(c.request().body));
    }};
    gateway gate;
    connection client;
};

std::string numbered(unsigned i)
{
    return "\"seed\":" + std::to_string(i) + ',';
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_connection_carries_many_requests)
{
    world w;
    for (unsigned i = 0; i < 50; ++i) {
        w.client.send(chat_text(numbered(i)));
        const auto answer = w.client.answer();
        BOOST_TEST(answer.body == chat_body(numbered(i), "upstream-m"));
        BOOST_TEST(!answer.has("connection"));
    }
    BOOST_TEST(w.echo.accepted() == 1u);
}

BOOST_AUTO_TEST_CASE(pipelined_requests_are_answered_in_order)
{
    world w;
    std::string all;
    for (unsigned i = 0; i < 200; ++i)
        all += i % 5 == 4 ? get_text("/healthz") : chat_text(numbered(i));
    std::jthread sending([&] { w.client.send(all); });
    for (unsigned i = 0; i < 200; ++i) {
        const auto answer = w.client.answer();
        const auto expected = i % 5 == 4 ? "ok\n" : chat_body(numbered(i), "upstream-m");
        BOOST_TEST_REQUIRE(answer.body == expected);
    }
}

BOOST_AUTO_TEST_CASE(a_request_may_come_octet_by_octet)
{
    world w;
    for (const char octet : chat_text() + get_text("/healthz"))
        w.client.send({&octet, 1});
    BOOST_TEST(w.client.answer().body == chat_body("", "upstream-m"));
    BOOST_TEST(w.client.answer().body == "ok\n");
}

// Where a body is read to depends on its size, on the size of the one before and on what comes with
// its head.
BOOST_AUTO_TEST_CASE(bodies_of_changing_sizes_arrive_whole)
{
    world w;
    for (const unsigned cut : {1U, 100U, 4000U}) {
        for (const unsigned bytes :
             {10U, 3900U, 4096U, 20000U, 15000U, 65000U, 65600U, 20U, 64900U, 300000U, 65000U}) {
            const auto filler = "\"filler\":\"" + std::string(bytes, 'x') + "\",";
            const auto text = post_text(chat_body(filler)) + get_text("/healthz");
            const auto first = text.size() - std::min<std::size_t>(text.size() - 1, cut);
            w.client.send(text.substr(0, first));
            w.client.send(text.substr(first));
            BOOST_TEST((w.client.answer().body == chat_body(filler, "upstream-m")));
            BOOST_TEST(w.client.answer().body == "ok\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_body_that_comes_with_a_very_large_head_arrives_whole)
{
    world w("{ head_bytes: 1MiB }");
    std::string fields;
    for (unsigned i = 0; i < 40; ++i)
        fields += "x-forwarded-" + std::to_string(i) + ": " + std::string(15000, 'y') + "\r\n";
    const auto filler = "\"filler\":\"" + std::string(1000000, 'x') + "\",";
    w.client.send(post_text(chat_body(filler), fields));
    BOOST_TEST((w.client.answer().body == chat_body(filler, "upstream-m")));
}

BOOST_AUTO_TEST_CASE(a_chunked_body_of_a_megabyte_arrives_whole)
{
    world w;
    const auto body = chat_body("\"filler\":\"" + std::string(1U << 20U, 'x') + "\",");
    std::string text =
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    for (std::size_t at = 0, size = 1; at < body.size(); at += size, size = (size * 7) % 9973 + 1)
        text += chunk(std::string_view(body).substr(at, size));
    text += last_chunk;
    w.client.send(text + get_text("/healthz"));
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 200u);
    BOOST_TEST(
        (answer.body
         == chat_body("\"filler\":\"" + std::string(1U << 20U, 'x') + "\",", "upstream-m")));
    BOOST_TEST(w.client.answer().body == "ok\n");
}

BOOST_AUTO_TEST_CASE(a_client_that_waits_to_be_told_is_told_to_go_on)
{
    world w;
    const auto body = chat_body();
    w.client.send(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: "
        + std::to_string(body.size()) + "\r\n\r\n");
    BOOST_TEST(w.client.head().start_line == "HTTP/1.1 100 Continue");
    w.client.send(body);
    BOOST_TEST(w.client.answer().body == chat_body("", "upstream-m"));
}

BOOST_AUTO_TEST_CASE(a_client_that_waits_is_told_at_once_when_it_need_not_go_on)
{
    world w("{ body_bytes: 1KiB }");
    w.client.send("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n"
                  "content-length: 2000\r\n\r\n");
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 413u);
    BOOST_TEST(answer.header("connection") == "close");
}

BOOST_AUTO_TEST_CASE(http_1_0_gets_no_chunks_and_its_connection_closed)
{
    world w;
    const auto body = chat_body();
    const std::string tail = "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    w.client.send("POST /v1/chat/completions HTTP/1.0\r\n" + tail);
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 200u);
    BOOST_TEST(!answer.has("transfer-encoding"));
    BOOST_TEST(w.client.rest().empty());

    w.client = w.gate.connect();
    w.client.send("POST /v1/chat/completions HTTP/1.0\r\nconnection: keep-alive\r\n" + tail);
    const auto kept = w.client.answer();
    BOOST_TEST(kept.header("connection") == "keep-alive");
    w.client.send(get_text("/healthz"));
    BOOST_TEST(w.client.answer().body == "ok\n");
}

BOOST_AUTO_TEST_CASE(http_1_0_gets_a_stream_that_ends_with_its_connection)
{
    const auto events = token_event("one") + std::string(stop_event) + std::string(done_event);
    provider streams(always(std::string(stream_head) + chunk(events) + std::string(last_chunk)));
    gateway gate{config(streams.port())};
    auto client = gate.connect();
    const auto body = chat_body(streaming);
    client.send(
        "POST /v1/chat/completions HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: "
        + std::to_string(body.size()) + "\r\n\r\n" + body);
    const auto answer = client.answer();
    BOOST_TEST(!answer.has("transfer-encoding"));
    BOOST_TEST(answer.header("connection") == "close");
    BOOST_TEST(answer.body == events);
    BOOST_TEST((client.ended() == ending::fin));
}

BOOST_AUTO_TEST_CASE(head_answers_like_get_without_a_body)
{
    world w;
    w.client.send("HEAD /v1/models HTTP/1.1\r\nhost: a\r\n\r\n" + get_text("/v1/models"));
    const auto head = w.client.answer(true);
    const auto get = w.client.answer();
    BOOST_TEST(head.status() == 200u);
    BOOST_TEST(head.header("content-length") == std::to_string(get.body.size()));
    BOOST_TEST(get.says("\"id\":\"m\""));
}

BOOST_AUTO_TEST_CASE(head_gets_no_body_of_an_error_either)
{
    world w;
    w.client.send("HEAD /v1/models HTTP/1.1\r\nhost: a\r\nx-sluice-hops: 99\r\n\r\n");
    BOOST_TEST(w.client.answer(true).status() == 508u);
    w.client.send(get_text("/healthz"));
    BOOST_TEST(w.client.answer().status() == 200u);
}

BOOST_AUTO_TEST_CASE(an_answer_before_a_body_that_nobody_reads_says_that_the_connection_ends)
{
    world w;
    w.client.send(get_text("/healthz", "content-length: 2\r\n") + "{}");
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 200u);
    BOOST_TEST(answer.header("connection") == "close");
    BOOST_TEST(w.client.ends());
}

BOOST_AUTO_TEST_CASE(an_empty_line_behind_a_request_is_no_other_request)
{
    world w;
    for (const std::string_view behind : {"\r\n", ""}) {
        w.client.send(chat_text() + std::string(behind));
        BOOST_TEST(w.client.answer().status() == 200u);
    }
    w.client.send("\r\n");
    w.client.finish();
    BOOST_TEST(w.client.rest() == "");
    BOOST_TEST(w.gate.settled("sluice_requests_total") == 2);
}

BOOST_AUTO_TEST_CASE(a_connection_the_client_wants_closed_is_closed)
{
    world w;
    w.client.send(chat_text("", "connection: close\r\n"));
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 200u);
    BOOST_TEST(answer.header("connection") == "close");
    BOOST_TEST(w.client.rest().empty());
}

BOOST_AUTO_TEST_CASE(a_limit_that_is_exceeded_is_named)
{
    world w("{ head_bytes: 1KiB, body_bytes: 2KiB }");
    w.client.send(get_text("/healthz", "x: " + std::string(2000, 'y') + "\r\n"));
    const auto head = w.client.answer();
    BOOST_TEST(head.status() == 431u);
    BOOST_TEST(head.says("head_bytes"), head.body);
    BOOST_TEST(head.says("\"code\":\"head_too_large\""), head.body);
    BOOST_TEST(w.client.ends());

    for (const bool chunked : {false, true}) {
        w.client = w.gate.connect();
        const auto body = chat_body("\"filler\":\"" + std::string(3000, 'x') + "\",");
        const auto text = chunked ? "POST /v1/chat/completions HTTP/1.1\r\nhost: "
                                    "a\r\ntransfer-encoding: chunked\r\n\r\n"
                                        + chunk(body) + "0\r\n\r\n"
                                  : post_text(body);
        w.client.send(text);
        const auto answer = w.client.answer();
        BOOST_TEST(answer.status() == 413u);
        BOOST_TEST(answer.says("limits.body_bytes is 2048"), answer.body);
        BOOST_TEST(answer.says("\"code\":\"request_too_large\""), answer.body);
        BOOST_TEST(w.client.ends());
    }
}

BOOST_AUTO_TEST_CASE(every_limit_of_a_head_is_named)
{
    world w("{ head_bytes: 1MiB }");
    std::string fields;
    for (unsigned i = 0; i < 100; ++i)
        fields += "x: y\r\n";
    const std::string longest(65535 - std::string_view("cookie: ").size(), 'y');
    for (const auto& [more, named] :
         {std::pair{fields, std::string("more header fields than allowed: 100")},
          std::pair{
              "cookie: y" + longest + "\r\n",
              std::string("a header line is longer than allowed: 65535 octets")}}) {
        w.client = w.gate.connect();
        w.client.send(get_text("/healthz", more));
        const auto answer = w.client.answer();
        BOOST_TEST(answer.status() == 431u);
        BOOST_TEST(answer.says(named), answer.body);
    }
    w.client = w.gate.connect();
    w.client.send(get_text("/healthz", "cookie: " + longest + "\r\n"));
    BOOST_TEST(w.client.answer().status() == 200u);
}

// RFC 9110 6.6.1: an origin that has a clock says when.
BOOST_AUTO_TEST_CASE(the_gateways_own_answers_say_when_they_were_made)
{
    using std::chrono::system_clock;
    const auto before = std::chrono::floor<std::chrono::seconds>(system_clock::now());
    world w;
    for (const auto& text :
         {get_text("/healthz"),
          get_text("/v1/models"),
          get_text("/nothing"),
          std::string("?\r\n\r\n")}) {
        w.client = w.gate.connect();
        w.client.send(text);
        const auto said = w.client.answer().header("date");
        const auto when = sluice::http::parse_http_date(said, system_clock::now());
        BOOST_TEST_REQUIRE(when.has_value(), text << said);
        BOOST_TEST((*when >= before && *when <= system_clock::now()), said);
    }
}

BOOST_AUTO_TEST_CASE(an_answer_to_a_head_that_cannot_be_read_can_be_traced)
{
    world w;
    w.client.send(get_text("/healthz", "x-request-id: earlier\r\n"));
    BOOST_TEST(w.client.answer().header("x-request-id") == "earlier");
    const auto ask = [&w](const std::string& text) {
        w.client = w.gate.connect();
        w.client.send(text);
        return w.client.answer();
    };
    const auto mine = ask(get_text("/healthz", "expect: foo\r\nx-request-id: mine\r\n"));
    BOOST_TEST(mine.status() == 417u);
    BOOST_TEST(mine.header("x-request-id") == "mine");
    for (const auto& text :
         {std::string("GET /healthz HTTP/1.1\r\n\r\n"),
          std::string("GET /healthz HTTP/2.0\r\nhost: a\r\n\r\n"),
          get_text("/healthz", "x: " + std::string(40000, 'y') + "\r\n")})
        BOOST_TEST(ask(text).header("x-request-id").starts_with("req_"), text.substr(0, 40));
    w.client.close();
    for (const auto& line : w.gate.access_lines(5))
        BOOST_TEST(line.find("\"request_id\":\"") != std::string::npos, line);
}

BOOST_AUTO_TEST_CASE(a_body_at_its_limit_passes)
{
    world w("{ body_bytes: 2KiB }");
    const auto shortest = chat_body("\"filler\":\"\",").size();
    const auto body = chat_body("\"filler\":\"" + std::string(2048 - shortest, 'x') + "\",");
    BOOST_TEST(body.size() == 2048u);
    w.client.send(post_text(body));
    BOOST_TEST(w.client.answer().status() == 200u);
    w.client.send(post_text(body + ' '));
    BOOST_TEST(w.client.answer().status() == 413u);
}

BOOST_AUTO_TEST_CASE(requests_that_are_wrong_are_answered_in_the_apis_words)
{
    world w;
    const auto ask = [&w](const std::string& text) {
        w.client = w.gate.connect();
        w.client.send(text);
        return w.client.answer();
    };
    const auto wrong = ask("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: "
                           "1\r\ncontent-length: 2\r\n\r\n{}");
    BOOST_TEST(wrong.status() == 400u);
    BOOST_TEST(wrong.says("\"param\":null"));
    BOOST_TEST(ask(get_text("/nowhere")).status() == 404u);
    const auto method = ask(get_text("/v1/chat/completions"));
    BOOST_TEST(method.status() == 405u);
    BOOST_TEST(method.header("allow") == "POST");
    BOOST_TEST(method.says("\"code\":\"method_not_allowed\""), method.body);
    BOOST_TEST(ask(post_text("{", "")).says("invalid_json"));
    BOOST_TEST(ask(post_text("{}", "")).says("\"param\":\"model\""));
    BOOST_TEST(ask(chat_text("\"model\":\"m\",")).says("duplicate_parameter"));
    const auto media = ask("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: "
                           "text/plain\r\ncontent-length: 2\r\n\r\n{}");
    BOOST_TEST(media.status() == 415u);
    BOOST_TEST(media.says("\"code\":\"unsupported_media_type\""), media.body);
    BOOST_TEST(ask("GET /healthz HTTP/2.0\r\nhost: a\r\n\r\n").status() == 505u);
    BOOST_TEST(w.echo.accepted() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
