// The simulated provider as an API: endpoints, control calls, time, keys, its own start and end.

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <loopback/simulated.hpp>
#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(simulated_api)

using namespace simulated;

BOOST_AUTO_TEST_CASE(latency_and_rate_are_kept)
{
    provider p;
    auto c = p.client();
    const auto before = steady::now();
    c.chat("sim-latency-100ms+tps-100+tokens-11", true);
    (void)c.until(content_piece);
    BOOST_TEST((steady::now() - before >= milliseconds{100}));
    (void)c.until(final_chunk);
    BOOST_TEST((steady::now() - before >= milliseconds{200}));
    const auto again = steady::now();
    c.chat("sim-latency-50ms", false);
    (void)c.whole_answer();
    BOOST_TEST((steady::now() - again >= milliseconds{49}));
}

BOOST_AUTO_TEST_CASE(an_echo_comes_back_byte_for_byte)
{
    provider p;
    auto c = p.client();
    c.chat("any", false, "echo: nonce-42  twice   日本");
    BOOST_TEST(c.whole_answer().find(R"("content":"nonce-42  twice   日本")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(responses_events_come_in_the_order_of_the_api)
{
    provider p;
    auto c = p.client();
    c.post("/v1/responses", R"({"model":"sim-tokens-2","stream":true,"input":"hi"})");
    const std::string all = c.until(final_chunk);
    std::string order;
    const std::regex line{"event: response\\.([a-z_.]+)\n"};
    for (std::sregex_iterator at{all.begin(), all.end(), line}, end; at != end; ++at)
        order += (*at)[1].str() + ' ';
    BOOST_TEST(
        order
        == "created in_progress output_item.added content_part.added output_text.delta "
           "output_text.delta output_text.done content_part.done output_item.done completed ");
    BOOST_TEST(all.find("[DONE]") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(embeddings_are_unit_vectors_in_both_encodings)
{
    provider p;
    auto c = p.client();
    c.post("/v1/embeddings", R"({"model":"m","input":["a","b"],"dimensions":3})");
    simdjson::dom::parser parser;
    const std::string floats = c.whole_answer();
    const auto data = parser.parse(floats)["data"];
    BOOST_TEST(data.get_array().size() == 2U);
    double squares = 0;
    for (const simdjson::dom::element value : data.at(1)["embedding"].get_array())
        squares += double(value) * double(value);
    BOOST_TEST(squares == 1.0, boost::test_tools::tolerance(1e-5));
    c.post(
        "/v1/embeddings", R"({"model":"m","input":"a","dimensions":3,"encoding_format":"base64"})");
    std::smatch found;
    const std::string packed = c.whole_answer();
    BOOST_TEST(
        std::regex_search(packed, found, std::regex{R"re("embedding":"([A-Za-z0-9+/]{16})")re"}));
}

BOOST_AUTO_TEST_CASE(the_same_seed_and_requests_get_the_same_words)
{
    const auto words = [](std::uint64_t seed) {
        provider p{{.seed = seed}};
        auto c = p.client();
        std::string all;
        for (int i = 0; i < 5; ++i) {
            c.chat("any", false);
            const std::string body = c.whole_answer();
            const auto at = body.find(R"("content":)");
            all += body.substr(0, body.find(R"("created")")) + body.substr(at, 100);
        }
        return all;
    };
    BOOST_TEST(words(1) == words(1));
    BOOST_TEST(words(1) != words(2));
}

BOOST_AUTO_TEST_CASE(the_control_api_changes_shows_counts_and_resets)
{
    provider p;
    auto c = p.client();
    std::string head;
    c.call("PUT", "/sim/behaviour", R"({"default":"error-502","models":{"good":"ok"}})", "");
    BOOST_TEST(c.whole_answer().starts_with(
        R"({"default":"error-502","models":{"good":"ok"},"grammar":[)"));
    c.chat("any", false);
    (void)c.whole_answer(&head);
    BOOST_TEST(head.starts_with("HTTP/1.1 502 "));
    c.chat("good", false);
    (void)c.whole_answer(&head);
    BOOST_TEST(head.starts_with("HTTP/1.1 200 "));
    c.call("PUT", "/sim/behaviour", R"({"default":"nonsense"})", "");
    BOOST_TEST(c.whole_answer(&head).find("'nonsense'") != std::string::npos);
    BOOST_TEST(head.starts_with("HTTP/1.1 400 "));

    simdjson::dom::parser parser;
    c.call("GET", "/sim/stats", "", "");
    std::string stats = c.whole_answer();
    auto root = parser.parse(stats);
    BOOST_TEST(std::uint64_t(root["requests"]) == 2U);
    BOOST_TEST(std::uint64_t(root["tokens"]) == 16U);
    BOOST_TEST(std::uint64_t(root["statuses"]["502"]) == 1U);
    BOOST_TEST(std::uint64_t(root["connections"]["open"]) == 1U);
    c.call("POST", "/sim/reset", "", "");
    (void)c.whole_answer();
    c.call("GET", "/sim/behaviour", "", "");
    BOOST_TEST(c.whole_answer().starts_with(R"({"default":"","models":{})"));
    BOOST_TEST(p.sim.book().read().requests == 0U);
}

BOOST_AUTO_TEST_CASE(a_key_is_wanted_when_one_is_set_and_counted_by_its_end)
{
    provider p{{.key = "sk-right-1234"}};
    auto c = p.client();
    std::string head;
    c.chat("m", false);
    BOOST_TEST(c.whole_answer(&head).find("invalid_api_key") != std::string::npos);
    BOOST_TEST(head.starts_with("HTTP/1.1 401 "));
    c.call("GET", "/v1/models", "", "authorization: Bearer sk-right-1234\r\n");
    BOOST_TEST(c.whole_answer(&head).find("sim-latency-250ms") != std::string::npos);
    BOOST_TEST(head.starts_with("HTTP/1.1 200 "));
    c.call("GET", "/sim/stats", "", "");
    BOOST_TEST(c.whole_answer().find(R"("keys":{"...1234":1,"none":1})") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_call_of_the_api_gets_its_error)
{
    provider p{{.body_bytes = 1000}};
    std::string head;
    auto c = p.client();
    c.call("GET", "/v1/chat/completions", "", "");
    (void)c.whole_answer(&head);
    BOOST_TEST(head.starts_with("HTTP/1.1 405 "));
    BOOST_TEST(head.find("\r\nallow: POST\r\n") != std::string::npos);
    c.call("GET", "/v2/anything", "", "");
    (void)c.whole_answer(&head);
    BOOST_TEST(head.starts_with("HTTP/1.1 404 "));
    c.call("GET", "/v1/models/sim-latency-5ms%2Btps-5", "", "");
    BOOST_TEST(c.whole_answer(&head).find(R"("id":"sim-latency-5ms+tps-5")") != std::string::npos);
    c.post("/v1/chat/completions", std::string(1001, ' '));
    BOOST_TEST(c.rest().starts_with("HTTP/1.1 413 "));
    auto fits = p.client();
    fits.post("/v1/chat/completions", std::string(1000, ' '));
    (void)fits.whole_answer(&head);
    BOOST_TEST(head.starts_with("HTTP/1.1 400 "));
    auto broken = p.client();
    broken.send("nonsense\r\n\r\n");
    BOOST_TEST(broken.rest().starts_with("HTTP/1.1 400 "));
}

BOOST_AUTO_TEST_CASE(a_client_that_waits_for_100_continue_gets_it)
{
    provider p;
    auto c = p.client();
    const std::string body = R"({"model":"m","messages":[{"role":"user","content":"x"}]})";
    c.send(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: s\r\nexpect: "
        "100-continue\r\ncontent-length: "
        + std::to_string(body.size()) + "\r\n\r\n");
    BOOST_TEST(c.until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    c.send(body);
    std::string head;
    (void)c.whole_answer(&head);
    BOOST_TEST(head.starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_closed_when_its_time_is_up)
{
    provider p{{.idle = seconds{1}}};
    auto c = p.client();
    error_code ended;
    BOOST_TEST(c.rest(ended).empty());
    BOOST_TEST((ended == asio::error::eof));
}

BOOST_AUTO_TEST_CASE(hundreds_of_open_streams_do_not_keep_another_client_waiting)
{
    provider p;
    std::vector<std::unique_ptr<raw_client>> open;
    for (int i = 0; i < 400; ++i) {
        open.push_back(std::make_unique<raw_client>(p.sim.port()));
        open.back()->chat("sim-stall-1", true);
    }
    for (auto& each : open)
        (void)each->until(content_piece);
    BOOST_TEST(p.sim.book().read().streams_open == 400U);
    auto c = p.client();
    c.chat("any", false);
    BOOST_TEST(c.whole_answer().find("chat.completion") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(stop_ends_every_connection)
{
    provider p;
    auto idle = p.client();
    auto stalled = p.client();
    stalled.chat("sim-stall-1", true);
    (void)stalled.until(content_piece);
    p.sim.stop();
    error_code ended;
    (void)stalled.rest(ended);
    BOOST_TEST((ended == asio::error::eof));
    (void)idle.rest(ended);
    BOOST_TEST(ended.failed());
    BOOST_TEST(p.sim.book().read().open_connections == 0U);
    BOOST_TEST(p.sim.book().read().streams_broken == 1U);
}

BOOST_AUTO_TEST_CASE(it_runs_on_a_context_of_the_caller)
{
    asio::io_context context{1};
    simulator sim{{}};
    BOOST_TEST_REQUIRE(sim.start(context).has_value());
    std::thread runner{[&] { context.run(); }};
    raw_client c{sim.port()};
    c.chat("any", false);
    BOOST_TEST(c.whole_answer().find("chat.completion") != std::string::npos);
    sim.stop();
    runner.join();
}

BOOST_AUTO_TEST_CASE(an_address_or_behaviour_that_cannot_be_is_an_error_at_start)
{
    simulator nowhere{{.host = "not an address"}};
    BOOST_TEST(nowhere.start().has_error());
    simulator odd{{.behaviour = "nonsense"}};
    BOOST_TEST(odd.start().has_error());
    provider first;
    simulator second{{.host = "127.0.0.1", .port = first.sim.port()}};
    BOOST_TEST(second.start().has_error());
}

BOOST_AUTO_TEST_SUITE_END()
