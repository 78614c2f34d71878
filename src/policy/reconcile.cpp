#include <sluice/policy/reconcile.hpp>

#include <algorithm>

namespace sluice::policy {
namespace {

// Whether the count had to be replaced.
bool disbelieve(std::uint64_t& count, std::uint64_t instead) noexcept
{
    if (count <= most_believed)
        return false;
    count = std::min(instead, most_believed);
    return true;
}

void explain_total(
    token_counts& counts,
    std::uint64_t total,
    std::uint64_t input_audio,
    discrepancies& found) noexcept
{
    const std::uint64_t sum = counts.input + counts.output;
    if (total == 0 || total == sum)
        return;
    if (sum == 0) {
        counts.input = total;
        return;
    }
    if (counts.reasoning != 0 && total == sum + counts.reasoning) {
        counts.reasoning_apart = true;
        return;
    }
    if (input_audio != 0 && total == sum + input_audio) {
        counts.input += input_audio;
        return;
    }
    const std::uint64_t apart = counts.reasoning_apart ? counts.reasoning : 0;
    if (total == sum + apart)
        return;
    found.add(discrepancy::total_differs);
    if (total > sum + apart)
        counts.output += total - sum - apart;
}

// Whether less output was told than was relayed.
bool raise(token_counts& counts, std::uint64_t relayed) noexcept
{
    const std::uint64_t apart = counts.reasoning_apart ? counts.reasoning : 0;
    if (relayed <= counts.output + apart)
        return false;
    counts.output = relayed - apart;
    return true;
}

}  // namespace

std::string_view label_of(discrepancy what) noexcept
{
    constexpr std::array<std::string_view, discrepancy_count> labels{
        "cached_above_input", "reasoning_above_output", "total_differs", "absurd"};
    return labels[static_cast<std::size_t>(what)];
}

reconciled reconcile(const reported_usage& said, const token_estimate& ours) noexcept
{
    reconciled out{.counts = said.counts, .found = {}, .estimated = false};
    auto& counts = out.counts;
    std::uint64_t total = said.total;
    bool absurd = said.absurd;
    absurd |= disbelieve(counts.input, ours.input);
    absurd |= disbelieve(counts.output, ours.output);
    absurd |= disbelieve(counts.cached_input, 0);
    absurd |= disbelieve(counts.cache_write, 0);
    absurd |= disbelieve(counts.reasoning, 0);
    absurd |= disbelieve(total, 0);
    absurd |= counts == token_counts{} && total == 0;
    if (absurd) {
        out.found.add(discrepancy::absurd);
        total = 0;  // of counts some of which are not the provider's
        if (counts.input == 0)
            counts.input = ours.input;
        if (counts.output == 0)
            counts.output = ours.output;
    }
    explain_total(counts, total, said.input_audio, out.found);
    out.estimated = absurd;
    if (said.early)
        out.estimated |= raise(counts, ours.output);
    if (counts.cached_input + counts.cache_write > counts.input)
        out.found.add(discrepancy::cached_above_input);
    if (counts.reasoning > counts.output && !counts.reasoning_apart)
        out.found.add(discrepancy::reasoning_above_output);
    return out;
}

}  // namespace sluice::policy
