#pragma once
// From a document and the live changes over it to the snapshot the workers share.

#include <sluice/config/live_keys.hpp>
#include <sluice/config/load.hpp>
#include <sluice/config/snapshot.hpp>
#include <sluice/observe/catalogue.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::config {

inline constexpr int most_weight = 1'000'000;  // that a file or a person gives a target

struct target_weight {
    std::string target;
    double weight = 0;  // finite and >= 0

    friend bool operator==(const target_weight&, const target_weight&) = default;
};

// What a URL of `jwt.keys` said.
struct fetched_keys {
    std::string url;
    std::shared_ptr<const jwt_keys> keys;

    friend bool operator==(const fetched_keys&, const fetched_keys&) = default;
};

// Live changes, by model name. A target that is not mentioned keeps the file's weight, or its
// breaker to itself.
struct overrides {
    std::map<std::string, std::vector<target_weight>, std::less<>> weights;
    // What the targets of a model had before all of it went to the canary: what they share again
    // when it gives some back.
    std::map<std::string, std::vector<target_weight>, std::less<>> aside;
    // By target name; never automatic, models never without a target.
    std::map<std::string, std::map<std::string, policy::breaker::control, std::less<>>, std::less<>>
        breakers;
    live_keys keys;        // with `parsed` filled in
    fetched_keys fetched;  // not kept over restarts

    friend bool operator==(const overrides&, const overrides&) = default;
};

struct build_result {
    snapshot_ptr snapshot;             // never null
    std::vector<std::string> ignored;  // overrides that no longer fit, each with the reason
};

// What is shared and mutable comes from `previous` (may be null), so a reload forgets nothing:
// limits by whose they are, budgets by id, targets' states by model and target while provider and
// upstream model stay, shadows' by their model and such a target, credentials by provider and key.
// The catalogue gives every name its id. An override of a vanished model or target, with an
// unusable weight or one that would leave a model without any weight is ignored and told.
[[nodiscard]] build_result build(
    const document& document,
    const overrides& overrides,
    std::uint64_t version,
    const snapshot_ptr& previous,
    observe::catalogue& catalogue);

// Tells the breakers what the snapshot orders. Once it is in force, not before: the states are
// shared with the one before it.
void enforce(const snapshot& snapshot) noexcept;

}  // namespace sluice::config
