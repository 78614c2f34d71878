// Traced requests: what the provider is told, what the collector gets, and what happens when it
// does not take it.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>

BOOST_AUTO_TEST_SUITE(traces)

using namespace loopback;

namespace {

namespace dom = simdjson::dom;

const std::string trace_id = "0af7651916cd43dd8448eb211c80319c";
const std::string caller = "traceparent: 00-" + trace_id + "-b7ad6b7169203331-01\r\n";

struct span {
    std::string name, trace, id, parent;
    std::int64_t kind = 0;
    bool failed = false;
    bool event = false;
    std::uint64_t begin = 0, end = 0;
    std::map<std::string, std::string> attributes;  // as JSON without its type

    [[nodiscard]] std::string at(const std::string& which) const
    {
        const auto found = attributes.find(which);
        return found == attributes.end() ? "" : found->second;
    }
};

std::uint64_t number(dom::element text)
{
    return std::stoull(std::string(std::string_view(text)));
}

span read_span(dom::element from)
{
    span one;
    one.name = std::string_view(from["name"]);
    one.trace = std::string_view(from["traceId"]);
    one.id = std::string_view(from["spanId"]);
    std::string_view parent;
    if (from["parentSpanId"].get(parent) == simdjson::SUCCESS)
        one.parent = parent;
    one.kind = from["kind"];
    one.begin = number(from["startTimeUnixNano"]);
    one.end = number(from["endTimeUnixNano"]);
    dom::element some;
    one.failed = from["status"].get(some) == simdjson::SUCCESS;
    one.event = from["events"].get(some) == simdjson::SUCCESS;
    for (const dom::element each : from["attributes"].get_array())
        for (const auto value : each["value"].get_object())
            one.attributes[std::string(std::string_view(each["key"]))] =
                value.value.is_string() ? std::string(std::string_view(value.value))
                                        : simdjson::minify(value.value);
    return one;
}

// Takes what it is sent, or answers as it is told first.
class collector {
public:
    explicit collector(std::vector<std::string> first = {})
        : first_(std::move(first)),
          server_([this](connection& c) { serve(c); })
    {
    }

    [[nodiscard]] std::uint16_t port() const { return server_.port(); }

    [[nodiscard]] std::vector<span> spans() const
    {
        const std::scoped_lock lock(mutex_);
        return spans_;
    }
    // Once there are so many; sorted by when they began.
    [[nodiscard]] std::vector<span> wait_for(std::size_t count) const
    {
        std::unique_lock lock(mutex_);
        (void)changed_.wait_for(lock, patience, [&] { return spans_.size() >= count; });
        auto all = spans_;
        lock.unlock();
        BOOST_TEST_REQUIRE(all.size() == count);
        std::ranges::sort(all, {}, [](const span& one) { return std::pair(one.begin, one.kind); });
        return all;
    }
    [[nodiscard]] std::vector<message> requests() const
    {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }
    // Once it has had so many, whatever it answered.
    [[nodiscard]] std::vector<message> wait_for_requests(std::size_t count) const
    {
        std::unique_lock lock(mutex_);
        (void)changed_.wait_for(lock, patience, [&] { return requests_.size() >= count; });
        BOOST_TEST_REQUIRE(requests_.size() >= count);
        return requests_;
    }

    // From the first request to the second.
    [[nodiscard]] clock::duration apart() const
    {
        const std::scoped_lock lock(mutex_);
        return came_.at(1) - came_.at(0);
    }

private:
    void serve(connection& c)
    {
        const auto request = c.request();
        std::string answer;
        {
            const std::scoped_lock lock(mutex_);
            requests_.push_back(request);
            came_.push_back(clock::now());
            if (requests_.size() <= first_.size()) {
                answer = first_[requests_.size() - 1];
            } else {
                take(request.body);
                answer = answer_text("{}");
            }
        }
        changed_.notify_all();
        if (!answer.empty())
            c.send(answer);
        else
            (void)c.ends();  // never answers
    }
    void take(const std::string& body)
    {
        dom::parser parser;
        const dom::element root = parser.parse(body);
        for (const dom::element each :
             root.at_pointer("/resourceSpans/0/scopeSpans/0/spans").get_array())
            spans_.push_back(read_span(each));
    }

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::vector<std::string> first_;
    std::vector<message> requests_;
    std::vector<clock::time_point> came_;  // they
    std::vector<span> spans_;
    provider server_;
};

std::string tracing_to(std::uint16_t port, std::string_view more = "sample: 100%")
{
    return "{ otlp: 'http://127.0.0.1:" + std::to_string(port) + "', " + std::string(more) + " }";
}

message ask_for(gateway& gate, std::string_view fields = {}, std::string_view more = {})
{
    auto client = gate.connect();
    client.send(chat_text(more, fields));
    return client.answer();
}

// What the provider was asked with; the client has its answer.
struct seen_provider {
    explicit seen_provider(std::vector<std::string> first = {})
        : server([this, first](connection& c) {
              for (;;) {
                  const auto request = c.request();
                  std::size_t number = 0;
                  {
                      const std::scoped_lock lock(mutex);
                      number = requests.size();
                      requests.push_back(request);
                  }
                  c.send(number < first.size() ? first[number] : answer_text(completion));
              }
          })
    {
    }
    [[nodiscard]] message request(std::size_t at = 0)
    {
        const std::scoped_lock lock(mutex);
        return requests.at(at);
    }

    std::mutex mutex;
    std::vector<message> requests;
    provider server;
};

std::string parent_of(const std::string& traceparent)
{
    return traceparent.substr(36, 16);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_sampled_parent_leads_through_to_the_provider)
{
    collector spans;
    seen_provider upstream;
    gateway gate(
        config(upstream.server.port()).set("tracing", tracing_to(spans.port(), "sample: 0%")));
    BOOST_TEST(ask_for(gate, caller + "tracestate: vendor=1\r\n").status() == 200U);
    const auto all = spans.wait_for(2);
    const auto& request = all[0];
    const auto& attempt = all[1];
    BOOST_TEST(request.name == "chat m");
    BOOST_TEST(request.trace == trace_id);
    BOOST_TEST(request.parent == "b7ad6b7169203331");
    BOOST_TEST(request.kind == 2);
    BOOST_TEST(!request.failed);
    BOOST_TEST(request.at("http.response.status_code") == "200");
    BOOST_TEST(request.at("gen_ai.usage.input_tokens") == "7");
    BOOST_TEST(request.at("gen_ai.usage.output_tokens") == "3");
    BOOST_TEST(request.at("sluice.target") == "one");
    BOOST_TEST(attempt.name == "chat upstream-m");
    BOOST_TEST(attempt.trace == trace_id);
    BOOST_TEST(attempt.parent == request.id);
    BOOST_TEST(attempt.kind == 3);
    BOOST_TEST(attempt.at("gen_ai.request.model") == "upstream-m");
    BOOST_TEST(attempt.at("gen_ai.provider.name") == "one");
    BOOST_TEST(attempt.at("server.port") == std::to_string(upstream.server.port()));
    BOOST_TEST(attempt.at("sluice.attempt.kind") == "first");
    BOOST_TEST(attempt.at("url.path") == "/v1/chat/completions");
    BOOST_TEST(attempt.at("gen_ai.usage.output_tokens") == "3");
    BOOST_TEST(request.begin <= attempt.begin);
    BOOST_TEST(attempt.end <= request.end);
    const auto sent = upstream.request();
    BOOST_TEST(sent.header("traceparent") == "00-" + trace_id + "-" + attempt.id + "-01");
    BOOST_TEST(sent.header("tracestate") == "vendor=1");
    const auto exported = spans.requests().front();
    BOOST_TEST(exported.start_line == "POST /v1/traces HTTP/1.1");
    BOOST_TEST(exported.header("content-type") == "application/json");
    BOOST_TEST(gate.becomes("sluice_spans_exported_total", {}, 2));
    BOOST_TEST(gate.access_lines(1).front().find(trace_id) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_unsampled_parent_is_passed_on_as_it_came)
{
    collector spans;
    seen_provider upstream;
    gateway gate(config(upstream.server.port()).set("tracing", tracing_to(spans.port())));
    const std::string unsampled = "00-" + trace_id + "-b7ad6b7169203331-00";
    (void)ask_for(gate, "traceparent: " + unsampled + "\r\n");
    BOOST_TEST(upstream.request().header("traceparent") == unsampled);
    (void)ask_for(gate, caller);
    BOOST_TEST(spans.wait_for(2)[0].trace == trace_id);
    BOOST_TEST(gate.becomes("sluice_spans_exported_total", {}, 2));
}

BOOST_AUTO_TEST_CASE(without_a_valid_parent_a_new_trace_begins)
{
    collector spans;
    seen_provider upstream;
    gateway gate(config(upstream.server.port()).set("tracing", tracing_to(spans.port())));
    const std::vector<std::string> callers{
        "",
        "traceparent: 00-" + trace_id + "-0000000000000000-01\r\ntracestate: vendor=1\r\n",
        "traceparent: 00-" + trace_id + "-B7AD6B7169203331-01\r\n",
        caller + caller};
    for (std::size_t i = 0; i < callers.size(); ++i) {
        (void)ask_for(gate, callers[i]);
        const auto all = spans.wait_for(2 * (i + 1));
        const auto& request = all[2 * i];
        BOOST_TEST(request.parent == "");
        BOOST_TEST(request.trace != trace_id);
        const auto sent = upstream.request(i);
        BOOST_TEST(sent.header("traceparent").substr(3, 32) == request.trace);
        BOOST_TEST(parent_of(sent.header("traceparent")) == all[2 * i + 1].id);
        BOOST_TEST(sent.header("traceparent").substr(52) == "-03");
        BOOST_TEST(!sent.has("tracestate"));
        const auto first = sent.fields.find("traceparent");
        BOOST_TEST(sent.fields.find("traceparent", first + 1) == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(without_tracing_nothing_is_added_or_changed)
{
    seen_provider upstream;
    gateway gate(config(upstream.server.port()));
    (void)ask_for(gate);
    BOOST_TEST(!upstream.request().has("traceparent"));
    const std::string odd = "traceparent: 00-" + trace_id + "-b7ad6b7169203331-01-\r\n";
    (void)ask_for(gate, odd);
    BOOST_TEST(upstream.request(1).header("traceparent") + "\r\n" == odd.substr(13));
}

BOOST_AUTO_TEST_CASE(the_share_decides_where_no_caller_has)
{
    constexpr int many = 400;
    collector spans;
    seen_provider upstream;
    gateway gate(
        config(upstream.server.port()).set("tracing", tracing_to(spans.port(), "sample: 25%")));
    auto client = gate.connect();
    int sampled = 0;
    for (int i = 0; i < many; ++i) {
        client.send(chat_text());
        BOOST_TEST_REQUIRE(client.answer().status() == 200U);
        sampled += upstream.request(static_cast<std::size_t>(i)).has("traceparent") ? 1 : 0;
    }
    // Five standard deviations.
    BOOST_TEST(sampled > 100 - 44);
    BOOST_TEST(sampled < 100 + 44);
    (void)spans.wait_for(2 * static_cast<std::size_t>(sampled));
}

BOOST_AUTO_TEST_CASE(each_attempt_has_a_span_of_its_own)
{
    collector spans;
    seen_provider upstream({answer_text("{}", 503), answer_text("{}", 500)});
    gateway gate(
        config(upstream.server.port())
            .set(
                "models",
                "{ m: { targets: [{ provider: one, model: up-m }], retry: { attempts: 2, base: "
                "1ms }, fallbacks: [n] }, n: { targets: [{ provider: one, model: up-n }] } }")
            .set("tracing", tracing_to(spans.port())));
    BOOST_TEST(ask_for(gate).status() == 200U);
    const auto all = spans.wait_for(4);
    const std::vector<std::string> kinds{"first", "retry", "fallback"};
    const std::vector<std::string> statuses{"503", "500", "200"};
    const std::vector<std::string> errors{"status_5xx", "status_5xx", ""};
    for (std::size_t i = 0; i < 3; ++i) {
        const auto& attempt = all[i + 1];
        BOOST_TEST(attempt.parent == all[0].id);
        BOOST_TEST(attempt.at("sluice.attempt") == std::to_string(i + 1));
        BOOST_TEST(attempt.at("sluice.attempt.kind") == kinds[i]);
        BOOST_TEST(attempt.at("http.response.status_code") == statuses[i]);
        BOOST_TEST(attempt.at("error.type") == errors[i]);
        BOOST_TEST(attempt.failed == (i < 2));
        BOOST_TEST(parent_of(upstream.request(i).header("traceparent")) == attempt.id);
    }
    BOOST_TEST(all[0].at("sluice.attempts") == "3");
    BOOST_TEST(all[0].at("sluice.answered_by") == "n");
    BOOST_TEST(!all[0].failed);
}

BOOST_AUTO_TEST_CASE(a_failure_is_told_and_a_refusal_is_none)
{
    collector spans;
    seen_provider upstream({answer_text("{}", 500), answer_text("{}", 400)});
    gateway gate(config(upstream.server.port()).set("tracing", tracing_to(spans.port())));
    BOOST_TEST(ask_for(gate).status() == 500U);
    auto all = spans.wait_for(2);
    BOOST_TEST(all[0].failed);
    BOOST_TEST(all[0].at("error.type") == "500");
    BOOST_TEST(all[1].failed);
    BOOST_TEST(all[1].at("error.type") == "status_5xx");
    BOOST_TEST(ask_for(gate).status() == 400U);
    all = spans.wait_for(4);
    BOOST_TEST(!all[2].failed);
    BOOST_TEST(all[3].failed);
    auto client = gate.connect();
    client.send(post_text("{}"));
    BOOST_TEST(client.answer().status() == 400U);
    all = spans.wait_for(5);
    BOOST_TEST(all[4].name == "chat");
    BOOST_TEST(!all[4].failed);
    BOOST_TEST(all[4].at("http.response.status_code") == "400");
}

BOOST_AUTO_TEST_CASE(a_stream_tells_when_its_first_token_came_and_why_it_broke)
{
    const auto whole = std::string(stream_head) + chunk(token_event("hi")) + chunk(stop_event)
                       + chunk(usage_event) + chunk(done_event) + std::string(last_chunk);
    const auto broken = std::string(stream_head) + chunk(token_event("hi")) + "zz\r\n";
    collector spans;
    seen_provider upstream({whole, broken});
    gateway gate(config(upstream.server.port()).set("tracing", tracing_to(spans.port())));
    (void)ask_for(gate, {}, streaming);
    auto all = spans.wait_for(2);
    for (const auto& one : all) {
        BOOST_TEST(one.event);
        BOOST_TEST(one.at("gen_ai.request.stream") == "true");
        BOOST_TEST(one.at("gen_ai.response.finish_reasons").find("stop") != std::string::npos);
        BOOST_TEST(one.at("gen_ai.usage.output_tokens") == "3");
    }
    auto client = gate.connect();
    client.send(chat_text(streaming));
    (void)client.rest();
    all = spans.wait_for(4);
    BOOST_TEST(all[2].failed);
    BOOST_TEST(all[3].failed);
    BOOST_TEST(all[3].at("error.type") != "");
}

BOOST_AUTO_TEST_CASE(no_prompt_header_or_secret_is_in_what_is_exported)
{
    collector spans;
    seen_provider upstream;
    gateway gate(
        config(upstream.server.port())
            .set("tracing", tracing_to(spans.port()))
            .set("keys", "[{ id: team, tenant: t, hash: '" + key_hash("sk-mine") + "' }]"));
    (void)ask_for(
        gate,
        "authorization: Bearer sk-mine\r\nx-custom: header-marker\r\n",
        R"("user":"user-marker","messages_":"body-marker",)");
    const auto all = spans.wait_for(2);
    BOOST_TEST(all[0].at("sluice.key") == "team");
    BOOST_TEST(all[0].at("sluice.tenant") == "t");
    const auto body = spans.requests().front().body;
    for (const std::string_view secret :
         {std::string_view("sk-mine"),
          provider_key,
          std::string_view("header-marker"),
          std::string_view("user-marker"),
          std::string_view("body-marker"),
          std::string_view("hello")})
        BOOST_TEST(body.find(secret) == std::string::npos, secret);
}

BOOST_AUTO_TEST_CASE(a_collector_that_is_busy_is_asked_again_when_it_wants)
{
    collector spans({answer_text("", 503, "retry-after: 1\r\n"), answer_text("", 429)});
    seen_provider upstream;
    gateway gate(config(upstream.server.port())
                     .set("tracing", tracing_to(spans.port(), "sample: 100%, headers: { a: b }")));
    const auto began = clock::now();
    (void)ask_for(gate);
    (void)spans.wait_for(2);
    BOOST_TEST((clock::now() - began >= std::chrono::seconds(1)));
    const auto requests = spans.requests();
    BOOST_TEST_REQUIRE(requests.size() == 3U);
    BOOST_TEST(requests[0].body == requests[2].body);
    BOOST_TEST(requests[2].header("a") == "b");
    BOOST_TEST(gate.metric("sluice_spans_dropped_total") == 0);
}

BOOST_AUTO_TEST_CASE(what_a_collector_asked_for_holds_over_changes_of_something_else)
{
    collector spans({answer_text("", 429, "retry-after: 2\r\n")});
    seen_provider upstream;
    gateway gate(config(upstream.server.port()).set("tracing", tracing_to(spans.port())));
    (void)ask_for(gate);
    (void)spans.wait_for_requests(1);
    // The collector's answer is on its way still when its first words are read here.
    for (int i = 0; i < 20; ++i)
        BOOST_TEST(
            gate.admin(
                    "PUT", "/admin/v1/models/m/weights", R"({"one":)" + std::to_string(i + 1) + '}')
                .status()
            == 200U);
    (void)spans.wait_for_requests(2);
    BOOST_TEST((spans.apart() >= std::chrono::seconds(2)));
    (void)spans.wait_for(2);
}

BOOST_AUTO_TEST_CASE(who_said_that_it_took_spans_is_not_sent_them_again)
{
    // The answer breaks off, or is longer than anybody reads; but it had begun well.
    for (const std::string& answer :
         {std::string("HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\nxx"),
          answer_text(std::string(100'000, 'x'))}) {
        collector spans({answer});
        seen_provider upstream;
        gateway gate(config(upstream.server.port()).set("tracing", tracing_to(spans.port())));
        (void)ask_for(gate);
        BOOST_TEST(gate.becomes("sluice_spans_exported_total", {}, 2));
        BOOST_TEST(spans.requests().size() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(what_is_said_before_the_answer_is_not_the_answer)
{
    // RFC 9110 15.2: one or more, asked for or not; but not without end.
    const std::string foreword = "HTTP/1.1 100 Continue\r\n\r\n";
    std::string endless;
    for (int i = 0; i < 1000; ++i)
        endless += foreword;
    collector spans(
        {foreword + "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + answer_text("{}"),
         endless + answer_text("{}")});
    seen_provider upstream;
    gateway gate(config(upstream.server.port()).set("tracing", tracing_to(spans.port())));
    (void)ask_for(gate);
    BOOST_TEST(gate.becomes("sluice_spans_exported_total", {}, 2));
    BOOST_TEST(spans.requests().size() == 1U);
    (void)ask_for(gate);
    BOOST_TEST(gate.becomes("sluice_spans_dropped_total", {"reason=\"refused\""}, 2));
}

BOOST_AUTO_TEST_CASE(where_nothing_is_known_the_span_says_nothing)
{
    collector spans;
    seen_provider upstream;
    gateway gate(config(upstream.server.port()).set("tracing", tracing_to(spans.port())));
    const auto ask = [&](const std::string& text) {
        auto client = gate.connect();
        client.send(text);
        return client.answer().status();
    };
    BOOST_TEST(ask(get_text("/private/words")) == 404U);
    BOOST_TEST(ask("BREW /pot HTTP/1.1\r\nhost: x\r\n\r\n") == 404U);
    BOOST_TEST(ask(get_text("/v1/models/m")) == 200U);
    const auto all = spans.wait_for(3);
    for (const std::size_t lost : {0U, 1U}) {
        BOOST_TEST(all[lost].at("http.route") == "");
        BOOST_TEST(all[lost].at("url.path") == "");
    }
    BOOST_TEST(all[0].name == "GET");
    BOOST_TEST(all[1].name == "HTTP");
    BOOST_TEST(all[1].at("http.request.method") == "_OTHER");
    BOOST_TEST(all[2].name == "GET /v1/models/{id}");
    BOOST_TEST(all[2].at("http.route") == "/v1/models/{id}");
    BOOST_TEST(all[2].at("url.path") == "");
}

BOOST_AUTO_TEST_CASE(the_access_log_names_the_trace_of_a_valid_parent_only)
{
    seen_provider upstream;
    gateway gate(config(upstream.server.port()));
    const std::string span = "-b7ad6b7169203331-01\r\n";
    (void)ask_for(gate, caller);
    (void)ask_for(gate, "traceparent: ff-" + trace_id + span);
    (void)ask_for(gate, "traceparent: 00-" + std::string(32, '0') + span);
    (void)ask_for(gate, "traceparent: 00-" + trace_id + "-0000000000000000-01\r\n");
    (void)ask_for(gate, caller + caller);
    const auto lines = gate.access_lines(5);
    BOOST_TEST(lines[0].find(R"("trace_id":")" + trace_id) != std::string::npos);
    for (std::size_t i = 1; i < lines.size(); ++i)
        BOOST_TEST(lines[i].find("trace_id") == std::string::npos, lines[i]);
}

BOOST_AUTO_TEST_CASE(what_a_collector_refuses_is_dropped_and_counted)
{
    collector spans(
        {answer_text("", 400),
         answer_text(R"({"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}})")});
    seen_provider upstream;
    gateway gate(config(upstream.server.port()).set("tracing", tracing_to(spans.port())));
    (void)ask_for(gate);
    BOOST_TEST(gate.becomes("sluice_spans_dropped_total", {"reason=\"refused\""}, 2));
    (void)ask_for(gate);
    BOOST_TEST(gate.becomes("sluice_spans_dropped_total", {"reason=\"rejected\""}, 1));
    BOOST_TEST(gate.metric("sluice_spans_exported_total") == 1);
    BOOST_TEST(spans.requests().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_collector_that_is_gone_costs_no_request_and_is_told_when_it_is_back)
{
    seen_provider upstream;
    listener gone;
    gone.close();
    gateway gate(config(upstream.server.port()).set("tracing", tracing_to(gone.port())));
    BOOST_TEST(ask_for(gate).status() == 200U);
    BOOST_TEST(ask_for(gate).status() == 200U);
    BOOST_TEST(gate.metric("sluice_spans_exported_total") == 0);
    // The collector comes to another address, by a reload.
    collector spans;
    const auto moved = config(upstream.server.port()).set("tracing", tracing_to(spans.port()));
    BOOST_TEST(gate.reload(moved).status() == 200U);
    (void)spans.wait_for(4);
    BOOST_TEST(gate.becomes("sluice_spans_exported_total", {}, 4));
}

BOOST_AUTO_TEST_CASE(the_queue_is_bounded_while_the_collector_does_not_answer)
{
    collector spans({"", "", "", "", "", "", "", ""});
    seen_provider upstream;
    gateway gate(config(upstream.server.port())
                     .set("tracing", tracing_to(spans.port(), "sample: 100%, timeout: 60s")));
    auto client = gate.connect();
    for (int i = 0; i < 2200; ++i) {
        client.send(chat_text());
        BOOST_TEST_REQUIRE(client.answer().status() == 200U);
    }
    BOOST_TEST(gate.becomes("sluice_spans_dropped_total", {"reason=\"queue_full\""}, 4400 - 4096));
    BOOST_TEST(spans.wait_for_requests(1).size() == 1U);
    // And the end does not wait for it longer than it should.
    const auto began = clock::now();
    gate.stop();
    BOOST_TEST(gate.stopped());
    BOOST_TEST((clock::now() - began < std::chrono::seconds(10)));
}

BOOST_AUTO_TEST_CASE(a_drain_sends_what_is_left)
{
    collector spans;
    seen_provider upstream;
    gateway gate(config(upstream.server.port()).set("tracing", tracing_to(spans.port())));
    (void)ask_for(gate);
    gate.stop();
    BOOST_TEST(gate.stopped());
    BOOST_TEST(spans.spans().size() == 2U);
}

BOOST_AUTO_TEST_CASE(tracing_is_switched_off_and_on_live)
{
    collector spans;
    seen_provider upstream;
    const auto on = config(upstream.server.port()).set("tracing", tracing_to(spans.port()));
    gateway gate(config(upstream.server.port()));
    (void)ask_for(gate);
    BOOST_TEST(gate.reload(on).status() == 200U);
    (void)ask_for(gate);
    (void)spans.wait_for(2);
    BOOST_TEST(gate.reload(config(upstream.server.port())).status() == 200U);
    (void)ask_for(gate);
    BOOST_TEST(!upstream.request(0).has("traceparent"));
    BOOST_TEST(upstream.request(1).has("traceparent"));
    BOOST_TEST(!upstream.request(2).has("traceparent"));
    BOOST_TEST(gate.reload(on).status() == 200U);
    (void)ask_for(gate);
    (void)spans.wait_for(4);
}

BOOST_AUTO_TEST_SUITE_END()
