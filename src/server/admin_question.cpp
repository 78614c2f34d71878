#include "admin_question.hpp"

#include <sluice/base/text.hpp>

#include <algorithm>

namespace sluice::server {
namespace {

namespace dom = simdjson::dom;

std::string lowered(std::string_view text)
{
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

// The bytes of the member as they were sent: spelling and duplicates are what is asked about.
std::string raw_request(std::string_view body)
{
    simdjson::ondemand::parser parser;
    const simdjson::padded_string padded(body);
    simdjson::ondemand::document document;
    simdjson::ondemand::object object;
    std::string_view raw;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS
        || document["request"].get_object().get(object) != simdjson::SUCCESS
        || object.raw_json().get(raw) != simdjson::SUCCESS)
        return {};
    return std::string(raw);
}

std::optional<admin_response> read_headers(dom::element value, question& out)
{
    dom::object members;
    if (value.get(members) != simdjson::SUCCESS)
        return error_answer(errc::invalid_type, "headers is an object of texts", "headers");
    for (const auto [name, text] : members) {
        std::string_view content;
        if (text.get(content) != simdjson::SUCCESS)
            return error_answer(errc::invalid_type, "a header's value is a text", "headers");
        out.headers[lowered(name)] = content;
    }
    return std::nullopt;
}

}  // namespace

std::optional<admin_response> read_question(std::string_view body, question& out)
{
    dom::parser parser;
    dom::element root;
    dom::object object;
    if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS)
        return error_answer(errc::invalid_json);
    if (root.get(object) != simdjson::SUCCESS)
        return error_answer(errc::invalid_type, "the body is a JSON object");
    if (!object["request"].is_object()) {
        out.request = body;
        return std::nullopt;
    }
    if (auto bad = parse_object(parser, body, object))
        return bad;
    for (const auto [name, value] : object) {
        std::string_view id;
        if (name == "key_id") {
            if (value.get(id) != simdjson::SUCCESS)
                return error_answer(errc::invalid_type, "key_id is a text", "key_id");
            out.key_id = id;
        } else if (name == "headers") {
            if (auto bad = read_headers(value, out))
                return bad;
        } else if (name != "request") {
            return error_answer(admin_error{
                .code = "unknown_parameter",
                .message = "beside `request` there are `key_id` and `headers`",
                .param = std::string(name)});
        }
    }
    out.request = raw_request(body);
    return std::nullopt;
}

}  // namespace sluice::server
