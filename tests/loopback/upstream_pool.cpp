// Connections to a provider: when they are used again, and what happens when they cannot be.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <unistd.h>
#include <vector>

BOOST_AUTO_TEST_SUITE(upstream_pool)

using namespace loopback;

namespace {

struct world {
    explicit world(std::string_view timeouts = "{}", int backlog = 16)
        : provider(backlog),
          gate(config(provider.port()).set("timeouts", timeouts)),
          client(gate.connect())
    {
    }

    // One request over this connection to the provider.
    message exchange(connection& upstream, std::string_view text)
    {
        client.send(chat_text());
        (void)upstream.request();
        upstream.send(text);
        return client.answer();
    }

    listener provider;
    gateway gate;
    connection client;
};

// Asks once, and shows that the connection is not used for the next request.
void expect_not_reused(std::string_view text, std::string_view body)
{
    world w;
    w.client.send(chat_text());
    auto first = w.provider.accept();
    (void)first.request();
    first.send(text);
    const auto answer = w.client.answer();
    BOOST_TEST(answer.whole);
    BOOST_TEST(answer.body == body, text);
    BOOST_TEST(first.ends(), text);

    w.client = w.gate.connect();
    w.client.send(chat_text());
    auto second = w.provider.accept();
    (void)second.request();
    second.send(answer_text("{}"));
    BOOST_TEST(w.client.answer().body == "{}");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_finished_connection_carries_the_next_request)
{
    world w;
    w.client.send(chat_text());
    auto upstream = w.provider.accept();
    (void)upstream.request();
    upstream.send(answer_text("1"));
    BOOST_TEST(w.client.answer().body == "1");
    for (const std::string_view body : {"2", "3"})
        BOOST_TEST(w.exchange(upstream, answer_text(body)).body == body);
    const auto streamed = w.exchange(
        upstream,
        std::string(stream_head) + chunk(std::string(stop_event) + std::string(done_event))
            + std::string(last_chunk));
    BOOST_TEST(streamed.whole);
    BOOST_TEST(w.exchange(upstream, answer_text("4")).body == "4");
    BOOST_TEST(w.gate.becomes("sluice_upstream_connects_total", {}, 1));
}

// So that those nobody needs grow old.
BOOST_AUTO_TEST_CASE(the_connection_that_was_used_last_is_used_first)
{
    world w;
    auto other = w.gate.connect();
    w.client.send(chat_text());
    auto first = w.provider.accept();
    (void)first.request();
    other.send(chat_text());
    auto second = w.provider.accept();
    (void)second.request();
    for (auto* const each : {&first, &second}) {
        each->send(answer_text("{}"));
        const double idle = each == &first ? 1 : 2;
        BOOST_TEST(w.gate.becomes("sluice_upstream_connections", {"state=\"idle\""}, idle), idle);
    }
    BOOST_TEST(w.client.answer().status() == 200u);
    BOOST_TEST(other.answer().status() == 200u);
    for (unsigned i = 0; i < 3; ++i)
        BOOST_TEST(w.exchange(second, answer_text("{}")).body == "{}");
    other.send(chat_text());
    (void)second.request();
    BOOST_TEST(w.exchange(first, answer_text("1")).body == "1");
    BOOST_TEST(w.gate.metric("sluice_upstream_connects_total") == 2);
}

BOOST_AUTO_TEST_CASE(octets_behind_the_answer_are_dropped_with_the_connection)
{
    const std::string poison = answer_text("poison");
    expect_not_reused(answer_text("fine") + poison, "fine");
    expect_not_reused(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk("fine")
            + std::string(last_chunk) + poison,
        "fine");
    expect_not_reused("HTTP/1.1 204 No Content\r\n\r\n" + poison, "");
    expect_not_reused("HTTP/1.1 304 Not Modified\r\n\r\n" + poison, "");
}

BOOST_AUTO_TEST_CASE(a_connection_its_provider_wants_closed_is_closed)
{
    expect_not_reused(answer_text("fine", 200, "connection: close\r\n"), "fine");
    expect_not_reused("HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nfine", "fine");
}

BOOST_AUTO_TEST_CASE(an_idle_connection_that_speaks_is_not_used_again)
{
    const auto events = token_event("one") + std::string(done_event);
    const auto stream = std::string(stream_head) + chunk(events) + std::string(last_chunk);
    for (const auto more : {std::string_view{}, streaming}) {
        const auto text = more.empty() ? answer_text("1") : stream;
        world w;
        w.client.send(chat_text(more));
        auto upstream = w.provider.accept();
        (void)upstream.request();
        upstream.send(text);
        BOOST_TEST(w.client.answer().whole);
        upstream.send(answer_text("poison"));
        BOOST_TEST(upstream.ends());
        w.client.send(chat_text(more));
        auto second = w.provider.accept();
        (void)second.request();
        second.send(text);
        BOOST_TEST(w.client.answer().body == (more.empty() ? "1" : events));
    }
}

BOOST_AUTO_TEST_CASE(a_kept_connection_that_dies_unanswered_is_replaced_once)
{
    world w;
    w.client.send(chat_text());
    auto kept = w.provider.accept();
    (void)kept.request();
    kept.send(answer_text("1"));
    (void)w.client.answer();
    // It takes the request and dies: as if the end had been on its way when the request was.
    w.client.send(chat_text());
    (void)kept.request();
    kept.close();
    auto fresh = w.provider.accept();
    BOOST_TEST(fresh.request().says("upstream-m"));
    fresh.send(answer_text("2"));
    const auto answer = w.client.answer();
    BOOST_TEST(answer.body == "2");
    BOOST_TEST(answer.header("x-sluice-attempts") == "2");
    BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"stale_retry\""}, 1));

    // A fresh connection that dies is not replaced.
    w.client.send(chat_text());
    (void)fresh.request();
    fresh.close();
    auto last = w.provider.accept();
    (void)last.request();
    last.close();
    BOOST_TEST(w.client.answer().status() == 502u);
    BOOST_TEST(!w.provider.accept_within(milliseconds(100)));
}

// So late, the provider has had the request: it may have died of it.
BOOST_AUTO_TEST_CASE(a_kept_connection_that_dies_over_its_request_is_not_replaced)
{
    world w;
    w.client.send(chat_text());
    auto kept = w.provider.accept();
    (void)kept.request();
    kept.send(answer_text("1"));
    (void)w.client.answer();
    w.client.send(chat_text());
    (void)kept.request();
    BOOST_TEST(!kept.stirs(milliseconds(2500)));
    kept.close();
    BOOST_TEST(w.client.answer().status() == 502u);
    BOOST_TEST(!w.provider.accept_within(milliseconds(100)));
}

BOOST_AUTO_TEST_CASE(a_kept_connection_that_dies_after_a_byte_is_not_replaced)
{
    world w;
    w.client.send(chat_text());
    auto kept = w.provider.accept();
    (void)kept.request();
    kept.send(answer_text("1"));
    (void)w.client.answer();
    w.client.send(chat_text());
    (void)kept.request();
    kept.send("H");
    kept.close();
    BOOST_TEST(w.client.answer().status() == 502u);
    BOOST_TEST(!w.provider.accept_within(milliseconds(100)));
}

BOOST_AUTO_TEST_CASE(a_provider_that_closes_after_every_answer_costs_no_request)
{
    const auto text = answer_text(completion);
    provider closing([&text](connection& c) {
        (void)c.request();
        c.send(text);
        c.close();
    });
    gateway gate{config(closing.port())};
    auto client = gate.connect();
    unsigned failed = 0;
    for (unsigned i = 0; i < 2000; ++i) {
        client.send(chat_text());
        const auto answer = client.answer();
        failed += answer.status() == 200 && answer.body == completion ? 0 : 1;
    }
    BOOST_TEST(failed == 0u);
    BOOST_TEST(closing.accepted() >= 2000u);
}

// A reset that came together with the answer is met by the next request, which cannot be sent.
BOOST_AUTO_TEST_CASE(a_provider_that_resets_after_every_answer_costs_no_request)
{
    const auto text = answer_text(completion);
    provider resetting([&text](connection& c) {
        (void)c.request();
        c.send(text);
        c.reset();
    });
    gateway gate{config(resetting.port())};
    auto client = gate.connect();
    for (unsigned i = 0; i < 300; ++i) {
        client.send(chat_text());
        const auto answer = client.answer();
        BOOST_TEST_REQUIRE(answer.status() == 200u, answer.body);
    }
}

BOOST_AUTO_TEST_CASE(a_provider_where_nobody_listens_is_a_502)
{
    world w;
    w.provider.close();
    w.client.send(chat_text());
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 502u);
    BOOST_TEST(answer.says("\"code\":\"bad_gateway\""));
    BOOST_TEST(answer.header("x-sluice-target") == "one");
    BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"connect_failed\""}, 1));
}

BOOST_AUTO_TEST_CASE(a_provider_that_does_not_accept_is_a_504_within_the_connect_timeout)
{
    world w("{ connect: 200ms }", 0);
    // Fills the backlog: from then on the kernel drops what asks to connect.
    std::vector<int> waiting;
    for (unsigned i = 0; i < 8; ++i) {
        const int one = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_storage where{};
        socklen_t size = sizeof where;
        ::getsockname(w.provider.descriptor(), reinterpret_cast<sockaddr*>(&where), &size);
        (void)::connect(one, reinterpret_cast<const sockaddr*>(&where), size);
        waiting.push_back(one);
    }
    const auto began = clock::now();
    w.client.send(chat_text());
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 504u);
    BOOST_TEST(answer.says("connected to"), answer.body);
    BOOST_TEST((clock::now() - began < std::chrono::seconds(10)));
    for (const int one : waiting)
        ::close(one);
}

BOOST_AUTO_TEST_SUITE_END()
