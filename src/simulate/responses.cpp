// The Responses API: one output message, or the function calls.

#include <sluice/simulate/script.hpp>

#include <utility>

namespace sluice::simulate {
namespace {

std::string usage(const answer& said, const behaviour& how)
{
    if (how.usage == usage_place::nowhere)
        return "null";
    return R"({"input_tokens":)" + std::to_string(said.usage.prompt)
           + R"(,"input_tokens_details":{"cached_tokens":0},"output_tokens":)"
           + std::to_string(said.usage.completion)
           + R"(,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":)"
           + std::to_string(said.usage.prompt + said.usage.completion) + '}';
}

bool cut_short(const answer& said)
{
    return said.choices.front().finish == "length";
}

// The members of a response object.
std::string response(
    const answer& said, std::string_view status, std::string_view output, std::string_view used)
{
    return R"("id":"resp_)" + said.id + R"(","object":"response","created_at":)"
           + std::to_string(said.created) + R"(,"status":")" + std::string(status)
           + R"(","error":null,"incomplete_details":)"
           + (status == "incomplete" ? R"({"reason":"max_output_tokens"})" : "null")
           + R"(,"instructions":null,"metadata":{},"model":)" + json_string(said.model)
           + R"(,"output":[)" + std::string(output)
           + R"(],"parallel_tool_calls":true,"temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,"usage":)"
           + std::string(used);
}

std::string part(std::string_view text)
{
    return R"({"type":"output_text","annotations":[],"logprobs":[],"text":)" + json_string(text)
           + '}';
}

std::string message_item(const answer& said, std::string_view status, std::string_view content)
{
    return R"({"id":"msg_)" + said.id + R"(","type":"message","status":")" + std::string(status)
           + R"(","role":"assistant","content":[)" + std::string(content) + "]}";
}

std::string call_item(
    const answer& said, std::size_t index, std::string_view status, std::string_view arguments)
{
    const std::string id = said.id.substr(0, 20) + std::to_string(index);
    return R"({"id":"fc_)" + id + R"(","type":"function_call","status":")" + std::string(status)
           + R"(","call_id":"call_)" + id + R"(","name":)"
           + json_string(said.choices.front().calls[index].name) + R"(,"arguments":)"
           + json_string(arguments) + '}';
}

std::string output(const answer& said)
{
    const choice& only = said.choices.front();
    if (only.calls.empty())
        return message_item(said, cut_short(said) ? "incomplete" : "completed", part(only.text()));
    std::string items;
    for (std::size_t i = 0; i < only.calls.size(); ++i)
        items += (i == 0 ? "" : ",") + call_item(said, i, "completed", only.calls[i].arguments);
    return items;
}

class responses_writer {
public:
    responses_writer(const answer& said, const behaviour& how)
        : said_(said),
          how_(how)
    {
    }

    script write()
    {
        const std::string begun =
            R"("response":{)" + response(said_, "in_progress", "", "null") + '}';
        add("response.created", begun);
        add("response.in_progress", begun);
        if (said_.choices.front().calls.empty())
            write_message();
        else
            write_calls();
        const std::string_view status = cut_short(said_) ? "incomplete" : "completed";
        add(cut_short(said_) ? "response.incomplete" : "response.completed",
            R"("response":{)" + response(said_, status, output(said_), usage(said_, how_)) + '}');
        lines_.error.name = "error";
        lines_.error.data =
            R"("type":"error","code":"server_error","message":"The simulated model failed while answering.","param":null,"sequence_number":)"
            + std::to_string(sequence_);
        return std::move(lines_);
    }

private:
    void add(std::string_view name, std::string_view members, bool token = false)
    {
        event one;
        one.name = name;
        one.token = token;
        one.data = R"("type":")" + std::string(name) + R"(","sequence_number":)"
                   + std::to_string(sequence_++) + ',' + std::string(members);
        lines_.events.push_back(std::move(one));
    }

    void write_message()
    {
        const choice& only = said_.choices.front();
        const std::string at =
            R"("item_id":"msg_)" + said_.id + R"(","output_index":0,"content_index":0,)";
        add("response.output_item.added",
            R"("output_index":0,"item":)" + message_item(said_, "in_progress", ""));
        add("response.content_part.added", at + R"("part":)" + part(""));
        for (const auto& token : only.tokens)
            add("response.output_text.delta",
                at + R"("logprobs":[],"delta":)" + json_string(token),
                true);
        add("response.output_text.done",
            at + R"("logprobs":[],"text":)" + json_string(only.text()));
        add("response.content_part.done", at + R"("part":)" + part(only.text()));
        add("response.output_item.done", R"("output_index":0,"item":)" + output(said_));
    }

    void write_calls()
    {
        const choice& only = said_.choices.front();
        std::size_t token = 0;
        for (std::size_t i = 0; i < only.calls.size(); ++i) {
            const std::string index = R"("output_index":)" + std::to_string(i);
            const std::string at = R"("item_id":"fc_)" + said_.id.substr(0, 20) + std::to_string(i)
                                   + R"(",)" + index + ',';
            const std::string& arguments = only.calls[i].arguments;
            add("response.output_item.added",
                index + R"(,"item":)" + call_item(said_, i, "in_progress", ""));
            for (std::size_t sent = 0; sent < arguments.size(); sent += only.tokens[token++].size())
                add("response.function_call_arguments.delta",
                    at + R"("delta":)" + json_string(only.tokens[token]),
                    true);
            add("response.function_call_arguments.done",
                at + R"("name":)" + json_string(only.calls[i].name) + R"(,"arguments":)"
                    + json_string(arguments));
            add("response.output_item.done",
                index + R"(,"item":)" + call_item(said_, i, "completed", arguments));
        }
    }

    const answer& said_;
    const behaviour& how_;
    script lines_;
    std::size_t sequence_ = 0;
};

}  // namespace

script responses_script(const answer& said, const behaviour& how)
{
    return responses_writer{said, how}.write();
}

std::string responses_body(const answer& said, const behaviour& how)
{
    return response(
        said, cut_short(said) ? "incomplete" : "completed", output(said), usage(said, how));
}

}  // namespace sluice::simulate
