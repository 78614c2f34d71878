#pragma once
// What one key may do: a request rate with a burst, and how many at once. Exact over all workers:
// each limit is a single atomic, changed by one compare-and-swap.
//
// The rate is a GCRA (ITU-T I.371, "virtual scheduling"): the state is the instant at which the
// bucket would be full again. A caller that may wait reserves its place in the same swap, so
// waiting is first come first served over all workers without a queue, and bounded by rate x
// max_wait.

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

struct limit_settings {
    std::optional<rate> requests;             // none: unlimited
    std::uint64_t burst = 1;                  // admitted at once; at least 1
    std::optional<std::uint32_t> concurrent;  // none: unlimited
    nanoseconds max_wait{0};                  // how long a request may wait for its token
};

// Shared by all workers and by successive snapshots.
struct limit_state {
    std::atomic<std::int64_t> full_at{std::numeric_limits<std::int64_t>::min()};  // steady ns
    std::atomic<std::uint32_t> in_flight{0};
};

struct admission {
    bool admitted = false;
    nanoseconds wait{0};  // admitted: how long to wait first. Refused: after which a token is due
};

// Any thread. Refused takes nothing. A reserved wait is not given back when the caller leaves
// early: that could admit more than burst + rate x time later.
[[nodiscard]] admission take(
    limit_state& state, const limit_settings& settings, time_point now) noexcept;

// What x-ratelimit-* tells: whole tokens left, and how long until the bucket is full.
struct allowance {
    std::uint64_t limit = 0;  // the burst
    std::uint64_t remaining = 0;
    nanoseconds until_full{0};
};
[[nodiscard]] allowance allowance_of(
    const limit_state& state, const limit_settings& settings, time_point now) noexcept;

// One of `concurrent`; any thread. Every true is given back by exactly one leave().
[[nodiscard]] bool enter(limit_state& state, const limit_settings& settings) noexcept;
void leave(limit_state& state, const limit_settings& settings) noexcept;

}  // namespace sluice::policy
