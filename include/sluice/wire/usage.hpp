#pragma once
// Token counts as providers report them.

#include <cstdint>
#include <string_view>

namespace sluice::wire {

// As the provider says. OpenAI's own input includes cached_input and cache_write and its output
// includes reasoning; xAI's output does not include reasoning, Mistral's input not its audio, some
// report more cached than input tokens, and of some only the total counts everything.
// policy::reconcile() makes sense of them.
struct usage {
    std::uint64_t input = 0;
    std::uint64_t cached_input = 0;
    std::uint64_t cache_write = 0;
    std::uint64_t input_audio = 0;
    std::uint64_t output = 0;
    std::uint64_t reasoning = 0;
    std::uint64_t total = 0;  // 0: not said
    bool known = false;       // false: nobody said; the counts are 0 and mean nothing
    bool absurd = false;      // a count was there that cannot be one; it is 0
    bool early = false;       // more was generated after it was told

    friend bool operator==(const usage&, const usage&) = default;
};

inline constexpr std::uint64_t max_token_count = 1'000'000'000'000;

// Reads a usage object ("{...}") of the chat, text completion, embeddings or Responses shape:
// prompt_tokens or input_tokens, completion_tokens or output_tokens, total_tokens,
// *_tokens_details.cached_tokens, .cache_write_tokens, .reasoning_tokens and the prompt's
// .audio_tokens; DeepSeek's // prompt_cache_hit_tokens, Moonshot's and Together's cached_tokens,
// Mistral's num_cached_tokens and Vercel's cache_creation_input_tokens, which stand beside the
// others. A count that is negative, not an integer or above max_token_count is `absurd` and
// ignored, null is only ignored. `known` if an input, an output or a total count was there.
// Anything else, also what is not JSON, gives an unknown usage.
[[nodiscard]] usage read_usage(std::string_view object);

}  // namespace sluice::wire
