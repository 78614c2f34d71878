// What happens to an answer between its head and the first octet the client gets.

#include "support/scripted.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(precommit)

using namespace loopback;

namespace {

constexpr std::string_view role_event =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"},"
    "\"finish_reason\":null}]}\n\n";
constexpr std::string_view error_event =
    "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n";

std::string stream_of(std::string_view events)
{
    return std::string(stream_head) + chunk(events) + std::string(last_chunk);
}

std::string json_head(std::string_view rest)
{
    return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + std::string(rest);
}

std::string with_crlf(std::string_view events)
{
    std::string made;
    for (const char c : events)
        made += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return made;
}

// The model m at a provider that acts, with a healthy one as its fallback.
struct world {
    explicit world(
        act what,
        std::string_view more = {},
        bool fallback = true,
        std::string_view heartbeat = "0")
        : first({std::move(what)}),
          second({answers()}),
          gate(config(first.port())
                   .set("heartbeat", heartbeat)
                   .set(
                       "providers",
                       "{ one: { base_url: '" + base_url(first.port())
                           + "', api_key: sk-first-provider-key }, two: { base_url: '"
                           + base_url(second.port()) + "' } }")
                   .set(
                       "models",
                       "{ m: { targets: [{ provider: one }], retry: { attempts: 1 }, "
                           + std::string(fallback ? "fallbacks: [spare], " : "") + std::string(more)
                           + " }, spare: { targets: [{ provider: two }] } }"))
    {
    }

    scripted first;
    scripted second;
    gateway gate;
};

// The client sees the second provider's answer and nothing of the first one's.
void expect_unseen(const act& what, std::string_view more, std::string_view settings = {})
{
    world w(what, settings);
    const auto answer = ask(w.gate, "n-9", more);
    BOOST_TEST(answered(answer, "n-9"), answer.body);
    BOOST_TEST(!answer.says("assistant\"},"));
    BOOST_TEST(!answer.says("overloaded"));
    BOOST_TEST(answer.header("x-sluice-model") == "spare");
    BOOST_TEST(w.first.called(1));
    BOOST_TEST(w.second.calls() == 1u);
}

void expect_status(
    const act& what,
    std::string_view more,
    unsigned status,
    std::string_view code,
    std::string_view settings = {})
{
    world w(what, settings, false);
    const auto answer = ask(w.gate, "n", more);
    BOOST_TEST(answer.status() == status);
    BOOST_TEST(answer.says("\"code\":\"" + std::string(code) + '"'), answer.body);
    BOOST_TEST(answer.whole);
    BOOST_TEST(w.first.called(1));
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_error_inside_a_200_goes_elsewhere_unseen)
{
    const std::string events = std::string(role_event) + std::string(error_event);
    expect_unseen(says(stream_of(events)), streaming);
    expect_unseen(says(stream_of(error_event)), streaming);
    expect_unseen(says(stream_of(with_crlf(events))), streaming);
    expect_unseen(drips(stream_of(events)), streaming);
    expect_unseen(drips(stream_of(with_crlf(events))), streaming);
    expect_unseen(
        says_and_ends("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + events),
        streaming);
    const std::string body = R"({"error":{"message":"overloaded","code":503}})";
    for (const auto more : {std::string_view{}, streaming}) {
        expect_unseen(says(answer_text(body)), more);
        expect_unseen(drips(answer_text(body)), more);
        expect_unseen(
            says(
                json_head("transfer-encoding: chunked\r\n\r\n") + chunk(body.substr(0, 9))
                + chunk(body.substr(9)) + std::string(last_chunk)),
            more);
        expect_unseen(says_and_ends(json_head("\r\n" + body)), more);
    }
}

BOOST_AUTO_TEST_CASE(an_early_end_before_the_first_token_goes_elsewhere_unseen)
{
    const auto begun = std::string(stream_head) + chunk(role_event);
    expect_unseen(says_and_ends(begun), streaming);
    expect_unseen(says_and_resets(begun), streaming);
    expect_unseen(says_and_ends(std::string(stream_head)), streaming);
    expect_unseen(says(begun + std::string(last_chunk)), streaming);
    expect_unseen(says(begun + "zz\r\n"), streaming);
    for (const std::string_view text :
         {"content-length: 50\r\n\r\n{",
          "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
          "\r\n{\"choices\":[{\"message\":{\"content\":\"begun"}) {
        expect_unseen(says_and_ends(json_head(text)), {});
        expect_unseen(says_and_resets(json_head(text)), {});
    }
    expect_unseen(says(json_head("content-length: 0\r\n\r\n")), {});
}

BOOST_AUTO_TEST_CASE(a_stream_that_stalls_before_its_first_token_goes_elsewhere_unseen)
{
    const auto begun = std::string(stream_head) + chunk(role_event);
    expect_unseen(says_and_hangs(begun), streaming, "first_token: 200ms");
    expect_unseen(says_and_hangs(std::string(stream_head)), streaming, "first_token: 200ms");
}

BOOST_AUTO_TEST_CASE(with_nothing_left_the_status_is_true)
{
    expect_status(says(stream_of(error_event)), streaming, 502, "bad_gateway");
    expect_status(
        says_and_ends(std::string(stream_head) + chunk(role_event)), streaming, 502, "bad_gateway");
    expect_status(
        says_and_hangs(std::string(stream_head) + chunk(role_event)),
        streaming,
        504,
        "upstream_timeout",
        "first_token: 200ms");
    expect_status(
        says(answer_text(R"({"error":{"message":"x","code":"context_length_exceeded"}})")),
        {},
        400,
        "context_length_exceeded");
    expect_status(
        says(answer_text(R"({"error":{"message":"x","code":"rate_limit_exceeded"}})")),
        {},
        429,
        "rate_limit_exceeded");
}

BOOST_AUTO_TEST_CASE(the_providers_words_are_told_without_its_key)
{
    world w(
        says(answer_text(R"({"error":{"message":"\"sk-first-provider-key\" is tired"}})")),
        {},
        false);
    const auto answer = ask(w.gate, "n");
    BOOST_TEST(answer.status() == 502u);
    BOOST_TEST(answer.says("is tired"));
    BOOST_TEST(!answer.says("first-provider"), answer.body);
}

BOOST_AUTO_TEST_CASE(the_providers_words_are_told_as_it_meant_them)
{
    const auto told = [](std::string_view said) {
        const auto text = answer_text(R"({"error":{"message":")" + std::string(said) + R"("}})");
        world w(says(text), {}, false);
        const auto answer = ask(w.gate, "n");
        constexpr std::string_view begin = R"({"error":{"message":"the provider reported: )";
        BOOST_TEST_REQUIRE(answer.body.starts_with(begin), answer.body);
        return answer.body.substr(begin.size());
    };
    BOOST_TEST(told(R"(it said \"no\" C:\\x)").starts_with(R"(it said \"no\" C:\\x",)"));
    BOOST_TEST(told(R"(caf\u00e9)").starts_with("caf\u00e9\","));
    // A key is one however it is spelled.
    BOOST_TEST(told(R"(sk-first-provider\u002dkey)").starts_with("**"));
    // What is no JSON string is told as it came.
    BOOST_TEST(told(R"(odd \q)").starts_with(R"(odd \\q",)"));
}

BOOST_AUTO_TEST_CASE(what_was_held_arrives_as_it_came)
{
    const std::string events = std::string(role_event) + token_event("one") + token_event("two")
                               + std::string(stop_event) + std::string(done_event);
    for (const auto& text : {events, with_crlf(events)})
        for (const std::string_view more :
             {std::string_view(streaming),
              std::string_view(R"("stream":true,"stream_options":{"include_usage":true},)")})
            for (const bool slowly : {false, true}) {
                world w(slowly ? drips(stream_of(text)) : says(stream_of(text)));
                const auto answer = ask(w.gate, "n", more);
                BOOST_TEST(answer.whole);
                BOOST_TEST(answer.body == text);
                BOOST_TEST(answer.header("x-sluice-model") == "m");
                BOOST_TEST(w.second.calls() == 0u);
            }
    const std::string body(completion);
    for (const auto& text :
         {answer_text(body),
          json_head("transfer-encoding: chunked\r\n\r\n") + chunk(body)
              + std::string(last_chunk)}) {
        world w(drips(text));
        const auto answer = ask(w.gate, "n");
        BOOST_TEST(answer.whole);
        BOOST_TEST(answer.body == body);
    }
}

BOOST_AUTO_TEST_CASE(a_whole_stream_without_a_token_is_an_answer)
{
    const std::string events =
        std::string(role_event) + std::string(stop_event) + std::string(done_event);
    world w(says(stream_of(events)));
    const auto answer = ask(w.gate, "n", streaming);
    BOOST_TEST(answer.whole);
    BOOST_TEST(answer.body == events);
}

BOOST_AUTO_TEST_CASE(an_error_that_is_null_is_none)
{
    const std::string body = R"({"id":"r","error":null,"output":[]})";
    world w(says(answer_text(body)));
    BOOST_TEST(ask(w.gate, "n").body == body);
    BOOST_TEST(w.second.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_committed_stream_never_changes_its_target)
{
    const auto begun = std::string(stream_head) + chunk(token_event("one"));
    for (const auto& what :
         {says_and_resets(begun),
          says_and_ends(begun),
          says(begun + std::string(last_chunk)),
          says(begun + chunk(error_event) + std::string(last_chunk))}) {
        world w(what);
        auto client = w.gate.connect();
        client.send(question("n", streaming));
        BOOST_TEST(client.head().status() == 200u);
        const auto got = client.until("\"error\"");
        BOOST_TEST(got.find("\"one\"") != std::string::npos);
        BOOST_TEST(got.find("[DONE]") == std::string::npos);
        BOOST_TEST(w.gate.becomes("sluice_in_flight_requests", {}, 0));
        BOOST_TEST(w.second.calls() == 0u);
    }
}

BOOST_AUTO_TEST_CASE(bytes_and_time_and_heartbeats_end_the_hold_where_the_configuration_says_so)
{
    std::string more_than_256;
    while (more_than_256.size() < 256)
        more_than_256 += role_event;
    const auto begun = std::string(stream_head) + chunk(more_than_256);
    const std::vector<std::string_view> rules{
        "precommit: { bytes: 256 }",
        "precommit: off",
        "precommit: { wait: 100ms }",
        "precommit: { heartbeat: true }"};
    for (const auto rule : rules) {
        world w(says_and_hangs(begun), rule, true, "100ms");
        auto client = w.gate.connect();
        client.send(question("n", streaming));
        BOOST_TEST(client.head().status() == 200u);
        (void)client.until("assistant");
        (void)client.until(": heartbeat");
        BOOST_TEST(w.second.calls() == 0u);
    }
    // Nothing of it by itself.
    world w(says_and_hangs(begun), {}, true, "100ms");
    auto client = w.gate.connect();
    client.send(question("n", streaming));
    BOOST_TEST(!client.stirs(milliseconds(500)));
}

BOOST_AUTO_TEST_CASE(what_is_held_is_bounded)
{
    std::string comments;
    while (comments.size() < 70'000)
        comments += ": still thinking\n\n";
    world w(says_and_hangs(std::string(stream_head) + chunk(comments)));
    auto client = w.gate.connect();
    client.send(question("n", streaming));
    BOOST_TEST(client.head().status() == 200u);
    (void)client.exactly(comments.size());
    BOOST_TEST(w.second.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_while_the_answer_is_held_ends_the_call)
{
    world w(says_and_hangs(std::string(stream_head) + chunk(role_event)));
    auto client = w.gate.connect();
    client.send(question("n", streaming));
    BOOST_TEST(w.gate.becomes("sluice_in_flight_requests", {}, 1));
    const auto until = clock::now() + patience;
    while (w.first.calls() == 0 && clock::now() < until)
        (void)w.gate.metric("sluice_in_flight_requests");
    client.close();
    BOOST_TEST(w.gate.becomes("sluice_attempts_total", {"outcome=\"cancelled\""}, 1));
    BOOST_TEST(w.gate.becomes("sluice_in_flight_requests", {}, 0));
    BOOST_TEST(w.second.calls() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
