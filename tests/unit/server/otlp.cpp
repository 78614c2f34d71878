#include <sluice/server/otlp.hpp>

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <array>

BOOST_AUTO_TEST_SUITE(otlp)

using namespace sluice;
using namespace sluice::server;
using observe::span_kind;
using observe::span_text;

namespace {

namespace dom = simdjson::dom;

observe::span request()
{
    observe::span one;
    auto& numbers = one.numbers;
    numbers.trace_high = 0x0af7651916cd43ddU;
    numbers.trace_low = 0x8448eb211c80319cU;
    numbers.id = 0xb7ad6b7169203331U;
    numbers.begin = nanoseconds(1'700'000'000'123'456'789);
    numbers.duration = milliseconds(40);
    numbers.flags = 1;
    numbers.status = 200;
    numbers.attempts = 1;
    one[span_text::operation] = "chat";
    one[span_text::method] = "POST";
    one[span_text::path] = "/v1/chat/completions";
    one[span_text::model] = "gpt-4o-mini";
    one[span_text::provider] = "openai";
    return one;
}

// One span's members, looked at as a reader of OTLP would.
struct shown {
    explicit shown(const observe::span& one)
        : text(otlp_span(one)),
          root(parser.parse(text))
    {
    }

    // An attribute's value, as JSON; empty: not there.
    [[nodiscard]] std::string attribute(std::string_view name)
    {
        for (const dom::element each : root["attributes"].get_array())
            if (std::string_view(each["key"]) == name)
                return simdjson::minify(each["value"]);
        return {};
    }
    [[nodiscard]] std::string member(std::string_view name)
    {
        dom::element found;
        return root[name].get(found) == simdjson::SUCCESS ? simdjson::minify(found) : std::string();
    }

    std::string text;
    dom::parser parser;
    dom::element root;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_request_is_a_server_span_named_by_what_is_done)
{
    shown span(request());
    BOOST_TEST(span.member("traceId") == R"("0af7651916cd43dd8448eb211c80319c")");
    BOOST_TEST(span.member("spanId") == R"("b7ad6b7169203331")");
    BOOST_TEST(span.member("parentSpanId") == "");
    BOOST_TEST(span.member("name") == R"("chat gpt-4o-mini")");
    BOOST_TEST(span.member("kind") == "2");
    BOOST_TEST(span.member("startTimeUnixNano") == R"("1700000000123456789")");
    BOOST_TEST(span.member("endTimeUnixNano") == R"("1700000000163456789")");
    BOOST_TEST(span.member("flags") == "257");
    BOOST_TEST(span.member("status") == "");
    BOOST_TEST(span.member("events") == "");
    BOOST_TEST(span.attribute("gen_ai.operation.name") == R"({"stringValue":"chat"})");
    BOOST_TEST(span.attribute("gen_ai.provider.name") == R"({"stringValue":"openai"})");
    BOOST_TEST(span.attribute("gen_ai.request.model") == R"({"stringValue":"gpt-4o-mini"})");
    BOOST_TEST(span.attribute("http.request.method") == R"({"stringValue":"POST"})");
    BOOST_TEST(span.attribute("http.response.status_code") == R"({"intValue":"200"})");
    BOOST_TEST(span.attribute("url.path") == R"({"stringValue":"/v1/chat/completions"})");
    // What is not known is not there.
    for (const auto name :
         {"gen_ai.usage.input_tokens",
          "gen_ai.response.finish_reasons",
          "error.type",
          "server.address",
          "sluice.cost_usd",
          "sluice.tenant",
          "sluice.attempt"})
        BOOST_TEST(span.attribute(name) == "", name);
}

BOOST_AUTO_TEST_CASE(usage_cost_and_the_first_token_are_told)
{
    auto one = request();
    auto& numbers = one.numbers;
    numbers.parent = 5;
    numbers.usage_known = numbers.priced = numbers.stream = true;
    numbers.input = 12;
    numbers.output = 0;
    numbers.cached_input = 4;
    numbers.nanodollars = 150;
    numbers.first_token = milliseconds(25);
    one[span_text::finish] = "stop";
    shown span(one);
    BOOST_TEST(span.member("parentSpanId") == R"("0000000000000005")");
    BOOST_TEST(span.member("flags") == "769");
    BOOST_TEST(span.attribute("gen_ai.usage.input_tokens") == R"({"intValue":"12"})");
    BOOST_TEST(span.attribute("gen_ai.usage.output_tokens") == R"({"intValue":"0"})");
    BOOST_TEST(span.attribute("gen_ai.usage.cache_read.input_tokens") == R"({"intValue":"4"})");
    BOOST_TEST(
        span.attribute("gen_ai.response.finish_reasons")
        == R"({"arrayValue":{"values":[{"stringValue":"stop"}]}})");
    BOOST_TEST(span.attribute("gen_ai.request.stream") == R"({"boolValue":true})");
    constexpr std::string_view cost = R"("sluice.cost_usd","value":{"doubleValue":0.00000015}})";
    BOOST_TEST(span.text.find(cost) != std::string::npos);
    BOOST_TEST(
        span.member("events")
        == R"([{"timeUnixNano":"1700000000148456789","name":"gen_ai.first_token"}])");
}

BOOST_AUTO_TEST_CASE(an_attempt_is_a_client_span_with_its_place_and_its_failure)
{
    auto one = request();
    auto& numbers = one.numbers;
    numbers.kind = span_kind::fallback;
    numbers.parent = 7;
    numbers.attempts = 3;
    numbers.status = 503;
    numbers.failed = true;
    numbers.resent = 1;
    numbers.port = 443;
    one[span_text::host] = "api.example";
    one[span_text::error] = "status_5xx";
    one[span_text::target] = "stable";
    shown span(one);
    BOOST_TEST(span.member("kind") == "3");
    BOOST_TEST(span.member("flags") == "257");
    BOOST_TEST(span.member("status") == R"({"code":2})");
    BOOST_TEST(span.attribute("error.type") == R"({"stringValue":"status_5xx"})");
    BOOST_TEST(span.attribute("server.address") == R"({"stringValue":"api.example"})");
    BOOST_TEST(span.attribute("server.port") == R"({"intValue":"443"})");
    BOOST_TEST(span.attribute("http.request.resend_count") == R"({"intValue":"1"})");
    BOOST_TEST(span.attribute("sluice.attempt") == R"({"intValue":"3"})");
    BOOST_TEST(span.attribute("sluice.attempt.kind") == R"({"stringValue":"fallback"})");
    BOOST_TEST(span.attribute("sluice.target") == R"({"stringValue":"stable"})");
}

BOOST_AUTO_TEST_CASE(what_is_no_model_call_is_named_by_method_and_path)
{
    observe::span one;
    one[span_text::method] = "GET";
    one[span_text::path] = "/v1/models";
    BOOST_TEST(shown(one).member("name") == R"("GET /v1/models")");
    auto unknown = request();
    unknown[span_text::model] = {};
    BOOST_TEST(shown(unknown).member("name") == R"("chat")");
}

BOOST_AUTO_TEST_CASE(a_request_carries_the_resource_and_every_span)
{
    config::tracing_settings how;
    how.service_name = "front \"door\"";
    how.resource = {{"zone", "b"}};
    const std::array<std::string, 2> spans{otlp_span(request()), otlp_span(request())};
    const auto text = otlp_request(how, spans);
    dom::parser parser;
    const dom::element root = parser.parse(text);
    const auto resource = simdjson::minify(root.at_pointer("/resourceSpans/0/resource/attributes"));
    BOOST_TEST(resource.starts_with(
        R"([{"key":"service.name","value":{"stringValue":"front \"door\""}},)"));
    BOOST_TEST(resource.find(R"({"key":"zone","value":{"stringValue":"b"}})") != std::string::npos);
    BOOST_TEST(root.at_pointer("/resourceSpans/0/scopeSpans/0/spans").get_array().size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_a_collector_did_not_take_is_read_from_its_answer)
{
    BOOST_TEST(read_otlp_answer("").rejected == 0U);
    BOOST_TEST(read_otlp_answer("{}").rejected == 0U);
    BOOST_TEST(read_otlp_answer("<html>").rejected == 0U);
    BOOST_TEST(read_otlp_answer(R"({"partialSuccess":{}})").rejected == 0U);
    BOOST_TEST(read_otlp_answer(R"({"partialSuccess":7})").rejected == 0U);
    BOOST_TEST(read_otlp_answer(R"({"partialSuccess":{"rejectedSpans":-3}})").rejected == 0U);
    BOOST_TEST(read_otlp_answer(R"({"partialSuccess":{"rejectedSpans":4}})").rejected == 4U);
    const auto both =
        read_otlp_answer(R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}})");
    BOOST_TEST(both.rejected == 3U);
    BOOST_TEST(both.message == "too old");
}

BOOST_AUTO_TEST_SUITE_END()
