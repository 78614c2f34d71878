// Storms, outages and recoveries under load that does not wait for answers, and clients that leave.

#include "offered.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(outages)

using namespace offered;

namespace {

constexpr unsigned rate = load{}.rate;

void expect_all_right(const tally& all)
{
    BOOST_TEST(all.offered > 0u);
    BOOST_TEST(all.right == all.offered);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_provider_that_refuses_everything_is_not_asked_more_than_a_fifth_more)
{
    struct storm {
        std::string_view name;
        std::string answer;
        std::string_view settings;
        unsigned reserve;  // of the retry budget, where nothing else holds calls back
    };
    const std::vector<storm> storms{
        {"429", refusal(429), "{}", 0},
        {"429 for 10 ms", refusal(429, "retry-after-ms: 10\r\n"), "{}", 10},
        {"503", refusal(503), "{}", 0},
        {"503 without a breaker", refusal(503), "off", 10}};
    for (const auto& each : storms)
        for (const bool fallback : {false, true}) {
            scripted first({says(each.answer)});
            scripted second({answers()});
            gateway gate(configured(
                first.port(),
                second.port(),
                "retry: { attempts: 4, base: 10ms, cap: 100ms }, breaker: "
                    + std::string(each.settings),
                fallback));
            tally all;
            offer(gate, milliseconds(2000), fallback ? streaming : std::string_view{}, all);
            BOOST_TEST_MESSAGE(
                each.name << (fallback ? " with" : " without") << " a fallback: offered "
                          << all.offered << ", upstream calls " << first.calls());
            BOOST_TEST(all.offered == 2 * rate);
            BOOST_TEST(first.calls() <= all.offered * 12 / 10 + each.reserve, each.name);
            BOOST_TEST(all.wrong == 0u, each.name);
            BOOST_TEST((fallback ? all.right : all.refused) == all.offered, each.name);
            BOOST_TEST(second.calls() == all.right);
        }
}

BOOST_AUTO_TEST_CASE(with_a_fallback_every_request_of_an_outage_succeeds)
{
    const closed_port dead;
    scripted second({answers()});
    gateway gate(configured(dead.port(), second.port(), "retry: { attempts: 2, base: 1ms }"));
    for (const auto more : {std::string_view{}, streaming}) {
        tally all;
        offer(gate, milliseconds(1500), more, all);
        expect_all_right(all);
    }
}

BOOST_AUTO_TEST_CASE(a_provider_that_dies_under_load_costs_no_request)
{
    scripted first({answers()});
    scripted second({answers()});
    gateway gate(configured(first.port(), second.port(), "retry: { attempts: 2, base: 1ms }"));
    tally all;
    {
        std::jthread load([&] { offer(gate, milliseconds(4000), {}, all); });
        const auto until = clock::now() + patience;
        while (first.calls() < rate && clock::now() < until)
            (void)gate.metric("sluice_in_flight_requests");
        first.die();
    }
    expect_all_right(all);
    BOOST_TEST(second.calls() > 0u);
}

BOOST_AUTO_TEST_CASE(c1_a_client_that_leaves_takes_its_call_with_it_and_nobody_else_is_asked)
{
    using leave = void (connection::*)();
    for (const leave how : {&connection::close, &connection::reset, &connection::finish})
        for (const auto more : {std::string_view{}, streaming})
            for (const bool fallback : {false, true}) {
                listener first;
                scripted second({answers()});
                gateway gate(configured(
                    first.port(), second.port(), "retry: { attempts: 2, base: 1ms }", fallback));
                auto fastest = milliseconds::max();
                for (unsigned i = 0; i < 3; ++i) {
                    auto client = gate.connect();
                    client.send(question("n", more));
                    auto upstream = first.accept();
                    (void)upstream.request();
                    if (!more.empty()) {
                        upstream.send(std::string(stream_head) + chunk(token_event("one")));
                        (void)client.until("one");
                    }
                    const auto began = clock::now();
                    (client.*how)();
                    BOOST_TEST(upstream.ends());
                    fastest = std::min(
                        fastest, std::chrono::duration_cast<milliseconds>(clock::now() - began));
                }
                BOOST_TEST(fastest.count() <= 100);
                BOOST_TEST(!first.accept_within(milliseconds(50)));
                BOOST_TEST(gate.becomes("sluice_attempts_total", {"outcome=\"cancelled\""}, 3));
                BOOST_TEST(gate.becomes("sluice_in_flight_requests", {}, 0));
                BOOST_TEST(second.calls() == 0u);
            }
}

BOOST_AUTO_TEST_SUITE_END()
