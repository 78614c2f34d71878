// A second attempt beside a late first: who wins, who is cancelled, and when there is none.

#include "support/scripted.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <future>
#include <vector>

BOOST_AUTO_TEST_SUITE(hedge)

using namespace loopback;

namespace {

// What a provider's act and the test tell each other.
class flag {
public:
    void raise()
    {
        if (!raised_.exchange(true))
            up_.set_value();
    }
    [[nodiscard]] bool wait() const
    {
        return seen_.wait_for(patience) == std::future_status::ready;
    }

private:
    std::atomic<bool> raised_{false};
    std::promise<void> up_;
    std::shared_future<void> seen_{up_.get_future()};
};

// The model m at a, the cheaper one, and b.
struct world {
    world(
        std::vector<act> of_a,
        std::vector<act> of_b,
        std::string_view hedge = "after: 50ms, budget: 100%",
        std::string_view more = "retry: { attempts: 1 }",
        std::string_view other = {})
        : a(std::move(of_a)),
          b(std::move(of_b)),
          gate(config_for(hedge, more, other))
    {
    }

    config config_for(std::string_view hedge, std::string_view more, std::string_view other) const
    {
        const auto provider = [](std::string_view name, std::uint16_t port) {
            return std::string(name) + ": { base_url: '" + base_url(port)
                   + "', api_key: " + std::string(provider_key) + " }";
        };
        return config(a.port())
            .set(
                "providers", "{ " + provider("a", a.port()) + ", " + provider("b", b.port()) + " }")
            .set(
                "models",
                "{ m: { targets: [{ name: first, provider: a, price: { input: 1, output: 1 } }, "
                "{ name: other, provider: b, price: { input: 2, output: 2 }"
                    + std::string(other)
                    + " }], "
                      "balance: cheapest, hedge: { "
                    + std::string(hedge) + " }, " + std::string(more) + " } }");
    }

    double hedges(std::string_view outcome, std::string_view target = "other")
    {
        return gate.settled(
            "sluice_hedges_total",
            {"outcome=\"" + std::string(outcome) + '"', "target=\"" + std::string(target) + '"'});
    }

    double attempts(std::string_view outcome, std::string_view target)
    {
        return gate.settled(
            "sluice_attempts_total",
            {"outcome=\"" + std::string(outcome) + '"', "target=\"" + std::string(target) + '"'});
    }

    scripted a;
    scripted b;
    gateway gate;
};

// Says this much and no more; raises the flag when the gateway has left.
act hangs(flag& left, std::string text = {})
{
    return [&left, text = std::move(text)](connection& to, const message&) {
        to.send(text);
        if (to.ends())
            left.raise();
        return false;
    };
}

// Does it when the flag is up.
act when(const flag& up, act then)
{
    return [&up, then = std::move(then)](connection& to, const message& request) {
        return up.wait() && then(to, request);
    };
}

act raising(flag& begun, act then)
{
    return [&begun, then = std::move(then)](connection& to, const message& request) {
        begun.raise();
        return then(to, request);
    };
}

// Raised after it was done.
act raising_after(act first, flag& done)
{
    return [first = std::move(first), &done](connection& to, const message& request) {
        const bool goes_on = first(to, request);
        done.raise();
        return goes_on;
    };
}

const std::string beginning_of_a_stream =
    std::string(stream_head)
    + chunk("data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"of-a\"}}]}\n\n");

}  // namespace

BOOST_AUTO_TEST_CASE(the_second_wins_over_a_late_first_which_is_left_at_once)
{
    for (const auto more : {std::string_view{}, streaming}) {
        flag left;
        const auto begun = more.empty() ? std::string{} : beginning_of_a_stream;
        world w({hangs(left, begun), answers()}, {answers()});
        const auto answer = ask(w.gate, "n-1", more);
        BOOST_TEST(answered(answer, "n-1"), answer.body);
        BOOST_TEST(!answer.says("of-a"));
        BOOST_TEST(answer.header("x-sluice-target") == "other");
        BOOST_TEST(answer.header("x-sluice-attempts") == "2");
        BOOST_TEST(left.wait());
        BOOST_TEST(w.hedges("won") == 1);
        BOOST_TEST(w.attempts("hedge_lost", "first") == 1);
        BOOST_TEST(w.gate.becomes(
            "sluice_attempts_total", {"outcome=\"success\"", "target=\"other\""}, 1));
        // Behind the line of the attempt that lost.
        BOOST_TEST(w.gate.access_lines(2).at(1).find("\"attempts\":2") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(losing_is_no_failure_of_the_target)
{
    flag left;
    // One in reserve: the next request has none beside it, however long its provider is held up.
    world w(
        {hangs(left), answers()},
        {answers()},
        "after: 50ms, budget: 1%",
        "breaker: { failures: 1 }, retry: { attempts: 1 }");
    BOOST_TEST(answered(ask(w.gate, "n-1"), "n-1"));
    const auto next = ask(w.gate, "n-2");
    BOOST_TEST(answered(next, "n-2"));
    BOOST_TEST(next.header("x-sluice-target") == "first");
    BOOST_TEST(next.header("x-sluice-attempts") == "1");
}

BOOST_AUTO_TEST_CASE(the_first_wins_when_it_answers_first_and_the_second_is_left_at_once)
{
    for (const auto more : {std::string_view{}, streaming}) {
        flag second_begun;
        flag left;
        world w({when(second_begun, answers())}, {raising(second_begun, hangs(left))});
        const auto answer = ask(w.gate, "n-1", more);
        BOOST_TEST(answered(answer, "n-1"), answer.body);
        BOOST_TEST(answer.header("x-sluice-target") == "first");
        BOOST_TEST(answer.header("x-sluice-attempts") == "2");
        BOOST_TEST(left.wait());
        BOOST_TEST(w.hedges("lost") == 1);
        BOOST_TEST(w.attempts("hedge_lost", "other") == 1);
        BOOST_TEST(w.attempts("hedge_lost", "first") == 0);
    }
}

BOOST_AUTO_TEST_CASE(a_loser_took_until_it_was_left)
{
    constexpr milliseconds silence{300};
    flag second_begun;
    flag left;
    const act late = [&](connection& to, const message& request) {
        const bool begun = second_begun.wait();
        return begun && !to.stirs(silence) && answers()(to, request);
    };
    world w({late}, {raising(second_begun, hangs(left, beginning_of_a_stream))});
    BOOST_TEST(answered(ask(w.gate, "n-1", streaming), "n-1"));
    double took = 0;
    for (const auto& line : w.gate.access_lines(2)) {
        constexpr std::string_view name = "\"duration_ms\":";
        if (line.find("\"outcome\":\"hedge\"") != std::string::npos)
            took = std::stod(line.substr(line.find(name) + name.size()));
        BOOST_TEST(line.find("\"stream\":true") != std::string::npos, line);
    }
    BOOST_TEST(took >= 250.0);
}

BOOST_AUTO_TEST_CASE(when_the_second_fails_the_first_goes_on)
{
    for (const auto more : {std::string_view{}, streaming}) {
        flag failed;
        world w({when(failed, answers())}, {raising_after(says_and_resets(""), failed)});
        const auto answer = ask(w.gate, "n-1", more);
        BOOST_TEST(answered(answer, "n-1"), answer.body);
        BOOST_TEST(answer.header("x-sluice-target") == "first");
        BOOST_TEST(answer.header("x-sluice-attempts") == "2");
    }
}

BOOST_AUTO_TEST_CASE(when_the_first_fails_the_second_goes_on)
{
    for (const auto more : {std::string_view{}, streaming}) {
        flag second_begun;
        flag failed;
        world w(
            {when(second_begun, says_and_resets(""))},
            {raising(second_begun, when(failed, answers()))});
        auto client = w.gate.connect();
        client.send(question("n-1", more));
        BOOST_TEST(
            w.gate.becomes("sluice_attempts_total", {"outcome=\"reset\"", "target=\"first\""}, 1));
        failed.raise();
        const auto answer = client.answer();
        BOOST_TEST(answered(answer, "n-1"), answer.body);
        BOOST_TEST(answer.header("x-sluice-target") == "other");
        BOOST_TEST(answer.header("x-sluice-attempts") == "2");
        BOOST_TEST(w.hedges("won") == 1);
    }
}

BOOST_AUTO_TEST_CASE(when_both_fail_the_plan_goes_on)
{
    for (const auto more : {std::string_view{}, streaming}) {
        flag second_begun;
        world w(
            {when(second_begun, says(answer_text("{}", 500))), answers()},
            {raising(second_begun, says(answer_text("{}", 503))), answers()},
            "after: 50ms, budget: 100%",
            "retry: { attempts: 2, base: 1ms }");
        const auto answer = ask(w.gate, "n-1", more);
        BOOST_TEST(answered(answer, "n-1"), answer.body);
        BOOST_TEST(answer.header("x-sluice-attempts") == "3");
        BOOST_TEST(w.hedges("failed") == 1);
        BOOST_TEST(w.a.calls() + w.b.calls() == 3u);
        BOOST_TEST(w.attempts("status_5xx", "first") == 1);
        BOOST_TEST(w.attempts("status_5xx", "other") == 1);
    }
}

BOOST_AUTO_TEST_CASE(when_both_fail_and_nothing_is_left_the_later_failure_is_passed_on)
{
    flag first_failed;
    flag second_begun;
    world w(
        {when(second_begun, raising_after(says_and_resets(""), first_failed))},
        {raising(second_begun, when(first_failed, says(answer_text("{\"of\":\"b\"}", 503))))});
    const auto answer = ask(w.gate, "n-1");
    BOOST_TEST(answer.status() >= 500u);
    BOOST_TEST(answer.header("x-sluice-attempts") == "2");
    BOOST_TEST(w.a.calls() == 1u);
    BOOST_TEST(w.b.calls() == 1u);
}

BOOST_AUTO_TEST_CASE(a_request_that_is_wrong_everywhere_is_not_waited_for_twice)
{
    flag second_begun;
    flag left;
    world w(
        {when(second_begun, says(answer_text("{\"of\":\"a\"}", 400)))},
        {raising(second_begun, hangs(left))});
    const auto answer = ask(w.gate, "n-1");
    BOOST_TEST(answer.status() == 400u);
    BOOST_TEST(answer.says("\"of\":\"a\""));
    BOOST_TEST(left.wait());
}

BOOST_AUTO_TEST_CASE(extra_requests_are_no_more_than_their_share)
{
    flag left;
    flag denied;
    world w({hangs(left), when(denied, answers())}, {answers()}, "after: 50ms, budget: 1%");
    BOOST_TEST(answered(ask(w.gate, "n-1"), "n-1"));  // the one in reserve
    auto client = w.gate.connect();
    client.send(question("n-2"));
    BOOST_TEST(w.gate.becomes("sluice_hedges_total", {"outcome=\"denied_budget\""}, 1));
    denied.raise();
    const auto answer = client.answer();
    BOOST_TEST(answered(answer, "n-2"));
    BOOST_TEST(answer.header("x-sluice-attempts") == "1");
    BOOST_TEST(w.b.calls() == 1u);
}

BOOST_AUTO_TEST_CASE(there_is_none_while_a_breaker_is_open)
{
    flag late;
    world w({when(late, answers())}, {answers()}, "after: 20ms, budget: 100%");
    const auto forced =
        w.gate.admin("PUT", "/admin/v1/models/m/targets/other/breaker", R"({"state":"open"})");
    BOOST_TEST_REQUIRE(forced.status() == 200u, forced.body);
    auto client = w.gate.connect();
    client.send(question("n-1"));
    BOOST_TEST(!client.stirs(milliseconds(300)));
    late.raise();
    const auto answer = client.answer();
    BOOST_TEST(answered(answer, "n-1"));
    BOOST_TEST(answer.header("x-sluice-attempts") == "1");
    BOOST_TEST(w.b.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(there_is_none_while_the_buffers_are_half_full)
{
    flag late;
    world w({when(late, answers())}, {answers()});
    listener holding;
    auto how = w.config_for("after: 20ms, budget: 100%", "retry: { attempts: 1 }", {});
    how.set("limits", "{ buffered_bytes: 4MiB, body_bytes: 2MiB }")
        .set(
            "providers",
            "{ a: { base_url: '" + base_url(w.a.port()) + "' }, b: { base_url: '"
                + base_url(w.b.port()) + "' }, c: { base_url: '" + base_url(holding.port())
                + "' } }")
        .set(
            "models",
            "{ m: { targets: [{ provider: a, price: { input: 1, output: 1 } }, { provider: b, "
            "price: { input: 2, output: 2 } }], balance: cheapest, retry: { attempts: 1 }, "
            "hedge: { after: 20ms, budget: 100% } }, large: { targets: [{ provider: c }] } }");
    gateway gate(how);
    std::vector<connection> held;
    for (int i = 0; i < 2; ++i) {
        held.push_back(gate.connect());
        held.back().send(question(std::string(1'300'000, 'x'), {}, {}, "large"));
        held.push_back(holding.accept());
        (void)held.back().request();
    }
    auto client = gate.connect();
    client.send(question("n-1"));
    BOOST_TEST(!client.stirs(milliseconds(300)));
    late.raise();
    const auto answer = client.answer();
    BOOST_TEST(answered(answer, "n-1"));
    BOOST_TEST(answer.header("x-sluice-attempts") == "1");
    BOOST_TEST(w.b.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_ends_both)
{
    for (const auto more : {std::string_view{}, streaming}) {
        flag second_begun;
        flag first_left;
        flag second_left;
        world w({hangs(first_left)}, {raising(second_begun, hangs(second_left))});
        auto client = w.gate.connect();
        client.send(question("n-1", more));
        BOOST_TEST_REQUIRE(second_begun.wait());
        client.reset();
        BOOST_TEST(first_left.wait());
        BOOST_TEST(second_left.wait());
        BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"cancelled\""}, 2));
        BOOST_TEST(w.gate.becomes("sluice_in_flight_requests", {}, 0));
    }
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_after_the_first_has_failed_ends_the_second)
{
    flag second_begun;
    flag second_left;
    world w({when(second_begun, says_and_resets(""))}, {raising(second_begun, hangs(second_left))});
    auto client = w.gate.connect();
    client.send(question("n-1"));
    BOOST_TEST_REQUIRE(
        w.gate.becomes("sluice_attempts_total", {"outcome=\"reset\"", "target=\"first\""}, 1));
    client.reset();
    BOOST_TEST(second_left.wait());
    BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"cancelled\""}, 1));
}

BOOST_AUTO_TEST_CASE(a_target_that_is_alone_is_asked_twice)
{
    flag left;
    world w(
        {hangs(left), answers()},
        {answers()},
        "after: 50ms, budget: 100%",
        "retry: { attempts: 1 }",
        ", weight: 0");
    const auto answer = ask(w.gate, "n-1");
    BOOST_TEST(answered(answer, "n-1"));
    BOOST_TEST(answer.header("x-sluice-target") == "first");
    BOOST_TEST(answer.header("x-sluice-attempts") == "2");
    BOOST_TEST(w.hedges("won", "first") == 1);
    BOOST_TEST(w.b.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(who_answers_in_time_is_alone)
{
    world w({answers()}, {answers()}, "after: 20s");
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(answered(ask(w.gate, "n", i % 2 == 0 ? streaming : ""), "n"));
    BOOST_TEST(w.b.calls() == 0u);
    BOOST_TEST(w.gate.settled("sluice_hedges_total") == 0);
}

BOOST_AUTO_TEST_CASE(a_live_quantile_begins_with_a_hundred_samples)
{
    flag left;
    std::vector<act> of_a(110, answers());
    of_a.push_back(hangs(left));
    world w(std::move(of_a), {answers()}, "after: p99, budget: 100%");
    // Some of these may be hedged as well; the last one has to be.
    for (int i = 0; i < 300 && w.a.calls() < 111; ++i)
        BOOST_TEST(answered(ask(w.gate, "n", streaming), "n"));
    BOOST_TEST(left.wait());
    BOOST_TEST(w.hedges("won") >= 1);
}

BOOST_AUTO_TEST_CASE(two_that_answer_at_once_are_never_mixed)
{
    for (const auto more : {std::string_view{}, streaming}) {
        const act soon = [](connection& to, const message& request) {
            (void)to.stirs(milliseconds(3));
            return answers()(to, request);
        };
        world w({soon}, {answers()}, "after: 2ms, budget: 100%");
        auto client = w.gate.connect();
        for (int i = 0; i < 200; ++i) {
            const auto nonce = "n-" + std::to_string(i);
            client.send(question(nonce, more));
            const auto answer = client.answer();
            BOOST_TEST(answered(answer, nonce), answer.body);
            BOOST_TEST(client.input().empty());
        }
        const double all = w.hedges("won") + w.hedges("lost") + w.hedges("failed");
        BOOST_TEST(all > 0);
        BOOST_TEST(w.hedges("failed") == 0);
        BOOST_TEST(w.gate.becomes("sluice_in_flight_requests", {}, 0));
    }
}

BOOST_AUTO_TEST_SUITE_END()
