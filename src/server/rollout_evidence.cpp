#include "rollout_evidence.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace sluice::server {
namespace {

using observe::stream_end;

constexpr std::array broken{
    stream_end::upstream_eof,
    stream_end::upstream_reset,
    stream_end::idle,
    stream_end::in_band_error};

void add(target_counts& sum, const observe::arm_cells& cells)
{
    auto& seen = sum.seen;
    seen.attempts += cells.attempts_begun.read();
    for (std::size_t i = 0; i < observe::attempt_outcome_labels.size(); ++i)
        if (is_failure(static_cast<observe::attempt_outcome>(i)))
            seen.failed += cells.attempts.cells[i].read();
    for (const auto end : broken)
        seen.truncated += cells.stream_ends[end].read();
    cells.answer_times.read(seen.answers);
    cells.token_times.read(seen.first_tokens);
    seen.tokens += cells.priced_tokens.read();
    sum.nanodollars += cells.priced_cost.read();
}

// Counters only grow; a reader between two writes may see less than before all the same.
std::uint64_t grown(std::uint64_t now, std::uint64_t before)
{
    return now > before ? now - before : 0;
}

// Of any token, US dollars per 1000; prices are micro-dollars per million.
double dearest_of(const policy::price& price)
{
    return 1e-9
           * static_cast<double>(std::max(
               {price.input,
                price.output,
                price.cached_input.value_or(0),
                price.cache_write.value_or(0),
                price.reasoning.value_or(0)}));
}

}  // namespace

bool is_failure(observe::attempt_outcome how) noexcept
{
    using enum observe::attempt_outcome;
    switch (how) {
    case success:
    case status_4xx:  // the client's making
    case cancelled:
    case stale_retry:  // the same attempt went on
    case hedge_lost:
        return false;
    case status_429:
    case status_5xx:
    case connect_failed:
    case tls_failed:
    case timeout:
    case reset:
    case eof:
    case invalid:
    case in_band_error:
    case early_end:
    case late_token:
    case credential:  // of ours: the target cannot serve what it gets
        return true;
    }
    return false;
}

std::vector<target_counts> counts_of(
    std::span<const observe::worker_cells* const> workers, const config::model& model)
{
    std::vector<target_counts> all;
    for (const auto& target : model.targets) {
        auto& sum = all.emplace_back();
        for (const auto* worker : workers)
            if (const auto* cells = worker->find_arm(target.arm))
                add(sum, *cells);
    }
    return all;
}

policy::rollout_evidence evidence_since(
    const std::vector<target_counts>& before,
    const std::vector<target_counts>& now,
    const config::model& model)
{
    policy::rollout_evidence out;
    const auto today = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    for (std::size_t i = 0; i < now.size() && i < before.size(); ++i) {
        policy::arm_evidence one;
        one.attempts = grown(now[i].seen.attempts, before[i].seen.attempts);
        one.failed = grown(now[i].seen.failed, before[i].seen.failed);
        one.truncated = grown(now[i].seen.truncated, before[i].seen.truncated);
        one.answers = now[i].seen.answers.since(before[i].seen.answers);
        one.first_tokens = now[i].seen.first_tokens.since(before[i].seen.first_tokens);
        one.streams = one.first_tokens.total();
        one.tokens = grown(now[i].seen.tokens, before[i].seen.tokens);
        one.usd = static_cast<double>(grown(now[i].nanodollars, before[i].nanodollars))
                  / static_cast<double>(policy::nanodollars_per_dollar);
        if (const auto* price = model.targets[i].prices.at(today))
            one.dearest = dearest_of(price->price);
        (i == *model.canary ? out.canary : out.stable) += one;
    }
    return out;
}

}  // namespace sluice::server
