#pragma once
// Live changes as items with names, one for each that can be changed by itself:
//   "weights MODEL", "aside MODEL", "breaker MODEL TARGET", "key ID", "closed"; and "rollout
//   MODEL", whose value is the rollouts' own.

#include <sluice/config/build.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::state {

inline constexpr std::string_view weights_prefix = "weights ";
inline constexpr std::string_view key_prefix = "key ";
inline constexpr std::string_view rollout_prefix = "rollout ";

struct live_change {
    std::string name;
    std::string value;  // JSON; empty: there is no such thing any more
    bool withdrawn = false;

    friend bool operator==(const live_change&, const live_change&) = default;
};

// `withdraws`: the name of what is taken away, which is told even if nothing of it alters.
[[nodiscard]] std::vector<live_change> changes_between(
    const config::overrides& before,
    const config::overrides& after,
    std::string_view withdraws = {});

// The value of an item; empty: there is no such thing.
[[nodiscard]] std::string value_in(const config::overrides& live, std::string_view name);

// Lays one over, but for a key's `parsed`. False: it is none of ours, and nothing has changed. Any
// bytes.
[[nodiscard]] bool lay_over(config::overrides& live, std::string_view name, std::string_view value);

}  // namespace sluice::state
