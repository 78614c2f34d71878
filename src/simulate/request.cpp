#include <sluice/simulate/request.hpp>
#include <sluice/simulate/schema.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace sluice::simulate {
namespace {

namespace dom = simdjson::dom;

// As many as OpenAI takes in one call.
constexpr std::size_t most_inputs = 2048;

refusal bad(std::string param, std::string code, std::string message)
{
    refusal why;
    why.param = std::move(param);
    why.code = std::move(code);
    why.message = std::move(message);
    return why;
}

std::string lowered(std::string_view text)
{
    std::string out{text};
    std::ranges::transform(
        out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

// Empty and false when there is none or it is something else.
std::string_view text_of(simdjson::simdjson_result<dom::element> member)
{
    std::string_view text;
    return member.get(text) ? std::string_view{} : text;
}

bool flag_of(simdjson::simdjson_result<dom::element> member)
{
    bool flag = false;
    return !member.get(flag) && flag;
}

// All text below a prompt member: strings, and the "text" of parts. Images count for nothing.
std::string text_in(dom::element content)
{
    std::string_view text;
    if (!content.get(text))
        return std::string(text);
    std::string all;
    if (dom::array parts; !content.get(parts))
        for (const dom::element part : parts)
            if (!part.get(text) || !part["text"].get(text))
                all += text;
    return all;
}

struct prompt {
    std::size_t bytes = 0;
    std::string last;            // the last user's text
    bool tool_answered = false;  // the conversation ends with a tool's result
};

prompt read_messages(dom::array messages)
{
    prompt found;
    for (const dom::element message : messages) {
        const std::string_view role = text_of(message["role"]);
        const std::string_view type = text_of(message["type"]);
        dom::element content;
        found.tool_answered = role == "tool" || type == "function_call_output";
        if (message["content"].get(content) && message["output"].get(content))
            continue;
        std::string text = text_in(content);
        found.bytes += text.size();
        if (role == "user")
            found.last = std::move(text);
    }
    return found;
}

// "messages", "prompt" or "input", whichever the endpoint has.
boost::system::result<prompt, refusal> read_prompt(endpoint where, dom::element root)
{
    const char* name = where == endpoint::chat          ? "messages"
                       : where == endpoint::completions ? "prompt"
                                                        : "input";
    dom::element member;
    if (root[name].get(member))
        return bad(
            name,
            "missing_required_parameter",
            std::string("Missing required parameter: '") + name + "'.");
    dom::array list;
    const bool is_list = !member.get(list);
    if (!is_list && (where == endpoint::chat || !member.is_string()))
        return bad(
            name,
            "invalid_type",
            std::string("Invalid type for '") + name + "': expected "
                + (where == endpoint::chat ? "an array." : "a string or an array."));
    if (is_list && where != endpoint::completions) {
        if (list.size() == 0 && where == endpoint::chat)
            return bad(name, "empty_array", "Invalid 'messages': empty array.");
        return read_messages(list);
    }
    prompt found;
    found.last = text_in(member);
    found.bytes = found.last.size();
    return found;
}

std::string function_name(dom::element tool)
{
    const std::string_view name = text_of(tool["function"]["name"]);
    return std::string(name.empty() ? text_of(tool["name"]) : name);
}

tool_call call_of(dom::element tool)
{
    tool_call call{function_name(tool), "{}"};
    dom::element parameters;
    if (!tool["function"]["parameters"].get(parameters) || !tool["parameters"].get(parameters))
        call.arguments = example_of(parameters);
    if (!call.arguments.starts_with('{'))
        call.arguments = "{}";
    return call;
}

std::vector<tool_call> read_calls(dom::element root, const prompt& said)
{
    dom::array tools;
    dom::element choice;
    std::vector<tool_call> calls;
    if (root["tools"].get(tools))
        return calls;
    std::string_view mode = "auto";
    std::string wanted;
    if (!root["tool_choice"].get(choice) && choice.get(mode))
        wanted = function_name(choice);
    const std::string text = lowered(said.last);
    const bool all = text.find("every tool") != std::string::npos;
    for (const dom::element tool : tools) {
        const std::string name = function_name(tool);
        const bool asked =
            text.find("tool") != std::string::npos || text.find(lowered(name)) != std::string::npos;
        const bool called = !wanted.empty()      ? name == wanted
                            : mode == "required" ? true
                                                 : mode == "auto" && asked && !said.tool_answered;
        if (!name.empty() && called && (calls.empty() || all))
            calls.push_back(call_of(tool));
    }
    return calls;
}

std::optional<std::string> read_format(dom::element root)
{
    dom::element format;
    if (root["response_format"].get(format) && root["text"]["format"].get(format))
        return std::nullopt;
    const std::string_view type = text_of(format["type"]);
    dom::element schema;
    if (!format["json_schema"]["schema"].get(schema) || !format["schema"].get(schema))
        return example_of(schema);
    if (type == "json_object")
        return R"({"answer":"plausible"})";
    return std::nullopt;
}

std::vector<std::string> read_stops(dom::element root)
{
    std::vector<std::string> stops;
    dom::element member;
    std::string_view text;
    if (root["stop"].get(member))
        return stops;
    if (!member.get(text))
        stops.emplace_back(text);
    if (dom::array list; !member.get(list))
        for (const dom::element each : list)
            if (!each.get(text))
                stops.emplace_back(text);
    std::erase(stops, "");
    return stops;
}

// Absent and null leave `out` alone.
template <class Out>
std::optional<refusal> read_count(dom::element root, const char* name, std::uint64_t most, Out& out)
{
    dom::element member;
    if (root[name].get(member) || member.is_null())
        return std::nullopt;
    std::uint64_t number = 0;
    if (member.get(number) || number == 0 || number > most)
        return bad(name, "invalid_value", std::string("Invalid value for '") + name + "'.");
    out = static_cast<std::uint32_t>(number);
    return std::nullopt;
}

// `input` is a string or a list: read_prompt has seen to that.
std::optional<refusal> read_inputs(dom::element input, api_request& request)
{
    dom::array list;
    if (input.get(list) || list.at(0).is_number()) {
        request.inputs.push_back(simdjson::minify(input));
        return std::nullopt;
    }
    if (list.size() == 0 || list.size() > most_inputs)
        return bad("input", "invalid_value", "Invalid 'input': expected 1 to 2048 of them.");
    for (const dom::element each : list)
        request.inputs.push_back(simdjson::minify(each));
    return std::nullopt;
}

std::optional<refusal> read_options(dom::element root, api_request& request)
{
    request.stream = flag_of(root["stream"]);
    request.include_usage = flag_of(root["stream_options"]["include_usage"]);
    for (const char* name : {"max_tokens", "max_completion_tokens", "max_output_tokens"})
        if (auto why = read_count(root, name, 1U << 30U, request.max_tokens))
            return why;
    if (auto why = read_count(root, "n", 128, request.choices))
        return why;
    if (auto why = read_count(root, "dimensions", 4096, request.dimensions))
        return why;
    request.stops = read_stops(root);
    request.json = read_format(root);
    std::string_view encoding;
    request.base64 = !root["encoding_format"].get(encoding) && encoding == "base64";
    return std::nullopt;
}

}  // namespace

boost::system::result<api_request, refusal> parse_request(endpoint where, std::string_view body)
{
    dom::parser parser;
    dom::element root;
    if (parser.parse(body.data(), body.size()).get(root) || !root.is_object())
        return bad("", "invalid_json", "We could not parse the JSON body of your request.");

    api_request request;
    request.where = where;
    std::string_view model;
    if (root["model"].get(model) || model.empty())
        return bad("model", "missing_required_parameter", "you must provide a model parameter");
    request.model = model;

    const auto said = read_prompt(where, root);
    if (!said)
        return said.error();
    request.prompt_bytes = said->bytes;
    if (said->last.starts_with("echo: "))
        request.echo = said->last.substr(6);
    if (auto why = read_options(root, request))
        return *std::move(why);
    if (where == endpoint::embeddings) {
        if (auto why = read_inputs(root["input"].value_unsafe(), request))
            return *std::move(why);
    } else if (where != endpoint::completions) {
        request.calls = read_calls(root, *said);
    }
    return request;
}

}  // namespace sluice::simulate
