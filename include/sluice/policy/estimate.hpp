#pragma once
// How many tokens a request will use, before it is sent: learned per model from what the providers
// counted. One state is shared by all workers; two that learn at the same instant may lose one of
// the two lessons.

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::policy {

struct token_estimate {
    std::uint64_t input = 0;
    std::uint64_t output = 0;
};

// No estimate of an output is greater: 2^53.
inline constexpr std::uint64_t most_output_tokens = std::uint64_t{1} << 53U;

// What so many answers, 1 at least, use.
[[nodiscard]] constexpr token_estimate for_answers(
    token_estimate one, std::uint64_t answers) noexcept
{
    const bool too_many = one.output > most_output_tokens / answers;
    one.output = too_many ? most_output_tokens : one.output * answers;
    return one;
}

// A conversation with this body has certainly more tokens: none is longer than 128 bytes. Never
// where it holds an image, a sound or a file, whose bytes are not read as text.
[[nodiscard]] bool certainly_longer(std::string_view body, std::uint64_t tokens) noexcept;

class estimator {
public:
    // From the bytes of the request's body: at the learned bytes a token (4 at first, 1 to 16), at
    // least 1. The output is the greatest that the request asks for, or else what 9 of 10 answers
    // stayed within (1024 at first), of one answer.
    [[nodiscard]] token_estimate estimate(
        std::uint64_t body_bytes, std::optional<std::uint64_t> max_output) const noexcept;

    // What an answer really used. `free_output`: it ended by itself, the request named no greatest
    // output; only such answers teach the output.
    void learn(
        std::uint64_t body_bytes,
        std::uint64_t input_tokens,
        std::uint64_t output_tokens,
        bool free_output) noexcept;

    [[nodiscard]] double bytes_per_token() const noexcept;
    [[nodiscard]] double usual_output() const noexcept;

private:
    std::atomic<std::uint64_t> means_{0};  // two floats: bytes and tokens of a prompt; 0: none yet
    std::atomic<float> output_{1024.0F};
};

}  // namespace sluice::policy
