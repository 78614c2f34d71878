#include <sluice/wire/said.hpp>
#include <sluice/wire/sse_framer.hpp>

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace sluice::wire {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t most_calls = 256;

std::string_view text_at(const dom::object& of, std::string_view name)
{
    std::string_view text;
    return of[name].get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

// The call an answer's piece belongs to, made if it is new.
tool_call* call_at(said& into, std::size_t index)
{
    if (index >= most_calls)
        return nullptr;
    if (index >= into.calls.size())
        into.calls.resize(index + 1);
    return &into.calls[index];
}

void add_call(said& into, std::size_t index, const dom::object& function)
{
    if (auto* call = call_at(into, index)) {
        call->name += text_at(function, "name");
        call->arguments += text_at(function, "arguments");
    }
}

// A chat message, or the piece of one that a stream calls delta.
void add_message(said& into, const dom::object& message)
{
    into.text += text_at(message, "content");
    dom::object function;
    if (message["function_call"].get(function) == simdjson::SUCCESS)
        add_call(into, 0, function);
    dom::array calls;
    if (message["tool_calls"].get(calls) != simdjson::SUCCESS)
        return;
    std::size_t position = 0;
    for (const auto each : calls) {
        dom::object call;
        std::uint64_t index = 0;
        const std::size_t at = position++;
        if (each.get(call) != simdjson::SUCCESS)
            continue;
        // Only the pieces of a stream say where they belong.
        if (call["index"].get(index) != simdjson::SUCCESS)
            index = at;
        if (call["function"].get(function) == simdjson::SUCCESS)
            add_call(into, index, function);
    }
}

void add_choices(said& into, const dom::object& body)
{
    dom::array choices;
    if (body["choices"].get(choices) != simdjson::SUCCESS)
        return;
    for (const auto each : choices) {
        dom::object choice;
        std::uint64_t index = 0;
        if (each.get(choice) != simdjson::SUCCESS)
            continue;
        if (choice["index"].get(index) == simdjson::SUCCESS && index != 0)
            continue;
        // Some streams carry the whole message so far, or its text, beside each piece.
        dom::object message;
        if (choice["delta"].get(message) == simdjson::SUCCESS
            || choice["message"].get(message) == simdjson::SUCCESS)
            add_message(into, message);
        else
            into.text += text_at(choice, "text");
        if (const auto finish = text_at(choice, "finish_reason"); !finish.empty())
            into.finish = finish;
    }
}

// A part of a response of the Responses API.
void add_item(said& into, const dom::object& item)
{
    const auto type = text_at(item, "type");
    if (type == "function_call")
        add_call(into, into.calls.size(), item);
    dom::array parts;
    if (type != "message" || item["content"].get(parts) != simdjson::SUCCESS)
        return;
    for (const auto part : parts) {
        dom::object one;
        if (part.get(one) == simdjson::SUCCESS)
            into.text += text_at(one, "text");
    }
}

void add_response(said& into, const dom::object& response)
{
    into.finish = text_at(response, "status");
    dom::array output;
    if (response["output"].get(output) != simdjson::SUCCESS)
        return;
    for (const auto each : output) {
        dom::object item;
        if (each.get(item) == simdjson::SUCCESS)
            add_item(into, item);
    }
}

// The items of a stream are told as they end; the whole response at its end may come without them.
void add_event(said& into, endpoint where, const dom::object& event)
{
    if (where != endpoint::responses) {
        add_choices(into, event);
        return;
    }
    const auto type = text_at(event, "type");
    dom::object inner;
    if (type == "response.output_item.done" && event["item"].get(inner) == simdjson::SUCCESS)
        add_item(into, inner);
    const bool last =
        type == "response.completed" || type == "response.incomplete" || type == "response.failed";
    if (!last || event["response"].get(inner) != simdjson::SUCCESS)
        return;
    said whole;
    add_response(whole, inner);
    if (whole.text.empty() && whole.calls.empty())
        into.finish = whole.finish;
    else
        into = std::move(whole);
}

class event_reader {
public:
    event_reader(endpoint where, said& into) noexcept
        : where_(where),
          into_(into)
    {
    }

    void read(std::string_view payload)
    {
        const char* p = payload.data();
        const char* const end = p + payload.size();
        std::string_view bytes;
        for (;;) {
            switch (framer_.next(p, end, bytes)) {
            case sse_framer::part::none:
                take();
                return;
            case sse_framer::part::value:
                if (framer_.current() == sse_framer::field::data)
                    data_ += bytes;
                break;
            case sse_framer::part::line_end:
                break;
            case sse_framer::part::event_end:
                take();
            }
        }
    }

private:
    void take()
    {
        dom::object event;
        if (!data_.empty() && parser_.parse(data_).get(event) == simdjson::SUCCESS)
            add_event(into_, where_, event);
        data_.clear();
    }

    endpoint where_;
    said& into_;
    sse_framer framer_;
    dom::parser parser_;
    std::string data_;
};

bool equal(const dom::element& a, const dom::element& b);

// Those of one name in the order they came in, as which their names lie in the parser's memory.
std::vector<dom::key_value_pair> by_name(const dom::object& of)
{
    std::vector<dom::key_value_pair> members;
    for (const auto member : of)
        members.push_back(member);
    std::ranges::sort(members, {}, [](const dom::key_value_pair& one) {
        return std::pair(one.key, one.key.data());
    });
    return members;
}

// Sorted: an object looks for a name from its beginning each time.
bool equal_objects(const dom::object& a, const dom::object& b)
{
    return std::ranges::equal(by_name(a), by_name(b), [](const auto& x, const auto& y) {
        return x.key == y.key && equal(x.value, y.value);
    });
}

bool equal_arrays(const dom::array& a, const dom::array& b)
{
    return a.size() == b.size()
           && std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
                  return equal(x, y);
              });
}

bool equal(const dom::element& a, const dom::element& b)
{
    if (a.is_number() && b.is_number()) {
        std::int64_t x = 0;
        std::int64_t y = 0;
        if (a.get(x) == simdjson::SUCCESS && b.get(y) == simdjson::SUCCESS)
            return x == y;
        return double(a) == double(b);
    }
    if (a.type() != b.type())
        return false;
    switch (a.type()) {
    case dom::element_type::OBJECT:
        return equal_objects(dom::object(a), dom::object(b));
    case dom::element_type::ARRAY:
        return equal_arrays(dom::array(a), dom::array(b));
    case dom::element_type::STRING:
        return std::string_view(a) == std::string_view(b);
    case dom::element_type::BOOL:
        return bool(a) == bool(b);
    default:
        return true;
    }
}

bool equal_json(const std::string& a, const std::string& b)
{
    if (a == b)
        return true;
    dom::parser parse_a;
    dom::parser parse_b;
    dom::element x;
    dom::element y;
    return parse_a.parse(a).get(x) == simdjson::SUCCESS
           && parse_b.parse(b).get(y) == simdjson::SUCCESS && equal(x, y);
}

}  // namespace

said read_said(endpoint where, bool stream, std::string_view payload)
{
    said found;
    if (stream) {
        event_reader(where, found).read(payload);
        return found;
    }
    dom::parser parser;
    dom::object body;
    if (parser.parse(payload.data(), payload.size()).get(body) != simdjson::SUCCESS)
        return found;
    if (where == endpoint::responses)
        add_response(found, body);
    else
        add_choices(found, body);
    return found;
}

bool same_calls(const std::vector<tool_call>& a, const std::vector<tool_call>& b)
{
    return std::equal(
        a.begin(), a.end(), b.begin(), b.end(), [](const tool_call& x, const tool_call& y) {
            return x.name == y.name && equal_json(x.arguments, y.arguments);
        });
}

}  // namespace sluice::wire
