// Copies of requests beside the clients': same question, own way, never in the client's.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <vector>

BOOST_AUTO_TEST_SUITE(shadow)

using namespace loopback;

namespace {

constexpr std::string_view pairs = "sluice_shadow_pairs_total";
constexpr std::string_view cheap = "price: { input: 1, output: 1 }";

config with_shadow(
    std::uint16_t primary,
    std::uint16_t shadow,
    std::string_view more = {},
    std::string_view target_more = cheap)
{
    config made(primary);
    made.set(
        "providers",
        "{ one: { base_url: '" + base_url(primary) + "', api_key: " + std::string(provider_key)
            + " }, two: { base_url: '" + base_url(shadow)
            + "', api_key: sk-shadow-secret-0123456789 } }");
    made.set(
        "models",
        "{ m: { targets: [{ name: a, provider: one, model: upstream-m, " + std::string(cheap)
            + " }, { name: b, provider: two, model: shadow-m, weight: 0, "
            + std::string(target_more) + " }], shadow: { target: b, percent: 100"
            + std::string(more) + " } } }");
    return made;
}

// The providers of the above, with limits of the shadow's.
std::string limited(std::uint16_t primary, std::uint16_t shadow, std::string_view limits)
{
    return "{ one: { base_url: '" + base_url(primary) + "' }, two: { base_url: '" + base_url(shadow)
           + "', limits: { " + std::string(limits) + " } } }";
}

std::string whole_stream(std::string_view word)
{
    return std::string(stream_head) + chunk(token_event(word)) + chunk(stop_event)
           + chunk(usage_event) + chunk(done_event) + std::string(last_chunk);
}

std::string completion_saying(std::string_view text)
{
    std::string made(completion);
    constexpr std::string_view usual = "hello";
    return made.replace(made.find(usual), usual.size(), text);
}

// Every octet the client gets for one request of its own connection.
std::string bytes_for(const gateway& gate, std::string_view more)
{
    auto client = gate.connect();
    client.send(chat_text(more, "x-request-id: fixed\r\nconnection: close\r\n"));
    return client.rest();
}

std::string outcome(std::string_view which)
{
    return "outcome=\"" + std::string(which) + '"';
}

bool counted(gateway& gate, std::string_view which, double times = 1)
{
    return gate.becomes(pairs, {outcome(which)}, times);
}

}  // namespace

BOOST_AUTO_TEST_CASE(both_get_the_same_question_once_with_the_same_stream_mode)
{
    for (const auto more : {std::string_view{}, streaming}) {
        listener one;
        listener two;
        gateway gate(with_shadow(one.port(), two.port()));
        auto client = gate.connect();
        client.send(chat_text(more, "x-request-id: r1\r\nidempotency-key: k1\r\nx-own: 1\r\n"));
        auto primary = one.accept();
        auto copy = two.accept();
        const auto asked = primary.request();
        const auto copied = copy.request();
        BOOST_TEST(asked.start_line == copied.start_line);
        BOOST_TEST(asked.says("\"stream\":true") == copied.says("\"stream\":true"));
        BOOST_TEST(asked.says("upstream-m"));
        BOOST_TEST(copied.says("shadow-m"));
        BOOST_TEST(copied.says("\"content\":\"hi\""));
        BOOST_TEST(copied.header("x-request-id") == "r1");
        BOOST_TEST(copied.header("x-own") == "1");
        BOOST_TEST(copied.header("authorization") == "Bearer sk-shadow-secret-0123456789");
        BOOST_TEST(asked.header("idempotency-key") == "k1");
        BOOST_TEST(!copied.has("idempotency-key"));
        const auto answer = more.empty() ? answer_text(completion) : whole_stream("hello");
        primary.send(answer);
        copy.send(answer);
        BOOST_TEST(client.answer().whole);
        BOOST_TEST(counted(gate, "compared"));
        const double streams = more.empty() ? 0 : 1;
        BOOST_TEST(gate.becomes("sluice_shadow_duration_ratio_count", {}, 1));
        BOOST_TEST(gate.metric("sluice_shadow_first_token_ratio_count") == streams);
        BOOST_TEST(!one.accept_within(milliseconds(50)));
        BOOST_TEST(!two.accept_within(milliseconds(50)));
    }
}

BOOST_AUTO_TEST_CASE(the_client_gets_the_same_octets_whatever_the_shadow_does)
{
    using script = provider::script;
    const auto reads_and = [](auto then) -> script {
        return [then](connection& c) {
            (void)c.request();
            then(c);
        };
    };
    const std::vector<script> scripts{
        reads_and([](connection& c) { c.reset(); }),
        reads_and([](connection& c) { c.close(); }),
        reads_and([](connection& c) { c.send("nonsense\r\n\r\n"); }),
        reads_and([](connection& c) { c.send(answer_text("{}", 500)); }),
        reads_and([](connection& c) { c.send(answer_text("{}", 429, "retry-after: 9\r\n")); }),
        reads_and([](connection& c) {
            c.send(std::string(stream_head) + chunk(token_event("half")));
            c.reset();
        }),
        // Silent for as long as the test lasts.
        reads_and([](connection& c) { (void)c.rest(); }),
        [](connection& c) { (void)c.rest(); },
    };
    for (const auto more : {std::string_view{}, streaming}) {
        provider primary(always(more.empty() ? answer_text(completion) : whole_stream("hello")));
        gateway plain(config(primary.port())
                          .set(
                              "models",
                              "{ m: { targets: [{ name: a, provider: one, model: upstream-m, "
                                  + std::string(cheap) + " }] } }"));
        const auto expected = bytes_for(plain, more);
        BOOST_TEST(expected.find("200") != std::string::npos);
        for (const auto& how : scripts) {
            provider two(how);
            gateway gate(with_shadow(primary.port(), two.port()));
            BOOST_TEST(bytes_for(gate, more) == expected);
        }
        listener gone;
        gone.close();
        gateway gate(with_shadow(primary.port(), gone.port()));
        BOOST_TEST(bytes_for(gate, more) == expected);
        BOOST_TEST(counted(gate, "failed"));
    }
}

BOOST_AUTO_TEST_CASE(a_shadow_that_answers_first_does_not_answer_the_client)
{
    listener one;
    provider two(always(answer_text(completion_saying("shadow words"))));
    gateway gate(with_shadow(one.port(), two.port()));
    auto client = gate.connect();
    client.send(chat_text());
    auto primary = one.accept();
    (void)primary.request();
    BOOST_TEST(gate.becomes("sluice_shadow_cost_usd_total", {}, 0.00001));
    BOOST_TEST(!client.stirs(milliseconds(50)));
    primary.send(answer_text(completion_saying("primary words")));
    BOOST_TEST(client.answer().says("primary words"));
    BOOST_TEST(counted(gate, "compared"));
}

BOOST_AUTO_TEST_CASE(a_pair_is_compared_and_its_numbers_are_seen_in_metrics_and_admin)
{
    provider one(always(answer_text(completion_saying("a b c d"))));
    provider two(always(answer_text(completion_saying("a b c e"))));
    gateway gate(with_shadow(one.port(), two.port()));
    (void)bytes_for(gate, {});
    BOOST_TEST(counted(gate, "compared"));
    BOOST_TEST(gate.becomes("sluice_shadow_likeness_count", {"target=\"b\""}, 1));
    BOOST_TEST(gate.metric("sluice_shadow_duration_ratio_count", {"model=\"m\""}) == 1);
    BOOST_TEST(gate.metric("sluice_shadow_cost_ratio_sum") == 1);
    BOOST_TEST(gate.metric("sluice_shadow_cost_usd_total") == 0.00001);
    const auto told = gate.admin("GET", "/admin/v1/models/m/shadow");
    BOOST_TEST(told.status() == 200u);
    BOOST_TEST(told.says("\"target\":\"m/b\""), told.body);
    BOOST_TEST(told.says("\"compared\":1"), told.body);
    BOOST_TEST(told.says("\"request_id\":\"fixed\""), told.body);
    BOOST_TEST(told.says("\"likeness\":0.666"), told.body);
    BOOST_TEST(told.says("\"finish\":\"stop\""), told.body);
    // Of both.
    for (const std::string_view said :
         {"\"status\":200", "\"input_tokens\":7", "\"output_tokens\":3"})
        BOOST_TEST((told.body.find(said) != told.body.rfind(said)), said << " in " << told.body);
    BOOST_TEST(gate.admin("GET", "/admin/v1/models/nobody/shadow").status() == 404u);
    BOOST_TEST(gate.admin("PUT", "/admin/v1/models/m/shadow", "{}").status() == 405u);
}

BOOST_AUTO_TEST_CASE(tool_calls_are_compared_as_json)
{
    const auto calling = [](std::string_view arguments) {
        std::string body =
            R"({"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":)"
            R"([{"id":"1","type":"function","function":{"name":"f","arguments":")";
        body += arguments;
        body += R"("}}]},"finish_reason":"tool_calls"}]})";
        return answer_text(body);
    };
    provider one(always(calling(R"({\"a\":1,\"b\":2})")));
    provider same(always(calling(R"({ \"b\": 2, \"a\": 1.0 })")));
    provider other(always(calling(R"({\"a\":1,\"b\":3})")));
    {
        gateway gate(with_shadow(one.port(), same.port()));
        (void)bytes_for(gate, {});
        BOOST_TEST(gate.becomes("sluice_shadow_calls_total", {"calls=\"equal\""}, 1));
    }
    gateway gate(with_shadow(one.port(), other.port()));
    (void)bytes_for(gate, {});
    BOOST_TEST(gate.becomes("sluice_shadow_calls_total", {"calls=\"different\""}, 1));
}

BOOST_AUTO_TEST_CASE(a_copy_is_counted_under_nobody_elses_name)
{
    provider one(always(answer_text(completion)));
    provider two(always(answer_text(completion)));
    gateway gate(with_shadow(one.port(), two.port()));
    (void)bytes_for(gate, {});
    BOOST_TEST(counted(gate, "compared"));
    BOOST_TEST(gate.settled("sluice_requests_total", {"target=\"a\""}) == 1);
    BOOST_TEST(gate.settled("sluice_requests_total", {"target=\"b\""}) == 0);
    BOOST_TEST(gate.settled("sluice_tokens_total", {"target=\"a\""}) == 10);
    BOOST_TEST(gate.settled("sluice_tokens_total", {"target=\"b\""}) == 0);
    BOOST_TEST(gate.settled("sluice_cost_usd_total", {"target=\"b\""}) == 0);
    // One for the request, and one for the copy's bill.
    BOOST_TEST(gate.access_lines(2).size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_copy_uses_no_connection_of_the_clients)
{
    provider one(always(answer_text(completion)));
    gateway gate(with_shadow(one.port(), one.port()));
    for (const double times : {1, 2, 3}) {
        (void)bytes_for(gate, {});
        BOOST_TEST(counted(gate, "compared", times));
    }
    BOOST_TEST(one.accepted() == 2u, "one connection each, used again");
}

BOOST_AUTO_TEST_CASE(a_shadow_that_fails_is_left_alone_for_a_while)
{
    provider one(always(answer_text(completion)));
    provider two(always(answer_text("{}", 503)));
    gateway gate(with_shadow(one.port(), two.port()));
    for (const double times : {1, 2, 3, 4, 5}) {
        (void)bytes_for(gate, {});
        BOOST_TEST(counted(gate, "failed", times));
    }
    (void)bytes_for(gate, {});
    BOOST_TEST(counted(gate, "dropped_breaker"));
    BOOST_TEST(gate.admin("GET", "/admin/v1/models/m/shadow").says("\"breaker\":\"open\""));
    BOOST_TEST(
        gate.settled("sluice_breaker_state", {"target=\"b\""}) == 0,
        "what becomes of copies says nothing to requests");
}

BOOST_AUTO_TEST_CASE(copies_keep_to_their_providers_limits_and_do_not_rest_its_key)
{
    provider one(always(answer_text(completion)));
    provider two(always(answer_text(completion)));
    auto how = with_shadow(one.port(), two.port());
    how.set("providers", limited(one.port(), two.port(), "requests: 2/h, burst: 2"));
    gateway gate(how);
    for (const double times : {1, 2}) {
        (void)bytes_for(gate, {});
        BOOST_TEST(counted(gate, "compared", times));
    }
    for (const double times : {1, 2}) {
        (void)bytes_for(gate, {});
        BOOST_TEST(counted(gate, "dropped_load", times));
    }
    BOOST_TEST(gate.metric(pairs, {outcome("dropped_breaker")}) == 0);
    BOOST_TEST(gate.metric("sluice_provider_limited_total", {"mode=\"enforced\""}) == 2);
}

BOOST_AUTO_TEST_CASE(the_tokens_of_copies_are_settled)
{
    provider one(always(answer_text(completion)));
    provider two(always(answer_text(completion)));
    auto how = with_shadow(one.port(), two.port());
    how.set("providers", limited(one.port(), two.port(), "tokens: 1/h, token_burst: 100"));
    gateway gate(how);
    for (const double times : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}) {
        (void)bytes_for(gate, "\"max_tokens\":3,");
        BOOST_TEST(gate.becomes(pairs, {}, times));
    }
    // Ten tokens each time, and before that as many as are expected.
    BOOST_TEST(gate.metric(pairs, {outcome("compared")}) >= 7);
    BOOST_TEST(gate.metric(pairs, {outcome("dropped_load")}) >= 1);
}

BOOST_AUTO_TEST_CASE(copies_held_back_give_their_places_back)
{
    provider one(always(answer_text(completion)));
    provider two(always(answer_text(completion)));
    auto how = with_shadow(one.port(), two.port());
    how.set("providers", limited(one.port(), two.port(), "concurrent: 1"));
    gateway gate(how);
    for (const double times : {1, 2, 3}) {
        (void)bytes_for(gate, {});
        BOOST_TEST(counted(gate, "compared", times));
    }
}

BOOST_AUTO_TEST_CASE(the_days_money_is_not_exceeded_by_more_than_what_is_under_way)
{
    provider one(always(answer_text(completion)));
    for (const auto& answer :
         {answer_text(completion),
          answer_text(R"({"choices":[{"message":{"content":"no usage"}}]})")}) {
        provider two(always(answer));
        gateway gate(with_shadow(one.port(), two.port(), ", budget: 0.000001 USD"));
        (void)bytes_for(gate, {});
        BOOST_TEST(counted(gate, "compared"));
        (void)bytes_for(gate, {});
        (void)bytes_for(gate, {});
        BOOST_TEST(counted(gate, "dropped_budget", 2));
        BOOST_TEST(two.accepted() == 1u);
        BOOST_TEST(gate.metric("sluice_shadow_cost_usd_total") > 0);
    }
}

// As the client's answer: an event is a token, and what is around it costs nothing.
BOOST_AUTO_TEST_CASE(a_stream_whose_usage_nobody_told_costs_what_its_events_are)
{
    constexpr double tokens = 500;
    std::string stream(stream_head);
    for (int i = 0; i < static_cast<int>(tokens); ++i)
        stream += chunk(token_event("word"));
    stream += chunk(stop_event) + chunk(done_event) + std::string(last_chunk);
    provider one(always(whole_stream("hello")));
    provider two(always(stream));
    gateway gate(with_shadow(one.port(), two.port()));
    (void)bytes_for(gate, R"("stream":true,)");
    BOOST_TEST(counted(gate, "compared"));
    // A dollar for a million. The question is a few dozen.
    const double cost = gate.metric("sluice_shadow_cost_usd_total") * 1e6;
    BOOST_TEST(cost > tokens);
    BOOST_TEST(cost < tokens + 100);
}

BOOST_AUTO_TEST_CASE(a_request_too_large_to_be_kept_is_not_copied)
{
    provider one(always(answer_text(completion)));
    listener two;
    gateway gate(with_shadow(one.port(), two.port()));
    const auto large = "\"pad\":\"" + std::string(std::size_t{1} << 20U, 'x') + "\",";
    (void)bytes_for(gate, large);
    BOOST_TEST(counted(gate, "dropped_load"));
    BOOST_TEST(!two.accept_within(milliseconds(50)));
}

BOOST_AUTO_TEST_CASE(copies_are_dropped_while_the_buffers_are_half_full)
{
    listener one;
    listener two;
    auto how = with_shadow(one.port(), two.port());
    how.set("limits", "{ buffered_bytes: 4MiB, body_bytes: 2MiB }");
    gateway gate(how);
    // Requests in flight hold their bodies; these are too large to be copied themselves.
    std::vector<connection> held;
    for (int i = 0; i < 2; ++i) {
        held.push_back(gate.connect());
        held.back().send(chat_text("\"pad\":\"" + std::string(1'300'000, 'x') + "\","));
        held.push_back(one.accept());
        (void)held.back().request();
    }
    auto client = gate.connect();
    client.send(chat_text());
    auto primary = one.accept();
    (void)primary.request();
    BOOST_TEST(counted(gate, "dropped_load", 3), "the large ones, and the small one beside them");
    primary.send(answer_text(completion));
    BOOST_TEST(client.answer().whole);
    BOOST_TEST(!two.accept_within(milliseconds(50)));
}

BOOST_AUTO_TEST_CASE(texts_are_kept_only_while_capture_is_on)
{
    provider one(always(answer_text(completion_saying("primary words"))));
    provider two(always(answer_text(completion_saying("shadow text"))));
    gateway gate(with_shadow(one.port(), two.port(), ", capture: true"));
    (void)bytes_for(gate, {});
    BOOST_TEST(gate.becomes("sluice_shadow_likeness_count", {}, 1));
    const auto on = gate.admin("GET", "/admin/v1/models/m/shadow");
    BOOST_TEST(on.says("\"text\":\"primary words\""), on.body);
    BOOST_TEST(on.says("\"text\":\"shadow text\""), on.body);
    BOOST_TEST(gate.reload(with_shadow(one.port(), two.port())).status() == 200u);
    const auto off = gate.admin("GET", "/admin/v1/models/m/shadow");
    BOOST_TEST(off.says("\"request_id\":\"fixed\""), off.body);
    BOOST_TEST(!off.says("words"), off.body);
    BOOST_TEST(!off.says("shadow text"), off.body);
}

BOOST_AUTO_TEST_CASE(when_the_client_leaves_its_copy_ends_and_is_told_apart)
{
    listener one;
    listener two;
    gateway gate(with_shadow(one.port(), two.port()));
    auto client = gate.connect();
    client.send(chat_text(streaming));
    auto primary = one.accept();
    auto copy = two.accept();
    (void)primary.request();
    (void)copy.request();
    client.reset();
    BOOST_TEST(copy.ends());
    BOOST_TEST(counted(gate, "client_left"));
}

BOOST_AUTO_TEST_CASE(when_the_primary_fails_nothing_is_compared)
{
    provider one(always(answer_text(R"({"error":{"message":"x"}})", 400)));
    provider two(always(answer_text(completion)));
    gateway gate(with_shadow(one.port(), two.port()));
    (void)bytes_for(gate, {});
    BOOST_TEST(counted(gate, "primary_failed"));
    BOOST_TEST(gate.metric("sluice_shadow_likeness_count") == 0);
}

BOOST_AUTO_TEST_CASE(a_drain_does_not_wait_for_copies)
{
    provider one(always(answer_text(completion)));
    listener two;
    gateway gate(with_shadow(one.port(), two.port()));
    (void)bytes_for(gate, {});
    auto copy = two.accept();
    (void)copy.request();
    gate.stop();
    BOOST_TEST(copy.ends(milliseconds(10'000)), "the drain may take 30 s");
    BOOST_TEST(gate.stopped(milliseconds(10'000)));
}

BOOST_AUTO_TEST_SUITE_END()
