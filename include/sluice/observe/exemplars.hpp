#pragma once
// For each bucket of an arm's times, the last traced request that fell into it.

#include <sluice/base/clock.hpp>
#include <sluice/observe/bounds.hpp>
#include <sluice/observe/span.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace sluice::observe {

struct exemplar {
    std::uint64_t trace_high = 0;
    std::uint64_t trace_low = 0;
    nanoseconds value{0};
    nanoseconds time{0};  // the system clock's; 0: there is none

    [[nodiscard]] bool there() const noexcept { return time.count() != 0; }
};

// By bucket, the last one is for values above all bounds.
struct arm_exemplars {
    std::array<exemplar, bounds::duration.size() + 1> duration;
    std::array<exemplar, bounds::first_token.size() + 1> first_token;
};

// Any thread but a worker's.
class exemplars {
public:
    using by_arm = std::unordered_map<std::size_t, arm_exemplars>;

    // Arms beyond it have none.
    static constexpr std::size_t most_arms = 4096;

    // Spans of attempts say nothing here.
    void note(const span& request);

    [[nodiscard]] by_arm read() const;

private:
    mutable std::mutex mutex_;
    by_arm all_;
};

}  // namespace sluice::observe
