#include "rollout_guards.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sluice::policy {
namespace {

// Before so many of the stable arm's there is no bound to compare with.
constexpr std::uint64_t least_for_bound = 100;

constexpr std::array<std::string_view, guard_count> guard_names{
    "errors",
    "errors_above_stable",
    "truncated",
    "truncated_above_stable",
    "p99",
    "p99_above_stable",
    "first_token",
    "first_token_above_stable",
    "cost",
    "cost_above_stable"};

std::optional<double> seconds_of(const std::optional<nanoseconds>& time) noexcept
{
    return time ? std::optional(in_seconds(*time)) : std::nullopt;
}

std::optional<double> share(std::uint64_t hits, std::uint64_t count)
{
    if (count == 0)
        return std::nullopt;
    return std::min(static_cast<double>(hits) / static_cast<double>(count), 1.0);
}

std::optional<double> quantile(const time_counts& times, double slow)
{
    if (times.total() == 0)
        return std::nullopt;
    return seconds_of(times.quantile(1 - slow));
}

// What the guard looks at, of one arm.
std::optional<double> value_of(const arm_evidence& arm, guard which)
{
    switch (which) {
    case guard::errors:
    case guard::errors_above_stable:
        return share(arm.failed, arm.attempts);
    case guard::truncated:
    case guard::truncated_above_stable:
        return share(arm.truncated, arm.streams);
    case guard::p99:
    case guard::p99_above_stable:
        return quantile(arm.answers, slow_answers);
    case guard::first_token:
    case guard::first_token_above_stable:
        return quantile(arm.first_tokens, slow_tokens);
    case guard::cost:
    case guard::cost_above_stable:
        return arm.tokens > 0 ? std::optional(cost_of(arm)) : std::nullopt;
    }
    return std::nullopt;
}

std::optional<double> allowed_of(const guard_view& view, const rollout_state& state, double limit)
{
    switch (view.which) {
    case guard::errors_above_stable:
    case guard::truncated_above_stable:
        return view.stable ? std::optional(*view.stable + limit) : std::nullopt;
    case guard::p99_above_stable:
        return seconds_of(bound_over(state.seen.stable.answers, slow_answers, limit));
    case guard::first_token_above_stable:
        return seconds_of(bound_over(state.seen.stable.first_tokens, slow_tokens, limit));
    case guard::cost_above_stable:
        return view.stable ? std::optional(*view.stable * (1 + limit)) : std::nullopt;
    default:
        return limit;
    }
}

std::string text_of(guard which, const std::optional<double>& value)
{
    if (!value)
        return "unknown";
    const bool time = which >= guard::p99 && which <= guard::first_token_above_stable;
    const bool money = which >= guard::cost;
    std::array<char, 64> text{};
    std::snprintf(
        text.data(),
        text.size(),
        time    ? "%.4gs"
        : money ? "%.4g USD"
                : "%.3g%%",
        time || money ? *value : *value * 100);
    return text.data();
}

}  // namespace

std::string_view name_of(guard which) noexcept
{
    return guard_names[static_cast<std::size_t>(which)];
}

std::optional<double> limit_of(const rollout_guards& guards, guard which)
{
    switch (which) {
    case guard::errors:
        return guards.errors;
    case guard::errors_above_stable:
        return guards.errors_above_stable;
    case guard::truncated:
        return guards.truncated;
    case guard::truncated_above_stable:
        return guards.truncated_above_stable;
    case guard::p99:
        return seconds_of(guards.p99);
    case guard::p99_above_stable:
        return guards.p99_above_stable;
    case guard::first_token:
        return seconds_of(guards.first_token);
    case guard::first_token_above_stable:
        return guards.first_token_above_stable;
    case guard::cost:
        return guards.cost;
    case guard::cost_above_stable:
        return guards.cost_above_stable;
    }
    return std::nullopt;
}

double enough_for(const rollout_state& state, const rollout_settings& settings)
{
    std::size_t set = 0;
    for (std::size_t i = 0; i < guard_count; ++i)
        set += limit_of(settings.guards, static_cast<guard>(i)) ? 1 : 0;
    const auto parts = std::max<std::size_t>(set, 1) * std::max(state.judges, 1U);
    return std::min(static_cast<double>(parts) / settings.false_rollbacks, most_evidence);
}

double evidence_of(const rollout_state& state, guard which)
{
    const auto at = static_cast<std::size_t>(which);
    return which >= guard::cost ? state.means[at].evidence() : state.shares[at].evidence();
}

std::optional<nanoseconds> bound_over(const time_counts& stable, double slow, double more)
{
    if (stable.total() < least_for_bound)
        return std::nullopt;
    return nanoseconds{
        std::llround(static_cast<double>(stable.quantile(1 - slow).count()) * (1 + more))};
}

double cost_of(const arm_evidence& arm)
{
    return 1'000 * arm.usd / static_cast<double>(arm.tokens);
}

std::string describe(const guard_view& view, const rollout_state& state)
{
    const auto& canary = state.seen.canary;
    const auto value = text_of(view.which, view.canary);
    std::string out(name_of(view.which));
    switch (view.which) {
    case guard::errors:
    case guard::errors_above_stable:
        out += ": " + value + " of " + std::to_string(canary.attempts) + " canary attempts failed";
        break;
    case guard::truncated:
    case guard::truncated_above_stable:
        out += ": " + value + " of " + std::to_string(canary.streams) + " canary streams broke";
        break;
    case guard::p99:
    case guard::p99_above_stable:
        out += ": the canary's p99 is " + value;
        break;
    case guard::first_token:
    case guard::first_token_above_stable:
        out += ": the p95 of the canary's first tokens is " + value;
        break;
    case guard::cost:
    case guard::cost_above_stable:
        out += ": 1000 tokens of the canary cost " + value;
        break;
    }
    if (view.stable)
        out += ", stable " + text_of(view.which, view.stable);
    return out + ", allowed " + text_of(view.which, view.allowed);
}

std::vector<guard_view> guards_of(const rollout_state& state, const rollout_settings& settings)
{
    std::vector<guard_view> out;
    for (std::size_t i = 0; i < guard_count; ++i) {
        const auto which = static_cast<guard>(i);
        const auto limit = limit_of(settings.guards, which);
        if (!limit)
            continue;
        guard_view view{.which = which};
        view.canary = value_of(state.seen.canary, which);
        view.stable = value_of(state.seen.stable, which);
        view.allowed = allowed_of(view, state, *limit);
        view.evidence = evidence_of(state, which);
        view.enough = enough_for(state, settings);
        out.push_back(view);
    }
    return out;
}

}  // namespace sluice::policy
