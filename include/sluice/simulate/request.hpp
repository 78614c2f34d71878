#pragma once
// A call of the OpenAI API, as far as a simulated answer depends on it.

#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::simulate {

enum class endpoint { chat, completions, embeddings, responses };

// An error in OpenAI's shape; empty param and code are null on the wire.
struct refusal {
    unsigned status = 400;
    std::string type = "invalid_request_error";
    std::string code;
    std::string param;
    std::string message;
};

// A function the answer has to call, with plausible arguments for its schema.
struct tool_call {
    std::string name;
    std::string arguments;  // JSON object
};

struct api_request {
    endpoint where = endpoint::chat;
    std::string model;
    bool stream = false;
    bool include_usage = false;
    std::size_t prompt_bytes = 0;     // of all text in it
    std::optional<std::string> echo;  // what follows "echo: " in the last prompt
    std::vector<tool_call> calls;     // not empty: the answer is these calls
    std::optional<std::string> json;  // the answer is this object: response_format, text.format
    std::uint32_t choices = 1;
    std::vector<std::string> stops;
    std::optional<std::uint32_t> max_tokens;
    std::vector<std::string> inputs;  // embeddings: the bytes of each
    std::uint32_t dimensions = 1536;
    bool base64 = false;
};

// Tools are called when tool_choice says required or names one, or when it is auto and the last
// message is a user's that has the word "tool" or the tool's name in it; "every tool" calls all.
[[nodiscard]] boost::system::result<api_request, refusal> parse_request(
    endpoint where, std::string_view body);

}  // namespace sluice::simulate
