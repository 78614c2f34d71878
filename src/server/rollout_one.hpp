#pragma once
// One rollout of class rollouts.

#include "rollout_evidence.hpp"
#include "rollout_file.hpp"
#include <sluice/server/rollouts.hpp>

namespace sluice::server {

struct rollouts::one {
    saved_rollout saved;  // but for phase, step, on_step and reason, which are the state's
    policy::rollout_state state;
    std::vector<double> shares;         // of the targets, as this rollout has set them
    std::vector<target_counts> counts;  // as of the last look

    [[nodiscard]] double percent() const
    {
        const bool back = state.phase == policy::rollout_phase::rolled_back
                          || state.phase == policy::rollout_phase::stopped;
        return back ? 0 : saved.settings.steps[state.step];
    }
};

[[nodiscard]] inline origin because(origin by, std::string reason)
{
    by.reason = std::move(reason);
    return by;
}

// Names alone would not tell a target that was exchanged behind its name.
[[nodiscard]] std::vector<std::string> identities_of(
    const config::snapshot& snapshot, const config::model& model);

[[nodiscard]] std::vector<double> shares_of(const config::model& model);

[[nodiscard]] std::string percent_text(double percent);

}  // namespace sluice::server
