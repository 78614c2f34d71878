#include "rollout_guards.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::policy {
namespace {

constexpr std::array<std::string_view, 6> phase_names{
    "running", "frozen", "paused", "done", "rolled_back", "stopped"};

trials slower(const time_counts& times, nanoseconds bound)
{
    return {times.total(), times.above(bound)};
}

void add_money(arm_evidence& sum, const arm_evidence& more)
{
    sum.tokens += more.tokens;
    sum.usd += more.usd;
    sum.dearest = std::max(sum.dearest, more.dearest);
}

// Both arms' tokens of the same stretch of time, as a number whose mean is at most 0 when the
// canary costs no more than 1 + `more` times what stable does, and which is never below -1. Beside
// a stable arm that is free the canary has to be free too.
void compare_cost(rollout_state& state, const rollout_evidence& now, double more)
{
    auto& [canary, stable] = state.unpaired;
    add_money(canary, now.canary);
    add_money(stable, now.stable);
    const double dearest = stable.dearest > 0 ? stable.dearest : canary.dearest;
    if (canary.tokens == 0 || stable.tokens == 0 || !(dearest > 0))
        return;
    state.means[static_cast<std::size_t>(guard::cost_above_stable)].observe(
        (cost_of(canary) - (1 + more) * cost_of(stable)) / ((1 + more) * dearest));
    state.unpaired = {};
}

void watch_times(
    rollout_state& state,
    guard which,
    double limit,
    const rollout_evidence& now,
    time_counts arm_evidence::* times)
{
    auto& test = state.shares[static_cast<std::size_t>(which)];
    const double slow =
        which == guard::p99 || which == guard::p99_above_stable ? slow_answers : slow_tokens;
    if (which == guard::p99 || which == guard::first_token)
        return test.observe(
            slower(now.canary.*times, nanoseconds{std::llround(limit * 1e9)}), slow);
    if (const auto bound = bound_over(state.seen.stable.*times, slow, limit))
        test.observe(slower(now.canary.*times, *bound), slower(now.stable.*times, *bound), slow);
}

void watch(rollout_state& state, guard which, double limit, const rollout_evidence& now)
{
    auto& test = state.shares[static_cast<std::size_t>(which)];
    const auto& [canary, stable] = now;
    switch (which) {
    case guard::errors:
        return test.observe({canary.attempts, canary.failed}, limit);
    case guard::errors_above_stable:
        return test.observe(
            {canary.attempts, canary.failed}, {stable.attempts, stable.failed}, limit);
    case guard::truncated:
        return test.observe({canary.streams, canary.truncated}, limit);
    case guard::truncated_above_stable:
        return test.observe(
            {canary.streams, canary.truncated}, {stable.streams, stable.truncated}, limit);
    case guard::p99:
    case guard::p99_above_stable:
        return watch_times(state, which, limit, now, &arm_evidence::answers);
    case guard::first_token:
    case guard::first_token_above_stable:
        return watch_times(state, which, limit, now, &arm_evidence::first_tokens);
    case guard::cost:
        if (canary.tokens > 0)
            state.means[static_cast<std::size_t>(which)].observe(cost_of(canary) / limit - 1);
        return;
    case guard::cost_above_stable:
        return compare_cost(state, now, limit);
    }
}

// The guard with the most evidence, if that is enough.
std::optional<guard_view> breach(const rollout_state& state, const rollout_settings& settings)
{
    const double enough = enough_for(state, settings);
    std::optional<guard> worst;
    for (std::size_t i = 0; i < guard_count; ++i) {
        const auto which = static_cast<guard>(i);
        if (limit_of(settings.guards, which) && evidence_of(state, which) >= enough
            && (!worst || evidence_of(state, which) > evidence_of(state, *worst)))
            worst = which;
    }
    if (!worst)
        return std::nullopt;
    auto views = guards_of(state, settings);
    return *std::ranges::find(views, *worst, &guard_view::which);
}

}  // namespace

std::string_view name_of(rollout_phase phase) noexcept
{
    return phase_names[static_cast<std::size_t>(phase)];
}

std::optional<rollout_phase> phase_called(std::string_view name) noexcept
{
    const auto* at = std::ranges::find(phase_names, name);
    if (at == phase_names.end())
        return std::nullopt;
    return static_cast<rollout_phase>(at - phase_names.begin());
}

bool is_watched(rollout_phase phase) noexcept
{
    return phase == rollout_phase::running || phase == rollout_phase::frozen;
}

arm_evidence& arm_evidence::operator+=(const arm_evidence& more) noexcept
{
    attempts += more.attempts;
    failed += more.failed;
    streams += more.streams;
    truncated += more.truncated;
    answers += more.answers;
    first_tokens += more.first_tokens;
    add_money(*this, more);
    return *this;
}

rollout_verdict advance(
    rollout_state& state,
    const rollout_settings& settings,
    const rollout_evidence& evidence,
    time_point now)
{
    if (!is_watched(state.phase)) {
        state.looked.reset();
        return {};
    }
    if (state.looked && state.phase == rollout_phase::running)
        state.on_step += now - *state.looked;
    state.looked = now;
    for (std::size_t i = 0; i < guard_count; ++i)
        if (const auto limit = limit_of(settings.guards, static_cast<guard>(i)))
            watch(state, static_cast<guard>(i), *limit, evidence);
    state.seen.canary += evidence.canary;
    state.seen.stable += evidence.stable;

    using kind = rollout_verdict::kind;
    if (const auto breached = breach(state, settings))
        return {
            .what = kind::roll_back,
            .breached = breached->which,
            .reason = describe(*breached, state)};
    const auto wanting = missing(state, settings);
    if (state.phase != rollout_phase::running || wanting.time > nanoseconds{0}
        || wanting.attempts > 0 || wanting.doubtful)
        return {};
    return {.what = state.step + 1 < settings.steps.size() ? kind::step_up : kind::finish};
}

void enter_step(rollout_state& state, std::size_t step) noexcept
{
    state.step = step;
    state.on_step = nanoseconds{0};
    state.seen = {};
}

until_next_step missing(const rollout_state& state, const rollout_settings& settings) noexcept
{
    until_next_step out;
    out.time = std::max(settings.every - state.on_step, nanoseconds{0});
    if (state.seen.canary.attempts < settings.minimum)
        out.attempts = settings.minimum - state.seen.canary.attempts;
    const double halfway = std::sqrt(enough_for(state, settings));
    for (std::size_t i = 0; i < guard_count; ++i) {
        const auto which = static_cast<guard>(i);
        // What stable no longer answers to is not going to change any more.
        const bool moves = !compares(which) || state.seen.stable.attempts > 0;
        out.doubtful |= moves && limit_of(settings.guards, which).has_value()
                        && evidence_of(state, which) >= halfway;
    }
    return out;
}

}  // namespace sluice::policy
