// What each fault of the simulated provider puts on the wire.

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <iterator>
#include <loopback/simulated.hpp>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(simulated_provider)

using namespace simulated;

BOOST_AUTO_TEST_CASE(a_stream_is_one_chunk_for_each_event_and_ends_with_done)
{
    provider p{{.name = "stable"}};
    auto c = p.client();
    c.chat("any", true);
    const std::string head = c.until("\r\n\r\n");
    BOOST_TEST(head.starts_with("HTTP/1.1 200 OK\r\n"));
    for (const std::string_view field :
         {"\r\ntransfer-encoding: chunked",
          "\r\ncontent-type: text/event-stream",
          "\r\nx-request-id: ",
          "\r\nopenai-processing-ms: ",
          "\r\nx-ratelimit-limit-requests: "})
        BOOST_TEST(head.find(field) != std::string::npos);
    const std::string body = c.until(final_chunk);
    std::size_t at = 0;
    std::vector<std::string> events;
    while (at < body.size()) {
        const std::size_t size = std::stoul(body.substr(at), nullptr, 16);
        at = body.find("\r\n", at) + 2;
        if (size > 0)
            events.push_back(body.substr(at, size));
        at += size + 2;
    }
    BOOST_TEST(events.size() == 19U);  // role, 16 tokens, finish, [DONE]
    for (const auto& event : events)
        BOOST_TEST((event.starts_with("data: ") && event.ends_with("\n\n")));
    BOOST_TEST(events[1].find("stable:") != std::string::npos);
    BOOST_TEST(events[1].find("sim_sent_ns") != std::string::npos);
    BOOST_TEST(events.back() == "data: [DONE]\n\n");
}

BOOST_AUTO_TEST_CASE(a_cut_has_its_tokens_and_then_a_fin_without_the_last_chunk)
{
    provider p;
    error_code ended;
    const std::string all = p.broken_stream("sim-cut-3", ended);
    BOOST_TEST((ended == asio::error::eof));
    BOOST_TEST(occurrences(all, content_piece) == 3U);
    BOOST_TEST(all.ends_with("}\n\n\r\n"));
    BOOST_TEST(all.find("[DONE]") == std::string::npos);
    BOOST_TEST(p.sim.book().read().streams_broken == 1U);
}

BOOST_AUTO_TEST_CASE(a_clean_cut_has_the_last_chunk_but_no_finish_and_the_connection_goes_on)
{
    provider p;
    auto c = p.client();
    c.chat("sim-cut-clean-3", true);
    const std::string all = c.until(final_chunk);
    BOOST_TEST(occurrences(all, content_piece) == 3U);
    BOOST_TEST(all.find(R"("finish_reason":"stop")") == std::string::npos);
    BOOST_TEST(all.find("[DONE]") == std::string::npos);
    c.chat("sim-ok", false);
    BOOST_TEST(c.whole_answer().find("chat.completion") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_cut_inside_stops_in_the_middle_of_an_event)
{
    provider p;
    error_code ended;
    const std::string all = p.broken_stream("sim-cut-inside-2", ended);
    BOOST_TEST((ended == asio::error::eof));
    BOOST_TEST(!all.ends_with("\n"));
    BOOST_TEST(all.substr(all.rfind("data: ")).find("sim_sent_ns") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_reset_is_an_rst_after_its_tokens_or_before_any_byte)
{
    provider p;
    error_code ended;
    const std::string all = p.broken_stream("sim-reset-5+tps-200", ended);
    BOOST_TEST((ended == asio::error::connection_reset));
    BOOST_TEST(occurrences(all, content_piece) == 5U);
    BOOST_TEST(p.broken_stream("sim-reset-head", ended).empty());
    BOOST_TEST((ended == asio::error::connection_reset));
}

BOOST_AUTO_TEST_CASE(a_stall_is_silent_until_the_client_leaves_and_that_is_noticed)
{
    provider p;
    auto c = p.client();
    c.chat("sim-stall-3+keep-alive-20ms", true);
    const std::string all = c.until(": keep-alive\n\n");
    BOOST_TEST(occurrences(all, content_piece) == 3U);
    (void)c.until(": keep-alive\n\n");
    const auto before = steady::now();
    c.close();
    counters seen;
    while (steady::now() < before + seconds{10} && seen.last_cancel_ns == 0)
        seen = p.sim.book().read();
    BOOST_TEST(seen.streams_cancelled == 1U);
    BOOST_TEST(seen.streams_open == 0U);
    BOOST_TEST(
        seen.last_cancel_ns
        >= std::chrono::duration_cast<nanoseconds>(before.time_since_epoch()).count());
}

BOOST_AUTO_TEST_CASE(an_error_in_a_200_ends_the_stream_without_done)
{
    provider p;
    for (const auto& [model, tokens] :
         {std::pair{"sim-error-in-200", 0U}, std::pair{"sim-error-in-200-4", 4U}}) {
        auto c = p.client();
        c.chat(model, true);
        const std::string all = c.until(final_chunk);
        BOOST_TEST(all.starts_with("HTTP/1.1 200 "));
        BOOST_TEST(occurrences(all, content_piece) == tokens);
        BOOST_TEST(all.find(R"(data: {"error":{"message":)") != std::string::npos);
        BOOST_TEST(all.find("[DONE]") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(half_utf8_puts_a_chunk_boundary_inside_a_character)
{
    provider p;
    auto c = p.client();
    c.chat("sim-half-utf8", true);
    const std::string all = c.until(final_chunk);
    const auto boundary = std::regex{"[\xc2-\xf4]\r\n[0-9a-f]+\r\n[\x80-\xbf]"};
    const auto count = std::distance(
        std::sregex_iterator(all.begin(), all.end(), boundary), std::sregex_iterator());
    BOOST_TEST(count == 16);
}

BOOST_AUTO_TEST_CASE(odd_events_are_as_odd_as_asked_for)
{
    provider p;
    auto c = p.client();
    c.chat("sim-big-event-2MiB", true);
    BOOST_TEST(c.until(final_chunk).find(std::string(2U << 20U, 'x')) != std::string::npos);
    c.chat("sim-bad-event+no-done", true);
    const std::string all = c.until(final_chunk);
    BOOST_TEST(all.find("this is not JSON") != std::string::npos);
    BOOST_TEST(all.find("[DONE]") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(refusals_have_their_status_and_fields)
{
    provider p;
    auto c = p.client();
    std::string head;
    c.chat("sim-error-503", true);
    BOOST_TEST(c.whole_answer(&head).find(R"("type":"server_error")") != std::string::npos);
    BOOST_TEST(head.starts_with("HTTP/1.1 503 "));
    c.chat("sim-429-30s", false);
    (void)c.whole_answer(&head);
    BOOST_TEST(head.starts_with("HTTP/1.1 429 "));
    BOOST_TEST(head.find("\r\nretry-after: 30\r\n") != std::string::npos);
    c.chat("sim-429-30s+retry-after-junk", false);
    (void)c.whole_answer(&head);
    BOOST_TEST(head.find("\r\nretry-after: soon\r\n") != std::string::npos);
    c.post(
        "/v1/chat/completions",
        R"({"model":"sim-echo-key","messages":[{"role":"user","content":"x"}]})",
        "authorization: Bearer sk-leak\r\n");
    BOOST_TEST(c.whole_answer(&head).find("Bearer sk-leak") != std::string::npos);
    BOOST_TEST(head.starts_with("HTTP/1.1 401 "));
    c.chat("sim-cutt-3", false);
    BOOST_TEST(c.whole_answer(&head).find("model_not_found") != std::string::npos);
    BOOST_TEST(head.starts_with("HTTP/1.1 404 "));
}

BOOST_AUTO_TEST_CASE(a_plain_answer_breaks_in_its_middle)
{
    provider p;
    error_code ended;
    for (const std::string_view model : {"sim-cut-1", "sim-reset-1"}) {
        auto c = p.client();
        c.chat(model, false);
        const std::string all = c.rest(ended);
        BOOST_TEST(all.find("content-length: ") != std::string::npos);
        BOOST_TEST(all.find("sim_sent_ns") == std::string::npos);
        BOOST_TEST(
            (ended
             == (model == "sim-cut-1"
                     ? asio::error::make_error_code(asio::error::eof)
                     : asio::error::make_error_code(asio::error::connection_reset))));
    }
}

BOOST_AUTO_TEST_CASE(connections_end_and_are_poisoned_as_asked_for)
{
    provider p;
    error_code ended;
    auto announced = p.client();
    announced.chat("sim-close", false);
    BOOST_TEST(announced.rest(ended).find("\r\nconnection: close\r\n") != std::string::npos);
    auto silent = p.client();
    silent.chat("sim-hang-up", false);
    BOOST_TEST(silent.rest(ended).find("connection: close") == std::string::npos);
    auto poisoned = p.client();
    poisoned.chat("sim-extra-bytes+hang-up", false);
    BOOST_TEST(
        poisoned.rest(ended).ends_with("}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"));
    auto hinted = p.client();
    hinted.chat("sim-interim-3+slow-head-1ms+hang-up", false);
    const std::string all = hinted.rest(ended);
    BOOST_TEST(occurrences(all, "HTTP/1.1 103 ") == 3U);
    BOOST_TEST(occurrences(all, "HTTP/1.1 200 ") == 1U);
}

BOOST_AUTO_TEST_CASE(an_http_1_0_stream_is_not_chunked_and_ends_with_the_connection)
{
    provider p;
    auto c = p.client();
    const std::string body =
        R"({"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]})";
    c.send(
        "POST /v1/chat/completions HTTP/1.0\r\ncontent-length: " + std::to_string(body.size())
        + "\r\n\r\n" + body);
    const std::string all = c.rest();
    BOOST_TEST(all.find("transfer-encoding") == std::string::npos);
    BOOST_TEST(all.ends_with("\n\ndata: [DONE]\n\n"));
}

BOOST_AUTO_TEST_SUITE_END()
