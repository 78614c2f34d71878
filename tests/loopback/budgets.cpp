// Money: what may be spent is never exceeded, and what is not spent comes back.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(budgets)

using namespace loopback;

namespace {

// Three output tokens, a dollar each; the input costs nothing.
constexpr std::string_view dollar_a_token = "price: { input: 0, output: 1000000 }";
constexpr std::string_view three = "\"max_tokens\":3,";
constexpr std::string_view fifty = "\"stream\":true,\"max_tokens\":50,";

std::string key_text(std::string_view name, std::string_view more)
{
    std::string made = "{ id: ";
    made.append(name).append(", hash: '").append(key_hash("sk-client-" + std::string(name)));
    return made.append("', ").append(more).append(" }");
}

std::string models_text(std::string_view more, std::string_view price = dollar_a_token)
{
    std::string made =
        "{ m: { targets: [{ provider: one, model: upstream-m }], retry: { attempts: 1 }, ";
    return made.append(price).append(more).append(" } }");
}

std::string ask_text(std::string_view more = three, std::string_view key = "a")
{
    return chat_text(more, "x-api-key: sk-client-" + std::string(key) + "\r\n");
}

config with_budget(std::uint16_t port, std::string_view budget, std::string_view of_model = "")
{
    return config(port)
        .set("models", models_text(of_model))
        .set("keys", "[" + key_text("a", "budget: " + std::string(budget)) + "]");
}

// A purse may be empty for a moment while more of its budget is on its way.
message answer_to(connection& client, const std::string& text)
{
    message answer;
    do {
        client.send(text);
        answer = client.answer();
    } while (answer.says("is on its way"));
    return answer;
}

unsigned status_of(gateway& gate, const std::string& text)
{
    auto client = gate.connect();
    return answer_to(client, text).status();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_budget_for_a_hundred_lets_a_hundred_of_a_thousand_through)
{
    constexpr unsigned clients = 40;
    constexpr unsigned each = 25;
    std::atomic<unsigned> asked{0};
    const auto text = answer_text(completion);
    provider echo([&](connection& from) {
        for (;;) {
            (void)from.request();
            ++asked;
            from.send(text);
        }
    });
    gateway gate(with_budget(echo.port(), "{ daily: 300 USD }").set("workers", "2"));
    std::atomic<unsigned> answered{0};
    std::atomic<unsigned> refused{0};
    std::atomic<unsigned> strange{0};
    {
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < clients; ++i)
            threads.emplace_back([&] {
                auto client = gate.connect();
                for (unsigned k = 0; k < each; ++k) {
                    const auto answer = answer_to(client, ask_text());
                    if (answer.status() == 200)
                        ++answered;
                    else if (answer.says("insufficient_quota"))
                        ++refused;
                    else
                        ++strange;
                }
            });
    }
    BOOST_TEST(asked == 100U);
    BOOST_TEST(answered == 100U);
    BOOST_TEST(refused == 900U);
    BOOST_TEST(strange == 0U);
    BOOST_TEST(gate.becomes("sluice_cost_usd_total", {"key=\"a\"", "model=\"m\""}, 300));
    BOOST_TEST(gate.settled("sluice_limited_total", {"reason=\"budget\""}) >= 900);
    BOOST_TEST(gate.becomes("sluice_budget_spent_usd", {"budget=\"key:a:daily\""}, 300));
    BOOST_TEST(gate.becomes("sluice_budget_limit_usd", {}, 300));
}

BOOST_AUTO_TEST_CASE(a_spent_budget_says_which_and_that_trying_again_is_of_no_use)
{
    provider echo(always(answer_text(completion)));
    gateway gate(with_budget(echo.port(), "{ daily: 4 USD, monthly: 100 USD }"));
    auto client = gate.connect();
    const auto first = answer_to(client, ask_text());
    BOOST_TEST(first.status() == 200U);
    BOOST_TEST(first.header("x-sluice-cost") == "3");
    const auto second = answer_to(client, ask_text());
    BOOST_TEST(second.status() == 429U);
    BOOST_TEST(second.says("\"code\":\"insufficient_quota\""), second.body);
    BOOST_TEST(second.says("key:a:daily of 4 USD"), second.body);
    BOOST_TEST(second.says("less left than this request may cost"), second.body);
    BOOST_TEST(second.header("x-should-retry") == "false");
    // Less is left than this needs, and enough for that.
    BOOST_TEST(answer_to(client, ask_text("\"max_tokens\":1,")).status() == 200U);
}

BOOST_AUTO_TEST_CASE(a_spent_budget_says_when_its_period_ends)
{
    using namespace std::chrono;
    provider echo(always(answer_text(completion)));
    gateway gate(with_budget(echo.port(), "{ daily: 3 USD }"));
    const auto began = system_clock::now();
    BOOST_TEST(status_of(gate, ask_text()) == 200U);
    auto client = gate.connect();
    const auto refused = answer_to(client, ask_text());
    BOOST_TEST(refused.says("insufficient_quota"), refused.body);
    const auto took = duration<double>(system_clock::now() - began).count();
    const auto left = duration<double>(ceil<days>(began) - began).count();
    const auto told = std::stod(refused.header("retry-after-ms")) / 1000;
    BOOST_TEST(told <= left + 1);
    BOOST_TEST(told >= left - took - 1);
    BOOST_TEST(std::stod(refused.header("retry-after")) == std::ceil(told));
}

BOOST_AUTO_TEST_CASE(many_answers_to_one_question_are_paid_for_before_it_is_sent)
{
    provider echo(always(answer_text(completion)));
    gateway gate(with_budget(echo.port(), "{ daily: 100 USD }"));
    const auto reserved = [&gate] {
        return gate.settled("sluice_reservation_usd_total", {"what=\"reserved\""});
    };
    BOOST_TEST(status_of(gate, ask_text("\"max_tokens\":3,\"n\":10,")) == 200U);
    BOOST_TEST(reserved() == 30);
    BOOST_TEST(status_of(gate, ask_text("\"max_tokens\":3,\"n\":40,")) == 429U);
    BOOST_TEST(status_of(gate, ask_text("\"max_tokens\":3,\"n\":9007199254740992,")) == 429U);
    const std::string body =
        R"({"model":"m","max_tokens":3,"best_of":4,"n":2,"prompt":["a","b","c"]})";
    const auto text = "POST /v1/completions HTTP/1.1\r\nhost: gateway\r\nx-api-key: sk-client-a\r\n"
                      "content-type: application/json\r\ncontent-length: "
                      + std::to_string(body.size()) + "\r\n\r\n" + body;
    BOOST_TEST(status_of(gate, text) == 200U);
    BOOST_TEST(reserved() == 30 + 36);
}

BOOST_AUTO_TEST_CASE(what_fails_costs_nothing)
{
    std::atomic<bool> well{false};
    provider flaky([&](connection& from) {
        for (;;) {
            (void)from.request();
            from.send(well ? answer_text(completion) : answer_text("{}", 500));
        }
    });
    gateway gate(with_budget(flaky.port(), "{ monthly: 3 USD }"));
    for (int i = 0; i < 4; ++i)
        BOOST_TEST(status_of(gate, ask_text()) == 500U);
    well = true;
    BOOST_TEST(status_of(gate, ask_text()) == 200U);
    BOOST_TEST(status_of(gate, ask_text()) == 429U);
    BOOST_TEST(gate.becomes("sluice_cost_usd_total", {}, 3));
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_pays_for_what_it_got)
{
    constexpr unsigned chunks = 5;
    listener upstream;
    gateway gate(with_budget(upstream.port(), "{ daily: 100 USD }"));
    auto client = gate.connect();
    client.send(ask_text(fifty));
    auto provider = upstream.accept();
    (void)provider.request();
    std::string events(stream_head);
    for (unsigned i = 0; i < chunks; ++i)
        events += chunk(token_event("word" + std::to_string(i)));
    provider.send(events);
    (void)client.until("word4");
    client.close();
    BOOST_TEST(provider.ends());
    BOOST_TEST(gate.becomes("sluice_cost_usd_total", {"key=\"a\""}, chunks));
    BOOST_TEST(gate.becomes("sluice_cost_estimated_usd_total", {"model=\"m\""}, chunks));
    BOOST_TEST(gate.becomes("sluice_budget_spent_usd", {}, chunks));
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_while_the_first_octets_are_sent_pays_for_what_there_was)
{
    constexpr std::size_t octets = 3'000'000;
    listener upstream;
    gateway gate(with_budget(upstream.port(), "{ daily: 100 USD }"));
    auto client = connection::to(gate.port(), 1024, 500);
    client.send(ask_text());
    auto provider = upstream.accept();
    (void)provider.request();
    std::jthread sender([&] { provider.send(answer_text(std::string(octets, 'x'))); });
    // Nobody reads, so the gateway waits for room for the rest.
    BOOST_TEST(client.stirs(patience));
    client.reset();
    sender.join();
    BOOST_TEST(provider.ends());
    const auto cost = gate.settled("sluice_cost_usd_total");
    BOOST_TEST(cost > 0);
    BOOST_TEST(cost <= octets / 4);
    BOOST_TEST(gate.becomes("sluice_cost_estimated_usd_total", {}, cost));
}

BOOST_AUTO_TEST_CASE(a_client_whose_own_limit_runs_out_pays_for_its_prompt)
{
    std::atomic<bool> silent{false};
    provider mute([&](connection& from) {
        for (;;) {
            (void)from.request();
            if (silent) {
                (void)from.ends();
                return;
            }
            from.send(answer_text("{}"));
        }
    });
    const auto how = with_budget(mute.port(), "{ daily: 1000 USD }")
                         .set("models", models_text("", "price: { input: 1000000, output: 0 }"));
    gateway gate(how);
    double prompts = 0;
    double prompt = 0;
    for (const std::string field :
         {"x-sluice-timeout: 200ms", "x-stainless-timeout: 0.2", "x-stainless-read-timeout: 0.2"}) {
        // Without usage, an answer costs what its prompt is estimated at. It leaves a connection.
        silent = false;
        auto client = gate.connect();
        BOOST_TEST(answer_to(client, ask_text()).status() == 200U);
        if (prompt == 0)
            prompt = gate.settled("sluice_cost_usd_total");
        BOOST_TEST(prompt > 0);
        silent = true;
        client.send(chat_text(three, "x-api-key: sk-client-a\r\n" + field + "\r\n"));
        BOOST_TEST(client.answer().status() == 504U);
        prompts += 2;
        BOOST_TEST(gate.settled("sluice_cost_usd_total") == prompts * prompt, field);
    }
    BOOST_TEST(gate.becomes("sluice_budget_spent_usd", {}, prompts * prompt));
    const auto lines = gate.access_lines(6);
    for (std::size_t i = 1; i < lines.size(); i += 2)
        BOOST_TEST(lines[i].find(R"("outcome":"cancelled")") != std::string::npos, lines[i]);
}

BOOST_AUTO_TEST_CASE(a_client_whose_own_limit_runs_out_behind_the_head_pays_for_its_prompt)
{
    listener upstream;
    gateway gate(
        with_budget(upstream.port(), "{ daily: 1000 USD }")
            .set(
                "models",
                models_text(", precommit: { wait: 10ms }", "price: { input: 1000000, output: 0 }"))
            .set("timeouts", "{ request: 1h, stream_idle: 1h }"));
    auto client = gate.connect();
    client.send(chat_text(fifty, "x-api-key: sk-client-a\r\nx-sluice-timeout: 3s\r\n"));
    auto provider = upstream.accept();
    (void)provider.request();
    provider.send(stream_head);
    (void)client.answer();
    BOOST_TEST(gate.settled("sluice_cost_usd_total") > 0);
}

BOOST_AUTO_TEST_CASE(a_provider_that_is_late_by_the_gateways_limit_costs_nothing)
{
    listener mute;
    gateway gate(with_budget(mute.port(), "{ daily: 1000 USD }")
                     .set("models", models_text("", "price: { input: 1000000, output: 0 }"))
                     .set("timeouts", "{ first_byte: 200ms }"));
    BOOST_TEST(status_of(gate, ask_text()) == 504U);
    BOOST_TEST(gate.settled("sluice_cost_usd_total") == 0);
}

BOOST_AUTO_TEST_CASE(a_stream_that_breaks_is_paid_as_far_as_it_came)
{
    listener upstream;
    gateway gate(with_budget(upstream.port(), "{ daily: 100 USD }"));
    auto client = gate.connect();
    client.send(ask_text(fifty));
    auto provider = upstream.accept();
    (void)provider.request();
    provider.send(std::string(stream_head) + chunk(token_event("one") + token_event("two")));
    (void)client.until("two");
    provider.close();
    BOOST_TEST(client.ends());
    BOOST_TEST(gate.becomes("sluice_cost_usd_total", {}, 2));
    BOOST_TEST(gate.becomes("sluice_budget_spent_usd", {}, 2));
}

BOOST_AUTO_TEST_CASE(a_stream_whose_usage_came_early_is_paid_as_far_as_it_came)
{
    const std::string first = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,"
                              "\"completion_tokens\":0,\"total_tokens\":7}}\n\n";
    const auto tokens = token_event("one") + token_event("two");
    listener upstream;
    gateway gate(with_budget(upstream.port(), "{ daily: 100 USD }"));
    double cost = 0;
    const auto stream = [&](const std::string& events, std::string_view how) {
        auto client = gate.connect();
        client.send(ask_text(fifty));
        auto provider = upstream.accept();
        (void)provider.request();
        provider.send(std::string(stream_head) + chunk(events));
        if (how == "ends")
            provider.send(last_chunk);
        if (how == "is left") {
            (void)client.until("two");
            client.close();
            BOOST_TEST(provider.ends());
        } else {
            if (how == "breaks")
                provider.close();
            BOOST_TEST(client.answer().whole == (how == "ends"));
        }
        cost += 2;
        BOOST_TEST(gate.becomes("sluice_cost_usd_total", {}, cost), how);
        BOOST_TEST(gate.becomes("sluice_cost_estimated_usd_total", {}, cost), how);
    };
    for (const std::string_view how : {"is left", "breaks"}) {
        stream(first + tokens, how);
        stream(tokens + first, how);  // told again and again before the last count
    }
    stream(first + tokens + std::string(stop_event) + std::string(done_event), "ends");
    BOOST_TEST(gate.becomes("sluice_budget_spent_usd", {}, cost));
    BOOST_TEST(gate.settled("sluice_tokens_total") == 0, "no provider told what it was in the end");
    BOOST_TEST(gate.settled("sluice_usage_unknown_total") == 5);
}

BOOST_AUTO_TEST_CASE(usage_in_what_a_response_tells_back_of_its_request_is_none)
{
    const std::string created =
        R"(data: {"type":"response.created","response":{"tools":[{"parameters":)"
        R"({"usage":{"input_tokens":0,"output_tokens":0}}}]}})"
        "\n\n";
    const std::string delta =
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"word\"}\n\n";
    listener upstream;
    gateway gate(with_budget(upstream.port(), "{ daily: 100 USD }"));
    auto client = gate.connect();
    client.send(post_text(
        R"({"model":"m","stream":true,"max_output_tokens":50,"input":"hi"})",
        "x-api-key: sk-client-a\r\n",
        "/v1/responses"));
    auto provider = upstream.accept();
    (void)provider.request();
    provider.send(std::string(stream_head) + chunk(created + delta + delta));
    (void)client.until("word");
    (void)client.until("word");
    client.close();
    BOOST_TEST(provider.ends());
    BOOST_TEST(gate.becomes("sluice_cost_usd_total", {}, 2));
}

BOOST_AUTO_TEST_CASE(a_stream_that_cannot_be_read_is_paid_by_its_octets)
{
    constexpr std::string_view head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n"
        "content-length: ";
    for (const std::size_t octets : {1U, 4000U}) {
        provider packed(always(
            std::string(head) + std::to_string(octets) + "\r\n\r\n" + std::string(octets, 'x')));
        gateway gate(with_budget(packed.port(), "{ daily: 2000 USD }"));
        BOOST_TEST(status_of(gate, ask_text(fifty)) == 200U);
        const double cost = octets == 1 ? 1 : 1000;
        BOOST_TEST(gate.becomes("sluice_cost_usd_total", {}, cost));
        BOOST_TEST(gate.becomes("sluice_cost_estimated_usd_total", {}, cost));
    }
}

BOOST_AUTO_TEST_CASE(usage_of_nothing_at_all_is_not_believed)
{
    const std::string body =
        R"({"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}],)"
        R"("usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}})";
    provider liar(always(answer_text(body)));
    gateway gate(with_budget(liar.port(), "{ daily: 100 USD }"));
    auto client = gate.connect();
    const auto answer = answer_to(client, ask_text());
    BOOST_TEST(answer.status() == 200U);
    BOOST_TEST(!answer.has("x-sluice-cost"));
    const auto cost = static_cast<double>((body.size() + 3) / 4);
    BOOST_TEST(gate.becomes("sluice_cost_usd_total", {}, cost));
    BOOST_TEST(gate.becomes("sluice_cost_estimated_usd_total", {}, cost));
    BOOST_TEST(gate.becomes("sluice_usage_discrepancies_total", {"kind=\"absurd\""}, 1));
}

BOOST_AUTO_TEST_CASE(absurd_usage_never_makes_a_request_cheaper)
{
    for (const std::string count : {"-1", "1e308", "\"3\"", "99999999999999999999"}) {
        const auto events = token_event("one") + token_event("two") + std::string(stop_event)
                            + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,"
                              "\"completion_tokens\":"
                            + count + "}}\n\n" + std::string(done_event);
        provider liar(always(std::string(stream_head) + chunk(events) + std::string(last_chunk)));
        gateway gate(with_budget(liar.port(), "{ daily: 100 USD }"));
        BOOST_TEST(status_of(gate, ask_text(fifty)) == 200U);
        BOOST_TEST(gate.becomes("sluice_cost_usd_total", {}, 2), count);
        BOOST_TEST(gate.becomes("sluice_usage_discrepancies_total", {"kind=\"absurd\""}, 1), count);
    }
}

BOOST_AUTO_TEST_CASE(a_fallback_costs_what_the_one_that_answered_takes)
{
    provider broken(always(answer_text("{}", 500)));
    provider echo(always(answer_text(completion)));
    gateway gate(
        config(echo.port())
            .set(
                "providers",
                "{ one: { base_url: '" + base_url(broken.port()) + "' }, two: { base_url: '"
                    + base_url(echo.port()) + "' } }")
            .set(
                "models",
                "{ m: { targets: [{ provider: one }], retry: { attempts: 1 }, fallbacks: [n], "
                "price: { input: 0, output: 500000 } }, n: { targets: [{ provider: two }], "
                "price: { input: 0, output: 1000000 } } }")
            .set("keys", "[" + key_text("a", "budget: { daily: 100 USD }") + "]"));
    auto client = gate.connect();
    const auto answer = answer_to(client, ask_text());
    BOOST_TEST(answer.status() == 200U);
    BOOST_TEST(answer.header("x-sluice-cost") == "3");
    BOOST_TEST(gate.becomes("sluice_cost_usd_total", {"model=\"n\""}, 3));
    BOOST_TEST(gate.becomes("sluice_budget_spent_usd", {}, 3));
}

namespace {

// A model that fails and costs half of what its fallback n does; more of them may follow.
config with_dear_fallback(
    std::uint16_t broken, std::uint16_t echo, std::string_view budget, std::string_view more = "")
{
    return config(echo)
        .set(
            "providers",
            "{ one: { base_url: '" + base_url(broken) + "' }, two: { base_url: '" + base_url(echo)
                + "' } }")
        .set(
            "models",
            "{ m: { targets: [{ provider: one }], retry: { attempts: 1 }, breaker: off, fallbacks: "
            "[n" + std::string(more.empty() ? "" : ", c")
                + "], price: { input: 0, output: 500000 } }, n: { targets: [{ provider: two }], "
                  "price: { input: 0, output: 1000000 } }"
                + std::string(more) + " }")
        .set("keys", "[" + key_text("a", "budget: { daily: " + std::string(budget) + " }") + "]");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_dearer_fallback_is_passed_over_where_the_budget_has_not_the_difference)
{
    provider broken(always(answer_text(R"({"error":{"message":"sorry"}})", 500)));
    provider echo(always(answer_text(completion)));
    gateway gate(with_dear_fallback(broken.port(), echo.port(), "5 USD"));
    auto client = gate.connect();
    BOOST_TEST(answer_to(client, ask_text()).status() == 200U);
    BOOST_TEST(gate.becomes("sluice_budget_spent_usd", {}, 3));
    // Two dollars are left: enough for m, not for n. The client gets what m said.
    for (int i = 0; i < 3; ++i) {
        const auto answer = answer_to(client, ask_text());
        BOOST_TEST(answer.status() == 500U);
        BOOST_TEST(answer.says("sorry"), answer.body);
    }
    BOOST_TEST(gate.settled("sluice_attempts_total", {"model=\"n\""}) == 1);
    BOOST_TEST(gate.settled("sluice_cost_usd_total") == 3);
    BOOST_TEST(gate.settled("sluice_budget_spent_usd") <= 5);
}

BOOST_AUTO_TEST_CASE(what_stands_in_next_is_asked_where_the_first_is_too_dear)
{
    provider broken(always(answer_text("{}", 500)));
    provider echo(always(answer_text(completion)));
    gateway gate(with_dear_fallback(
        broken.port(),
        echo.port(),
        "2 USD",
        ", c: { targets: [{ provider: two }], price: { input: 0, output: 600000 } }"));
    auto client = gate.connect();
    BOOST_TEST(answer_to(client, ask_text()).header("x-sluice-cost") == "1.8");
    BOOST_TEST(gate.settled("sluice_attempts_total", {"model=\"n\""}) == 0);
    BOOST_TEST(gate.settled("sluice_cost_usd_total", {"model=\"c\""}) == 1.8);
}

BOOST_AUTO_TEST_CASE(fallbacks_at_once_never_exceed_the_budget_together_and_use_it_up)
{
    provider broken(always(answer_text("{}", 500)));
    provider echo(always(answer_text(completion)));
    auto how = with_dear_fallback(broken.port(), echo.port(), "30 USD");
    how.set("workers", "2");
    gateway gate(how);
    {
        std::vector<std::jthread> clients;
        for (int i = 0; i < 8; ++i)
            clients.emplace_back([&gate] {
                auto client = gate.connect();
                for (int k = 0; k < 25; ++k)
                    (void)answer_to(client, ask_text());
            });
    }
    BOOST_TEST(gate.settled("sluice_cost_usd_total") <= 30);
    // Those that gave way to each other have left something, perhaps.
    auto client = gate.connect();
    while (answer_to(client, ask_text()).status() == 200U) {
    }
    BOOST_TEST(gate.becomes("sluice_cost_usd_total", {}, 30));
    BOOST_TEST(gate.settled("sluice_attempts_total", {"model=\"n\""}) == 10);
}

BOOST_AUTO_TEST_CASE(what_was_set_aside_and_what_came_of_it_is_counted)
{
    provider echo(always(answer_text(completion)));
    gateway gate(
        config(echo.port())
            .set("models", models_text(""))
            .set(
                "keys",
                "[" + key_text("a", "limits: { tokens: 1000000/s }, budget: { daily: 100 USD }")
                    + ", " + key_text("free", "tenant: t") + "]"));
    const auto money = [&gate](std::string_view what) {
        return gate.settled("sluice_reservation_usd_total", {"key=\"a\"", what});
    };
    const auto tokens = [&gate](std::string_view what) {
        return gate.settled("sluice_reservation_tokens_total", {"key=\"a\"", what});
    };
    BOOST_TEST(status_of(gate, ask_text("\"max_tokens\":50,")) == 200U);
    BOOST_TEST(money("what=\"reserved\"") == 50);
    BOOST_TEST(money("what=\"refunded\"") == 47);
    BOOST_TEST(money("what=\"exceeded\"") == 0);
    BOOST_TEST(tokens("what=\"reserved\"") >= 50);
    BOOST_TEST(tokens("what=\"reserved\"") - tokens("what=\"refunded\"") == 10);
    // A provider that does not keep to what it was allowed.
    BOOST_TEST(status_of(gate, ask_text("\"max_tokens\":1,")) == 200U);
    BOOST_TEST(money("what=\"reserved\"") == 51);
    BOOST_TEST(money("what=\"refunded\"") == 47);
    BOOST_TEST(money("what=\"exceeded\"") == 2);
    BOOST_TEST(status_of(gate, ask_text(three, "free")) == 200U);
    BOOST_TEST(gate.settled("sluice_reservation_usd_total", {"key=\"free\""}) == 0);
    BOOST_TEST(gate.settled("sluice_reservation_tokens_total", {"key=\"free\""}) == 0);
}

BOOST_AUTO_TEST_CASE(keys_of_a_tenant_share_its_budget_and_models_have_their_own)
{
    provider echo(always(answer_text(completion)));
    gateway gate(config(echo.port())
                     .set("models", models_text(", budget: { daily: 9 USD }"))
                     .set("tenants", "{ t: { budget: { daily: 6 USD } } }")
                     .set(
                         "keys",
                         "[" + key_text("a", "tenant: t") + ", " + key_text("b", "tenant: t") + ", "
                             + key_text("c", "budget: { models: { m: 3 USD } }") + ", "
                             + key_text("d", "tenant: u") + "]"));
    BOOST_TEST(status_of(gate, ask_text(three, "a")) == 200U);
    BOOST_TEST(status_of(gate, ask_text(three, "b")) == 200U);
    BOOST_TEST(status_of(gate, ask_text(three, "a")) == 429U);
    BOOST_TEST(status_of(gate, ask_text(three, "c")) == 200U);
    auto client = gate.connect();
    BOOST_TEST(answer_to(client, ask_text(three, "c")).says("key:c:model:m:daily"));
    BOOST_TEST(answer_to(client, ask_text(three, "d")).says("model:m:daily"));
}

BOOST_AUTO_TEST_CASE(a_reload_forgets_no_spending_and_a_raised_limit_opens_the_difference)
{
    provider echo(always(answer_text(completion)));
    gateway gate(with_budget(echo.port(), "{ daily: 3 USD }"));
    BOOST_TEST(status_of(gate, ask_text()) == 200U);
    BOOST_TEST(status_of(gate, ask_text()) == 429U);
    BOOST_TEST(
        gate.reload(with_budget(echo.port(), "{ daily: 3 USD, soft: 50% }")).status() == 200U);
    BOOST_TEST(status_of(gate, ask_text()) == 429U);
    BOOST_TEST(gate.reload(with_budget(echo.port(), "{ daily: 6 USD }")).status() == 200U);
    // The ledger looks at what is new every now and then.
    const auto until = clock::now() + patience;
    auto status = status_of(gate, ask_text());
    while (status == 429U && clock::now() < until)
        status = status_of(gate, ask_text());
    BOOST_TEST(status == 200U);
    BOOST_TEST(status_of(gate, ask_text()) == 429U);
}

BOOST_AUTO_TEST_CASE(what_a_target_without_a_price_costs_is_said_to_be_unknown)
{
    provider echo(always(answer_text(completion)));
    gateway gate{config(echo.port())};
    auto client = gate.connect();
    client.send(chat_text());
    BOOST_TEST(client.answer().header("x-sluice-cost") == "unknown");
    BOOST_TEST(gate.becomes("sluice_price_unknown_total", {}, 1));
}

BOOST_AUTO_TEST_CASE(a_stream_does_not_say_beforehand_what_it_will_cost)
{
    listener upstream;
    gateway gate(with_budget(upstream.port(), "{ daily: 100 USD }"));
    auto client = gate.connect();
    client.send(ask_text(fifty));
    auto provider = upstream.accept();
    (void)provider.request();
    provider.send(std::string(stream_head) + chunk(token_event("one")));
    BOOST_TEST(!client.head().has("x-sluice-cost"));
}

BOOST_AUTO_TEST_SUITE_END()
