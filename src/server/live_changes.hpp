#pragma once
// What the control plane asks about complaints, live changes and restarts.

#include <sluice/config/build.hpp>
#include <sluice/config/load.hpp>
#include <sluice/config/snapshot.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::server {

[[nodiscard]] std::vector<std::string> texts_of(const std::vector<config::complaint>& complaints);

// By its name or an alias, not by what a wildcard would take: a change names what it changes.
// nullptr: there is none.
[[nodiscard]] const config::model* model_called(
    const config::snapshot& snapshot, std::string_view name);

// Of its targets, in their order.
[[nodiscard]] std::vector<double> weights_of(const config::model& model);
[[nodiscard]] double total(const std::vector<double>& weights);

// What the targets besides the canary share what it leaves by: their weights, or what they had
// before all went to the canary. The file's where nobody knows.
[[nodiscard]] std::vector<double> weights_to_share(
    const config::model& model, const config::snapshot& file, const config::overrides& live);

// The model's weights from now on. What the others had is kept aside while the canary has all.
void lay_weights(
    const config::model& model, const std::vector<double>& weights, config::overrides& live);

// Takes out the weights of models that the file no longer has, or has with other targets, and the
// breakers of targets that it no longer has; tells each. A canary from which all traffic was taken
// gets none by a file with other targets.
[[nodiscard]] std::vector<std::string> drop_what_does_not_fit(
    const config::snapshot& file, config::overrides& live);

// Keys whose value differs from the one the process started with and is read at start only.
[[nodiscard]] std::vector<std::string> waiting_for_restart(
    const config::snapshot& at_start, const config::snapshot& now);

}  // namespace sluice::server
