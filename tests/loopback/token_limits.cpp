// Tokens in a time: estimated before, settled afterwards.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(token_limits)

using namespace loopback;

namespace {

// Every answer uses ten tokens, seven of them input.
constexpr double tokens_each = 10;

std::string key_text(std::string_view more)
{
    return "{ id: a, hash: '" + key_hash("sk-client-a") + "', " + std::string(more) + " }";
}

struct world {
    explicit world(
        std::string_view of_key, std::string_view model = "", std::string_view tenants = "{}")
        : gate(config(echo.port())
                   .set("workers", "2")
                   .set("tenants", tenants)
                   .set(
                       "models",
                       "{ m: { targets: [{ provider: one, model: upstream-m }]" + std::string(model)
                           + " } }")
                   .set("keys", "[" + key_text(of_key) + "]"))
    {
    }

    static void serve(connection& from)
    {
        const auto plain = answer_text(completion);
        const auto streamed = std::string(stream_head)
                              + chunk(
                                  token_event("one") + std::string(stop_event)
                                  + std::string(usage_event) + std::string(done_event))
                              + std::string(last_chunk);
        for (;;)
            from.send(from.request().says("\"stream\":true") ? streamed : plain);
    }

    provider echo{serve};
    gateway gate;
};

std::string ask_text(bool stream = false)
{
    return chat_text(
        stream ? "\"stream\":true,\"max_tokens\":3," : "\"max_tokens\":3,",
        "x-api-key: sk-client-a\r\n");
}

double seconds_of(clock::duration time)
{
    return std::chrono::duration<double>(time).count();
}

}  // namespace

BOOST_AUTO_TEST_CASE(streams_and_answers_get_the_rate_of_tokens_and_never_more)
{
    constexpr unsigned connections = 8;
    constexpr double rate = 400;
    // What comes in the two seconds and a half in which a busy machine may let nobody ask.
    constexpr double burst = 1000;
    world w("limits: { tokens: 400/s, token_burst: 1000 }");
    std::atomic<unsigned> admitted{0};
    std::atomic<unsigned> refused{0};
    std::atomic<unsigned> strange{0};
    const auto began = clock::now();
    const auto until = began + std::chrono::milliseconds(1500);
    {
        std::vector<std::jthread> clients;
        for (unsigned i = 0; i < connections; ++i)
            clients.emplace_back([&, i] {
                auto client = w.gate.connect();
                unsigned status = 0;
                // To the end means until nothing is left.
                while (clock::now() < until || (status == 200 && clock::now() < until + patience)) {
                    client.send(ask_text(i % 2 == 0));
                    status = client.answer().status();
                    ++(status == 200 ? admitted : status == 429 ? refused : strange);
                }
            });
    }
    const double may = burst + rate * seconds_of(clock::now() - began);
    BOOST_TEST(strange == 0U);
    BOOST_TEST(refused > 0U);
    // What is in flight at the end may have to be settled yet.
    BOOST_TEST(tokens_each * admitted <= may * 1.01);
    BOOST_TEST(tokens_each * admitted >= burst + rate * 1.0);
}

BOOST_AUTO_TEST_CASE(an_answer_and_a_refusal_tell_the_tokens_that_are_left)
{
    world w("limits: { tokens: 60/min, token_burst: 60 }");
    auto client = w.gate.connect();
    client.send(ask_text());
    const auto first = client.answer();
    BOOST_TEST(first.status() == 200U);
    BOOST_TEST(first.header("x-ratelimit-limit-tokens") == "60");
    BOOST_TEST(std::stoi(first.header("x-ratelimit-remaining-tokens")) < 60);
    BOOST_TEST(first.has("x-ratelimit-reset-tokens"));
    BOOST_TEST(!first.has("x-ratelimit-limit-requests"));
    // What it had reserved beyond its ten came back, so more than two fit.
    message refused;
    unsigned served = 1;
    for (; served < 10; ++served) {
        client.send(ask_text());
        refused = client.answer();
        if (refused.status() != 200)
            break;
    }
    BOOST_TEST(served >= 3U);
    BOOST_TEST(served <= 6U);
    BOOST_TEST(refused.status() == 429U);
    BOOST_TEST(refused.says("\"code\":\"rate_limit_exceeded\""));
    BOOST_TEST(refused.says("60/min tokens"), refused.body);
    BOOST_TEST(std::stoul(refused.header("retry-after-ms")) > 0U);
    BOOST_TEST(w.gate.becomes("sluice_limited_total", {"reason=\"tokens\""}, 1));
}

BOOST_AUTO_TEST_CASE(what_is_retried_when_it_was_told_to_is_admitted)
{
    world w("limits: { tokens: 100/s, token_burst: 30 }");
    auto client = w.gate.connect();
    message answer;
    do {
        client.send(ask_text());
        answer = client.answer();
    } while (answer.status() == 200);
    BOOST_TEST_REQUIRE(answer.status() == 429U);
    auto silent = w.gate.connect();
    (void)silent.stirs(milliseconds(std::stoul(answer.header("retry-after-ms"))));
    client.send(ask_text());
    BOOST_TEST(client.answer().status() == 200U);
}

BOOST_AUTO_TEST_CASE(a_failure_gives_its_tokens_back)
{
    provider broken(always(answer_text("{}", 500)));
    gateway gate(
        config(broken.port())
            .set("keys", "[" + key_text("limits: { tokens: 1/min, token_burst: 60 }") + "]"));
    auto client = gate.connect();
    for (int i = 0; i < 8; ++i) {
        client.send(ask_text());
        BOOST_TEST(client.answer().status() == 500U);
    }
}

BOOST_AUTO_TEST_CASE(who_may_wait_for_tokens_gets_them)
{
    world w("limits: { tokens: 200/s, token_burst: 25, max_wait: 5s }");
    auto client = w.gate.connect();
    const auto began = clock::now();
    for (int i = 0; i < 12; ++i) {
        client.send(ask_text());
        BOOST_TEST(client.answer().status() == 200U);
    }
    BOOST_TEST(seconds_of(clock::now() - began) >= (12 * tokens_each - 25) / 200 - 0.01);
    BOOST_TEST(w.gate.settled("sluice_queue_seconds_count") >= 1.0);
}

BOOST_AUTO_TEST_CASE(a_limit_in_shadow_mode_counts_and_lets_through)
{
    world w("limits: { requests: 1/d, tokens: 1/d, concurrent: 1, shadow: true }");
    auto client = w.gate.connect();
    for (int i = 0; i < 3; ++i) {
        client.send(ask_text());
        const auto answer = client.answer();
        BOOST_TEST(answer.status() == 200U);
        BOOST_TEST(!answer.has("x-ratelimit-limit-requests"));
    }
    BOOST_TEST(w.gate.becomes("sluice_limited_shadow_total", {"key=\"a\""}, 2));
    BOOST_TEST(w.gate.becomes("sluice_limited_total", {}, 0));
}

BOOST_AUTO_TEST_CASE(a_tenant_and_a_model_have_limits_of_their_own)
{
    world w(
        "tenant: t",
        ", limits: { requests: 1/h, burst: 2 }",
        "{ t: { limits: { requests: 1/d, burst: 1 } } }");
    auto client = w.gate.connect();
    client.send(ask_text());
    BOOST_TEST(client.answer().status() == 200U);
    for (int i = 0; i < 3; ++i) {
        client.send(ask_text());
        const auto refused = client.answer();
        BOOST_TEST(refused.status() == 429U);
        BOOST_TEST(refused.says("this key's tenant"), refused.body);
    }
    // The tenant's refusals took nothing from the model.
    BOOST_TEST(
        w.gate
            .reload(config(w.echo.port())
                        .set("workers", "2")
                        .set(
                            "models",
                            "{ m: { targets: [{ provider: one, model: upstream-m }], limits: { "
                            "requests: 1/h, burst: 2 } } }")
                        .set("keys", "[" + key_text("tenant: t") + "]"))
            .status()
        == 200U);
    client.send(ask_text());
    BOOST_TEST(client.answer().status() == 200U);
    client.send(ask_text());
    BOOST_TEST(client.answer().says("this model"));
}

BOOST_AUTO_TEST_SUITE_END()
