// What is answered without a model: the model list, the control API, unknown paths.

#include <sluice/simulate/answer.hpp>
#include <sluice/simulate/session.hpp>

#include <simdjson.h>

#include <optional>
#include <string_view>
#include <utility>

namespace sluice::simulate {
namespace {

namespace http = boost::beast::http;
namespace dom = simdjson::dom;

plain_reply error_reply(unsigned status, std::string type, std::string code, std::string message)
{
    refusal why;
    why.type = std::move(type);
    why.code = std::move(code);
    why.message = std::move(message);
    plain_reply reply;
    reply.status = status;
    reply.body = error_body(why);
    return reply;
}

plain_reply ok(std::string body)
{
    plain_reply reply;
    reply.body = std::move(body);
    return reply;
}

std::string model_json(std::string_view id)
{
    return R"({"id":)" + json_string(id)
           + R"(,"object":"model","created":1700000000,"owned_by":"sluice-simulate"})";
}

plain_reply list_models()
{
    std::string out = R"({"object":"list","data":[)";
    for (bool first = true; const auto& clause : behaviour_grammar()) {
        out += (first ? "" : ",") + model_json("sim-" + std::string(clause.example));
        first = false;
    }
    return ok(out + "]}");
}

std::string percent_decoded(std::string_view text)
{
    const auto digit = [](char c) {
        return c >= '0' && c <= '9'                     ? c - '0'
               : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                        : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0
            && digit(text[i + 2]) >= 0) {
            out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

plain_reply show_model(std::string_view id)
{
    const std::string name = percent_decoded(id);
    if (name.starts_with("sim-"))
        if (const auto how = parse_behaviour(name); !how)
            return error_reply(404, "invalid_request_error", "model_not_found", how.error());
    return ok(model_json(name));
}

constexpr auto expected =
    R"(expected {"default": "...", "models": {"name": "..."}}, either or both)";

bool read_models(dom::element member, behaviour_change& change)
{
    dom::object models;
    if (member.get(models))
        return false;
    for (const auto [model, value] : models) {
        std::string_view text;
        if (value.get(text))
            return false;
        change.of_models.insert_or_assign(std::string(model), std::string(text));
    }
    return true;
}

std::optional<behaviour_change> read_change(dom::element root)
{
    dom::object members;
    if (root.get(members) || members.size() == 0)
        return std::nullopt;
    behaviour_change change;
    for (const auto [name, member] : members) {
        std::string_view text;
        if (name == "default" && !member.get(text))
            change.of_default = text;
        else if (name != "models" || !read_models(member, change))
            return std::nullopt;
    }
    return change;
}

plain_reply put_behaviour(ledger& book, std::string_view body)
{
    dom::parser parser;
    dom::element root;
    if (parser.parse(body.data(), body.size()).get(root))
        return error_reply(400, "invalid_request_error", "invalid_json", "the body is not JSON");
    const auto change = read_change(root);
    if (!change)
        return error_reply(400, "invalid_request_error", "invalid_value", expected);
    if (const auto set = book.set(*change); !set)
        return error_reply(400, "invalid_request_error", "invalid_value", set.error());
    return ok(book.behaviour_json());
}

plain_reply not_allowed(std::string allow)
{
    auto reply = error_reply(
        405, "invalid_request_error", "method_not_allowed", "Only " + allow + " is allowed here.");
    reply.allow = std::move(allow);
    return reply;
}

plain_reply control(ledger& book, http::verb method, std::string_view path, std::string_view body)
{
    if (path == "/sim/behaviour") {
        if (method == http::verb::put)
            return put_behaviour(book, body);
        return method == http::verb::get ? ok(book.behaviour_json()) : not_allowed("GET, PUT");
    }
    if (path == "/sim/stats")
        return method == http::verb::get ? ok(book.stats_json()) : not_allowed("GET");
    if (path == "/sim/reset") {
        if (method != http::verb::post)
            return not_allowed("POST");
        book.reset();
        return ok(book.stats_json());
    }
    return error_reply(
        404, "invalid_request_error", "unknown_path", "There is nothing at this path.");
}

}  // namespace

plain_reply answer_simply(world& shared, const http_request& request)
{
    std::string_view path{request.target().data(), request.target().size()};
    path = path.substr(0, path.find('?'));
    if (path.starts_with("/sim/"))
        return control(shared.book, request.method(), path, request.body());
    if (auto refused = refuse_key(shared, request))
        return *std::move(refused);
    if (path == "/v1/models")
        return request.method() == http::verb::get ? list_models() : not_allowed("GET");
    if (constexpr std::string_view prefix = "/v1/models/"; path.starts_with(prefix))
        return request.method() == http::verb::get ? show_model(path.substr(prefix.size()))
                                                   : not_allowed("GET");
    for (const std::string_view known :
         {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"})
        if (path == known)
            return not_allowed("POST");
    return error_reply(
        404,
        "invalid_request_error",
        "unknown_path",
        "Invalid URL: there is nothing at this path.");
}

std::optional<plain_reply> refuse_key(world& shared, const http_request& request)
{
    const auto field = request[http::field::authorization];
    std::string_view key{field.data(), field.size()};
    if (key.starts_with("Bearer "))
        key.remove_prefix(7);
    shared.book.count_key(key);
    if (shared.options.key.empty() || key == shared.options.key)
        return std::nullopt;
    return error_reply(
        401,
        "invalid_request_error",
        "invalid_api_key",
        key.empty() ? "You didn't provide an API key." : "Incorrect API key provided.");
}

}  // namespace sluice::simulate
