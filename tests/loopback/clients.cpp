// Clients that leave, stop reading, or are slow.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <sys/socket.h>

BOOST_AUTO_TEST_SUITE(clients)

using namespace loopback;

namespace {

struct world {
    explicit world(std::string_view timeouts = "{}", std::string_view limits = "{}")
        : gate(config(provider.port())
                   .set("timeouts", timeouts)
                   .set("limits", limits)
                   .set("heartbeat", "0"))
    {
    }

    listener provider;
    gateway gate;
};

enum class leaving { by_close, by_reset };
enum class moment { before_the_answer, in_mid_stream };

// How long the provider's connection outlives the client's.
milliseconds outlived(leaving how, moment when)
{
    world w;
    auto client = w.gate.connect();
    client.send(chat_text(when == moment::in_mid_stream ? streaming : ""));
    auto upstream = w.provider.accept();
    (void)upstream.request();
    if (when == moment::in_mid_stream) {
        upstream.send(std::string(stream_head) + chunk(token_event("one")));
        (void)client.until("one");
    }
    const auto left = clock::now();
    if (how == leaving::by_close)
        client.close();
    else
        client.reset();
    BOOST_TEST(upstream.ends());
    const auto took = clock::now() - left;
    BOOST_TEST(w.gate.becomes("sluice_requests_total", {"code=\"499\""}, 1));
    const double streams = when == moment::in_mid_stream ? 1 : 0;
    BOOST_TEST(w.gate.becomes("sluice_stream_ends_total", {"cause=\"client_gone\""}, streams));
    return std::chrono::ceil<milliseconds>(took);
}

// Busy machines delay some of them: the second best of five counts.
milliseconds usually_outlived(leaving how, moment when)
{
    std::array<milliseconds, 5> all{};
    for (auto& one : all)
        one = outlived(how, when);
    std::sort(all.begin(), all.end());
    return all[1];
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_client_that_leaves_cancels_its_provider_within_100_ms)
{
    for (const auto how : {leaving::by_close, leaving::by_reset})
        for (const auto when : {moment::before_the_answer, moment::in_mid_stream})
            BOOST_TEST(usually_outlived(how, when).count() <= 100);
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_behind_an_empty_line_cancels_its_provider)
{
    world w;
    auto client = w.gate.connect();
    client.send(chat_text() + "\r\n");
    auto upstream = w.provider.accept();
    (void)upstream.request();
    client.close();
    BOOST_TEST(upstream.ends());
    BOOST_TEST(w.gate.becomes("sluice_requests_total", {"code=\"499\""}, 1));
}

// The last chunk may come later than [DONE], at which SDKs leave.
BOOST_AUTO_TEST_CASE(a_client_that_leaves_at_the_streams_last_word_has_been_answered)
{
    constexpr std::string_view error = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    for (const auto last : {done_event, error}) {
        world w;
        auto client = w.gate.connect();
        client.send(chat_text(streaming));
        auto upstream = w.provider.accept();
        (void)upstream.request();
        upstream.send(std::string(stream_head) + chunk(token_event("one")));
        upstream.send(chunk(stop_event) + chunk(usage_event) + chunk(last));
        (void)client.until(last);
        client.close();
        BOOST_TEST(upstream.ends());
        BOOST_TEST(w.gate.becomes("sluice_requests_total", {"code=\"200\""}, 1));
        const bool done = last == done_event;
        const auto cause = done ? "cause=\"done\"" : "cause=\"in_band_error\"";
        BOOST_TEST(w.gate.metric("sluice_stream_ends_total", {cause}) == 1);
        BOOST_TEST(w.gate.metric("sluice_tokens_total", {"kind=\"output\""}) == (done ? 3 : 0));
    }
}

// Unless this test stands still for too long.
BOOST_AUTO_TEST_CASE(the_connection_of_a_stream_whose_client_left_at_its_last_word_is_used_again)
{
    bool again = false;
    for (unsigned i = 0; i < 5 && !again; ++i) {
        world w;
        auto client = w.gate.connect();
        client.send(chat_text(streaming));
        auto upstream = w.provider.accept();
        (void)upstream.request();
        upstream.send(std::string(stream_head) + chunk(token_event("one")) + chunk(done_event));
        (void)client.until(done_event);
        client.close();
        // Once the gateway has noticed.
        auto next = w.gate.connect();
        next.send(get_text("/healthz"));
        (void)next.answer();
        upstream.send(last_chunk);
        (void)w.gate.settled("sluice_requests_total");
        next.send(chat_text());
        again = upstream.stirs(patience) && upstream.ended() == ending::none;
    }
    BOOST_TEST(again);
}

BOOST_AUTO_TEST_CASE(a_provider_is_not_read_faster_than_its_client_reads)
{
    world w("{ write: 400ms }");
    auto client = connection::to(w.gate.port(), 4096);
    client.send(chat_text(streaming));
    auto upstream = w.provider.accept();
    (void)upstream.request();
    const int small = 65536;
    ::setsockopt(upstream.descriptor(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    upstream.send(stream_head);
    std::string events;
    while (events.size() < (64U << 20U))
        events += token_event(std::string(4000, 'x'));
    // Nobody reads: after timeouts.write both sides are cut. Until then it is sent as much as it
    // takes, or one that is held up for a moment would never have too much.
    const auto all = chunk(events);
    std::size_t taken = 0;
    for (const auto until = clock::now() + patience;
         !upstream.ends(milliseconds(10)) && clock::now() < until;)
        taken += upstream.send_until_stuck(std::string_view(all).substr(taken), milliseconds(150));
    BOOST_TEST(taken < (16U << 20U), "the sockets' buffers hold that much, not the gateway");
    BOOST_TEST(upstream.ends());
    BOOST_TEST(w.gate.becomes("sluice_stream_ends_total", {"cause=\"client_gone\""}, 1));
    BOOST_TEST(w.gate.becomes("sluice_client_connections", {}, 0));
}

BOOST_AUTO_TEST_CASE(a_slow_reader_gets_everything)
{
    world w;
    auto client = connection::to(w.gate.port(), 4096);
    client.send(chat_text(streaming));
    auto upstream = w.provider.accept();
    (void)upstream.request();
    std::string events;
    for (unsigned i = 0; i < 2000; ++i)
        events += token_event(std::to_string(i) + std::string(1000, 'x'));
    events += done_event;
    upstream.send(stream_head);
    std::string rest = chunk(events) + std::string(last_chunk);
    std::string got;
    // Alternates: the provider is stuck before the client reads again.
    while (!rest.empty()) {
        rest.erase(0, upstream.send_until_stuck(rest, milliseconds(5)));
        if (client.stirs(milliseconds(0)))
            continue;
    }
    const auto answer = client.answer();
    BOOST_TEST(answer.whole);
    BOOST_TEST((answer.body == events));
}

BOOST_AUTO_TEST_CASE(a_slow_head_is_a_408)
{
    world w("{ head: 200ms }");
    auto client = w.gate.connect();
    client.send("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n");
    const auto answer = client.answer();
    BOOST_TEST(answer.status() == 408u);
    BOOST_TEST(answer.says("request_timeout"));
    BOOST_TEST(client.ends());
}

BOOST_AUTO_TEST_CASE(a_head_that_trickles_is_a_408_all_the_same)
{
    world w("{ head: 300ms }");
    auto client = w.gate.connect();
    client.send("GET /healthz HTTP/1.1\r\nhost: a\r\nx: ");
    bool answered = false;
    for (unsigned i = 0; i < 1000 && !answered; ++i) {
        client.send("y");
        answered = client.stirs(milliseconds(20));
    }
    BOOST_TEST(client.answer().status() == 408u);
}

BOOST_AUTO_TEST_CASE(a_slow_body_is_a_408)
{
    for (const std::string_view framing :
         {"content-length: 100\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n5\r\n{"}) {
        world w("{ body: 200ms }");
        auto client = w.gate.connect();
        client.send("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n" + std::string(framing));
        const auto answer = client.answer();
        BOOST_TEST(answer.status() == 408u);
        BOOST_TEST(client.ends());
    }
}

BOOST_AUTO_TEST_CASE(a_body_that_ends_early_leaves_no_request)
{
    world w;
    auto client = w.gate.connect();
    client.send("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{");
    client.finish();
    const auto rest = client.rest();
    BOOST_TEST((rest.empty() || rest.starts_with("HTTP/1.1 400 ")), rest);
    BOOST_TEST(!w.provider.accept_within(milliseconds(50)));
}

BOOST_AUTO_TEST_CASE(a_silent_connection_is_closed)
{
    world w("{ idle: 2s }");
    auto fresh = w.gate.connect();
    auto used = w.gate.connect();
    used.send(get_text("/healthz"));
    BOOST_TEST(used.answer().status() == 200u);
    BOOST_TEST(fresh.rest().empty());
    BOOST_TEST(used.rest().empty());
    BOOST_TEST((used.ended() == ending::fin));
}

BOOST_AUTO_TEST_CASE(a_request_that_takes_too_long_in_all_is_a_504)
{
    // Enough for the gateway to have asked the provider.
    world w("{ request: 2s }");
    auto client = w.gate.connect();
    client.send(chat_text());
    auto upstream = w.provider.accept();
    (void)upstream.request();
    BOOST_TEST(client.answer().status() == 504u);
    BOOST_TEST(upstream.ends());
}

BOOST_AUTO_TEST_CASE(a_clients_own_timeout_is_kept)
{
    for (const std::string_view field :
         {"x-sluice-timeout: 200ms\r\n",
          "x-stainless-timeout: 0.2\r\n",
          "x-stainless-read-timeout: 0.2\r\n"}) {
        world w;
        auto client = w.gate.connect();
        client.send(chat_text("", field));
        // Nobody takes the provider's connection, which the kernel has accepted.
        BOOST_TEST(client.answer().status() == 504u, field);
    }
}

BOOST_AUTO_TEST_CASE(an_answer_survives_a_body_that_nobody_reads)
{
    world w("{}", "{ body_bytes: 1MiB }");
    auto client = w.gate.connect();
    client.send("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 2000000\r\n\r\n");
    client.send(std::string(200'000, 'x'));
    const auto answer = client.answer();
    BOOST_TEST(answer.status() == 413u);
    BOOST_TEST(answer.says("limits.body_bytes"), answer.body);
    BOOST_TEST(answer.header("connection") == "close");
    BOOST_TEST(answer.whole);
    BOOST_TEST(client.rest().empty());
}

BOOST_AUTO_TEST_CASE(too_many_connections_are_told_so)
{
    world w("{}", "{ connections: 2 }");
    auto one = w.gate.connect();
    one.send(get_text("/healthz"));
    BOOST_TEST(one.answer().status() == 200u);
    auto two = w.gate.connect();
    two.send(get_text("/healthz"));
    BOOST_TEST(two.answer().status() == 200u);
    auto three = w.gate.connect();
    const auto answer = three.answer();
    BOOST_TEST(answer.status() == 503u);
    BOOST_TEST(answer.says("limits.connections"));
    BOOST_TEST(answer.header("connection") == "close");
    BOOST_TEST(answer.header("retry-after") == "1");
    BOOST_TEST(answer.header("retry-after-ms") == "1000");
    BOOST_TEST(answer.header("x-sluice-config") == "1");
    const auto id = answer.header("x-request-id");
    BOOST_TEST(id.starts_with("req_"));
    BOOST_TEST(three.ends());
    BOOST_TEST(w.gate.becomes("sluice_requests_total", {"code=\"503\""}, 1));
    const auto line = w.gate.access_lines(3).back();
    BOOST_TEST(line.find(id) != std::string::npos, line);
    BOOST_TEST(line.find("\"error\":\"overloaded\"") != std::string::npos, line);
}

BOOST_AUTO_TEST_SUITE_END()
