#pragma once
// What a provider says it used, made fit to be billed: contradictions are counted, and none of them
// makes a request cheaper.

#include <sluice/policy/estimate.hpp>
#include <sluice/policy/price.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::policy {

enum class discrepancy : std::uint8_t {
    cached_above_input,      // cached and cache writes together
    reasoning_above_output,  // and the total does not say that they are apart
    total_differs,           // from input + output
    absurd,                  // negative, not an integer, above most_believed, or nothing at all
};
inline constexpr std::size_t discrepancy_count = 4;
[[nodiscard]] std::string_view label_of(discrepancy what) noexcept;

class discrepancies {
public:
    void add(discrepancy what) noexcept { bits_ |= bit(what); }
    [[nodiscard]] bool has(discrepancy what) const noexcept { return (bits_ & bit(what)) != 0; }
    [[nodiscard]] bool any() const noexcept { return bits_ != 0; }

private:
    static constexpr unsigned bit(discrepancy what) noexcept
    {
        return 1U << static_cast<unsigned>(what);
    }

    unsigned bits_ = 0;
};

struct reported_usage {
    token_counts counts;
    std::uint64_t total = 0;        // 0: not said
    std::uint64_t input_audio = 0;  // a part of counts.input, unless the total says otherwise
    bool absurd = false;            // a count was there that is none; it is 0 in `counts`
    bool early = false;             // more may have been generated after it was told
};

struct reconciled {
    token_counts counts;
    discrepancies found;
    bool estimated = false;  // a count is ours
};

// More than any context window by far. A greater count is not believed.
inline constexpr std::uint64_t most_believed = 1'000'000'000;

// `ours`: what the request was estimated at and what was relayed of the answer. It stands in for a
// count that is not believed, and for early output that is less. A total that is input + output +
// reasoning says that the reasoning is apart (xAI), and one that is input + output + audio that the
// audio of the prompt is (Mistral) and is billed as input; what a total is greater by otherwise was
// generated and is billed as output (Gemini's thoughts), or as input where there are no other
// counts (embeddings). A part that exceeds its whole is billed beside it.
[[nodiscard]] reconciled reconcile(const reported_usage& said, const token_estimate& ours) noexcept;

}  // namespace sluice::policy
