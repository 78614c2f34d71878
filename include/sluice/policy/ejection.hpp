#pragma once
// Leaves out a target that is far worse than its siblings although no breaker opens for it.

#include <sluice/base/clock.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace sluice::policy {

struct ejection_settings {
    bool enabled = false;
    // Out when slower than factor x the median of those siblings that have the minimum too, or when
    // its failure rate is above factor x theirs together + 5 %.
    double factor = 3;
    std::uint32_t minimum = 20;  // outcomes within the breaker's window, of it and of its siblings
    double share = 0.5;          // at most this share of the targets is out; never all of them
    nanoseconds duration = seconds{30};
};

// One target's part. Any thread.
class ejection {
public:
    [[nodiscard]] bool ejected(time_point now) const noexcept
    {
        return now.time_since_epoch().count() < until_.load(std::memory_order_relaxed);
    }
    void eject_until(time_point until) noexcept
    {
        until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
    }

    // True for one caller a second: who judges the group this target is the first of.
    [[nodiscard]] bool take_turn(time_point now) noexcept;

private:
    std::atomic<std::int64_t> until_{std::numeric_limits<std::int64_t>::min()};  // steady ns
    std::atomic<std::int64_t> judge_at_{std::numeric_limits<std::int64_t>::min()};
};

struct ejection_view {
    std::uint32_t total = 0;  // outcomes lately
    std::uint32_t failed = 0;
    nanoseconds latency{0};  // 0: unknown
    bool ejected = false;    // already
    bool canary = false;     // judged beside the others, none of them beside it
};

// The one to leave out now; targets.size(): none. Asked again after that one is marked ejected, it
// names the next, and none as soon as floor(share x targets) are out. Worst first: failures before
// slowness. Beside a canary alone nobody is an outlier: it would get what its share does not give
// it.
[[nodiscard]] std::size_t worst_outlier(
    const ejection_settings& settings, std::span<const ejection_view> targets) noexcept;

}  // namespace sluice::policy
