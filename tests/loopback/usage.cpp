// What a request cost: the access log, the metrics and what the client is told agree.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(usage)

using namespace loopback;

namespace {

constexpr std::string_view with_usage = R"("stream":true,"stream_options":{"include_usage":true},)";

struct world {
    explicit world(
        std::string_view models = "{ m: { targets: [{ provider: one, model: upstream-m }] } }")
        : gate(config(provider.port()).set("models", models)),
          client(gate.connect())
    {
    }

    connection ask(std::string_view more)
    {
        client.send(chat_text(more));
        auto upstream = provider.accept();
        request = upstream.request();
        return upstream;
    }

    // The one line of the log, and the metrics, tell of 7 tokens in and 3 out.
    void expect_counted(std::string_view end)
    {
        const auto line = gate.access_lines(1)[0];
        for (const std::string_view part :
             {"\"input_tokens\":7", "\"output_tokens\":3", "\"status\":200", "\"model\":\"m\""})
            BOOST_TEST(line.find(part) != std::string::npos, line);
        if (!end.empty())
            BOOST_TEST(line.find("\"end\":\"" + std::string(end) + '"') != std::string::npos, line);
        BOOST_TEST(gate.becomes("sluice_tokens_total", {"kind=\"input\"", "model=\"m\""}, 7));
        BOOST_TEST(gate.becomes("sluice_tokens_total", {"kind=\"output\"", "target=\"one\""}, 3));
        BOOST_TEST(gate.becomes("sluice_usage_unknown_total", {}, 0));
    }

    listener provider;
    gateway gate;
    connection client;
    message request;
};

std::string events_with(std::string_view usage)
{
    return token_event("one") + token_event("two") + std::string(stop_event) + std::string(usage)
           + std::string(done_event);
}

std::string streamed(std::string_view events)
{
    return std::string(stream_head) + chunk(events) + std::string(last_chunk);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_plain_answer_is_counted)
{
    world w;
    auto upstream = w.ask("");
    upstream.send(answer_text(completion));
    BOOST_TEST(w.client.answer().body == completion);
    w.expect_counted("");
    BOOST_TEST(w.gate.becomes("sluice_requests_total", {"code=\"200\"", "stream=\"false\""}, 1));
    const auto line = w.gate.access_lines(1)[0];
    BOOST_TEST(line.find("hello") == std::string::npos, "no answer in the log");
    BOOST_TEST(line.find("\"hi\"") == std::string::npos, "no prompt in the log");
    BOOST_TEST(line.find("sk-") == std::string::npos, "no key in the log");
}

BOOST_AUTO_TEST_CASE(an_answer_costs_what_the_price_list_says)
{
    // A dollar a token.
    world w("{ m: { price: { input: 1000000, output: 1000000 }, targets: [{ provider: one }] } }");
    auto upstream = w.ask("");
    upstream.send(answer_text(completion));
    BOOST_TEST(w.client.answer().body == completion);
    BOOST_TEST(w.gate.becomes("sluice_cost_usd_total", {"model=\"m\"", "target=\"one\""}, 10));
    BOOST_TEST(w.gate.becomes("sluice_price_unknown_total", {}, 0));
}

BOOST_AUTO_TEST_CASE(a_rollout_goes_by_what_answers_cost)
{
    // A tenth of a dollar a token, a whole one for one that the provider puts into its cache.
    world w("{ m: { price: { input: 100000, cache_write: 1000000, output: 100000 }, canary: b,"
            " targets: [{ name: a, provider: one }, { name: b, provider: one }] } }");
    const std::string model = "/admin/v1/models/m";
    BOOST_TEST_REQUIRE(
        w.gate.admin("PUT", model + "/rollout", R"({"steps":[100]})").status() == 200);
    auto upstream = w.ask("");
    upstream.send(answer_text(
        R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,)"
        R"("prompt_tokens_details":{"cache_write_tokens":5}}})"));
    BOOST_TEST(w.client.answer().status() == 200);
    BOOST_TEST(w.gate.becomes("sluice_cost_usd_total", {"target=\"b\""}, 5.5));
    std::string shown;
    const auto seen = [&] { return shown.find(R"("tokens":10,"usd":)") != std::string::npos; };
    for (const auto until = clock::now() + patience; !seen() && clock::now() < until;)
        shown = w.gate.admin("GET", model).body;
    BOOST_TEST(shown.find(R"("tokens":10,"usd":5.5})") != std::string::npos, shown);
}

BOOST_AUTO_TEST_CASE(an_answer_at_a_target_without_a_price_is_counted)
{
    world w;
    auto upstream = w.ask("");
    upstream.send(answer_text(completion));
    BOOST_TEST(w.client.answer().body == completion);
    BOOST_TEST(w.gate.becomes("sluice_price_unknown_total", {"target=\"one\""}, 1));
    BOOST_TEST(w.gate.becomes("sluice_cost_usd_total", {}, 0));
}

BOOST_AUTO_TEST_CASE(a_stream_without_the_wish_for_usage_is_counted_and_shows_none)
{
    world w;
    auto upstream = w.ask(streaming);
    BOOST_TEST(w.request.says("\"include_usage\":true"), w.request.body);
    upstream.send(streamed(events_with(usage_event)));
    const auto answer = w.client.answer();
    BOOST_TEST(answer.whole);
    BOOST_TEST(answer.body == events_with(""));
    w.expect_counted("done");
    BOOST_TEST(w.gate.becomes("sluice_stream_ends_total", {"cause=\"done\""}, 1));
    BOOST_TEST(
        w.gate.access_lines(1)[0].find(R"("end":"done","finish":"stop")") != std::string::npos);
    BOOST_TEST(w.gate.becomes("sluice_time_to_first_token_seconds_count", {"model=\"m\""}, 1));
}

// Two tokens at least have a time between them; here the client gets one.
BOOST_AUTO_TEST_CASE(reasoning_that_is_not_shown_makes_no_stream_quick)
{
    constexpr std::string_view reasoned =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":101,"
        "\"total_tokens\":108,\"completion_tokens_details\":{\"reasoning_tokens\":100}}}\n\n";
    constexpr std::string_view thought =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n";
    const auto times_counted = [&](std::string_view shown) {
        world w;
        auto upstream = w.ask(with_usage);
        const auto events = std::string(shown) + token_event("one") + std::string(stop_event);
        upstream.send(streamed(events + std::string(reasoned) + std::string(done_event)));
        BOOST_TEST(w.client.answer().whole);
        (void)w.gate.access_lines(1);
        return w.gate.metric("sluice_time_per_output_token_seconds_count", {"model=\"m\""});
    };
    BOOST_TEST(times_counted("") == 0);
    BOOST_TEST(times_counted(thought) == 1);
}

BOOST_AUTO_TEST_CASE(the_hidden_usage_stays_hidden_however_the_stream_is_cut)
{
    const auto events = events_with(usage_event);
    const auto begin = events.find(stop_event);
    world w;
    for (std::size_t cut = begin; cut < events.size(); cut += 3) {
        auto client = w.gate.connect();
        client.send(chat_text(streaming));
        auto upstream = w.provider.accept();
        (void)upstream.request();
        upstream.send(std::string(stream_head) + chunk(events.substr(0, cut)));
        (void)client.stirs(patience);
        (void)client.stirs(milliseconds(5));
        upstream.send(chunk(events.substr(cut)) + std::string(last_chunk));
        const auto answer = client.answer();
        BOOST_TEST(answer.whole);
        BOOST_TEST(answer.body == events_with(""), "cut at " << cut);
        upstream.close();
    }
}

BOOST_AUTO_TEST_CASE(a_stream_with_the_wish_for_usage_passes_octet_for_octet)
{
    world w;
    auto upstream = w.ask(with_usage);
    BOOST_TEST(w.request.body == chat_body(with_usage, "upstream-m"));
    const auto text = streamed(events_with(usage_event));
    upstream.send(text);
    const auto head = w.client.head();
    BOOST_TEST(head.status() == 200u);
    const auto body = text.substr(stream_head.size());
    BOOST_TEST(w.client.exactly(body.size()) == body);
    w.expect_counted("done");
}

BOOST_AUTO_TEST_CASE(a_stream_the_client_leaves_is_counted_as_left)
{
    world w;
    auto upstream = w.ask(streaming);
    upstream.send(std::string(stream_head) + chunk(token_event("one")));
    (void)w.client.until("one");
    w.client.close();
    BOOST_TEST(upstream.ends());
    const auto line = w.gate.access_lines(1)[0];
    for (const std::string_view part : {"\"status\":499", "\"end\":\"client_gone\""})
        BOOST_TEST(line.find(part) != std::string::npos, line);
    BOOST_TEST(w.gate.becomes("sluice_requests_total", {"code=\"499\"", "stream=\"true\""}, 1));
    BOOST_TEST(w.gate.becomes("sluice_usage_unknown_total", {"model=\"m\""}, 1));
    BOOST_TEST(w.gate.becomes("sluice_open_streams", {}, 0));
}

BOOST_AUTO_TEST_CASE(usage_that_does_not_come_is_unknown_and_not_zero)
{
    world w;
    auto upstream = w.ask(streaming);
    upstream.send(streamed(events_with("")));
    BOOST_TEST(w.client.answer().whole);
    BOOST_TEST(w.gate.becomes("sluice_usage_unknown_total", {"model=\"m\""}, 1));
    const auto line = w.gate.access_lines(1)[0];
    BOOST_TEST(line.find("\"input_tokens\":0") == std::string::npos, line);
}

BOOST_AUTO_TEST_CASE(every_request_has_a_line_and_a_count)
{
    world w;
    const auto ask = [&w](const std::string& text) {
        w.client = w.gate.connect();
        w.client.send(text);
        return w.client.answer().status();
    };
    BOOST_TEST(ask(get_text("/healthz")) == 200u);
    BOOST_TEST(ask(get_text("/secret-sk-123")) == 404u);
    BOOST_TEST(ask(post_text(chat_body("", "evil-name"))) == 404u);
    BOOST_TEST(ask("nonsense\r\n\r\n") == 400u);
    const auto lines = w.gate.access_lines(4);
    BOOST_TEST(lines.size() == 4u);
    for (const auto& line : lines) {
        BOOST_TEST(line.find("evil-name") == std::string::npos, line);
        BOOST_TEST(line.find("sk-123") == std::string::npos, line);
    }
    BOOST_TEST(w.gate.becomes("sluice_requests_total", {"code=\"404\"", "model=\"other\""}, 2));
    BOOST_TEST(w.gate.becomes("sluice_requests_total", {"code=\"400\""}, 1));
}

BOOST_AUTO_TEST_SUITE_END()
