#include <sluice/wire/error_body.hpp>
#include <sluice/wire/sse_tap.hpp>

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(error_bodies)

using sluice::errc;
using namespace sluice::wire;

BOOST_AUTO_TEST_CASE(an_error_has_its_rows_type_and_code_and_real_nulls)
{
    BOOST_TEST(
        error_body(errc::model_not_found, "no model \"x\"", "model")
        == R"({"error":{"message":"no model \"x\"","type":"invalid_request_error","param":"model","code":"model_not_found"}})");
    BOOST_TEST(
        error_body(errc::upstream_reset)
        == R"({"error":{"message":"the provider reset the connection","type":"server_error","param":null,"code":"bad_gateway"}})");
}

BOOST_AUTO_TEST_CASE(whatever_is_named_the_body_is_json)
{
    std::string all;
    for (int c = 0; c < 256; ++c)
        all += static_cast<char>(c);
    simdjson::dom::parser oracle;
    for (std::size_t i = 1; i <= sluice::errc_count; ++i) {
        const auto body = error_body(static_cast<errc>(i), all, all);
        simdjson::dom::element parsed;
        BOOST_TEST((oracle.parse(body).get(parsed) == simdjson::SUCCESS), body);
        BOOST_TEST(parsed["error"]["code"].is_string());
    }
}

// The messages of the errors that a client reads in an event stream; what it cannot parse is one.
std::vector<std::string> errors_in(std::string text)
{
    for (auto at = text.find("\r\n"); at != std::string::npos; at = text.find("\r\n"))
        text.replace(at, 2, "\n");
    std::ranges::replace(text, '\r', '\n');
    std::vector<std::string> messages;
    simdjson::dom::parser oracle;
    std::istringstream lines(text);
    std::string data;
    bool any = false;
    for (std::string line; std::getline(lines, line);) {
        any = any || line.starts_with("data") || line.starts_with("event:")
              || line.starts_with("id:");
        if (line.starts_with("data"))
            data += line.substr(std::min<std::size_t>(line.size(), 5)) + '\n';
        if (!line.empty() || !std::exchange(any, false))
            continue;
        simdjson::dom::element event;
        std::string_view message;
        if (oracle.parse(data).get(event) != simdjson::SUCCESS)
            messages.push_back("unreadable: " + data);
        else if (event["error"]["message"].get(message) == simdjson::SUCCESS)
            messages.emplace_back(message);
        data.clear();
    }
    return messages;
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_cut_anywhere_tells_the_error_in_an_event_clients_can_read)
{
    for (const std::string end : {"\n", "\r\n", "\r"}) {
        const auto text = "data: {\"choices\":[{\"delta\":{\"content\":\"a\\n\"}}]}" + end + end
                          + ": comment" + end + end + "event: delta" + end + "id: 7" + end
                          + "data:{\"type\":\"x\",\"n\":[1.5,{}]}" + end + end;
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            for (std::size_t step : {std::size_t{1}, std::size_t{7}, text.size()}) {
                sluice::wire::sse_tap tap(sluice::wire::endpoint::chat_completions);
                for (std::size_t at = 0; at < cut; at += step)
                    tap.feed(std::string_view(text).substr(at, std::min(step, cut - at)), {});
                auto sent = text.substr(0, cut);
                append_error_event(sent, errc::upstream_eof, "gone\n\nevent: x", &tap);
                const std::vector<std::string> wanted{"gone\n\nevent: x"};
                BOOST_TEST(errors_in(sent) == wanted, sent);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(an_event_without_data_goes_on_with_the_error)
{
    sluice::wire::sse_tap tap(sluice::wire::endpoint::responses);
    std::string sent = "event: response.crea";
    tap.feed(std::string_view(sent), {});
    append_error_event(sent, errc::upstream_eof, "gone", &tap);
    BOOST_TEST(sent.starts_with("event: response.crea\ndata: {\"error\":{\"message\":\"gone\","));
}

BOOST_AUTO_TEST_SUITE_END()
