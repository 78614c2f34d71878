#include <sluice/policy/target_state.hpp>

#include <algorithm>
#include <array>

namespace sluice::policy {

void target_state::begun(time_point now) noexcept
{
    in_flight.fetch_add(1, std::memory_order_relaxed);
    // Before anybody waits as well: nobody is to read that somebody does since long ago.
    if (waiting.load(std::memory_order_relaxed) == 0)
        waiting_since.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    if (waiting.fetch_add(1, std::memory_order_release) == 0)
        waiting_since.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

void target_state::answered(nanoseconds took, time_point now) noexcept
{
    latency.sample(took, now);
    heard(now);
}

void target_state::heard(time_point now) noexcept
{
    waiting_since.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    waiting.fetch_sub(1, std::memory_order_relaxed);
}

void target_state::ended(bool was_heard) noexcept
{
    if (!was_heard)
        waiting.fetch_sub(1, std::memory_order_relaxed);
    in_flight.fetch_sub(1, std::memory_order_relaxed);
}

nanoseconds target_state::latency_now(time_point now) const noexcept
{
    return std::max(latency.at(now), silent_for(now));
}

nanoseconds target_state::latency_within(nanoseconds limit, time_point now) const noexcept
{
    const nanoseconds known = latency.last(now, limit);
    return known > nanoseconds{0} ? std::max(known, silent_for(now)) : known;
}

nanoseconds target_state::silent_for(time_point now) const noexcept
{
    if (waiting.load(std::memory_order_acquire) == 0)
        return nanoseconds{0};
    return now.time_since_epoch() - nanoseconds(waiting_since.load(std::memory_order_relaxed));
}

void eject_outliers(
    std::span<target_state* const> targets,
    std::optional<std::size_t> canary,
    const ejection_settings& settings,
    const breaker_settings& outcomes,
    time_point now) noexcept
{
    std::array<ejection_view, 32> views;
    if (!settings.enabled || targets.size() < 2 || targets.size() > views.size()
        || !targets.front()->ejection.take_turn(now))
        return;
    // Of the outcomes that count, and none from before it was out.
    const nanoseconds lately = std::min(outcomes.window, settings.duration);
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const auto recent = targets[i]->breaker.recent(outcomes, now);
        views[i] = {
            .total = recent.total,
            .failed = recent.failed,
            .latency = targets[i]->latency_within(lately, now),
            .ejected = targets[i]->ejection.ejected(now),
            .canary = canary == i};
    }
    const std::span<ejection_view> seen(views.data(), targets.size());
    for (std::size_t worst = worst_outlier(settings, seen); worst < seen.size();
         worst = worst_outlier(settings, seen)) {
        targets[worst]->ejection.eject_until(now + settings.duration);
        targets[worst]->breaker.forget();
        seen[worst].ejected = true;
    }
}

}  // namespace sluice::policy
