// What each of a provider's keys may be sent in a time.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(provider_limits)

using namespace loopback;

namespace {

struct world {
    explicit world(std::string_view limits, std::string_view models)
        : gate(config(echo.port())
                   .set(
                       "providers",
                       "{ one: { base_url: '" + base_url(echo.port())
                           + "', api_keys: [sk-first, sk-second], limits: " + std::string(limits)
                           + " }, two: { base_url: '" + base_url(spare.port()) + "' } }")
                   .set("models", models))
    {
    }

    message ask()
    {
        auto client = gate.connect();
        client.send(chat_text("\"max_tokens\":3,"));
        return client.answer();
    }

    provider echo{always(answer_text(completion))};
    provider spare{always(answer_text(completion))};
    gateway gate;
};

constexpr std::string_view alone =
    "{ m: { targets: [{ provider: one }], retry: { attempts: 1, cap: 1s } } }";

}  // namespace

BOOST_AUTO_TEST_CASE(each_key_is_sent_its_part_and_then_the_client_is_told_when_to_come_again)
{
    world w("{ requests: 2/h, burst: 2 }", alone);
    for (int i = 0; i < 4; ++i)
        BOOST_TEST(w.ask().status() == 200U);
    const auto refused = w.ask();
    BOOST_TEST(refused.status() == 429U);
    BOOST_TEST(refused.says("the provider's rate limit is used up"), refused.body);
    BOOST_TEST(std::stoul(refused.header("retry-after")) > 1000U);
    BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"success\""}, 4));
    BOOST_TEST(w.gate.settled("sluice_provider_limited_total", {"mode=\"enforced\""}) >= 2.0);
}

BOOST_AUTO_TEST_CASE(another_target_is_asked_where_the_limits_are_used_up)
{
    world w(
        "{ requests: 1/h, burst: 1 }",
        "{ m: { targets: [{ provider: one, weight: 1 }, { provider: two, weight: 0.000001 }] } }");
    for (int i = 0; i < 6; ++i)
        BOOST_TEST(w.ask().status() == 200U);
    BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"target=\"one\""}, 2));
    BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"target=\"two\""}, 4));
}

BOOST_AUTO_TEST_CASE(tokens_are_settled_there_too)
{
    world w("{ tokens: 1/h, token_burst: 45 }", alone);
    int served = 0;
    while (served < 20 && w.ask().status() == 200U)
        ++served;
    // Two keys, ten tokens each time, and never more than twice 45 and a last estimate.
    BOOST_TEST(served >= 5);
    BOOST_TEST(served <= 9);
}

BOOST_AUTO_TEST_CASE(in_shadow_mode_nothing_is_held_back)
{
    world w("{ requests: 1/h, burst: 1, shadow: true }", alone);
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(w.ask().status() == 200U);
    BOOST_TEST(w.gate.settled("sluice_provider_limited_total", {"mode=\"shadow\""}) >= 3.0);
}

BOOST_AUTO_TEST_SUITE_END()
