#pragma once
// What a guard is made of.

#include <sluice/policy/rollout_controller.hpp>

namespace sluice::policy {

inline constexpr double slow_answers = 0.01;  // p99
inline constexpr double slow_tokens = 0.05;   // p95

// As configured, times in seconds; none: not set.
[[nodiscard]] std::optional<double> limit_of(const rollout_guards& guards, guard which);

// With the stable arm.
[[nodiscard]] constexpr bool compares(guard which) noexcept
{
    return which == guard::errors_above_stable || which == guard::truncated_above_stable
           || which == guard::p99_above_stable || which == guard::first_token_above_stable
           || which == guard::cost_above_stable;
}

// The evidence that rolls back.
[[nodiscard]] double enough_for(const rollout_state& state, const rollout_settings& settings);

[[nodiscard]] double evidence_of(const rollout_state& state, guard which);

// 1 + `more` times the time all but the share `slow` of the stable arm's stayed within; none: too
// few of them to tell.
[[nodiscard]] std::optional<nanoseconds> bound_over(
    const time_counts& stable, double slow, double more);

// US dollars per 1000 tokens; there are some.
[[nodiscard]] double cost_of(const arm_evidence& arm);

[[nodiscard]] std::string describe(const guard_view& view, const rollout_state& state);

}  // namespace sluice::policy
