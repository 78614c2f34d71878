// Being stopped: nothing that can still end well is broken, and the end comes.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(drain)

using namespace loopback;

namespace {

struct world {
    explicit world(std::string_view drain = "30s", unsigned workers = 1)
        : gate(config(provider.port())
                   .set("workers", std::to_string(workers))
                   .set("timeouts", "{ drain: " + std::string(drain) + " }"))
    {
    }

    // A stream of which the client has had the first token.
    struct stream {
        connection client;
        connection upstream;
    };
    stream open_stream()
    {
        stream made{gate.connect(), {}};
        made.client.send(chat_text(streaming));
        made.upstream = provider.accept();
        (void)made.upstream.request();
        made.upstream.send(std::string(stream_head) + chunk(token_event("one")));
        (void)made.client.until("one");
        return made;
    }

    listener provider;
    gateway gate;
};

void wait_until_draining(gateway& gate)
{
    const auto until = clock::now() + patience;
    while (gate.admin("GET", "/readyz").status() != 503 && clock::now() < until) {
    }
}

void finish(world::stream& one)
{
    one.upstream.send(
        chunk(std::string(stop_event) + std::string(done_event)) + std::string(last_chunk));
    const auto rest = one.client.until("\r\n0\r\n\r\n");
    BOOST_TEST(rest.find("[DONE]") != std::string::npos);
    BOOST_TEST(rest.find("\"error\"") == std::string::npos);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_gateway_with_nothing_to_do_stops_soon)
{
    world w;
    auto idle = w.gate.connect();
    idle.send(get_text("/healthz"));
    BOOST_TEST(idle.answer().status() == 200u);
    auto fresh = w.gate.connect();
    w.gate.stop();
    BOOST_TEST(idle.rest().empty());
    BOOST_TEST((idle.ended() == ending::fin));
    BOOST_TEST(fresh.ends());
    BOOST_TEST(w.gate.stopped());
    BOOST_CHECK_THROW((void)w.gate.connect(), failure);
}

BOOST_AUTO_TEST_CASE(a_request_on_its_way_is_answered_and_told_that_the_connection_ends)
{
    world w;
    auto waiting = w.gate.connect();
    waiting.send(chat_text());
    auto upstream = w.provider.accept();
    (void)upstream.request();
    // Of those that wait for a request, the drain closes whoever has done so for two seconds.
    auto kept = w.gate.connect();
    kept.send(get_text("/v1/models"));
    BOOST_TEST(kept.answer().status() == 200u);
    w.gate.stop();
    wait_until_draining(w.gate);
    kept.send(get_text("/v1/models"));
    const auto last = kept.answer();
    BOOST_TEST(last.status() == 200u);
    BOOST_TEST(last.header("connection") == "close");
    BOOST_TEST(kept.ends());
    // Also when it was asked before the drain began.
    upstream.send(answer_text("{}"));
    const auto answer = waiting.answer();
    BOOST_TEST(answer.status() == 200u);
    BOOST_TEST(answer.header("connection") == "close");
    BOOST_TEST(waiting.ends());
    BOOST_TEST(w.gate.stopped());
}

BOOST_AUTO_TEST_CASE(what_is_in_flight_is_finished)
{
    world w("30s", 2);
    std::vector<world::stream> streams;
    for (unsigned i = 0; i < 20; ++i)
        streams.push_back(w.open_stream());
    auto waiting = w.gate.connect();
    waiting.send(chat_text());
    auto upstream = w.provider.accept();
    (void)upstream.request();
    w.gate.stop();
    upstream.send(answer_text("{}"));
    const auto answer = waiting.answer();
    BOOST_TEST(answer.status() == 200u);
    BOOST_TEST(waiting.rest().empty());
    for (auto& one : streams)
        finish(one);
    BOOST_TEST(w.gate.stopped());
}

BOOST_AUTO_TEST_CASE(readiness_fails_and_nobody_new_is_let_in_while_streams_go_on)
{
    world w;
    auto one = w.open_stream();
    BOOST_TEST(w.gate.admin("GET", "/readyz").status() == 200u);
    w.gate.stop();
    const auto until = clock::now() + patience;
    wait_until_draining(w.gate);
    BOOST_TEST(w.gate.admin("GET", "/readyz").status() == 503u);
    BOOST_TEST(w.gate.admin("GET", "/livez").status() == 200u);
    bool refused = false;
    while (!refused && clock::now() < until) {
        try {
            auto late = w.gate.connect();
            late.send(get_text("/healthz"));
            const auto rest = late.rest();
            BOOST_TEST((rest.empty() || rest.starts_with("HTTP/1.1 503")), rest);
        } catch (const failure&) {
            refused = true;
        }
    }
    BOOST_TEST(refused);
    finish(one);
    BOOST_TEST(w.gate.stopped());
}

BOOST_AUTO_TEST_CASE(a_health_check_that_is_being_read_says_draining)
{
    world w;
    auto checking = w.gate.connect();
    checking.send("GET /healthz HTTP/1.1\r\nhost: a\r\n");
    BOOST_TEST(w.gate.becomes("sluice_in_flight_requests", {}, 1));
    w.gate.stop();
    wait_until_draining(w.gate);
    checking.send("\r\n");
    const auto answer = checking.answer();
    BOOST_TEST(answer.status() == 503u);
    BOOST_TEST(answer.says("\"code\":\"draining\""));
    BOOST_TEST(answer.header("connection") == "close");
    BOOST_TEST(w.gate.stopped());
}

BOOST_AUTO_TEST_CASE(after_the_time_for_it_a_stream_is_ended_with_an_error_event)
{
    world w("200ms");
    auto one = w.open_stream();
    auto waiting = w.gate.connect();
    waiting.send(chat_text());
    auto upstream = w.provider.accept();
    (void)upstream.request();
    w.gate.stop();
    const auto rest = one.client.rest();
    BOOST_TEST(rest.find("data: {\"error\":") != std::string::npos, rest);
    BOOST_TEST(rest.find("\"code\":\"draining\"") != std::string::npos, rest);
    BOOST_TEST(!rest.ends_with("\r\n0\r\n\r\n"));
    const auto refused = waiting.answer();
    BOOST_TEST(refused.status() == 503u);
    BOOST_TEST(refused.says("draining"));
    BOOST_TEST(refused.header("connection") == "close");
    BOOST_TEST(waiting.ends());
    BOOST_TEST(w.gate.stopped());
    BOOST_TEST(one.upstream.ends());
}

BOOST_AUTO_TEST_CASE(after_the_time_for_it_nobody_is_asked_for_what_is_new)
{
    world w("200ms");
    auto one = w.open_stream();
    // Its request begins in time and is there only when the time is over.
    auto late = w.gate.connect();
    const auto text = chat_text();
    late.send(text.substr(0, text.size() - 1));
    BOOST_TEST(w.gate.becomes("sluice_in_flight_requests", {}, 2));
    w.gate.stop();
    (void)one.client.rest();
    late.send(text.substr(text.size() - 1));
    // Or nothing, where this machine stands still for longer than the gateway waits.
    const auto rest = late.rest();
    BOOST_TEST((rest.empty() || rest.starts_with("HTTP/1.1 503 ")), rest);
    BOOST_TEST((rest.empty() || rest.find("connection: close\r\n") != std::string::npos), rest);
    BOOST_TEST(w.gate.stopped());
    BOOST_TEST(!w.provider.accept_within(milliseconds(0)));
}

BOOST_AUTO_TEST_CASE(after_the_time_for_it_no_connection_waits_for_a_request)
{
    world w("200ms");
    auto one = w.open_stream();
    // In use in the last two seconds, so the drain's begin leaves it alone.
    auto kept = w.gate.connect();
    kept.send(get_text("/v1/models"));
    BOOST_TEST(kept.answer().status() == 200u);
    w.gate.stop();
    (void)one.client.rest();
    kept.send(chat_text());
    BOOST_TEST(kept.rest().empty());
    BOOST_TEST(w.gate.stopped());
    BOOST_TEST(!w.provider.accept_within(milliseconds(0)));
}

BOOST_AUTO_TEST_CASE(who_still_waits_for_its_turn_then_is_told_that_the_gateway_drains)
{
    provider echo(always(answer_text("{}")));
    gateway gate(config(echo.port())
                     .set("timeouts", "{ drain: 1s }")
                     .set(
                         "keys",
                         "[{ id: a, hash: '" + key_hash("sk-client-a")
                             + "', limits: { requests: 1/min, burst: 1, max_wait: 5m } }]"));
    const auto text = chat_text("", "x-api-key: sk-client-a\r\n");
    auto first = gate.connect();
    first.send(text);
    BOOST_TEST(first.answer().status() == 200u);
    BOOST_TEST(gate.becomes("sluice_in_flight_requests", {}, 0));
    auto waiting = gate.connect();
    waiting.send(text);
    BOOST_TEST(gate.becomes("sluice_in_flight_requests", {}, 1));
    gate.stop();
    const auto answer = waiting.answer();
    BOOST_TEST(answer.status() == 503u);
    BOOST_TEST(answer.says("\"code\":\"draining\""), answer.body);
    BOOST_TEST(gate.stopped());
}

BOOST_AUTO_TEST_CASE(a_second_stop_insists)
{
    world w("10m");
    auto one = w.open_stream();
    auto half = w.gate.connect();
    half.send("POST /v1/chat/completions HTTP/1.1\r\n");
    w.gate.stop();
    w.gate.stop();
    BOOST_TEST(w.gate.stopped());
    BOOST_TEST(one.client.rest().find("[DONE]") == std::string::npos);
    BOOST_TEST(half.ends());
    BOOST_TEST(one.upstream.ends());
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_read_does_not_hold_up_the_end)
{
    world w("200ms");
    auto client = connection::to(w.gate.port(), 4096);
    client.send(chat_text(streaming));
    auto upstream = w.provider.accept();
    (void)upstream.request();
    upstream.send(stream_head);
    (void)upstream.send_until_stuck(chunk(std::string(32U << 20U, ':')), milliseconds(100));
    w.gate.stop();
    BOOST_TEST(w.gate.stopped());
}

BOOST_AUTO_TEST_SUITE_END()
