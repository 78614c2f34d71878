#pragma once
// Token counts as providers report them.

#include <cstdint>
#include <string_view>

namespace sluice::wire {

// As the provider says. OpenAI's own input includes cached_input and its output includes reasoning;
// xAI's output does not include reasoning, and some report more cached than input tokens.
struct usage {
    std::uint64_t input = 0;
    std::uint64_t cached_input = 0;
    std::uint64_t output = 0;
    std::uint64_t reasoning = 0;
    bool known = false;  // false: nobody said; the counts are 0 and mean nothing

    friend bool operator==(const usage&, const usage&) = default;
};

inline constexpr std::uint64_t max_token_count = 1'000'000'000'000;

// Reads a usage object ("{...}") of the chat, text completion, embeddings or Responses shape:
// prompt_tokens or input_tokens, completion_tokens or output_tokens, *_tokens_details.cached_tokens
// and .reasoning_tokens, and DeepSeek's prompt_cache_hit_tokens. A count that is negative, not an
// integer or above max_token_count is ignored. `known` if an input or an output count was there.
// Anything else, also what is not JSON, gives an unknown usage.
[[nodiscard]] usage read_usage(std::string_view object);

}  // namespace sluice::wire
