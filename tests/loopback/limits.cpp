// What a key may do in a time and at once, over several workers.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(limits)

using namespace loopback;

namespace {

struct world {
    explicit world(std::string_view limits, unsigned workers = 1)
        : gate(config(echo.port())
                   .set("workers", std::to_string(workers))
                   .set(
                       "keys",
                       "[{ id: a, hash: '" + key_hash("sk-client-a")
                           + "', limits: " + std::string(limits) + " }]"))
    {
    }

    provider echo{always(answer_text("{}"))};
    gateway gate;
};

std::string chat()
{
    return chat_text("", "x-api-key: sk-client-a\r\n");
}

double seconds_of(clock::duration time)
{
    return std::chrono::duration<double>(time).count();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_key_gets_its_burst_and_its_rate_and_never_more)
{
    constexpr unsigned connections = 8;
    constexpr double rate = 40;
    // What comes in the two seconds and a half in which a busy machine may let nobody ask.
    constexpr double burst = 100;
    world w("{ requests: 40/s, burst: 100 }", 2);
    std::atomic<unsigned> admitted{0};
    std::atomic<unsigned> refused{0};
    std::atomic<unsigned> strange{0};
    const auto began = clock::now();
    const auto until = began + std::chrono::milliseconds(1500);
    {
        std::vector<std::jthread> clients;
        for (unsigned i = 0; i < connections; ++i)
            clients.emplace_back([&] {
                auto client = w.gate.connect();
                unsigned status = 0;
                // To the end means until nothing is left.
                while (clock::now() < until || (status == 200 && clock::now() < until + patience)) {
                    client.send(chat());
                    status = client.answer().status();
                    ++(status == 200 ? admitted : status == 429 ? refused : strange);
                }
            });
    }
    const double may = burst + rate * seconds_of(clock::now() - began);
    BOOST_TEST(strange == 0u);
    BOOST_TEST(refused > 0u);
    BOOST_TEST(admitted <= may);
    // Asked for all the time, so nearly all of it was given.
    BOOST_TEST(admitted >= burst + rate * 1.2);
}

BOOST_AUTO_TEST_CASE(a_refusal_says_when_to_come_again)
{
    world w("{ requests: 1/min, burst: 2 }");
    auto client = w.gate.connect();
    client.send(chat());
    const auto first = client.answer();
    BOOST_TEST(first.status() == 200u);
    BOOST_TEST(first.header("x-ratelimit-limit-requests") == "2");
    BOOST_TEST(first.header("x-ratelimit-remaining-requests") == "1");
    BOOST_TEST(first.has("x-ratelimit-reset-requests"));
    client.send(chat());
    BOOST_TEST(client.answer().header("x-ratelimit-remaining-requests") == "0");
    client.send(chat());
    const auto refused = client.answer();
    BOOST_TEST(refused.status() == 429u);
    BOOST_TEST(refused.says("\"code\":\"rate_limit_exceeded\""));
    BOOST_TEST(refused.header("x-ratelimit-remaining-requests") == "0");
    const auto ms = std::stoul(refused.header("retry-after-ms"));
    BOOST_TEST(ms > 30'000u);
    BOOST_TEST(ms <= 60'000u);
    BOOST_TEST(std::stoul(refused.header("retry-after")) == (ms + 999) / 1000);
    BOOST_TEST(w.gate.becomes("sluice_limited_total", {"key=\"a\"", "reason=\"requests\""}, 1));
}

BOOST_AUTO_TEST_CASE(an_answer_that_comes_after_the_refill_tells_of_all_there_is)
{
    // A microsecond for one: it is back before the provider has answered.
    world w("{ requests: 1000000/s, burst: 5, tokens: 1000000000/s, token_burst: 7000000 }");
    auto client = w.gate.connect();
    client.send(chat());
    const auto answer = client.answer();
    BOOST_TEST(answer.status() == 200u);
    for (const std::string name : {"limit", "remaining"}) {
        BOOST_TEST(answer.header("x-ratelimit-" + name + "-requests") == "5");
        BOOST_TEST(answer.header("x-ratelimit-" + name + "-tokens") == "7000000");
    }
    BOOST_TEST(answer.header("x-ratelimit-reset-requests") == "0ms");
    BOOST_TEST(answer.header("x-ratelimit-reset-tokens") == "0ms");
}

BOOST_AUTO_TEST_CASE(what_is_retried_when_it_was_told_to_is_admitted)
{
    world w("{ requests: 10/s, burst: 1 }");
    auto client = w.gate.connect();
    message refused;
    do {
        client.send(chat());
        refused = client.answer();
    } while (refused.status() == 200);
    BOOST_TEST_REQUIRE(refused.status() == 429u);
    // Lets that time pass on a connection where nothing comes.
    auto silent = w.gate.connect();
    (void)silent.stirs(milliseconds(std::stoul(refused.header("retry-after-ms"))));
    client.send(chat());
    BOOST_TEST(client.answer().status() == 200u);
}

BOOST_AUTO_TEST_CASE(those_who_may_wait_are_served_in_their_order)
{
    world w("{ requests: 4/s, burst: 1, max_wait: 10s }", 2);
    constexpr unsigned waiting = 5;
    std::vector<connection> clients;
    const auto began = clock::now();
    for (unsigned i = 0; i < waiting; ++i) {
        clients.push_back(w.gate.connect());
        // Each is in the queue before the next asks: the metric counts a request on its way in.
        clients.back().send(chat());
        BOOST_TEST(w.gate.becomes("sluice_key_requests_total", {"key=\"a\""}, i + 1.0));
    }
    std::vector<clock::time_point> served;
    for (auto& client : clients) {
        BOOST_TEST(client.answer().status() == 200u);
        served.push_back(clock::now());
    }
    BOOST_TEST(seconds_of(served.back() - began) >= 0.25 * (waiting - 1) - 0.01);
    BOOST_TEST(w.gate.settled("sluice_queue_seconds_count") >= 1.0);
}

BOOST_AUTO_TEST_CASE(who_would_wait_too_long_is_refused_at_once)
{
    world w("{ requests: 1/min, burst: 1, max_wait: 20s }");
    auto client = w.gate.connect();
    client.send(chat());
    BOOST_TEST(client.answer().status() == 200u);
    const auto began = clock::now();
    client.send(chat());
    BOOST_TEST(client.answer().status() == 429u);
    BOOST_TEST(seconds_of(clock::now() - began) < 10.0);
    BOOST_TEST(w.gate.becomes("sluice_limited_total", {"reason=\"queue_timeout\""}, 1));
}

BOOST_AUTO_TEST_CASE(who_would_wait_beyond_its_deadline_is_refused_at_once)
{
    world w("{ requests: 1/min, burst: 1, max_wait: 10m }");
    auto client = w.gate.connect();
    client.send(chat());
    BOOST_TEST(client.answer().status() == 200u);
    client.send(chat_text("", "x-api-key: sk-client-a\r\nx-sluice-timeout: 1s\r\n"));
    const auto refused = client.answer();
    BOOST_TEST(refused.status() == 429u);
    BOOST_TEST(refused.says("\"code\":\"rate_limit_exceeded\""));
    BOOST_TEST(std::stoul(refused.header("retry-after-ms")) > 1000u);
    BOOST_TEST(w.gate.becomes("sluice_limited_total", {"reason=\"queue_timeout\""}, 1));
    // Its place is nobody's: the next one waits for the same turn.
    client.send(chat_text("", "x-api-key: sk-client-a\r\nx-sluice-timeout: 1s\r\n"));
    BOOST_TEST(std::stoul(client.answer().header("retry-after-ms")) <= 60'000u);
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_the_queue_leaves_nothing_behind)
{
    world w("{ requests: 1/min, burst: 1, max_wait: 2m, concurrent: 2 }");
    auto client = w.gate.connect();
    client.send(chat());
    BOOST_TEST(client.answer().status() == 200u);
    auto leaving = w.gate.connect();
    leaving.send(chat());
    BOOST_TEST(w.gate.becomes("sluice_in_flight_requests", {}, 1));
    leaving.close();
    BOOST_TEST(w.gate.becomes("sluice_in_flight_requests", {}, 0));
    // It waited until it left, not for its turn.
    const auto line = w.gate.access_lines(2)[1];
    const auto millis = [&](std::string_view name) {
        const auto at = line.find(name);
        return at == std::string::npos ? -1 : std::stod(line.substr(at + name.size()));
    };
    const auto waited = millis("\"queue_ms\":");
    const auto took = millis("\"duration_ms\":");
    BOOST_TEST(waited > 0, line);
    BOOST_TEST(waited <= took, line);
    BOOST_TEST(w.gate.metric("sluice_queue_seconds_sum") <= took / 1000);
}

BOOST_AUTO_TEST_CASE(only_so_many_requests_are_in_flight)
{
    listener slow;
    gateway gate(
        config(slow.port())
            .set("workers", "2")
            .set(
                "keys",
                "[{ id: a, hash: '" + key_hash("sk-client-a") + "', limits: { concurrent: 2 } }]"));
    std::vector<connection> clients;
    std::vector<connection> upstreams;
    for (unsigned i = 0; i < 2; ++i) {
        clients.push_back(gate.connect());
        clients.back().send(chat());
        upstreams.push_back(slow.accept());
        (void)upstreams.back().request();
    }
    auto third = gate.connect();
    third.send(chat());
    const auto refused = third.answer();
    BOOST_TEST(refused.status() == 429u);
    BOOST_TEST(refused.has("retry-after"));
    BOOST_TEST(gate.becomes("sluice_limited_total", {"reason=\"concurrent\""}, 1));
    // An answer, a failure and a client that leaves all give their place back.
    upstreams[0].send(answer_text("{}"));
    BOOST_TEST(clients[0].answer().status() == 200u);
    clients[1].close();
    BOOST_TEST(upstreams[1].ends());
    BOOST_TEST(gate.becomes("sluice_in_flight_requests", {}, 0));
    slow.close();
    for (unsigned i = 0; i < 3; ++i) {
        upstreams[0].close();
        third.send(chat());
        BOOST_TEST(third.answer().status() == 502u);
    }
}

BOOST_AUTO_TEST_SUITE_END()
