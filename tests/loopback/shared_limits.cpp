// Limits of gateways that share Redis: each has its part and says so, and what becomes of it while
// Redis is away is the limit's to say.

#include "needs_redis.hpp"
#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <thread>

BOOST_AUTO_TEST_SUITE(shared_limits, *loopback::needs_redis)

using namespace loopback;
using namespace std::chrono_literals;

namespace {

struct world {
    explicit world(std::uint16_t redis)
        : gate(config(echo.port())
                   .set("state", state_at(redis))
                   .set(
                       "keys",
                       "[" + key("keep", "") + ", " + key("refuse", ", on_store_failure: refuse")
                           + ", " + key("local", ", on_store_failure: local") + ", "
                           + "{ id: places, hash: '" + key_hash("sk-places")
                           + "', limits: { concurrent: 100, on_store_failure: refuse } }]"))
    {
    }
    static std::string key(const std::string& id, const std::string& more)
    {
        return "{ id: " + id + ", hash: '" + key_hash("sk-" + id)
               + "', limits: { requests: 100/s, burst: 100" + more + " } }";
    }
    message ask(const std::string& key)
    {
        auto client = gate.connect();
        client.send(chat_text("", "x-api-key: sk-" + key + "\r\n"));
        return client.answer();
    }
    std::string limit(const std::string& key)
    {
        return ask(key).header("x-ratelimit-limit-requests");
    }
    // Whether a request with the key comes to be answered so.
    bool becomes(const std::string& key, unsigned status)
    {
        return comes_to_hold([&] { return ask(key).status() == status; });
    }

    provider echo{always(answer_text("{}"))};
    gateway gate;
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_of_two_gateways_tells_of_its_part)
{
    const redis_server server;
    world one(server.port());
    world two(server.port());
    BOOST_TEST(one.gate.becomes("sluice_store_gateways", {}, 2));
    BOOST_TEST(two.gate.becomes("sluice_store_gateways", {}, 2));
    const auto end = std::chrono::steady_clock::now() + 30s;
    auto part = one.limit("keep");
    for (; part != "50" && std::chrono::steady_clock::now() < end; part = one.limit("keep"))
        // To ask is to use the limit, which takes eight turns of 250 ms to be forgotten.
        // exception: parts are changed by a thread that tells nobody
        std::this_thread::sleep_for(4s);
    BOOST_TEST(part == "50", "an even part of what nobody uses");
}

BOOST_AUTO_TEST_CASE(a_grant_that_comes_a_tenth_of_a_second_late_is_waited_for)
{
    const redis_server server;
    const provider echo{always(answer_text("{}"))};
    std::string keys;
    for (const char id : {'a', 'b', 'c', 'd', 'e'})
        keys += std::string(keys.empty() ? "[{ id: " : ", { id: ") + id + ", hash: '"
                + key_hash(std::string("sk-") + id) + "', budget: { daily: 1000 USD } }";
    gateway gate(
        config(echo.port())
            .set("state", state_at(server.port(), "2s"))
            .set(
                "models",
                "{ m: { targets: [{ provider: one }], price: { input: 0, output: 1000000 } } }")
            .set("keys", keys + "]"));
    BOOST_TEST(gate.becomes("sluice_store_up", {}, 1));
    unsigned answered = 0;
    for (const char id : {'a', 'b', 'c', 'd', 'e'}) {
        // More than any part of the budget that was granted beforehand.
        const auto text =
            chat_text("\"max_tokens\":900,", std::string("x-api-key: sk-") + id + "\r\n");
        BOOST_TEST(server.tell({"CLIENT", "PAUSE", "120"}) == "+OK");
        auto client = gate.connect();
        client.send(text);
        answered += client.answer().status() == 200 ? 1 : 0;
    }
    // A busy machine may be late by more for some of them.
    BOOST_TEST(answered >= 1U);
}

BOOST_AUTO_TEST_CASE(a_limit_says_what_is_let_through_while_redis_is_away)
{
    redis_server server;
    world w(server.port());
    BOOST_TEST(w.gate.becomes("sluice_store_up", {}, 1));
    for (const char* key : {"keep", "refuse", "local", "places"})
        BOOST_TEST(w.becomes(key, 200), key);
    server.kill();
    BOOST_TEST(w.gate.becomes("sluice_store_up", {}, 0));
    BOOST_TEST(w.becomes("refuse", 429));
    BOOST_TEST(w.becomes("places", 429));
    const auto refused = w.ask("refuse");
    BOOST_TEST(refused.says("\"code\":\"rate_limit_exceeded\""));
    BOOST_TEST(refused.header("retry-after-ms") == "1000");
    BOOST_TEST(refused.header("x-ratelimit-remaining-requests") == "0");
    BOOST_TEST(w.ask("keep").status() == 200U);
    BOOST_TEST(w.ask("local").status() == 200U);
    BOOST_TEST(w.limit("local") == "100");
    server.start();
    BOOST_TEST(w.gate.becomes("sluice_store_up", {}, 1));
    BOOST_TEST(w.becomes("refuse", 200));
    BOOST_TEST(w.becomes("places", 200));
}

BOOST_AUTO_TEST_SUITE_END()
