// A provider that breaks, stalls or lies in the middle of an answer.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(upstream_faults)

using namespace loopback;

namespace {

// With this the provider's own framing passes; without it the gateway frames anew.
constexpr std::string_view asked_usage =
    R"("stream":true,"stream_options":{"include_usage":true},)";
constexpr std::string_view error_start = "data: {\"error\":{\"message\":\"";

// Of a body whose beginning is held back until it is whole or this long.
const std::string more_than_is_held(70'000, '{');

// Answers of which less comes than is announced.
std::vector<std::string> short_answers(const std::string& body)
{
    return {
        "content-length: 200000\r\n\r\n" + body,
        "transfer-encoding: chunked\r\n\r\n" + chunk(body),
        "transfer-encoding: chunked\r\n\r\n20000\r\n" + body};
}

struct world {
    explicit world(std::string_view timeouts = "{}", std::string_view heartbeat = "0")
        : gate(config(provider.port()).set("timeouts", timeouts).set("heartbeat", heartbeat))
    {
    }

    // The client asks, and the provider has the request.
    connection ask(std::string_view more = {})
    {
        client = gate.connect();
        client.send(chat_text(more));
        auto upstream = provider.accept();
        request = upstream.request();
        return upstream;
    }

    // What a stream that was broken off must look like after the payload `before`.
    void expect_broken_after(std::string_view before)
    {
        const auto got = client.rest();
        BOOST_TEST(got.find(before) != std::string::npos, got);
        BOOST_TEST(got.find(error_start) != std::string::npos, got);
        BOOST_TEST(got.find(error_start) == got.rfind(error_start), "only one error event");
        BOOST_TEST(got.find("[DONE]") == std::string::npos, got);
        BOOST_TEST(!got.ends_with("\r\n0\r\n\r\n"), "a broken body is not terminated");
        BOOST_TEST(got.ends_with("\n\n\r\n"), "the error event is a whole chunk");
    }

    void expect_error(unsigned status, std::string_view code)
    {
        const auto answer = client.answer();
        BOOST_TEST(answer.status() == status);
        BOOST_TEST(answer.says("\"code\":\"" + std::string(code) + '"'), answer.body);
        BOOST_TEST(answer.whole);
    }

    listener provider;
    gateway gate;
    connection client;
    message request;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_reset_before_any_byte_is_a_502)
{
    for (const auto more : {std::string_view{}, streaming}) {
        world w;
        w.ask(more).reset();
        w.expect_error(502, "bad_gateway");
        BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"reset\""}, 1));
        BOOST_TEST(!w.provider.accept_within(milliseconds(100)), "a request is not sent twice");
    }
}

BOOST_AUTO_TEST_CASE(an_end_before_any_byte_is_a_502)
{
    for (const auto more : {std::string_view{}, streaming}) {
        world w;
        w.ask(more).close();
        w.expect_error(502, "bad_gateway");
        BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"eof\""}, 1));
    }
}

BOOST_AUTO_TEST_CASE(a_reset_inside_the_head_is_a_502)
{
    world w;
    auto upstream = w.ask();
    upstream.send("HTTP/1.1 200 OK\r\ncontent-");
    upstream.reset();
    w.expect_error(502, "bad_gateway");
}

BOOST_AUTO_TEST_CASE(a_reset_in_mid_stream_ends_it_with_an_error_event)
{
    world w;
    auto upstream = w.ask(streaming);
    upstream.send(stream_head);
    const auto event = chunk(token_event("one"));
    upstream.send(event);
    const auto head = w.client.head();
    BOOST_TEST(head.status() == 200u);
    BOOST_TEST(head.header("transfer-encoding") == "chunked");
    BOOST_TEST(w.client.exactly(event.size()) == event);
    upstream.reset();
    w.expect_broken_after("");
    BOOST_TEST(w.gate.becomes("sluice_stream_ends_total", {"cause=\"upstream_reset\""}, 1));
}

BOOST_AUTO_TEST_CASE(an_end_in_mid_stream_gives_everything_so_far_and_an_error_event)
{
    world w;
    auto upstream = w.ask(streaming);
    const auto events = token_event("one") + token_event("two");
    upstream.send(std::string(stream_head) + chunk(token_event("one")) + chunk(token_event("two")));
    upstream.close();
    BOOST_TEST(w.client.head().status() == 200u);
    w.expect_broken_after(events);
    BOOST_TEST(w.gate.becomes("sluice_stream_ends_total", {"cause=\"upstream_eof\""}, 1));
}

BOOST_AUTO_TEST_CASE(an_end_inside_an_event_makes_the_event_tell_the_error)
{
    world w;
    auto upstream = w.ask(streaming);
    const auto events = token_event("one") + "data: {\"choices\":[{\"ind";
    upstream.send(std::string(stream_head) + chunk(events));
    upstream.close();
    BOOST_TEST(w.client.head().status() == 200u);
    const auto got = w.client.rest();
    BOOST_TEST(got.find(events) != std::string::npos, got);
    BOOST_TEST(got.find("\":null}],\"error\":{\"message\":") != std::string::npos, got);
    BOOST_TEST(!got.ends_with("\r\n0\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(an_end_inside_a_chunk_still_tells_the_client)
{
    for (const std::string_view more : {std::string_view(streaming), asked_usage}) {
        world w;
        auto upstream = w.ask(more);
        const auto event = token_event("one");
        upstream.send(std::string(stream_head) + chunk(event) + "100\r\ndata: {\"cho");
        upstream.close();
        // The error event fills what the chunk still owes.
        const auto answer = w.client.answer();
        BOOST_TEST(answer.status() == 200u);
        BOOST_TEST(!answer.whole);
        BOOST_TEST(answer.body.starts_with(event + "data: {\"cho\":null,\"error\":{"), answer.body);
        BOOST_TEST(answer.body.find("[DONE]") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(an_end_inside_what_may_be_a_key_still_tells_the_client)
{
    for (const std::string_view more : {std::string_view(streaming), asked_usage}) {
        world w;
        auto upstream = w.ask(more);
        const auto event = token_event("one");
        const auto tail = "data: {\"cho\":\"" + std::string(provider_key.substr(0, 14));
        upstream.send(std::string(stream_head) + chunk(event) + "20\r\n" + tail);
        upstream.close();
        // The error event fills what the chunk still owes, and goes on in one of its own.
        const auto answer = w.client.answer();
        BOOST_TEST(answer.status() == 200u);
        BOOST_TEST(!answer.whole);
        BOOST_TEST(answer.body.starts_with(event + "data: {\"cho\":\"\",\"error\":{"), answer.body);
        BOOST_TEST(answer.body.ends_with("}}\n\n"), answer.body);
    }
}

BOOST_AUTO_TEST_CASE(a_stream_of_announced_length_is_reframed_and_judged_by_its_end)
{
    const auto announced = [](const std::string& events) {
        return "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: "
               + std::to_string(events.size()) + "\r\n\r\n" + events;
    };
    for (const std::string_view more : {std::string_view(streaming), asked_usage}) {
        world w;
        const auto events = token_event("one") + std::string(stop_event) + std::string(done_event);
        w.ask(more).send(announced(events));
        const auto answer = w.client.answer();
        BOOST_TEST(answer.whole);
        BOOST_TEST(answer.body == events);

        auto upstream = w.ask(more);
        upstream.send(announced(token_event("one")));
        BOOST_TEST(w.client.head().status() == 200u);
        w.expect_broken_after(chunk(token_event("one")));
        BOOST_TEST(w.gate.becomes("sluice_stream_ends_total", {"cause=\"upstream_eof\""}, 1));
    }
}

BOOST_AUTO_TEST_CASE(a_stream_that_ends_by_its_connection_is_reframed_and_judged_by_its_end)
{
    const std::string head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    {
        world w;
        auto upstream = w.ask(streaming);
        upstream.send(
            head + token_event("one") + std::string(stop_event) + std::string(done_event));
        upstream.close();
        const auto answer = w.client.answer();
        BOOST_TEST(answer.whole);
        BOOST_TEST(answer.body.ends_with(done_event), answer.body);
    }
    world w;
    auto upstream = w.ask(streaming);
    upstream.send(head + token_event("one"));
    upstream.close();
    BOOST_TEST(w.client.head().status() == 200u);
    w.expect_broken_after(chunk(token_event("one")));
}

BOOST_AUTO_TEST_CASE(a_provider_that_does_not_begin_to_answer_is_a_504)
{
    for (const auto more : {std::string_view{}, streaming}) {
        world w("{ first_byte: 200ms }");
        auto upstream = w.ask(more);
        w.expect_error(504, "upstream_timeout");
        BOOST_TEST(upstream.ends(), "the connection is not kept");
        BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"timeout\""}, 1));
    }
}

BOOST_AUTO_TEST_CASE(the_first_byte_counts_for_the_whole_head)
{
    world w("{ first_byte: 300ms }");
    auto upstream = w.ask();
    const auto began = clock::now();
    // An octet whenever the gateway has been silent for a moment: never silent for the whole limit.
    for (const char octet :
         std::string_view("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: 123456789")) {
        if (w.client.stirs(milliseconds(20)))
            break;
        upstream.send({&octet, 1});
    }
    w.expect_error(504, "upstream_timeout");
    BOOST_TEST((clock::now() - began < std::chrono::seconds(10)));
}

// What a slow provider takes to accept a body is none of it.
BOOST_AUTO_TEST_CASE(the_first_byte_counts_from_the_end_of_the_request)
{
    world w("{ first_byte: 3s }");
    w.client = w.gate.connect();
    const std::string filler(20U << 20U, 'x');
    const auto text = chat_text("\"filler\":\"" + filler + "\",");
    std::jthread sending([&] { w.client.send(text); });
    auto upstream = w.provider.accept();
    BOOST_TEST(!w.provider.accept_within(milliseconds(3200)));
    BOOST_TEST(upstream.request().says(filler));
    upstream.send(answer_text("{}"));
    sending.join();
    BOOST_TEST(w.client.answer().status() == 200u);
}

BOOST_AUTO_TEST_CASE(a_stream_whose_first_token_does_not_come_is_a_real_504)
{
    world w("{ first_token: 200ms }");
    auto upstream = w.ask(streaming);
    upstream.send(stream_head);
    w.expect_error(504, "upstream_timeout");
    BOOST_TEST(upstream.ends());
}

BOOST_AUTO_TEST_CASE(a_stream_that_stalls_ends_with_an_error_event)
{
    world w("{ stream_idle: 200ms }");
    auto upstream = w.ask(streaming);
    const auto event = chunk(token_event("one"));
    upstream.send(std::string(stream_head) + event);
    BOOST_TEST(w.client.head().status() == 200u);
    w.expect_broken_after(event);
    BOOST_TEST(upstream.ends());
    BOOST_TEST(w.gate.becomes("sluice_stream_ends_total", {"cause=\"idle\""}, 1));
}

BOOST_AUTO_TEST_CASE(a_body_that_stalls_is_cut_and_looks_cut)
{
    world w("{ stream_idle: 200ms }");
    auto upstream = w.ask();
    upstream.send(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 200000\r\n\r\n"
        + more_than_is_held);
    const auto answer = w.client.answer();
    BOOST_TEST(!answer.whole);
    BOOST_TEST(answer.body == more_than_is_held);
    BOOST_TEST(upstream.ends());
}

BOOST_AUTO_TEST_CASE(a_body_that_stalls_before_the_client_has_any_of_it_is_a_real_504)
{
    world w("{ stream_idle: 200ms }");
    auto upstream = w.ask();
    upstream.send(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{");
    w.expect_error(504, "upstream_timeout");
    BOOST_TEST(upstream.ends());
}

BOOST_AUTO_TEST_CASE(a_short_body_looks_short_to_the_client)
{
    for (const auto& text : short_answers(more_than_is_held)) {
        world w;
        auto upstream = w.ask();
        upstream.send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + text);
        upstream.close();
        const auto answer = w.client.answer();
        BOOST_TEST(answer.status() == 200u);
        BOOST_TEST(!answer.whole);
        BOOST_TEST(w.client.ends());
        BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"success\""}, 0));
    }
}

BOOST_AUTO_TEST_CASE(a_short_body_of_which_the_client_has_nothing_is_a_real_502)
{
    for (const auto& text : short_answers("{\"choices\":[")) {
        world w;
        auto upstream = w.ask();
        upstream.send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + text);
        upstream.close();
        w.expect_error(502, "bad_gateway");
        BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"eof\""}, 1));
    }
}

// Half of a provider's error tells the client less than a whole one of the gateway's.
BOOST_AUTO_TEST_CASE(an_error_that_breaks_off_is_told_whole_by_the_gateway)
{
    for (const auto* const status : {"400 Bad Request", "500 Internal Server Error"})
        for (const auto& text : short_answers(R"({"error":{"message":"no"}})"))
            for (const bool reset : {false, true}) {
                world w;
                auto upstream = w.ask();
                upstream.send("HTTP/1.1 " + std::string(status) + "\r\n" + text);
                reset ? upstream.reset() : upstream.close();
                w.expect_error(502, "bad_gateway");
            }
    world w;
    auto upstream = w.ask();
    upstream.send("HTTP/1.1 500 X\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}2\r\n");
    w.expect_error(502, "bad_gateway");
}

BOOST_AUTO_TEST_CASE(an_error_that_stalls_is_a_real_504)
{
    for (const auto& text : short_answers(R"({"error":{"message":"no"}})")) {
        world w("{ stream_idle: 200ms }");
        auto upstream = w.ask();
        upstream.send("HTTP/1.1 500 Internal Server Error\r\n" + text);
        w.expect_error(504, "upstream_timeout");
        BOOST_TEST(upstream.ends());
    }
}

BOOST_AUTO_TEST_CASE(an_error_that_the_clients_deadline_cuts_costs_nothing)
{
    world w;
    w.client = w.gate.connect();
    w.client.send(chat_text({}, "x-sluice-timeout: 300ms\r\n"));
    auto upstream = w.provider.accept();
    (void)upstream.request();
    upstream.send("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 100\r\n\r\n{");
    w.expect_error(504, "upstream_timeout");
    const auto line = w.gate.access_lines(1).front();
    BOOST_TEST(line.find("\"estimated\"") == std::string::npos, line);
}

BOOST_AUTO_TEST_CASE(a_body_without_length_that_is_reset_is_reset_for_the_client)
{
    world w;
    auto upstream = w.ask();
    upstream.send(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + more_than_is_held + "[");
    BOOST_TEST(w.client.head().status() == 200u);
    (void)w.client.until("[");
    upstream.reset();
    const auto rest = w.client.rest();
    const bool told = w.client.ended() == ending::reset || !rest.ends_with("0\r\n\r\n");
    BOOST_TEST(told, rest);
}

BOOST_AUTO_TEST_CASE(broken_chunks_break_the_answer)
{
    for (const std::string_view bad : {"zz\r\n", "-1\r\n", "5 \rhello", "5\r\nhelloXX"}) {
        world w;
        auto upstream = w.ask(streaming);
        const auto event = chunk(token_event("one"));
        upstream.send(std::string(stream_head) + event);
        BOOST_TEST(w.client.head().status() == 200u);
        BOOST_TEST(w.client.exactly(event.size()) == event);
        upstream.send(bad);
        const auto rest = w.client.rest();
        BOOST_TEST(rest.find("\"error\"") != std::string::npos, rest);
        BOOST_TEST(rest.find("[DONE]") == std::string::npos);
        BOOST_TEST(!rest.ends_with("\r\n0\r\n\r\n"));
        BOOST_TEST(upstream.ends());
    }
}

BOOST_AUTO_TEST_CASE(strange_events_pass_unchanged)
{
    world w;
    auto upstream = w.ask(asked_usage);
    std::string events = "data: {not json\n\n: a comment\n\nevent: odd\r\ndata: \xff\xfe";
    events += std::string("\0", 1) + "\r\n\r\nretry: 5\nid: 7\ndata\n\n\n\ndata:[\n\n";
    events += std::string(stop_event) + std::string(done_event);
    upstream.send(std::string(stream_head) + chunk(events) + std::string(last_chunk));
    const auto answer = w.client.answer();
    BOOST_TEST(answer.whole);
    BOOST_TEST(answer.body == events);
}

BOOST_AUTO_TEST_CASE(a_reset_while_the_request_is_being_sent_is_told_as_one)
{
    world w;
    w.client = w.gate.connect();
    const auto text = chat_text("\"filler\":\"" + std::string(8U << 20U, 'x') + "\",");
    std::jthread sending([&] { w.client.send(text); });
    auto upstream = w.provider.accept();
    (void)upstream.head();
    upstream.reset();
    w.expect_error(502, "bad_gateway");
    BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"reset\""}, 1));
}

BOOST_AUTO_TEST_SUITE_END()
