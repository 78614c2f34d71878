#pragma once
// How slow a target is, as all workers saw it lately: a peak-sensitive moving average that forgets.
//
// A sample above the average replaces it at once; lower ones pull it down with a half-life of 4.3 s
// (2^32 ns). Without samples it halves as often, so a target that was left out for being slow gets
// tried again: one that was n times slower than its siblings after log2(n) x 4.3 s (100 times: 29
// s), and in any case after 43 s, when the estimate is unknown again.

#include <sluice/base/clock.hpp>

#include <atomic>
#include <cstdint>

namespace sluice::policy {

// Any thread. One word; a sample that changes little is a load and a compare: it is looked at once
// in 8 ms, except a peak, which always counts. Of two at the same instant one may be lost.
class latency_estimate {
public:
    // The time to the first token of a stream, else to the response head; also how long an attempt
    // waited that was given up for being late. Above 36 minutes counts as 36 minutes.
    void sample(nanoseconds took, time_point now) noexcept;

    // Zero: unknown. To 32 ns.
    [[nodiscard]] nanoseconds at(time_point now) const noexcept;

    // As of the last sample: silence makes nobody faster. Zero: unknown, or older than `limit`.
    [[nodiscard]] nanoseconds last(time_point now, nanoseconds limit) const noexcept;

private:
    std::atomic<std::uint64_t> word_{0};
};

}  // namespace sluice::policy
