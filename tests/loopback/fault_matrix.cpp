// Every way in which a provider fails, plain and streamed, alone and with a model that stands in:
// what the client sees, how often the provider was asked, and that nobody gets another's answer.
//
// Elsewhere: certificates (upstream_tls), backlogs, idle connections that speak and reuse at the
// instant of a close by the thousand (upstream_pool), bombs of all kinds (upstream_answers), slow
// replicas (slow_replica), bursts and probes (flapping), storms and clients that leave (outages).

#include "fault_row.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(fault_matrix)

using namespace faults;

BOOST_AUTO_TEST_CASE(u1_a_reset_or_an_end_before_any_byte)
{
    run_both({.id = "reset", .first = says_and_resets("")});
    run_both({.id = "end", .first = says_and_ends("")});
    run_both({.id = "reset in the head", .first = says_and_resets("HTTP/1.1 200 OK\r\ncontent-")});
}

BOOST_AUTO_TEST_CASE(u2_a_reset_or_an_end_in_mid_answer)
{
    const auto token = token_event("@NONCE@");
    for (const auto how : {says_and_resets, says_and_ends}) {
        run(begun("after a token", streaming, streams(how, token)));
        run(begun("inside an event", streaming, streams(how, token + "data: {\"cho")));
        run({.id = "before a token", .more = streaming, .first = how(no_token_yet)});
        run(
            {.id = "of a short body",
             .first = tells(how, json("content-length: 200000\r\n\r\n" + held))});
        run(begun(
            "of a long body",
            {},
            tells(how, json("content-length: 200000\r\n\r\n" + more_than_is_held))));
    }
}

BOOST_AUTO_TEST_CASE(u3_silence_without_an_end)
{
    run_both(
        {.id = "before the head",
         .first = says_and_hangs(""),
         .status = 504,
         .timeouts = short_first_byte});
    run(
        {.id = "before a token",
         .more = streaming,
         .first = says_and_hangs(no_token_yet),
         .status = 504,
         .timeouts = short_first_token});
    run(
        {.id = "in a short body",
         .first = tells(says_and_hangs, json("content-length: 200000\r\n\r\n" + held)),
         .status = 504,
         .timeouts = short_idle});
    run(begun(
        "after a token", streaming, streams(says_and_hangs, token_event("@NONCE@")), short_idle));
    run(begun(
        "in a long body",
        {},
        tells(says_and_hangs, json("content-length: 200000\r\n\r\n" + more_than_is_held)),
        short_idle));
}

BOOST_AUTO_TEST_CASE(u4_a_head_an_octet_at_a_time)
{
    run_both(
        {.id = "slow head", .first = drips_a_head(), .status = 504, .timeouts = short_first_byte});
}

BOOST_AUTO_TEST_CASE(u5_less_than_was_announced)
{
    const std::string chunked = "transfer-encoding: chunked\r\n\r\n20000\r\n";
    run({.id = "short chunk", .first = tells(says_and_ends, json(chunked + held))});
    run(begun("long chunk", {}, tells(says_and_ends, json(chunked + more_than_is_held))));
    run(
        {.id = "stream without a token",
         .more = streaming,
         .first = says_and_ends(std::string(stream_head) + "500\r\n" + std::string(role_event))});
    run(begun(
        "stream with a token",
        streaming,
        tells(
            says_and_ends,
            std::string(stream_head) + "500\r\n" + token_event("@NONCE@") + "data: {\"choi")));
    // All its framing promised, but not the end of a stream.
    run(
        {.id = "an end without a token",
         .more = streaming,
         .first = says(no_token_yet + std::string(last_chunk))});
    run(begun(
        "an end without a reason",
        streaming,
        streams(says, token_event("@NONCE@"), std::string(last_chunk))));
}

BOOST_AUTO_TEST_CASE(u6_what_cannot_be_parsed_passes_unchanged)
{
    auto events = token_event("@NONCE@") + "data: {not json\n\n: comment\n\nevent: odd\ndata: ";
    events += std::string("\0\xff\xfe", 3) + "\n\n" + std::string(stop_event);
    events += done_event;
    auto stream = harmless("stream", streams(says, events, std::string(last_chunk)), 200, events);
    stream.more = R"("stream":true,"stream_options":{"include_usage":true},)";
    run(std::move(stream));
    const std::string body = "{\"choices\":[" + std::string("\0\xff\xfe", 3) + " @NONCE@ not json";
    run(harmless(
        "body",
        [body](connection& to, const message& request) {
            return to.send(answer_text(filled(body, nonce_of(request))));
        },
        200,
        body));
}

BOOST_AUTO_TEST_CASE(u7_u9_an_answer_with_something_behind_it)
{
    row whole{.id = "poison", .alone = sees::its_answer, .calls = 1, .calls_if_spared = 1};
    whole.first = answers_with(answer_text("poison"));
    run_both(whole);
    whole.id = "closed after every answer";
    whole.first = [](connection& to, const message& request) {
        (void)answers()(to, request);
        to.close();
        return false;
    };
    whole.exact = false;  // a connection may take a request that nobody reads any more
    run_both(whole);
}

BOOST_AUTO_TEST_CASE(u10_u11_u12_nobody_to_talk_to)
{
    row nobody{.id = "refused", .calls = 0, .calls_if_spared = 0};
    run_both(nobody);
    nobody.id = "no such name";
    nobody.base = "http://nowhere.invalid:9/v1";
    run_both(nobody);
    row mute{.id = "no TLS", .first = answers(), .status = 504, .calls = 0, .calls_if_spared = 0};
    mute.base = "https://127.0.0.1:@PORT@/v1";
    mute.timeouts = short_connect;
    run_both(mute);
}

BOOST_AUTO_TEST_CASE(u13_429_with_every_kind_of_advice)
{
    for (const std::string_view advice :
         {"",
          "retry-after-ms: 1\r\n",
          "retry-after: 0\r\n",
          "retry-after: 25\r\n",
          "retry-after: -5\r\n",
          "retry-after: Wed, 21 Oct 2015 07:28:00 GMT\r\n",
          "retry-after: Fri, 31 Dec 9999 23:59:59 GMT\r\n",
          "retry-after: soon\r\n",
          "retry-after: 99999999999999999999999999\r\n"})
        run_both(
            {.id = "429 " + std::string(advice),
             .first = says(refusal(429, advice)),
             .status = 429,
             .calls_if_spared = 1,
             .exact = false});
}

BOOST_AUTO_TEST_CASE(u14_errors_of_the_providers_making)
{
    for (const unsigned status : {500u, 502u, 503u, 529u})
        run_both({.id = std::to_string(status), .first = says(refusal(status)), .status = status});
    const std::string_view error = R"({"error":{"message":"overloaded","code":503}})";
    run_both({.id = "error in a 200", .first = says(answer_text(error))});
    const auto event = "data: " + std::string(error) + "\n\n";
    run(
        {.id = "error in a stream",
         .more = streaming,
         .first = says(
             std::string(stream_head) + chunk(std::string(role_event) + event)
             + std::string(last_chunk))});
}

BOOST_AUTO_TEST_CASE(u14_an_error_behind_a_token_is_the_clients_to_see)
{
    run(
        {.id = "error behind a token",
         .more = streaming,
         .first = streams(
             says,
             token_event("@NONCE@") + "data: {\"error\":{\"message\":\"overloaded\"}}\n\n",
             std::string(last_chunk)),
         .alone = sees::told,
         .spared = sees::told,
         .calls = 1,
         .calls_if_spared = 1});
}

// Far more than the sockets between them take.
constexpr std::size_t much = 1U << 20U;

BOOST_AUTO_TEST_CASE(u16_an_answer_before_the_question_is_sent)
{
    const std::string too_much = R"({"error":{"message":"@NONCE@ is too much"}})";
    const auto refuses = [&](act (*how)(std::string), std::string_view fields) -> act {
        return [=](connection& to, const message& request) {
            const auto text = answer_text(filled(too_much, nonce_of(request)), 413, fields);
            return how(text)(to, request);
        };
    };
    constexpr std::string_view last = "connection: close\r\n";
    for (const auto more : {std::string_view{}, streaming}) {
        for (const auto& act :
             {refuses(says, ""), refuses(says_and_ends, ""), refuses(says_and_hangs, last)}) {
            auto refused = harmless("413", act, 413, too_much);
            refused.more = more;
            refused.unread = much;
            run(std::move(refused));
        }
        run(
            {.id = "503",
             .more = more,
             .first = says(refusal(503)),
             .status = 503,
             .unread = much});
        run(
            {.id = "200",
             .more = more,
             .first = answers(),
             .alone = sees::its_answer,
             .calls = 1,
             .calls_if_spared = 1,
             .unread = much});
        run({.id = "reset", .more = more, .first = says_and_resets(""), .unread = much});
    }
}

BOOST_AUTO_TEST_CASE(u16_u18_answers_that_are_the_clients)
{
    for (const auto more : {std::string_view{}, streaming}) {
        const auto passed = [&](std::string_view id, std::string_view text, unsigned status) {
            auto what = harmless(std::string(id), says(std::string(text)), status, {});
            what.body = text.substr(text.find("\r\n\r\n") + 4);
            what.more = more;
            run(std::move(what));
        };
        passed("413", refusal(413, "connection: close\r\n"), 413);
        passed("400", refusal(400), 400);
        passed("redirect", answer_text("moved", 307, "location: http://127.0.0.1:1/\r\n"), 307);
        passed(
            "HTML",
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>",
            200);
    }
}

BOOST_AUTO_TEST_CASE(u17_what_is_no_answer_to_a_request)
{
    std::string flood;
    for (unsigned i = 0; i < 100; ++i)
        flood += "HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n";
    run_both({.id = "1xx flood", .first = says_and_ends(flood)});
    run_both(
        {.id = "101",
         .first = says_and_ends("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n"
                                "connection: upgrade\r\n\r\n")});
    run_both(
        {.id = "large head",
         .first =
             says_and_ends("HTTP/1.1 200 OK\r\nx: " + std::string(70'000, 'y') + "\r\n\r\n{}")});
    run_both({.id = "no HTTP", .first = says_and_ends("SSH-2.0-OpenSSH_9\r\n\r\n")});
}

BOOST_AUTO_TEST_SUITE_END()
