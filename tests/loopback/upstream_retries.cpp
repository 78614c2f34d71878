// One target that fails once, for a while, or with some of its keys.

#include "support/scripted.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <vector>

BOOST_AUTO_TEST_SUITE(upstream_retries)

using namespace loopback;

namespace {

constexpr std::string_view quick = "retry: { attempts: 2, base: 1ms, cap: 2s }";
const std::string slow_down =
    R"({"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}})";

std::string model(std::string_view more)
{
    return "{ m: { targets: [{ provider: one, model: upstream-m }], " + std::string(more) + " } }";
}

struct world {
    explicit world(
        std::vector<act> acts,
        std::string_view more = quick,
        unsigned keys = 1,
        std::string_view workers = "1")
        : provider(std::move(acts)),
          gate(config_for(more, keys).set("workers", workers))
    {
    }

    config config_for(std::string_view more, unsigned keys) const
    {
        std::string list;
        for (unsigned i = 0; i < keys; ++i)
            list += "sk-provider-key-number-" + std::to_string(i) + ", ";
        return config(provider.port())
            .set(
                "providers",
                "{ one: { base_url: '" + base_url(provider.port()) + "', api_keys: [" + list
                    + "] } }")
            .set("models", model(more));
    }

    double outcomes(std::string_view of)
    {
        return gate.settled("sluice_attempts_total", {"outcome=\"" + std::string(of) + '"'});
    }

    scripted provider;
    gateway gate;
};

std::string refused(unsigned status, std::string_view fields = {})
{
    return answer_text(slow_down, status, fields);
}

std::ptrdiff_t distinct(std::vector<std::string> keys)
{
    std::ranges::sort(keys);
    return std::ranges::unique(keys).begin() - keys.begin();
}

void tries_three_keys_once_each(world& w)
{
    const auto answer = ask(w.gate, "n");
    BOOST_TEST(answer.status() == 502u);
    BOOST_TEST(answer.says("upstream_credentials_exhausted"), answer.body);
    BOOST_TEST(answer.header("x-should-retry") == "false");
    BOOST_TEST(w.provider.calls() == 3u);
    BOOST_TEST(distinct(w.provider.keys()) == 3);
    BOOST_TEST(w.outcomes("credential") == 3);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_failure_before_the_answer_is_tried_once_more_and_not_seen)
{
    const std::vector<act> failures{
        says_and_resets(""),
        says_and_ends(""),
        says_and_ends("HTTP/1.1 200 OK\r\ncontent-"),
        says_and_ends("this is no HTTP\r\n\r\n"),
        says(refused(500)),
        says(refused(502)),
        says(refused(503)),
        says(refused(529)),
        says_and_ends("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                      "content-length: 100\r\n\r\n{")};
    for (const auto& failure : failures)
        for (const auto more : {std::string_view{}, streaming}) {
            world w({failure, answers()});
            const auto answer = ask(w.gate, "n-17", more);
            BOOST_TEST(answered(answer, "n-17"), answer.body);
            BOOST_TEST(answer.header("x-sluice-attempts") == "2");
            BOOST_TEST(!answer.has("x-should-retry"));
            BOOST_TEST(w.provider.calls() == 2u);
            BOOST_TEST(w.provider.request(0).body == w.provider.request(1).body);
            BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"success\""}, 1));
            BOOST_TEST(w.gate.settled("sluice_attempts_total") == 2);
            BOOST_TEST(w.gate.settled("sluice_requests_total") == 1);
            const auto left = w.gate.metric("sluice_retry_budget_remaining");
            BOOST_TEST((left > 9 && left < 9.3), "ten in reserve, one spent, a fifth paid in");
        }
}

BOOST_AUTO_TEST_CASE(what_the_client_caused_is_passed_on_at_once)
{
    for (const unsigned status : {400u, 404u, 409u, 422u}) {
        world w({says(answer_text(R"({"error":{"message":"no"}})", status))});
        const auto answer = ask(w.gate, "n");
        BOOST_TEST(answer.status() == status);
        BOOST_TEST(answer.says("\"no\""));
        BOOST_TEST(!answer.has("x-should-retry"));
        BOOST_TEST(w.provider.calls() == 1u);
    }
}

BOOST_AUTO_TEST_CASE(the_last_error_is_passed_on_with_the_advice_not_to_try_again)
{
    world w(
        {says(refused(503, "x-should-retry: true\r\nx-try: 1\r\n")),
         says(refused(503, "x-try: 2\r\n"))});
    const auto answer = ask(w.gate, "n");
    BOOST_TEST(answer.status() == 503u);
    BOOST_TEST(answer.body == slow_down);
    BOOST_TEST(answer.header("x-try") == "2");
    BOOST_TEST(answer.header("x-should-retry") == "false");
    BOOST_TEST(answer.header("x-sluice-attempts") == "2");
    BOOST_TEST(w.provider.calls() == 2u);
    BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"status_5xx\""}, 2));
}

BOOST_AUTO_TEST_CASE(one_attempt_is_one_call_and_no_advice)
{
    world w({says(refused(503))}, "retry: { attempts: 1 }");
    const auto answer = ask(w.gate, "n");
    BOOST_TEST(answer.status() == 503u);
    BOOST_TEST(!answer.has("x-should-retry"));
    BOOST_TEST(w.provider.calls() == 1u);
}

// In an outage most requests are not tried again: their clients are not to make up for it.
BOOST_AUTO_TEST_CASE(a_spent_retry_budget_is_advice_not_to_try_again)
{
    world w(
        {says(refused(503))},
        "breaker: off, retry: { attempts: 2, base: 1ms, cap: 2ms, budget: 0% }");
    bool once = false;
    for (unsigned i = 0; i < 30 && !once; ++i) {
        const auto answer = ask(w.gate, "n");
        BOOST_TEST(answer.status() == 503u);
        BOOST_TEST(answer.header("x-should-retry") == "false");
        once = answer.header("x-sluice-attempts") == "1";
    }
    BOOST_TEST(once, "the budget's reserve is spent");
}

// For whichever worker asks.
BOOST_AUTO_TEST_CASE(a_rate_limit_takes_the_next_key_at_once_and_lets_the_first_one_rest)
{
    world w(
        {says(refused(429, "retry-after: 20\r\n")), answers()},
        "retry: { attempts: 1, base: 1ms }",
        2,
        "2");
    BOOST_TEST(answered(ask(w.gate, "first"), "first"));
    for (int i = 0; i < 15; ++i)
        BOOST_TEST(answered(ask(w.gate, "later"), "later"));
    const auto keys = w.provider.keys();
    BOOST_REQUIRE(keys.size() == 17u);
    BOOST_TEST(keys[0] != keys[1]);
    BOOST_TEST((std::count(keys.begin(), keys.end(), keys[1]) == 16));
    BOOST_TEST(w.outcomes("status_429") == 1);
    BOOST_TEST(w.gate.metric("sluice_credential_state", {"state=\"rate_limited\""}) == 1);
    BOOST_TEST(w.gate.metric("sluice_credential_state", {"state=\"usable\""}) == 1);
}

BOOST_AUTO_TEST_CASE(a_rate_limited_key_is_waited_for_as_long_as_it_says_and_is_worth_it)
{
    world w({says(refused(429, "retry-after-ms: 300\r\n")), answers()});
    const auto begin = clock::now();
    BOOST_TEST(answered(ask(w.gate, "n"), "n"));
    BOOST_TEST((clock::now() - begin >= milliseconds(300)));
    BOOST_TEST(w.provider.calls() == 2u);
}

BOOST_AUTO_TEST_CASE(a_long_rest_is_passed_on_and_spares_the_provider)
{
    world w({says(refused(429, "retry-after: 25\r\n"))});
    const auto first = ask(w.gate, "n");
    BOOST_TEST(first.status() == 429u);
    BOOST_TEST(first.header("retry-after") == "25");
    BOOST_TEST(first.body == slow_down);
    const auto second = ask(w.gate, "n");
    BOOST_TEST(second.status() == 429u);
    BOOST_TEST(second.says("rate_limit_exceeded"));
    const auto wait = std::stoi(second.header("retry-after"));
    BOOST_TEST((wait > 20 && wait <= 25));
    BOOST_TEST(second.header("x-sluice-attempts").empty());
    BOOST_TEST(w.provider.calls() == 1u);
}

BOOST_AUTO_TEST_CASE(keys_that_are_refused_are_tried_once_each_and_then_it_is_the_gateways_trouble)
{
    for (const unsigned status : {401u, 402u}) {
        world w({says(refused(status))}, quick, 3);
        tries_three_keys_once_each(w);
        // The next request does not even try.
        BOOST_TEST(ask(w.gate, "n").says("upstream_credentials_exhausted"));
        BOOST_TEST(w.provider.calls() == 3u);
    }
}

BOOST_AUTO_TEST_CASE(a_question_that_no_key_may_ask_puts_none_to_rest)
{
    const auto no = says(refused(403));
    world w({no, no, no, answers()}, quick, 3);
    tries_three_keys_once_each(w);
    for (unsigned i = 0; i < 20; ++i)
        BOOST_TEST(answered(ask(w.gate, "n"), "n"));
    BOOST_TEST(distinct(w.provider.keys()) == 3);
    BOOST_TEST(w.provider.calls() == 23u);
}

BOOST_AUTO_TEST_CASE(a_key_that_may_not_ask_what_another_may_rests)
{
    world w({says(refused(403)), answers()}, quick, 2);
    for (unsigned i = 0; i < 10; ++i)
        BOOST_TEST(answered(ask(w.gate, "n"), "n"));
    const auto keys = w.provider.keys();
    BOOST_REQUIRE(keys.size() == 11u);
    BOOST_TEST(keys[0] != keys[1]);
    BOOST_TEST((std::count(keys.begin(), keys.end(), keys[1]) == 10));
}

// Whoever asks for what no key may have costs the provider no more than others do.
BOOST_AUTO_TEST_CASE(keys_beyond_the_second_cost_the_retry_budget_where_a_question_is_forbidden)
{
    world w({says(refused(403))}, "retry: { budget: 0% }", 9);
    for (unsigned i = 0; i < 5; ++i)
        BOOST_TEST(ask(w.gate, "n").says("upstream_credentials_exhausted"));
    BOOST_TEST(w.provider.calls() == 10u);
}

BOOST_AUTO_TEST_CASE(a_quota_that_is_spent_is_told_from_a_rate)
{
    const std::string spent =
        R"({"error":{"message":"x","type":"insufficient_quota","code":"insufficient_quota"}})";
    world w({says(answer_text(spent, 429)), answers()}, quick, 2);
    BOOST_TEST(answered(ask(w.gate, "n"), "n"));
    BOOST_TEST(w.provider.calls() == 2u);
    BOOST_TEST(w.outcomes("credential") == 1);
    BOOST_TEST(w.outcomes("status_429") == 0);
}

BOOST_AUTO_TEST_CASE(a_client_cannot_put_the_providers_keys_to_rest)
{
    world w({answers()}, quick, 2);
    // Which account is asked belongs to the key, and so does a second credential.
    BOOST_TEST(answered(
        ask(w.gate,
            "n",
            {},
            "OpenAI-Organization: org-x\r\nopenai-project: proj_x\r\napi-key: k\r\n"
            "X-Goog-User-Project: p\r\ncf-aig-authorization: Bearer k\r\nopenai-beta: b\r\n"),
        "n"));
    const auto sent = w.provider.request(0);
    for (const std::string_view gone :
         {"openai-organization",
          "openai-project",
          "api-key",
          "x-goog-user-project",
          "cf-aig-authorization"})
        BOOST_TEST(!sent.has(gone), gone);
    BOOST_TEST(sent.header("openai-beta") == "b");
}

BOOST_AUTO_TEST_CASE(words_of_the_clients_that_come_back_in_an_error_say_nothing_of_the_key)
{
    const auto echoed = [](std::string_view words) {
        return R"({"error":{"message":"Invalid value: ')" + std::string(words)
               + R"('. Supported values are: 'user'.","type":"invalid_request_error",)"
               + R"("param":"messages[0].role","code":"invalid_value"}})";
    };
    const std::vector<std::string> bodies{
        echoed("insufficient balance"),
        echoed("Your credit balance is too low to access the Anthropic API."),
        R"({"detail":[{"type":"missing","input":{"code":"insufficient_quota"}}]})"};
    for (const auto& body : bodies) {
        world w({says(answer_text(body, 400)), answers()}, quick, 2);
        BOOST_TEST(ask(w.gate, "n").body == body);
        BOOST_TEST(w.provider.calls() == 1u);
        BOOST_TEST(w.outcomes("status_4xx") == 1);
        BOOST_TEST(w.outcomes("credential") == 0);
    }
}

BOOST_AUTO_TEST_CASE(the_clients_deadline_bounds_the_waits)
{
    world w({says(refused(503))}, "retry: { attempts: 9, base: 1h, cap: 1h }");
    const auto begin = clock::now();
    const auto answer = ask(w.gate, "n", {}, "x-sluice-timeout: 3s\r\n");
    BOOST_TEST(answer.status() == 503u);
    BOOST_TEST((clock::now() - begin < milliseconds(8000)));
}

BOOST_AUTO_TEST_CASE(the_clients_own_deadline_does_not_open_the_breaker)
{
    world w({says_and_hangs(""), answers()}, "retry: { attempts: 1 }, breaker: { failures: 1 }");
    const auto late = ask(w.gate, "n", {}, "x-stainless-read-timeout: 0.2\r\n");
    BOOST_TEST(late.status() == 504u);
    BOOST_TEST(w.provider.called(1));
    BOOST_TEST(w.outcomes("cancelled") == 1);
    BOOST_TEST(w.outcomes("timeout") == 0);
    BOOST_TEST(w.gate.settled("sluice_breaker_state") == 0);
    BOOST_TEST(answered(ask(w.gate, "m"), "m"));
}

BOOST_AUTO_TEST_CASE(a_stream_that_flows_ends_at_the_clients_deadline_and_is_nobodys_failure)
{
    const act flows = [](connection& one, const message& /*request*/) {
        bool there = one.send(stream_head);
        for (unsigned i = 0; there && i < 1000; ++i)
            there = one.send(chunk(token_event("x"))) && !one.stirs(milliseconds(20));
        return false;
    };
    world w({flows, answers()}, "retry: { attempts: 1 }, breaker: { failures: 1 }");
    const auto late = ask(w.gate, "n", streaming, "x-sluice-timeout: 1s\r\n");
    BOOST_TEST(late.status() == 200u);
    BOOST_TEST(!late.whole);
    BOOST_TEST(late.says("data: {\"error\":"));
    BOOST_TEST(w.outcomes("cancelled") == 1);
    BOOST_TEST(w.outcomes("timeout") == 0);
    BOOST_TEST(w.gate.becomes("sluice_stream_ends_total", {"cause=\"client_gone\""}, 1));
    BOOST_TEST(w.gate.settled("sluice_breaker_state") == 0);
    BOOST_TEST(answered(ask(w.gate, "m"), "m"));
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_during_a_wait_ends_it)
{
    world w(
        {says(refused(429, "retry-after-ms: 20000\r\n")), answers()},
        "retry: { attempts: 2, base: 1ms, cap: 30s }");
    auto client = w.gate.connect();
    client.send(question("n"));
    BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"status_429\""}, 1));
    client.close();
    BOOST_TEST(w.gate.becomes("sluice_requests_total", {"code=\"499\""}, 1));
    BOOST_TEST(w.gate.becomes("sluice_in_flight_requests", {}, 0));
    BOOST_TEST(w.provider.calls() == 1u);
}

BOOST_AUTO_TEST_CASE(a_breaker_that_opened_spares_the_target_and_tells_when)
{
    world w(
        {says(refused(500)), says_and_hangs("")},
        "retry: { attempts: 1 }, breaker: { failures: 1, cooldown: 20s }");
    BOOST_TEST(ask(w.gate, "n").status() == 500u);
    // Three may try their luck; nobody else.
    std::vector<connection> lucky;
    for (int i = 0; i < 3; ++i) {
        lucky.push_back(w.gate.connect());
        lucky.back().send(question("n"));
    }
    const auto until = clock::now() + patience;
    while (w.provider.calls() < 4 && clock::now() < until)
        (void)w.gate.metric("sluice_in_flight_requests");
    const auto answer = ask(w.gate, "n");
    BOOST_TEST(answer.status() == 503u);
    BOOST_TEST(answer.says("no_healthy_upstream"));
    const auto wait = std::stoi(answer.header("retry-after"));
    BOOST_TEST((wait > 10 && wait <= 20));
    BOOST_TEST(w.provider.calls() == 4u);
}

BOOST_AUTO_TEST_CASE(attempts_and_their_target_stand_in_the_log)
{
    world w({says(refused(500)), answers()});
    BOOST_TEST(answered(ask(w.gate, "n"), "n"));
    const auto line = w.gate.access_lines(1)[0];
    BOOST_TEST(line.find("\"attempts\":2") != std::string::npos, line);
    BOOST_TEST(line.find("\"status\":200") != std::string::npos, line);
}

BOOST_AUTO_TEST_SUITE_END()
