// One of two replicas becomes slow, and well again (U15).

#include "offered.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

BOOST_AUTO_TEST_SUITE(slow_replica)

using namespace offered;
using namespace std::chrono_literals;

namespace {

constexpr auto healthy = 20ms;
constexpr auto ill = 60ms;
constexpr auto very_ill = 2000ms;

act answers_after(const std::atomic<milliseconds>& delay)
{
    return [&delay, answer = answers()](connection& to, const message& request) {
        // exception: how long it takes is what is tested
        std::this_thread::sleep_for(delay.load());
        return answer(to, request);
    };
}

// Of one form of requests; what it sees is judged when all forms are done.
struct replicas {
    explicit replicas(const form& how)
        : more(how.more),
          gate(config(a.port())
                   .set(
                       "providers",
                       "{ a: { base_url: '" + base_url(a.port()) + "' }, b: { base_url: '"
                           + base_url(b.port()) + "' }, two: { base_url: '" + base_url(spare.port())
                           + "' } }")
                   .set(
                       "models",
                       "{ m: { balance: latency, targets: [{ name: left, provider: a }, "
                       "{ name: right, provider: b }]"
                           + std::string(how.fallback ? ", fallbacks: [spare]" : "")
                           + " }, spare: { targets: [{ provider: two }] } }"))
    {
    }

    // The longest that the left one took.
    clock::duration ask_all(unsigned count)
    {
        clock::duration longest{0};
        for (unsigned i = 0; i < count; ++i) {
            const auto began = clock::now();
            const auto nonce = "nonce-" + std::to_string(asked++) + "-";
            const auto answer = ask(gate, nonce, more);
            wrong += answered(answer, nonce) ? 0 : 1;
            if (answer.header("x-sluice-target") == "left")
                longest = std::max(longest, clock::now() - began);
        }
        return longest;
    }

    // The right one is slow from now on. How often it is asked until that is known.
    unsigned fall_ill(milliseconds delay)
    {
        delay_of_b = delay;
        const auto before = b.calls();
        const auto noticed = clock::now() + patience;
        while (b.calls() == before && clock::now() < noticed)
            (void)ask_all(1);
        return b.calls() - before;
    }

    // How many of 100 it gets. Where the machine held the left one up it was the slower one for a
    // while, and they are asked again.
    unsigned spent_on_it()
    {
        unsigned spent = 0;
        bool held_up = false;
        const auto calm = clock::now() + 2 * patience;
        do {
            const auto so_far = b.calls();
            held_up = ask_all(100) >= ill / 2 || held_up;
            spent = b.calls() - so_far;
        } while (spent > 4 && held_up && clock::now() < calm);
        return spent;
    }

    // How many of 40 it gets at last. Three times as slow is forgotten after 1.6 half-lives of 4.3
    // s.
    unsigned share_when_well()
    {
        delay_of_b = healthy;
        const auto until = clock::now() + 43s + patience;
        unsigned share = 0;
        while (share < 10 && clock::now() < until) {
            const auto so_far = b.calls();
            (void)ask_all(40);
            share = b.calls() - so_far;
        }
        return share;
    }

    std::string_view more;
    unsigned asked = 0;
    unsigned wrong = 0;
    std::atomic<milliseconds> delay_of_a{healthy};
    std::atomic<milliseconds> delay_of_b{healthy};
    scripted a{{answers_after(delay_of_a)}};
    scripted b{{answers_after(delay_of_b)}};
    scripted spare{{answers()}};
    gateway gate;
};

constexpr std::string_view forgotten = R"("attempts_in_flight":0,"latency_seconds":null)";

// What the gateway knows of m's targets comes to fit.
template <class Fits>
bool comes_to(gateway& gate, Fits fits)
{
    return loopback::comes_to_hold(
        [&] { return fits(gate.admin("GET", "/admin/v1/models/m").body); });
}

std::size_t times(std::string_view text, std::string_view part)
{
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

// An attempt at `slow` waits, and whoever balances knows.
bool waits(std::string_view text)
{
    return times(text, R"("attempts_in_flight":1,"latency_seconds":)") == 1
           && times(text, R"("attempts_in_flight":1,"latency_seconds":null)") == 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_target_that_says_nothing_is_slow_for_as_long_as_somebody_waits)
{
    listener silent;
    gateway gate(config(silent.port()));
    auto client = gate.connect();
    client.send(chat_text());
    auto upstream = silent.accept();
    (void)upstream.request();
    BOOST_TEST(comes_to(gate, waits));
    client.reset();
    BOOST_TEST(comes_to(gate, [](const auto& text) { return times(text, forgotten) == 1; }));
}

BOOST_AUTO_TEST_CASE(whoever_has_failed_keeps_nobody_waiting)
{
    const auto with = [](std::string_view text) -> provider::script {
        return [text = std::string(text)](connection& c) {
            (void)c.request();
            c.send(text);
            c.close();
        };
    };
    for (const auto status : {400U, 401U, 429U, 500U}) {
        provider one(with(answer_text("{}", status)));
        gateway gate(config(one.port()));
        auto client = gate.connect();
        client.send(chat_text());
        (void)client.answer();
        BOOST_TEST(comes_to(gate, [](const auto& text) { return times(text, forgotten) == 1; }));
    }
    closed_port gone;
    provider ends(with(""));
    for (const auto port : {gone.port(), ends.port()}) {
        gateway gate{config(port)};
        auto client = gate.connect();
        client.send(chat_text());
        (void)client.answer();
        BOOST_TEST(comes_to(gate, [](const auto& text) { return times(text, forgotten) == 1; }));
    }
}

BOOST_AUTO_TEST_CASE(who_lost_a_race_keeps_nobody_waiting)
{
    listener one;
    gateway gate(
        config(one.port())
            .set(
                "models",
                "{ m: { targets: [{ name: first, provider: one }, "
                "{ name: other, provider: one, weight: 0.000001 }], retry: { attempts: 1 }, "
                "hedge: { after: 1ms, budget: 100% } } }"));
    auto client = gate.connect();
    client.send(chat_text());
    auto first = one.accept();
    auto second = one.accept();
    (void)first.request();
    (void)second.request();
    first.send(answer_text(completion));
    BOOST_TEST(client.answer().status() == 200U);
    // One of them answered, the other was stopped.
    BOOST_TEST(comes_to(gate, [](const auto& text) {
        return times(text, R"("attempts_in_flight":0)") == 2 && times(text, forgotten) == 1;
    }));
}

BOOST_AUTO_TEST_CASE(it_is_spared_at_once_and_gets_its_share_when_it_is_well_again)
{
    struct seen {
        unsigned of_a = 0, of_b = 0, noticed = 0, spent = 0, share = 0, noticed_again = 0,
                 spent_again = 0;
        unsigned asked = 0, wrong = 0, calls = 0, spared = 0, attempts = 0;
    };
    const auto all = in_all_forms([](const form& how) {
        replicas w(how);
        seen saw;
        (void)w.ask_all(40);
        saw.of_a = w.a.calls();
        saw.of_b = w.b.calls();
        saw.noticed = w.fall_ill(ill);
        saw.spent = w.spent_on_it();
        saw.share = w.share_when_well();
        saw.noticed_again = w.fall_ill(very_ill);
        saw.spent_again = w.spent_on_it();
        saw.asked = w.asked;
        saw.wrong = w.wrong;
        saw.calls = w.a.calls() + w.b.calls();
        saw.spared = w.spare.calls();
        saw.attempts = static_cast<unsigned>(w.gate.settled("sluice_attempts_total"));
        return saw;
    });
    for (std::size_t i = 0; i < forms.size(); ++i)
        BOOST_TEST_CONTEXT(forms[i])
        {
            const auto& saw = all[i];
            BOOST_TEST(saw.of_a >= 1u);
            BOOST_TEST(saw.of_b >= 1u);
            BOOST_TEST(saw.noticed == 1u);
            BOOST_TEST(saw.spent <= 4u);
            BOOST_TEST(saw.share >= 10u);
            BOOST_TEST(saw.noticed_again == 1u);
            BOOST_TEST(saw.spent_again <= 4u);
            BOOST_TEST(saw.wrong == 0u);
            BOOST_TEST(saw.calls == saw.asked);
            BOOST_TEST(saw.attempts == saw.asked);
            BOOST_TEST(saw.spared == 0u, "slow is not failed");
        }
}

BOOST_AUTO_TEST_SUITE_END()
