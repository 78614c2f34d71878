#pragma once
// What one key, tenant, model or credential may do: rates of requests and of tokens with a burst,
// and how many at once. Exact over all workers: each limit is a single atomic, changed by one
// compare-and-swap.
//
// A rate is a GCRA (ITU-T I.371, "virtual scheduling") over amounts: the state is the instant at
// which the bucket would be full again, and an amount is the time it takes to refill it. A caller
// that may wait reserves its place in the same swap, so waiting is first come first served over all
// workers without a queue, and bounded by rate x max_wait.

#include <sluice/base/clock.hpp>

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>

namespace sluice::policy {

struct rate {
    std::uint64_t count = 0;  // 1 to 1'000'000'000
    nanoseconds period{0};    // what `count` is per
};

inline constexpr std::uint32_t whole_share = 1U << 20U;

// Shared by all workers and by successive snapshots.
struct bucket {
    std::atomic<std::int64_t> full_at{std::numeric_limits<std::int64_t>::min()};  // steady ns
    // Which part of the rate and of the burst is this gateway's, in whole_share-ths. 0: nothing is
    // let through.
    std::atomic<std::uint32_t> share{whole_share};
};

struct admission {
    bool admitted = false;
    nanoseconds wait{0};  // admitted: how long to wait first. Refused: after which it would be due
};

// All of `amount` or nothing; any thread. What is above the burst is let in when the bucket is full
// and leaves it in debt, so that it is late but not impossible. Amounts count up to 2^44.
[[nodiscard]] admission take(
    bucket& from,
    const rate& rate,
    std::uint64_t burst,
    std::uint64_t amount,
    nanoseconds max_wait,
    time_point now) noexcept;

// `used` instead of the `reserved` that take() was asked for: gives the rest back, or takes more,
// into debt if need be. What was taken less what was given back, each when it happens, stays within
// burst + rate x time + debt; a full bucket takes nothing back. Those who wait keep their places,
// so what is settled meanwhile shows after them. Any thread, once for a reservation.
void settle(
    bucket& into,
    const rate& rate,
    std::uint64_t reserved,
    std::uint64_t used,
    time_point now) noexcept;

// In which time the bucket refills so much, rounded up.
[[nodiscard]] nanoseconds time_for(
    const bucket& of, const rate& rate, std::uint64_t amount) noexcept;

// What x-ratelimit-* tells: whole tokens left, and how long until the bucket is full.
struct allowance {
    std::uint64_t limit = 0;  // the burst
    std::uint64_t remaining = 0;
    nanoseconds until_full{0};
};
[[nodiscard]] allowance allowance_of(
    const bucket& of, const rate& rate, std::uint64_t burst, time_point now) noexcept;
// Nothing is taken of it, and all of it is this gateway's.
[[nodiscard]] inline bool untouched(const bucket& of, time_point now) noexcept
{
    return of.full_at.load(std::memory_order_relaxed) <= now.time_since_epoch().count()
           && of.share.load(std::memory_order_relaxed) == whole_share;
}
// The allowance of an untouched bucket is its burst, to the one.
[[nodiscard]] bool holds_whole(const rate& rate, std::uint64_t burst) noexcept;

struct limit_settings {
    std::optional<rate> requests;             // none: unlimited
    std::uint64_t burst = 1;                  // admitted at once; at least 1
    std::optional<rate> tokens = {};          // none: unlimited
    std::uint64_t token_burst = 1;            // default_token_burst() unless told
    std::optional<std::uint32_t> concurrent;  // none: unlimited
    nanoseconds max_wait{0};                  // how long a request may wait for its token
    bool shadow = false;                      // what it would refuse is counted and let through
};

// 0.5 % of the count, so that any period holds to the rate within 1 %, with a little to spare for
// what was reserved too low; at least 1.
[[nodiscard]] std::uint64_t default_token_burst(const rate& tokens) noexcept;

struct limit_state {
    bucket requests;
    bucket tokens;
    std::atomic<std::uint32_t> in_flight{0};
    // How many of `concurrent` this process may have in flight. Whoever makes them fewer and then
    // looks at in_flight sees everybody who was let in beyond the new number.
    std::atomic<std::uint32_t> places{std::numeric_limits<std::uint32_t>::max()};
    // Somebody was refused for lack of places; whoever divides them takes it back.
    std::atomic<bool> wants_places{false};
};

// One request. Any thread. Refused takes nothing. A reserved wait is not given back when the caller
// leaves early: that could admit more than burst + rate x time later.
[[nodiscard]] admission take(
    limit_state& state, const limit_settings& settings, time_point now) noexcept;
// Gives the request back that a later limit refused; only at the `now` at which it was taken.
void give_back(limit_state& state, const limit_settings& settings, time_point now) noexcept;
[[nodiscard]] allowance allowance_of(
    const limit_state& state, const limit_settings& settings, time_point now) noexcept;

// The same for tokens. Without settings.tokens everything is admitted and nothing is counted.
[[nodiscard]] admission take_tokens(
    limit_state& state,
    const limit_settings& settings,
    std::uint64_t amount,
    time_point now) noexcept;
void settle_tokens(
    limit_state& state,
    const limit_settings& settings,
    std::uint64_t reserved,
    std::uint64_t used,
    time_point now) noexcept;
[[nodiscard]] allowance token_allowance_of(
    const limit_state& state, const limit_settings& settings, time_point now) noexcept;

// One of `concurrent`; any thread. Every true is given back by exactly one leave().
[[nodiscard]] bool enter(limit_state& state, const limit_settings& settings) noexcept;
void leave(limit_state& state, const limit_settings& settings) noexcept;

}  // namespace sluice::policy
