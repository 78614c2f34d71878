// One of two replicas becomes slow, and well again (U15).

#include "support/scripted.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

BOOST_AUTO_TEST_SUITE(slow_replica)

using namespace loopback;
using namespace std::chrono_literals;

namespace {

constexpr auto healthy = 5ms;
constexpr auto ill = 50ms;

act answers_after(const std::atomic<std::chrono::milliseconds>& delay)
{
    return [&delay, answer = answers()](connection& to, const message& request) {
        // exception: how long it takes is what is tested
        std::this_thread::sleep_for(delay.load());
        return answer(to, request);
    };
}

struct replicas {
    std::atomic<std::chrono::milliseconds> delay_of_a{healthy};
    std::atomic<std::chrono::milliseconds> delay_of_b{healthy};
    scripted a{{answers_after(delay_of_a)}};
    scripted b{{answers_after(delay_of_b)}};
    gateway gate{config(a.port())
                     .set(
                         "providers",
                         "{ a: { base_url: '" + base_url(a.port()) + "' }, b: { base_url: '"
                             + base_url(b.port()) + "' } }")
                     .set(
                         "models",
                         "{ m: { balance: latency, targets: [{ name: left, provider: a }, "
                         "{ name: right, provider: b }] } }")};

    // The longest that the left one took.
    clock::duration ask_all(unsigned count)
    {
        clock::duration longest{0};
        for (unsigned i = 0; i < count; ++i) {
            const auto began = clock::now();
            const auto answer = ask(gate, "n");
            BOOST_REQUIRE(answered(answer, "n"));
            if (answer.header("x-sluice-target") == "left")
                longest = std::max(longest, clock::now() - began);
        }
        return longest;
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(it_is_spared_at_once_and_gets_its_share_when_it_is_well_again)
{
    replicas w;
    (void)w.ask_all(40);
    BOOST_TEST(w.a.calls() >= 1u);
    BOOST_TEST(w.b.calls() >= 1u);

    w.delay_of_b = ill;
    const auto before = w.b.calls();
    const auto noticed = clock::now() + patience;
    while (w.b.calls() == before && clock::now() < noticed)
        (void)w.ask_all(1);
    BOOST_TEST(w.b.calls() - before == 1u);
    // Where the machine held the left one up it was the slower one for a while, and they are asked
    // again.
    unsigned spent = 0;
    bool held_up = false;
    const auto calm = clock::now() + 2 * patience;
    do {
        const auto so_far = w.b.calls();
        held_up = w.ask_all(100) >= ill / 2 || held_up;
        spent = w.b.calls() - so_far;
    } while (spent > 4 && held_up && clock::now() < calm);
    BOOST_TEST(spent <= 4u);

    // Ten times as slow is forgotten after 3.3 half-lives of 4.3 s.
    w.delay_of_b = healthy;
    const auto until = clock::now() + 43s + patience;
    unsigned share = 0;
    while (share < 10 && clock::now() < until) {
        const auto so_far = w.b.calls();
        (void)w.ask_all(40);
        share = w.b.calls() - so_far;
    }
    BOOST_TEST(share >= 10u);
}

BOOST_AUTO_TEST_SUITE_END()
