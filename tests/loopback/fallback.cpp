// Models that stand in for others, by cause; several targets of one model.

#include "support/scripted.hpp"

#include <boost/test/unit_test.hpp>

#include <future>
#include <vector>

BOOST_AUTO_TEST_SUITE(fallback)

using namespace loopback;

namespace {

std::string error_answer(unsigned status, std::string_view code, std::string_view fields = {})
{
    return answer_text(
        R"({"error":{"message":"no","type":"t","param":null,"code":")" + std::string(code) + "\"}}",
        status,
        fields);
}

// The model m at provider a, and others at b and c.
struct world {
    world(
        std::vector<act> of_a, std::vector<act> of_b, std::vector<act> of_c, std::string_view of_m)
        : a(std::move(of_a)),
          b(std::move(of_b)),
          c(std::move(of_c)),
          gate(config_for(of_m))
    {
    }
    world(std::vector<act> of_a, std::string_view of_m)
        : world(std::move(of_a), {answers()}, {answers()}, of_m)
    {
    }

    config config_for(std::string_view of_m) const
    {
        const auto provider = [](std::string_view name, std::uint16_t port) {
            return std::string(name) + ": { base_url: '" + base_url(port)
                   + "', api_key: " + std::string(provider_key) + " }";
        };
        return config(a.port())
            .set(
                "providers",
                "{ " + provider("a", a.port()) + ", " + provider("b", b.port()) + ", "
                    + provider("c", c.port()) + " }")
            .set(
                "models",
                "{ m: { targets: [{ name: first, provider: a, model: up-m }], " + std::string(of_m)
                    + " }, second: { targets: [{ name: of-b, provider: b, model: up-second }], "
                      "retry: { attempts: 1 } }, third: { targets: [{ name: of-c, provider: c }], "
                      "retry: { attempts: 1 } } }");
    }

    scripted a;
    scripted b;
    scripted c;
    gateway gate;
};

constexpr std::string_view once = "retry: { attempts: 1 }, ";

std::string chain(std::string_view list)
{
    return std::string(once) + "fallbacks: " + std::string(list);
}

}  // namespace

BOOST_AUTO_TEST_CASE(any_failure_goes_to_the_fallback_and_the_answer_says_who_gave_it)
{
    const std::vector<act> failures{
        says_and_resets(""),
        says_and_ends(""),
        says(error_answer(500, "x")),
        says(error_answer(429, "rate_limit_exceeded")),
        says(error_answer(429, "insufficient_quota")),
        says(error_answer(401, "invalid_api_key")),
        says(answer_text(R"({"error":{"message":"overloaded"}})"))};
    for (const auto& failure : failures)
        for (const auto more : {std::string_view{}, streaming}) {
            world w({failure}, chain("[second]"));
            const auto answer = ask(w.gate, "n-3", more);
            BOOST_TEST(answered(answer, "n-3"), answer.body);
            BOOST_TEST(answer.header("x-sluice-model") == "second");
            BOOST_TEST(answer.header("x-sluice-target") == "of-b");
            BOOST_TEST(answer.header("x-sluice-attempts") == "2");
            BOOST_TEST(w.a.calls() == 1u);
            BOOST_TEST(w.b.calls() == 1u);
            BOOST_TEST(w.a.request(0).says("\"model\":\"up-m\""));
            BOOST_TEST(w.b.request(0).says("\"model\":\"up-second\""));
            BOOST_TEST(
                w.gate.settled("sluice_fallbacks_total", {"model=\"m\"", "to=\"second\""}) == 1);
        }
}

BOOST_AUTO_TEST_CASE(a_healthy_model_names_itself)
{
    world w({answers()}, chain("[second]"));
    const auto answer = ask(w.gate, "n");
    BOOST_TEST(answered(answer, "n"));
    BOOST_TEST(answer.header("x-sluice-model") == "m");
    BOOST_TEST(answer.header("x-sluice-target") == "first");
    BOOST_TEST(w.b.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_fallback_without_a_name_of_its_own_is_asked_by_the_models)
{
    world w({says(error_answer(500, "x"))}, chain("[third]"));
    BOOST_TEST(answered(ask(w.gate, "n"), "n"));
    BOOST_TEST(w.c.request(0).says("\"model\":\"third\""));
}

BOOST_AUTO_TEST_CASE(the_chain_is_walked_to_its_end_and_the_last_error_passed_on)
{
    world w(
        {says(error_answer(500, "of-a"))},
        {says_and_resets("")},
        {says(error_answer(503, "of-c", "x-from: c\r\n"))},
        chain("[second, third]"));
    const auto answer = ask(w.gate, "n");
    BOOST_TEST(answer.status() == 503u);
    BOOST_TEST(answer.says("of-c"));
    BOOST_TEST(answer.header("x-from") == "c");
    BOOST_TEST(answer.header("x-sluice-model") == "third");
    BOOST_TEST(answer.header("x-sluice-attempts") == "3");
    BOOST_TEST(answer.header("x-should-retry") == "false");
    BOOST_TEST(w.a.calls() + w.b.calls() + w.c.calls() == 3u);
}

BOOST_AUTO_TEST_CASE(a_cause_with_a_list_of_its_own_goes_there)
{
    struct row {
        std::string answer;
        std::string_view list;
    };
    const std::vector<row> rows{
        {error_answer(429, "rate_limit_exceeded"), "rate_limited"},
        {error_answer(400, "context_length_exceeded"), "context_length"},
        {error_answer(400, "content_filter"), "content_policy"},
        {error_answer(403, "content_policy_violation"), "content_policy"},
        {answer_text(
             R"({"error":{"message":"This model's maximum context length is 8 tokens","code":null}})",
             400),
         "context_length"},
    };
    for (const auto& each : rows) {
        world w(
            {says(each.answer)},
            chain("{ any: [second], " + std::string(each.list) + ": [third] }"));
        const auto answer = ask(w.gate, "n");
        BOOST_TEST(answered(answer, "n"), answer.body);
        BOOST_TEST(answer.header("x-sluice-model") == "third");
        BOOST_TEST(w.b.calls() == 0u);
        const auto why = "cause=\"" + std::string(each.list) + '"';
        BOOST_TEST(w.gate.settled("sluice_fallbacks_total", {"to=\"third\"", why}) == 1);
    }
}

BOOST_AUTO_TEST_CASE(what_is_certainly_too_long_goes_to_who_takes_more_without_a_call)
{
    const std::string nonce(5000, 'n');
    world w(
        {answers()}, "context_window: 10, " + chain("{ any: [second], context_length: [third] }"));
    const auto answer = ask(w.gate, nonce);
    BOOST_TEST(answered(answer, nonce), answer.body);
    BOOST_TEST(answer.header("x-sluice-model") == "third");
    BOOST_TEST(answer.header("x-sluice-attempts") == "1");
    BOOST_TEST(w.a.calls() == 0u);
    BOOST_TEST(w.b.calls() == 0u);
    // What may be short enough is asked for.
    BOOST_TEST(answered(ask(w.gate, "short"), "short"));
    BOOST_TEST(w.a.calls() == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_certainly_too_long_for_all_is_refused)
{
    const std::string nonce(5000, 'n');
    world w({answers()}, "context_window: 10, " + chain("{ any: [second] }"));
    const auto answer = ask(w.gate, nonce);
    BOOST_TEST(answer.status() == 400u);
    BOOST_TEST(answer.says("\"code\":\"context_length_exceeded\""), answer.body);
    BOOST_TEST(answer.says("invalid_request_error"), answer.body);
    BOOST_TEST(w.a.calls() == 0u);
    BOOST_TEST(w.b.calls() == 0u);
    // An image is few tokens and many octets.
    const auto image = "\"image\":\"data:image/png;base64," + std::string(5000, 'A') + "\",";
    BOOST_TEST(answered(ask(w.gate, "picture", image), "picture"));
}

BOOST_AUTO_TEST_CASE(a_cause_without_a_list_is_passed_on_unless_it_is_a_failure)
{
    world w({says(error_answer(400, "context_length_exceeded"))}, chain("[second]"));
    const auto answer = ask(w.gate, "n");
    BOOST_TEST(answer.status() == 400u);
    BOOST_TEST(answer.says("context_length_exceeded"));
    BOOST_TEST(!answer.has("x-should-retry"));
    BOOST_TEST(w.b.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(an_open_breaker_goes_to_the_fallback_without_a_call)
{
    world w(
        {says(error_answer(500, "x"))}, chain("[second], breaker: { failures: 2, cooldown: 60s }"));
    for (int i = 0; i < 10; ++i) {
        const auto nonce = "n-" + std::to_string(i);
        const auto answer = ask(w.gate, nonce);
        BOOST_TEST(answered(answer, nonce));
        BOOST_TEST(answer.header("x-sluice-attempts") == (i < 2 ? "2" : "1"));
    }
    BOOST_TEST(w.a.calls() == 2u);
    BOOST_TEST(w.b.calls() == 10u);
}

BOOST_AUTO_TEST_CASE(another_target_of_the_model_comes_before_its_fallbacks)
{
    world w(
        {says(error_answer(500, "x"))},
        {answers()},
        {answers()},
        "fallbacks: [third], retry: { attempts: 2 }");
    auto next = w.config_for("fallbacks: [third]");
    next.set(
        "models",
        "{ m: { targets: [{ name: first, provider: a }, { name: other, provider: b }], "
        "fallbacks: [third] }, third: { targets: [{ provider: c }] } }");
    BOOST_TEST(w.gate.reload(next).status() == 200u);
    // Until chance has taken the first one, too.
    unsigned asked = 0;
    for (; asked < 12 || (w.a.calls() == 0 && asked < 100); ++asked)
        BOOST_TEST(answered(ask(w.gate, "n"), "n"));
    BOOST_TEST(w.a.calls() >= 1u);
    BOOST_TEST(w.b.calls() == asked);
    BOOST_TEST(w.c.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_sticky_client_goes_elsewhere_while_its_target_is_out_and_comes_back)
{
    world w({answers()}, "retry: { attempts: 2 }");
    auto two = w.config_for("");
    two.set(
        "models",
        "{ m: { targets: [{ name: left, provider: a }, { name: right, provider: b }], "
        "sticky: user } }");
    BOOST_TEST(w.gate.reload(two).status() == 200u);
    const std::string_view me = R"("user":"u-1",)";
    const auto home = ask(w.gate, "n", me).header("x-sluice-target");
    const auto put = [&](std::string_view state) {
        return w.gate
            .admin(
                "PUT",
                "/admin/v1/models/m/targets/" + home + "/breaker",
                R"({"state":")" + std::string(state) + "\"}")
            .status();
    };
    BOOST_TEST(put("open") == 200u);
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(ask(w.gate, "n", me).header("x-sluice-target") != home);
    BOOST_TEST(put("automatic") == 200u);
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(ask(w.gate, "n", me).header("x-sluice-target") == home);
}

BOOST_AUTO_TEST_CASE(a_target_the_client_asked_for_has_no_stand_in)
{
    world w({says(error_answer(500, "x"))}, chain("[second]"));
    auto keyed = w.config_for(chain("[second]"));
    keyed.set(
        "keys",
        "[{ id: k, hash: '" + key_hash("sk-k") + "', models: ['*'], may_choose_target: true }]");
    BOOST_TEST(w.gate.reload(keyed).status() == 200u);
    const auto answer =
        ask(w.gate, "n", {}, "authorization: Bearer sk-k\r\nx-sluice-target: first\r\n");
    BOOST_TEST(answer.status() == 500u);
    BOOST_TEST(w.b.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(answers_are_never_mixed_up_while_everything_fails_at_random)
{
    std::vector<act> flaky;
    for (int i = 0; i < 40; ++i) {
        flaky.push_back(i % 3 == 0 ? says_and_resets("") : answers());
        flaky.push_back(i % 2 == 0 ? says(error_answer(503, "x")) : answers());
    }
    flaky.push_back(answers());
    world w(flaky, flaky, {answers()}, chain("[second, third], breaker: off"));
    for (int i = 0; i < 60; ++i) {
        const auto nonce = "nonce-" + std::to_string(i) + "-";
        const auto answer = ask(w.gate, nonce, i % 2 == 0 ? std::string_view{} : streaming);
        BOOST_TEST(answered(answer, nonce), answer.body);
    }
}

BOOST_AUTO_TEST_CASE(an_escaped_model_name_stays_its_requests_own_while_others_are_read)
{
    std::promise<void> asked;
    std::promise<void> other_is_through;
    auto released = other_is_through.get_future();
    const act slow = [&](connection& to, const message& request) {
        asked.set_value();
        released.wait();
        return answers()(to, request);
    };
    world w({slow, answers()}, once);
    auto open = w.config_for(once);
    open.set("models", "{ 'local/*': { targets: [{ provider: a }] } }");
    BOOST_TEST(w.gate.reload(open).status() == 200u);
    auto first = w.gate.connect();
    first.send(question("n-1", {}, {}, "lo\\u0063al/first"));
    asked.get_future().wait();
    const auto second = ask(w.gate, "n-2", {}, {}, "lo\\u0063al/another");
    other_is_through.set_value();
    const auto answer = first.answer();
    BOOST_TEST(second.header("x-sluice-model") == "local/another");
    BOOST_TEST(answer.header("x-sluice-model") == "local/first");
    BOOST_TEST(answered(answer, "n-1"), answer.body);
}

BOOST_AUTO_TEST_SUITE_END()
