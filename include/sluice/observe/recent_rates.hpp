#pragma once
// What each arm did in the last minutes, for the admin API: differences of the cells, taken every
// few seconds by the control thread.

#include <sluice/base/clock.hpp>
#include <sluice/observe/cells.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::observe {

// The sum over all workers since the process began.
struct arm_totals {
    std::uint64_t requests = 0;
    std::uint64_t errors = 0;  // answered with 500 or above, or a stream that broke
    std::int64_t in_flight = 0;
    histogram_totals duration;
    histogram_totals first_token;
};

// Any thread.
[[nodiscard]] arm_totals totals_of(std::span<const worker_cells* const> workers, std::size_t arm);

// Answers for the control thread only: sample() and window() are not to run at the same time.
// 4.7 KiB per arm.
class recent_rates {
public:
    static constexpr seconds sample_every{5};
    static constexpr std::size_t samples = 60;  // five minutes

    struct window {
        double requests_per_second = 0;
        std::uint64_t requests = 0;
        std::uint64_t errors = 0;
        double error_rate = 0;  // of the requests; 0 without any
        double mean_seconds = 0;
        double p99_seconds = 0;  // within its bucket, linearly; the last bound if it lies above
    };

    // Call every sample_every; the first call sets the base line. `arms` is catalogue::size().arms.
    void sample(time_point now, std::span<const worker_cells* const> workers, std::size_t arms);

    // Of the samples that cover the last `span` (1 or 5 minutes, or what there is).
    [[nodiscard]] window over(std::size_t arm, seconds span) const;

private:
    struct slot {
        std::array<std::uint32_t, bounds::duration.size() + 1> buckets{};
        std::uint32_t errors = 0;
        std::uint64_t sum_ns = 0;
    };
    struct arm_history {
        arm_totals last;
        std::array<slot, samples> slots{};
    };

    std::vector<arm_history> arms_;
    std::array<duration, samples> took_{};  // how long each slot lasted
    std::size_t next_ = 0;
    std::size_t filled_ = 0;
    time_point last_{};
    bool started_ = false;
};

}  // namespace sluice::observe
