// Chat completions, and legacy completions, which differ in four words.

#include <sluice/simulate/script.hpp>

#include <algorithm>
#include <utility>

namespace sluice::simulate {
namespace {

bool legacy(const api_request& request)
{
    return request.where == endpoint::completions;
}

std::string envelope(const api_request& request, const answer& said, bool streamed)
{
    const std::string_view object = legacy(request) ? "text_completion"
                                    : streamed      ? "chat.completion.chunk"
                                                    : "chat.completion";
    return R"("id":")" + std::string(legacy(request) ? "cmpl-" : "chatcmpl-") + said.id
           + R"(","object":")" + std::string(object) + R"(","created":)"
           + std::to_string(said.created) + R"(,"model":)" + json_string(said.model)
           + R"(,"system_fingerprint":)" + json_string("sim-" + said.name) + ',';
}

std::string call_id(const answer& said, std::size_t choice_index, std::size_t call_index)
{
    return "call_" + said.id.substr(0, 20) + std::to_string(choice_index) + '_'
           + std::to_string(call_index);
}

// One choice of a chunk; `finish` empty: null.
std::string piece(
    const api_request& request, std::size_t index, std::string_view inside, std::string_view finish)
{
    std::string out = R"("choices":[{"index":)" + std::to_string(index);
    out += legacy(request) ? R"(,"text":)" : R"(,"delta":{)";
    out += inside;
    out += legacy(request) ? "" : "}";
    out += R"(,"logprobs":null,"finish_reason":)";
    out += finish.empty() ? "null" : '"' + std::string(finish) + '"';
    return out + "}]";
}

class chat_writer {
public:
    chat_writer(const api_request& request, const answer& said, const behaviour& how)
        : request_(request),
          said_(said),
          how_(how),
          written_(said.choices.size())
    {
        const bool asked = how.usage == usage_place::as_asked && request.include_usage;
        separate_ =
            asked || how.usage == usage_place::separate || how.usage == usage_place::several;
        lines_.envelope = envelope(request, said, true);
        lines_.error.data = error_body(
            {.status = 500,
             .type = "server_error",
             .code = "simulated_error",
             .param = {},
             .message = "The simulated model failed while answering."});
        lines_.error.raw = true;
    }

    script write()
    {
        if (!legacy(request_))
            for (std::size_t i = 0; i < said_.choices.size(); ++i)
                add(piece(request_, i, role(said_.choices[i]), ""), false);
        write_tokens();
        for (std::size_t i = 0; i < said_.choices.size(); ++i)
            write_finish(i);
        if (separate_)
            add(R"("choices":[])", false, &said_.usage);
        if (how_.done) {
            event end;
            end.data = "[DONE]";
            end.raw = true;
            lines_.events.push_back(std::move(end));
        }
        return std::move(lines_);
    }

private:
    static std::string role(const choice& said)
    {
        return said.calls.empty() ? R"("role":"assistant","content":"","refusal":null)"
                                  : R"("role":"assistant","content":null,"refusal":null)";
    }

    void add(std::string data, bool token, const token_usage* usage = nullptr)
    {
        if (usage != nullptr)
            data += R"(,"usage":)" + usage_json(*usage);
        else if (separate_)
            data += R"(,"usage":null)";
        event one;
        one.data = std::move(data);
        one.token = token;
        lines_.events.push_back(std::move(one));
    }

    // The choices take turns, a token each.
    void write_tokens()
    {
        for (std::size_t at = 0, left = 1; left > 0; ++at) {
            left = 0;
            for (std::size_t i = 0; i < said_.choices.size(); ++i) {
                const choice& said = said_.choices[i];
                if (at >= said.tokens.size())
                    continue;
                ++left;
                if (said.calls.empty())
                    add_text(i, said.tokens[at]);
                else
                    add_argument(i, said.tokens[at]);
            }
        }
    }

    void add_text(std::size_t index, std::string_view text)
    {
        const std::string literal = json_string(text);
        add_token(
            piece(request_, index, legacy(request_) ? literal : R"("content":)" + literal, ""));
    }

    // No piece of the arguments is of two calls.
    void add_argument(std::size_t index, std::string_view text)
    {
        auto& [call, sent] = written_[index];
        const auto& calls = said_.choices[index].calls;
        if (sent == calls[call].arguments.size()) {
            ++call;
            sent = 0;
        }
        if (sent == 0)
            add(piece(request_, index, opening(index, call, calls[call].name), ""), false);
        sent += text.size();
        add_token(piece(
            request_,
            index,
            R"("tool_calls":[{"index":)" + std::to_string(call) + R"(,"function":{"arguments":)"
                + json_string(text) + "}}]",
            ""));
    }

    std::string opening(std::size_t index, std::size_t call, std::string_view name) const
    {
        return R"("tool_calls":[{"index":)" + std::to_string(call) + R"(,"id":")"
               + call_id(said_, index, call) + R"(","type":"function","function":{"name":)"
               + json_string(name) + R"(,"arguments":""}}])";
    }

    void add_token(std::string data)
    {
        ++so_far_.completion;
        so_far_.prompt = said_.usage.prompt;
        add(std::move(data), true, how_.usage == usage_place::several ? &so_far_ : nullptr);
    }

    void write_finish(std::size_t index)
    {
        const bool last = index + 1 == said_.choices.size();
        const bool here = last && how_.usage == usage_place::last_choice;
        add(piece(request_, index, legacy(request_) ? R"("")" : "", said_.choices[index].finish),
            false,
            here ? &said_.usage : nullptr);
    }

    const api_request& request_;
    const answer& said_;
    const behaviour& how_;
    script lines_;
    token_usage so_far_;
    // Of each choice: the call its arguments are at, and how much of them is out.
    struct place {
        std::size_t call = 0;
        std::size_t sent = 0;
    };
    std::vector<place> written_;
    bool separate_ = false;
};

std::string message(const answer& said, std::size_t index)
{
    const choice& one = said.choices[index];
    if (one.calls.empty())
        return R"({"role":"assistant","content":)" + json_string(one.text())
               + R"(,"refusal":null,"annotations":[]})";
    std::string out = R"({"role":"assistant","content":null,"refusal":null,"tool_calls":[)";
    for (std::size_t i = 0; i < one.calls.size(); ++i)
        out += (i == 0 ? R"({"id":")" : R"(,{"id":")") + call_id(said, index, i)
               + R"(","type":"function","function":{"name":)" + json_string(one.calls[i].name)
               + R"(,"arguments":)" + json_string(one.calls[i].arguments) + "}}";
    return out + "]}";
}

}  // namespace

script chat_script(const api_request& request, const answer& said, const behaviour& how)
{
    return chat_writer{request, said, how}.write();
}

std::string chat_body(const api_request& request, const answer& said)
{
    std::string out = envelope(request, said, false) + R"("choices":[)";
    for (std::size_t i = 0; i < said.choices.size(); ++i) {
        out += (i == 0 ? R"({"index":)" : R"(,{"index":)") + std::to_string(i);
        out += legacy(request) ? R"(,"text":)" + json_string(said.choices[i].text())
                               : R"(,"message":)" + message(said, i);
        out +=
            R"(,"logprobs":null,"finish_reason":")" + std::string(said.choices[i].finish) + "\"}";
    }
    return out + ']';
}

}  // namespace sluice::simulate
