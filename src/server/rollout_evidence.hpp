#pragma once
// What the workers' cells say about the arms of a rollout.

#include <sluice/config/snapshot.hpp>
#include <sluice/observe/cells.hpp>
#include <sluice/policy/rollout_controller.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace sluice::server {

// Of one target, over all workers, since the process began.
struct target_counts {
    policy::arm_evidence seen;  // without its money
    std::uint64_t nanodollars = 0;
};

// Whether an attempt that ended so counts against its target.
[[nodiscard]] bool is_failure(observe::attempt_outcome how) noexcept;

[[nodiscard]] std::vector<target_counts> counts_of(
    std::span<const observe::worker_cells* const> workers, const config::model& model);

// What came since `before`, which is of the same targets. `model` has a canary.
[[nodiscard]] policy::rollout_evidence evidence_since(
    const std::vector<target_counts>& before,
    const std::vector<target_counts>& now,
    const config::model& model);

}  // namespace sluice::server
