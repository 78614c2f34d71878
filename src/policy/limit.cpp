#include <sluice/policy/limit.hpp>

#include <algorithm>

namespace sluice::policy {

std::uint64_t default_token_burst(const rate& tokens) noexcept
{
    return std::max<std::uint64_t>(tokens.count / 200, 1);
}

admission take(limit_state& state, const limit_settings& settings, time_point now) noexcept
{
    if (!settings.requests)
        return {.admitted = true};
    return take(state.requests, *settings.requests, settings.burst, 1, settings.max_wait, now);
}

void give_back(limit_state& state, const limit_settings& settings, time_point now) noexcept
{
    if (settings.requests)
        settle(state.requests, *settings.requests, 1, 0, now);
}

allowance allowance_of(
    const limit_state& state, const limit_settings& settings, time_point now) noexcept
{
    if (!settings.requests)
        return {};
    return allowance_of(state.requests, *settings.requests, settings.burst, now);
}

admission take_tokens(
    limit_state& state,
    const limit_settings& settings,
    std::uint64_t amount,
    time_point now) noexcept
{
    if (!settings.tokens)
        return {.admitted = true};
    return take(
        state.tokens, *settings.tokens, settings.token_burst, amount, settings.max_wait, now);
}

void settle_tokens(
    limit_state& state,
    const limit_settings& settings,
    std::uint64_t reserved,
    std::uint64_t used,
    time_point now) noexcept
{
    if (settings.tokens)
        settle(state.tokens, *settings.tokens, reserved, used, now);
}

allowance token_allowance_of(
    const limit_state& state, const limit_settings& settings, time_point now) noexcept
{
    if (!settings.tokens)
        return {};
    return allowance_of(state.tokens, *settings.tokens, settings.token_burst, now);
}

bool enter(limit_state& state, const limit_settings& settings) noexcept
{
    if (!settings.concurrent)
        return true;
    const auto most = std::min(*settings.concurrent, state.places.load(std::memory_order_relaxed));
    std::uint32_t inside = state.in_flight.load(std::memory_order_relaxed);
    while (inside < most) {
        if (!state.in_flight.compare_exchange_weak(inside, inside + 1))
            continue;
        if (inside < state.places.load())
            return true;
        // Fewer meanwhile. Whoever made them fewer and counts then has seen this one otherwise.
        state.in_flight.fetch_sub(1, std::memory_order_relaxed);
        break;
    }
    state.wants_places.store(true, std::memory_order_relaxed);
    return false;
}

void leave(limit_state& state, const limit_settings& settings) noexcept
{
    if (settings.concurrent)
        state.in_flight.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace sluice::policy
