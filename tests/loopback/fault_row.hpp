#pragma once
// One fault of a provider and what must come of it: a row of the fault matrix, and how it is tried.

#include "support/scripted.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace faults {

using namespace loopback;

enum class sees : std::uint8_t {
    its_answer,  // whole, with its nonce
    error,       // whole, of the row's status
    broken,      // begun, and cut in a way that cannot be missed
    told,        // begun, and ended by the provider's own error
    unchanged    // what the provider sent, octet by octet
};

struct row {
    std::string id = {};
    std::string_view more = {};  // streaming, or nothing
    act first = {};              // what the provider does; none: nobody listens
    sees alone = sees::error;
    unsigned status = 502;
    sees spared = sees::its_answer;  // with a fallback
    unsigned calls = 2;              // of each request at this provider
    unsigned calls_if_spared = 2;
    bool exact = true;  // that many; else at most
    std::string body = {};
    std::string_view base = {};  // where the provider is said to be
    std::string_view timeouts = "{}";
    std::size_t unread = 0;  // octets of a question that the provider has not read when it acts
};

// Only what it waits for in vain is short: a provider that is held up answers all else in time.
inline constexpr std::string_view short_connect = "{ connect: 500ms }";
inline constexpr std::string_view short_first_byte = "{ first_byte: 500ms }";
inline constexpr std::string_view short_first_token = "{ first_token: 500ms }";
inline constexpr std::string_view short_idle = "{ stream_idle: 500ms }";

inline constexpr std::string_view mark = "@NONCE@";
inline constexpr std::string_view role_event =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"},"
    "\"finish_reason\":null}]}\n\n";

inline std::string filled(std::string text, std::string_view nonce)
{
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at))
        text.replace(at, mark.size(), nonce);
    return text;
}

inline act tells(act (*how)(std::string), std::string text)
{
    return [how, text = std::move(text)](connection& to, const message& request) {
        return how(filled(text, nonce_of(request)))(to, request);
    };
}

// The whole answer and something behind it, in one piece.
inline act answers_with(std::string behind)
{
    return [behind = std::move(behind)](connection& to, const message& request) {
        const auto text = nonce_of(request);
        if (request.says("\"stream\":true"))
            return to.send(
                std::string(stream_head) + chunk(token_event(text)) + chunk(stop_event)
                + chunk(done_event) + std::string(last_chunk) + behind);
        return to.send(
            answer_text(R"({"choices":[{"message":{"content":")" + text + "\"}}]}") + behind);
    };
}

// An octet every 20 ms: never silent for long, never done.
inline act drips_a_head()
{
    return [](connection& to, const message&) {
        for (const char octet : std::string("HTTP/1.1 200 OK\r\nx: ") + std::string(500, 'y'))
            if (to.ends(milliseconds(20)) || !to.send({&octet, 1}))
                return false;
        return false;
    };
}

inline std::string refusal(unsigned status, std::string_view fields = {})
{
    const std::string_view code = status == 429 ? "rate_limit_exceeded" : "x";
    return answer_text(
        R"({"error":{"message":"no","type":"t","param":null,"code":")" + std::string(code) + "\"}}",
        status,
        fields);
}

inline std::string json(std::string_view framing_and_body)
{
    return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + std::string(framing_and_body);
}

inline const std::string held = R"({"choices":[{"message":{"content":"@NONCE@)";
inline const std::string more_than_is_held = held + std::string(70'000, 'z');
inline const std::string no_token_yet = std::string(stream_head) + chunk(role_event);

// A chunk whose size is right once the nonce is filled in.
inline act streams(act (*how)(std::string), std::string events, std::string tail = {})
{
    return [=](connection& to, const message& request) {
        const auto payload = chunk(filled(events, nonce_of(request)));
        return how(std::string(stream_head) + payload + tail)(to, request);
    };
}

struct world {
    world(const row& what, bool spared)
        : first(
              {what.first ? what.first : answers()},
              what.unread > 0 ? reading::start : reading::all),
          second({answers()}),
          gate(configured(what, spared))
    {
    }

    config configured(const row& what, bool spared) const
    {
        auto base = base_url(what.first ? first.port() : nobody.port());
        if (!what.base.empty())
            base = what.base;
        if (const auto at = base.find("@PORT@"); at != std::string::npos)
            base.replace(at, 6, std::to_string(first.port()));
        return config(first.port())
            .set("timeouts", what.timeouts)
            .set(
                "providers",
                "{ one: { base_url: '" + base + "', api_key: " + std::string(provider_key)
                    + " }, two: { base_url: '" + base_url(second.port()) + "' } }")
            .set(
                "models",
                "{ m: { targets: [{ provider: one }], breaker: { failures: 1000, minimum: 1000 }, "
                "retry: { attempts: 2, base: 1ms, cap: 200ms }"
                    + std::string(spared ? ", fallbacks: [spare]" : "")
                    + " }, spare: { targets: [{ provider: two }], retry: { attempts: 1 } } }");
    }

    scripted first;
    scripted second;
    closed_port nobody;
    gateway gate;
};

inline std::string nonce_number(unsigned i)
{
    return "nonce-" + std::to_string(i) + "-";
}

inline constexpr unsigned at_once = 3;
inline constexpr unsigned asked = at_once + 1;

// Three questions together and one when they are answered, each on a connection of its own that
// must carry one answer and nothing else.
inline std::vector<message> ask_all(gateway& gate, const row& what)
{
    const std::string behind =
        what.unread > 0 ? ",\"filler\":\"" + std::string(what.unread, 'x') + '"' : "";
    std::vector<connection> clients(asked);
    std::vector<message> answers;
    const auto send = [&](unsigned i) {
        clients[i] = gate.connect();
        clients[i].send(question(nonce_number(i), what.more, "connection: close\r\n", "m", behind));
    };
    const auto receive = [&](unsigned i) {
        answers.push_back(clients[i].answer());
        BOOST_TEST(clients[i].ends());
        BOOST_TEST(clients[i].input().empty(), "more than one answer: " + clients[i].input());
    };
    for (unsigned i = 0; i < at_once; ++i)
        send(i);
    for (unsigned i = 0; i < at_once; ++i)
        receive(i);
    send(at_once);
    receive(at_once);
    return answers;
}

inline void expect(const message& got, sees what, const row& as, unsigned number)
{
    const auto nonce = nonce_number(number);
    switch (what) {
    case sees::its_answer:
        BOOST_TEST(answered(got, nonce), got.start_line + got.body);
        break;
    case sees::error:
        BOOST_TEST(got.status() == as.status, got.start_line);
        BOOST_TEST(got.whole);
        BOOST_TEST(got.says("\"error\""), got.body);
        BOOST_TEST(!got.says("data: "), got.body);
        break;
    case sees::broken:
        BOOST_TEST(got.status() == 200u);
        BOOST_TEST(!got.whole, "it looks whole: " + got.body);
        BOOST_TEST(got.says(nonce));
        BOOST_TEST(!got.says("[DONE]"));
        BOOST_TEST(got.says("\"error\":{\"message\":") == !as.more.empty(), got.body);
        break;
    case sees::told:
        BOOST_TEST(got.status() == 200u);
        BOOST_TEST(got.says(nonce));
        BOOST_TEST(!got.says("[DONE]"));
        BOOST_TEST(got.says("data: {\"error\":"), got.body);
        break;
    case sees::unchanged:
        BOOST_TEST(got.status() == as.status, got.start_line);
        BOOST_TEST(got.whole);
        BOOST_TEST(got.body == filled(as.body, nonce));
        break;
    }
    for (unsigned other = 0; other < asked; ++other)
        if (other != number)
            BOOST_TEST(!got.says(nonce_number(other)), "another's answer: " + got.body);
}

inline void expect_calls(const scripted& at, unsigned each, bool exact)
{
    if (exact)
        BOOST_TEST(at.called(each * asked));
    std::vector<unsigned> calls(asked);
    for (unsigned i = 0; i < at.calls(); ++i)
        for (unsigned number = 0; number < asked; ++number)
            calls[number] += nonce_of(at.request(i)) == nonce_number(number) ? 1 : 0;
    for (const auto count : calls)
        BOOST_TEST((exact ? count == each : count <= each), count);
}

inline void run(const row& what, bool spared)
{
    BOOST_TEST_CONTEXT(
        what.id << (what.more.empty() ? " plain" : " streamed")
                << (spared ? " with a fallback" : " alone"))
    {
        world w(what, spared);
        const auto answers = ask_all(w.gate, what);
        for (unsigned i = 0; i < asked; ++i)
            expect(answers[i], spared ? what.spared : what.alone, what, i);
        expect_calls(w.first, spared ? what.calls_if_spared : what.calls, what.exact);
        const bool helped =
            spared && what.alone != sees::its_answer && what.spared == sees::its_answer;
        expect_calls(w.second, helped ? 1 : 0, true);
        BOOST_TEST(w.gate.becomes("sluice_requests_total", {}, asked));
        BOOST_TEST(w.gate.becomes("sluice_in_flight_requests", {}, 0));
        if (what.exact && what.calls > 0)
            BOOST_TEST(
                w.gate.metric("sluice_attempts_total") == w.first.calls() + w.second.calls());
    }
}

inline void run(row what)
{
    run(what, false);
    run(what, true);
}

// The same for both kinds of request.
inline void run_both(row what)
{
    for (const auto more : {std::string_view{}, streaming}) {
        what.more = more;
        run(what);
    }
}

// The client has a part of it: nobody else is asked.
inline row begun(std::string id, std::string_view more, act first, std::string_view timeouts = "{}")
{
    return {
        .id = std::move(id),
        .more = more,
        .first = std::move(first),
        .alone = sees::broken,
        .spared = sees::broken,
        .calls = 1,
        .calls_if_spared = 1,
        .timeouts = timeouts};
}

inline row harmless(std::string id, act first, unsigned status, std::string body)
{
    return {
        .id = std::move(id),
        .first = std::move(first),
        .alone = sees::unchanged,
        .status = status,
        .spared = sees::unchanged,
        .calls = 1,
        .calls_if_spared = 1,
        .body = std::move(body)};
}

}  // namespace faults
