// What passes of a provider's answer, and what must not.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(upstream_answers)

using namespace loopback;

namespace {

struct world {
    explicit world(std::string_view heartbeat = "0", std::string_view limits = "{}")
        : gate(config(provider.port()).set("heartbeat", heartbeat).set("limits", limits))
    {
    }

    connection ask(std::string_view more = {}, std::string_view fields = {})
    {
        client = gate.connect();
        client.send(chat_text(more, fields));
        auto upstream = provider.accept();
        request = upstream.request();
        return upstream;
    }

    listener provider;
    gateway gate;
    connection client;
    message request;
};

message answer_to(std::string_view text, std::string_view more = {})
{
    world w;
    auto upstream = w.ask(more);
    upstream.send(text);
    return w.client.answer();
}

std::string streamed(std::string_view events)
{
    return std::string(stream_head) + chunk(events) + std::string(last_chunk);
}

// With this the provider's own framing passes; without it the gateway frames anew.
constexpr std::string_view asked_usage =
    R"("stream":true,"stream_options":{"include_usage":true},)";
constexpr std::string_view front_of_key = "sk-provider-secret";

}  // namespace

BOOST_AUTO_TEST_CASE(a_request_goes_out_as_it_came_but_for_model_and_credentials)
{
    world w;
    const std::string_view more = R"("temperature" : 1.50, "seed":123456789012345678901,)";
    auto upstream = w.ask(
        more,
        "authorization: Bearer mine\r\nx-custom: a  b\r\ncookie: c=1\r\n"
        "connection: x-hop\r\nx-hop: 1\r\nx-request-id: req-7\r\n"
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
    BOOST_TEST(w.request.start_line == "POST /v1/chat/completions HTTP/1.1");
    BOOST_TEST(w.request.body == chat_body(more, "upstream-m"));
    BOOST_TEST(w.request.header("authorization") == "Bearer " + std::string(provider_key));
    BOOST_TEST(w.request.header("x-custom") == "a  b");
    BOOST_TEST(w.request.header("accept-encoding") == "identity");
    BOOST_TEST(w.request.header("traceparent").starts_with("00-0af7"));
    BOOST_TEST(w.request.header("via") == "1.1 sluice");
    BOOST_TEST(w.request.header("host") == "127.0.0.1:" + std::to_string(w.provider.port()));
    for (const std::string_view gone : {"cookie", "x-hop", "connection", "expect"})
        BOOST_TEST(!w.request.has(gone), gone);
    upstream.send(answer_text("{}"));
    const auto answer = w.client.answer();
    BOOST_TEST(answer.header("x-request-id") == "req-7");
    BOOST_TEST(answer.header("x-sluice-target") == "one");
    BOOST_TEST(answer.header("x-sluice-attempts") == "1");
    BOOST_TEST(answer.header("x-sluice-config") == "1");
}

// Head, the parts of the body and the model's name between them: one write, also where the body
// came behind its head, and on a connection that is kept.
BOOST_AUTO_TEST_CASE(a_request_goes_out_in_one_piece)
{
    const std::string filler(2000, 'x');
    const auto text = chat_text("\"filler\":\"" + filler + "\",");
    const auto body = text.find("\r\n\r\n") + 4;
    world w;
    w.client = w.gate.connect();
    w.client.send(text);
    auto upstream = w.provider.accept();
    BOOST_TEST(upstream.request().says(filler));
    BOOST_TEST(upstream.segments() == 1u);
    upstream.send(answer_text("{}"));
    BOOST_TEST(w.client.answer().status() == 200u);

    w.client.send(text.substr(0, body));
    w.client.send(text.substr(body));
    BOOST_TEST(upstream.request().says(filler));
    BOOST_TEST(upstream.segments() == 2u);
    upstream.send(answer_text("{}"));
    BOOST_TEST(w.client.answer().status() == 200u);
}

BOOST_AUTO_TEST_CASE(an_error_passes_with_status_body_and_fields)
{
    const std::string body =
        R"({"error":{"message":"slow down","type":"x","param":null,"code":"y"}})";
    for (const unsigned status : {400u, 404u, 409u, 422u, 429u, 500u, 503u, 529u}) {
        const auto answer =
            answer_to(answer_text(body, status, "retry-after: 17\r\nx-their-own: 5\r\n"));
        BOOST_TEST(answer.status() == status);
        BOOST_TEST(answer.body == body);
        BOOST_TEST(answer.header("retry-after") == "17");
        BOOST_TEST(answer.header("x-their-own") == "5");
    }
}

BOOST_AUTO_TEST_CASE(a_redirect_is_not_followed)
{
    world w;
    auto upstream = w.ask();
    upstream.send(answer_text("moved", 307, "location: http://127.0.0.1:1/v1\r\n"));
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 307u);
    BOOST_TEST(answer.body == "moved");
    BOOST_TEST(!w.provider.accept_within(milliseconds(50)));
}

BOOST_AUTO_TEST_CASE(fields_of_the_providers_own_connection_do_not_pass)
{
    const auto answer = answer_to(answer_text(
        "{}",
        200,
        "set-cookie: a=b\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\n"
        "alt-svc: h3\r\nx-sluice-target: lie\r\nx-request-id: theirs\r\nserver: x\r\n"));
    for (const std::string_view gone :
         {"set-cookie", "x-hop", "keep-alive", "alt-svc", "proxy-authenticate"})
        BOOST_TEST(!answer.has(gone), gone);
    BOOST_TEST(answer.header("x-sluice-target") == "one");
    BOOST_TEST(answer.header("x-upstream-request-id") == "theirs");
    BOOST_TEST(answer.header("x-request-id") != "theirs");
}

BOOST_AUTO_TEST_CASE(an_answer_before_the_body_is_sent_reaches_the_client)
{
    world w;
    w.client = w.gate.connect();
    const std::string filler(20U << 20U, 'x');
    const auto text = chat_text("\"filler\":\"" + filler + "\",");
    // The provider reads only the head, answers and closes.
    std::jthread sending([&] { w.client.send(text); });
    auto upstream = w.provider.accept();
    (void)upstream.head();
    upstream.send(answer_text("too much", 413, "connection: close\r\n"));
    upstream.finish();
    sending.join();
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 413u);
    BOOST_TEST(answer.body == "too much");
    BOOST_TEST(upstream.ends(), "a half-sent request leaves no usable connection");
}

// Longer than what a fresh connection takes at once.
BOOST_AUTO_TEST_CASE(a_large_body_goes_out_whole_on_a_fresh_connection)
{
    world w;
    w.client = w.gate.connect();
    const std::string filler(20U << 20U, 'x');
    const auto text = chat_text("\"filler\":\"" + filler + "\",");
    std::jthread sending([&] { w.client.send(text); });
    auto upstream = w.provider.accept();
    const auto request = upstream.request();
    BOOST_TEST(request.whole);
    BOOST_TEST(request.says(filler));
    upstream.send(answer_text("{}"));
    sending.join();
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 200u);
    BOOST_TEST(answer.header("x-sluice-attempts") == "1");
}

BOOST_AUTO_TEST_CASE(an_interim_answer_does_not_end_the_body)
{
    world w;
    w.client = w.gate.connect();
    const std::string filler(20U << 20U, 'x');
    const auto text = chat_text("\"filler\":\"" + filler + "\",");
    std::jthread sending([&] { w.client.send(text); });
    auto upstream = w.provider.accept();
    const auto head = upstream.head();
    upstream.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hi");
    // Half of one: the rest of it comes with the answer.
    BOOST_TEST(upstream.exactly(std::stoul(head.header("content-length"))).ends_with("}"));
    upstream.send("nts\r\n\r\n" + answer_text("{}"));
    sending.join();
    BOOST_TEST(w.client.answer().status() == 200u);
}

BOOST_AUTO_TEST_CASE(an_answer_that_begins_before_the_body_was_read_does_not_end_it)
{
    world w;
    w.client = w.gate.connect();
    const std::string filler(20U << 20U, 'x');
    const auto text = chat_text("\"filler\":\"" + filler + "\",");
    std::jthread sending([&] { w.client.send(text); });
    auto upstream = w.provider.accept();
    const auto head = upstream.head();
    upstream.send(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{");
    BOOST_TEST(upstream.exactly(std::stoul(head.header("content-length"))).ends_with("}"));
    upstream.send("}");
    sending.join();
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 200u);
    BOOST_TEST(answer.body == "{}");
    // Nothing is owed either way: the connection is kept.
    w.client.send(chat_text());
    BOOST_TEST(upstream.request().whole);
    upstream.send(answer_text("{}"));
    BOOST_TEST(w.client.answer().status() == 200u);
}

BOOST_AUTO_TEST_CASE(an_answer_from_a_provider_that_reads_no_further_is_passed_on)
{
    world w;
    w.client = w.gate.connect();
    const std::string filler(20U << 20U, 'x');
    const auto text = chat_text("\"filler\":\"" + filler + "\",");
    std::jthread sending([&] { w.client.send(text); });
    auto upstream = w.provider.accept();
    (void)upstream.head();
    upstream.send(answer_text("{}"));
    sending.join();
    BOOST_TEST(w.client.answer().status() == 200u);
    BOOST_TEST(upstream.ends(), "half of a request leaves no usable connection");
}

// As much as limits.head_bytes lets a client send, and not an octet of the body before it.
BOOST_AUTO_TEST_CASE(a_large_head_goes_out_whole)
{
    world w("0", "{ head_bytes: 256KiB }");
    const std::string value(8000, 'h');
    std::string fields;
    for (unsigned i = 0; i < 20; ++i)
        fields += "x-large-" + std::to_string(i) + ": " + value + "\r\n";
    w.client = w.gate.connect();
    w.client.send(chat_text({}, fields));
    auto upstream = w.provider.accept();
    const auto request = upstream.request();
    BOOST_TEST(request.start_line.starts_with("POST "));
    BOOST_TEST(request.header("x-large-19") == value);
    upstream.send(answer_text("{}"));
    BOOST_TEST(w.client.answer().status() == 200u);
}

BOOST_AUTO_TEST_CASE(a_large_head_comes_back_whole)
{
    std::string fields;
    for (unsigned i = 0; i < 5; ++i)
        fields += "x-large-" + std::to_string(i) + ": " + std::string(13'060, 'h') + "\r\n";
    const auto answer = answer_to(answer_text("{}", 200, fields));
    BOOST_TEST(answer.status() == 200u);
    BOOST_TEST(answer.header("x-large-4").size() == 13'060u);
    BOOST_TEST(answer.body == "{}");
}

BOOST_AUTO_TEST_CASE(interim_answers_are_dropped_and_a_flood_of_them_is_a_502)
{
    const std::string interim = "HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n";
    std::string some;
    std::string flood;
    for (unsigned i = 0; i < 4; ++i)
        some += interim;
    for (unsigned i = 0; i < 100; ++i)
        flood += interim;
    BOOST_TEST(answer_to(some + answer_text("{}")).status() == 200u);
    BOOST_TEST(answer_to(flood + answer_text("{}")).status() == 502u);
}

BOOST_AUTO_TEST_CASE(answers_nobody_asked_for_are_a_502_that_says_what_is_wrong)
{
    std::string bomb = "HTTP/1.1 200 OK\r\n";
    for (unsigned i = 0; i < 2000; ++i)
        bomb += "x-" + std::to_string(i) + ": " + std::string(50, 'y') + "\r\n";
    const std::string upgrade =
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n";
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::vector<std::pair<std::string, std::string_view>> answers{
        {upgrade, "101"},
        {bomb + "\r\n", "more header fields than allowed"},
        {"SSH-2.0-OpenSSH_9\r\n\r\n", "not HTTP/1.1"},
        {"HTTP/2 200\r\n\r\n", "not HTTP/1.1"},
        {ok + "x: " + std::string(70'000, 'y') + "\r\n\r\n", "longer than allowed"},
        {ok + "content-length: 1\r\ncontent-length: 2\r\n\r\n{}", "ontent-"},
        {ok + "content-length: -1\r\n\r\n{}", "ontent-"},
        {ok + "content-length: 0\r\ncontent-type: application/json\r\n\r\n", "is empty"}};
    for (const auto& [text, why] : answers) {
        const auto answer = answer_to(text);
        BOOST_TEST(answer.status() == 502u, text.substr(0, 60));
        BOOST_TEST(answer.says("bad_gateway"));
        BOOST_TEST(answer.says(why), answer.body);
    }
}

// Its status was read before the rest was refused.
BOOST_AUTO_TEST_CASE(an_error_whose_head_is_refused_is_a_502)
{
    const auto answer =
        answer_to("HTTP/1.1 400 Bad Request\r\nno field\r\ncontent-length: 2\r\n\r\n{}");
    BOOST_TEST(answer.status() == 502u);
    BOOST_TEST(answer.says("\"error\""), answer.body);
}

BOOST_AUTO_TEST_CASE(a_stream_without_a_legal_end_is_not_ended)
{
    for (const std::string_view more : {std::string_view(streaming), asked_usage}) {
        world w;
        auto upstream = w.ask(more);
        const auto event = token_event("one");
        upstream.send(streamed(event));
        // Every chunk is sound, but the last one never comes.
        const auto answer = w.client.answer();
        BOOST_TEST(answer.status() == 200u);
        BOOST_TEST(!answer.whole);
        BOOST_TEST(answer.body.starts_with(event + "data: {\"error\":"), answer.body);
        BOOST_TEST(answer.body.ends_with("}\n\n"), answer.body);
        BOOST_TEST(w.gate.becomes("sluice_stream_ends_total", {"cause=\"upstream_eof\""}, 1));
    }
}

BOOST_AUTO_TEST_CASE(long_json_that_ends_with_its_connection_is_ended_only_where_it_may)
{
    const std::string begun = "{\"data\":[{\"embedding\":\"" + std::string(200'000, 'A');
    for (const std::string& body : {begun, begun + "\"}]}"}) {
        world w;
        auto upstream = w.ask();
        upstream.send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + body);
        upstream.close();
        const auto answer = w.client.answer();
        BOOST_TEST(answer.status() == 200u);
        BOOST_TEST(answer.body == body);
        BOOST_TEST(answer.whole == (body != begun));
    }
}

BOOST_AUTO_TEST_CASE(a_stream_may_end_with_done_or_with_a_finish_reason)
{
    for (const auto& end : {std::string(done_event), std::string(stop_event)}) {
        const auto events = token_event("one") + end;
        const auto answer = answer_to(streamed(events), streaming);
        BOOST_TEST(answer.whole);
        BOOST_TEST(answer.body == events);
    }
}

BOOST_AUTO_TEST_CASE(a_stream_that_has_said_its_last_word_is_whole_however_its_connection_ends)
{
    const auto events = token_event("one") + std::string(stop_event) + std::string(done_event);
    const std::string promised = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                                 "content-length: 9999\r\n\r\n";
    const auto ends = {
        +[](connection& its) { its.close(); },
        +[](connection& its) { its.reset(); },
        +[](connection&) {}};
    for (const auto& text : {std::string(stream_head) + chunk(events), promised + events})
        for (const auto end : ends) {
            listener provider;
            gateway gate(config(provider.port()).set("timeouts", "{ stream_idle: 200ms }"));
            auto client = gate.connect();
            client.send(chat_text(asked_usage));
            auto upstream = provider.accept();
            (void)upstream.request();
            upstream.send(text);
            (void)client.until("[DONE]");
            end(upstream);
            const auto rest = client.until(last_chunk);
            BOOST_TEST(rest.find("error") == std::string::npos, rest);
            BOOST_TEST(gate.becomes("sluice_stream_ends_total", {"cause=\"done\""}, 1));
            client.send(chat_text());
            auto fresh = provider.accept();
            (void)fresh.request();
            fresh.send(answer_text("{}"));
            BOOST_TEST(client.answer().status() == 200u);
        }
}

BOOST_AUTO_TEST_CASE(an_error_inside_a_stream_passes_and_is_counted)
{
    world w;
    auto upstream = w.ask(streaming);
    const std::string events = "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n";
    upstream.send(std::string(stream_head) + chunk(token_event("one")));
    BOOST_TEST(w.client.head().status() == 200u);
    upstream.send(chunk(events) + std::string(last_chunk));
    const auto got = w.client.until("overloaded\",\"code\":503}}\n\n");
    BOOST_TEST(got.find(events) != std::string::npos);
    BOOST_TEST(w.gate.becomes("sluice_stream_ends_total", {"cause=\"in_band_error\""}, 1));
    BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"in_band_error\""}, 1));
}

BOOST_AUTO_TEST_CASE(the_providers_key_never_comes_back_in_a_body_or_a_field)
{
    const std::string key(provider_key);
    world w;
    auto upstream = w.ask();
    upstream.send(answer_text(
        "{\"error\":{\"message\":\"bad key " + key + "\"}}",
        400,
        "x-echo: " + key + "\r\nwww-authenticate: Bearer " + key + "\r\n"));
    const auto answer = w.client.answer();
    BOOST_TEST(w.gate.settled("sluice_redactions_total") == 2);
    BOOST_TEST(answer.status() == 400u);
    BOOST_TEST(answer.body.find(front_of_key) == std::string::npos, answer.body);
    BOOST_TEST(answer.fields.find(front_of_key) == std::string::npos, answer.fields);
    BOOST_TEST(answer.has("x-echo"));
}

BOOST_AUTO_TEST_CASE(the_providers_key_never_comes_back_in_a_stream_however_it_is_split)
{
    const auto lead = token_event("it has begun");
    const auto events = token_event("a " + std::string(provider_key) + " b")
                        + std::string(stop_event) + std::string(done_event);
    const auto begin = events.find(provider_key);
    world w;
    for (std::size_t cut = begin - 1; cut <= begin + provider_key.size() + 1; ++cut) {
        // Cut between two chunks, and in time: the second is sent once the first has arrived.
        w.client = w.gate.connect();
        w.client.send(chat_text(cut % 2 == 0 ? streaming : asked_usage));
        auto upstream = w.provider.accept();
        (void)upstream.request();
        upstream.send(std::string(stream_head) + chunk(lead));
        (void)w.client.stirs(patience);
        upstream.send(chunk(events.substr(0, cut)));
        (void)w.client.stirs(patience);
        (void)w.client.stirs(milliseconds(20));
        upstream.send(chunk(events.substr(cut)) + std::string(last_chunk));
        const auto answer = w.client.answer();
        BOOST_TEST(answer.whole);
        BOOST_TEST(answer.body.size() == lead.size() + events.size());
        BOOST_TEST(answer.body.find(front_of_key) == std::string::npos, answer.body);
        BOOST_TEST(answer.body.find("0123456789") == std::string::npos, answer.body);
        upstream.close();
    }
}

BOOST_AUTO_TEST_CASE(the_providers_key_never_comes_back_one_octet_at_a_time)
{
    const auto lead = token_event("it has begun");
    const auto events = token_event(provider_key) + std::string(done_event);
    const auto begin = events.find(provider_key);
    for (const std::string_view more : {std::string_view(streaming), asked_usage})
        for (const bool in_time : {false, true}) {
            world w;
            auto upstream = w.ask(more);
            upstream.send(std::string(stream_head) + chunk(lead));
            (void)w.client.stirs(patience);
            upstream.send(chunk(events.substr(0, begin)));
            for (const char octet : events.substr(begin)) {
                upstream.send(chunk({&octet, 1}));
                if (in_time)
                    (void)w.client.stirs(milliseconds(1));
            }
            upstream.send(last_chunk);
            const auto answer = w.client.answer();
            BOOST_TEST(answer.whole);
            BOOST_TEST(answer.body.size() == lead.size() + events.size());
            // Fewer than eight octets tell nothing; the rest never comes.
            BOOST_TEST(
                answer.body.find(provider_key.substr(0, 8)) == std::string::npos, answer.body);
            BOOST_TEST(answer.body.find("secret") == std::string::npos, answer.body);
        }
}

BOOST_AUTO_TEST_CASE(heartbeats_come_between_events_only)
{
    world w("100ms");
    auto upstream = w.ask(streaming);
    upstream.send(std::string(stream_head) + chunk(token_event("one")));
    BOOST_TEST(w.client.head().status() == 200u);
    (void)w.client.until(chunk(token_event("one")));
    const auto beat = w.client.until("\n\n\r\n");
    BOOST_TEST(beat.find("\r\n:") != std::string::npos, beat);

    // Inside an event there is silence.
    upstream.send(chunk("data: {\"choices\""));
    (void)w.client.until("\"choices\"\r\n");
    BOOST_TEST(!w.client.stirs(milliseconds(500)));
    upstream.send(chunk(":[]}\n\n"));
    (void)w.client.until(":[]}\n\n\r\n");
    (void)w.client.until("\r\n:");
    upstream.send(chunk(done_event) + std::string(last_chunk));
    (void)w.client.until("[DONE]\n\n\r\n0\r\n\r\n");
}

BOOST_AUTO_TEST_SUITE_END()
