#pragma once
// Rollouts on disk, so that a restart goes on at the same step.

#include <sluice/policy/rollout_controller.hpp>
#include <sluice/state/kept_file.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::server {

struct saved_rollout {
    std::string model;
    std::string canary;
    std::vector<std::string> targets{};  // what they are, not only their names
    policy::rollout_settings settings{};
    policy::rollout_phase phase{};
    std::size_t step = 0;
    nanoseconds on_step{0};
    std::string reason{};
    // Whether the traffic is known to be where phase and step say; a crash may lie between.
    bool applied = false;
};

[[nodiscard]] std::string to_json(const std::vector<saved_rollout>& all);

// None: not what to_json writes. Any bytes.
[[nodiscard]] std::optional<std::vector<saved_rollout>> rollouts_from_json(std::string_view text);

inline constexpr std::size_t most_rollout_bytes = std::size_t{16} << 20U;

struct loaded_rollouts {
    std::vector<saved_rollout> saved;  // none where there is no file or it was of no use
    std::string complaint;
};
// A file that cannot be used is renamed to NAME.corrupt and told about.
[[nodiscard]] loaded_rollouts load_rollouts(state::kept_file& from);

}  // namespace sluice::server
