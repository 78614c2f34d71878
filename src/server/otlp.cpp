#include <sluice/base/build_info.hpp>
#include <sluice/server/json_writer.hpp>
#include <sluice/server/otlp.hpp>

#include <simdjson.h>

#include <array>
#include <charconv>

namespace sluice::server {
namespace {

using observe::span_kind;
using observe::span_text;

// The numbers of OTLP's SpanKind and StatusCode.
constexpr std::uint64_t server_kind = 2;
constexpr std::uint64_t client_kind = 3;
constexpr std::uint64_t error_status = 2;
// Of its span flags, above those of traceparent.
constexpr std::uint64_t parent_is_known = 0x100;
constexpr std::uint64_t parent_is_remote = 0x200;

std::string hex_of(std::uint64_t value)
{
    std::array<char, 16> digits;
    sluice::http::write_hex(value, digits);
    return {digits.data(), digits.size()};
}

// Of `attributes`, while its array is open. What is empty or not known is left out.
class attributes {
public:
    explicit attributes(json_writer& to)
        : to_(to)
    {
    }

    attributes& text(std::string_view name, std::string_view value)
    {
        if (!value.empty())
            begin(name).key("stringValue").text(value).end_object().end_object();
        return *this;
    }
    attributes& integer(std::string_view name, std::uint64_t value)
    {
        begin(name).key("intValue").text(std::to_string(value)).end_object().end_object();
        return *this;
    }
    attributes& number(std::string_view name, double value)
    {
        begin(name).key("doubleValue").number(value).end_object().end_object();
        return *this;
    }
    attributes& flag(std::string_view name, bool value)
    {
        begin(name).key("boolValue").boolean(value).end_object().end_object();
        return *this;
    }
    attributes& list_of_one(std::string_view name, std::string_view value)
    {
        if (value.empty())
            return *this;
        begin(name).key("arrayValue").begin_object().key("values").begin_array().begin_object();
        to_.key("stringValue").text(value);
        to_.end_object().end_array().end_object().end_object().end_object();
        return *this;
    }

private:
    json_writer& begin(std::string_view name)
    {
        return to_.begin_object().key("key").text(name).key("value").begin_object();
    }

    json_writer& to_;
};

void add_gen_ai(attributes& to, const observe::span& one)
{
    const auto& numbers = one.numbers;
    if (one[span_text::operation].empty())
        return;
    to.text("gen_ai.operation.name", one[span_text::operation])
        .text("gen_ai.provider.name", one[span_text::provider])
        .text("gen_ai.request.model", one[span_text::model])
        .list_of_one("gen_ai.response.finish_reasons", one[span_text::finish]);
    if (numbers.stream)
        to.flag("gen_ai.request.stream", true);
    if (numbers.first_token.count() >= 0)
        to.number("gen_ai.response.time_to_first_chunk", in_seconds(numbers.first_token));
    if (!numbers.usage_known)
        return;
    to.integer("gen_ai.usage.input_tokens", numbers.input)
        .integer("gen_ai.usage.output_tokens", numbers.output);
    if (numbers.cached_input > 0)
        to.integer("gen_ai.usage.cache_read.input_tokens", numbers.cached_input);
    if (numbers.reasoning > 0)
        to.integer("gen_ai.usage.reasoning.output_tokens", numbers.reasoning);
}

void add_http(attributes& to, const observe::span& one)
{
    const auto& numbers = one.numbers;
    std::string path(one[span_text::prefix]);
    path += one[span_text::path];
    to.text("http.request.method", one[span_text::method]);
    if (path.find('{') == std::string::npos)  // a pattern is a route only
        to.text("url.path", path);
    if (numbers.kind == span_kind::request)
        to.text("http.route", one[span_text::path]);
    if (numbers.status != 0)
        to.integer("http.response.status_code", numbers.status);
    if (numbers.resent > 0)
        to.integer("http.request.resend_count", numbers.resent);
    to.text("server.address", one[span_text::host]);
    if (numbers.port != 0)
        to.integer("server.port", numbers.port);
    const auto error = one[span_text::error];
    if (error.empty() && numbers.failed && numbers.status >= 400)
        to.text("error.type", std::to_string(numbers.status));
    else
        to.text("error.type", error);
}

void add_own(attributes& to, const observe::span& one)
{
    const auto& numbers = one.numbers;
    const bool request = numbers.kind == span_kind::request;
    to.text("sluice.target", one[span_text::target])
        .text("sluice.arm", one[span_text::arm])
        .text("sluice.answered_by", one[span_text::answered])
        .text("sluice.tenant", one[span_text::tenant])
        .text("sluice.key", one[span_text::key])
        .text("sluice.outcome", one[span_text::ended])
        .text("sluice.stream_end", one[span_text::end])
        .text("sluice.request_id", one[span_text::request_id]);
    to.integer(request ? "sluice.attempts" : "sluice.attempt", numbers.attempts);
    if (!request)
        to.text(
            "sluice.attempt.kind",
            observe::span_kind_labels[static_cast<std::size_t>(numbers.kind)]);
    if (numbers.priced)
        to.number("sluice.cost_usd", static_cast<double>(numbers.nanodollars) / 1e9);
}

// As the conventions want it: what is done, and with which model; of a method without a name, HTTP.
std::string name_of(const observe::span& one)
{
    const auto operation = one[span_text::operation];
    const auto method = one[span_text::method] == "_OTHER" ? "HTTP" : one[span_text::method];
    const auto first = operation.empty() ? method : operation;
    const auto second = operation.empty() ? one[span_text::path] : one[span_text::model];
    std::string name(first);
    if (!second.empty())
        name.append(" ").append(second);
    return name;
}

}  // namespace

std::string otlp_span(const observe::span& one)
{
    const auto& numbers = one.numbers;
    json_writer out;
    out.begin_object();
    out.key("traceId").text(hex_of(numbers.trace_high) + hex_of(numbers.trace_low));
    out.key("spanId").text(hex_of(numbers.id));
    if (numbers.parent != 0)
        out.key("parentSpanId").text(hex_of(numbers.parent));
    const bool remote = numbers.kind == span_kind::request && numbers.parent != 0;
    out.key("flags").count(numbers.flags | parent_is_known | (remote ? parent_is_remote : 0));
    out.key("name").text(name_of(one));
    out.key("kind").count(numbers.kind == span_kind::request ? server_kind : client_kind);
    out.key("startTimeUnixNano").text(std::to_string(numbers.begin.count()));
    out.key("endTimeUnixNano").text(std::to_string((numbers.begin + numbers.duration).count()));
    out.key("attributes").begin_array();
    attributes all(out);
    add_gen_ai(all, one);
    add_http(all, one);
    add_own(all, one);
    out.end_array();
    if (numbers.first_token.count() >= 0) {
        out.key("events").begin_array().begin_object();
        out.key("timeUnixNano").text(std::to_string((numbers.begin + numbers.first_token).count()));
        out.key("name").text("gen_ai.first_token").end_object().end_array();
    }
    if (numbers.failed)
        out.key("status").begin_object().key("code").count(error_status).end_object();
    out.end_object();
    return out.str();
}

std::string otlp_request(const config::tracing_settings& how, std::span<const std::string> spans)
{
    json_writer out;
    out.begin_object().key("resourceSpans").begin_array().begin_object();
    out.key("resource").begin_object().key("attributes").begin_array();
    attributes resource(out);
    resource.text("service.name", how.service_name);
    const auto given = [&](std::string_view name) {
        for (const auto& each : how.resource)
            if (each.first == name)
                return true;
        return false;
    };
    if (!given("service.version"))
        resource.text("service.version", this_build().version);
    for (const auto& [name, value] : how.resource)
        resource.text(name, value);
    out.end_array().end_object();
    out.key("scopeSpans").begin_array().begin_object();
    out.key("scope").begin_object().key("name").text("sluice");
    out.key("version").text(this_build().version).end_object();
    out.key("spans").begin_array();
    for (const auto& each : spans)
        out.raw(each);
    out.end_array().end_object().end_array().end_object().end_array().end_object();
    return out.str();
}

otlp_partial read_otlp_answer(std::string_view body)
{
    namespace dom = simdjson::dom;
    otlp_partial found;
    dom::parser parser;
    dom::object partial;
    const auto parsed = parser.parse(body.data(), body.size());
    if (parsed["partialSuccess"].get(partial) != simdjson::SUCCESS)
        return found;
    std::string_view text;
    if (partial["rejectedSpans"].get(text) == simdjson::SUCCESS)
        std::from_chars(text.data(), text.data() + text.size(), found.rejected);
    else if (partial["rejectedSpans"].get(found.rejected) != simdjson::SUCCESS)
        found.rejected = 0;
    if (partial["errorMessage"].get(text) == simdjson::SUCCESS)
        found.message = text;
    return found;
}

}  // namespace sluice::server
