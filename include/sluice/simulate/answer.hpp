#pragma once
// What a simulated model says: the same words whether streamed or not.

#include <sluice/base/random.hpp>
#include <sluice/simulate/behaviour.hpp>
#include <sluice/simulate/request.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::simulate {

struct choice {
    std::vector<std::string> tokens;   // of the text, or of calls[0].arguments, calls[1]...
    std::vector<tool_call> calls;      // arguments whole; not empty: finish is "tool_calls"
    std::string_view finish = "stop";  // "stop", "length", "tool_calls"

    [[nodiscard]] std::string text() const;
};

struct token_usage {
    std::size_t prompt = 0;
    std::size_t completion = 0;
};

struct answer {
    std::string id;  // 24 hexadecimal digits, without a prefix
    std::int64_t created = 0;
    std::string model;
    std::string name;  // of the simulator
    std::vector<choice> choices;
    token_usage usage;
};

// `draws` decides the words and ids. Text starts "<name>: " unless it is an echo or a JSON object;
// it is cut at a stop string and at max_tokens.
[[nodiscard]] answer make_answer(
    const api_request& request,
    const behaviour& how,
    std::string_view name,
    std::int64_t created,
    random_engine& draws);

// Whether the answer would take more memory than one client should have of the simulator.
[[nodiscard]] bool too_much(const api_request& request, const behaviour& how);

[[nodiscard]] std::string error_body(const refusal& why);

// {"prompt_tokens":...} as chat and completions spell it.
[[nodiscard]] std::string usage_json(const token_usage& usage);

// A JSON string with its quotes.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace sluice::simulate
