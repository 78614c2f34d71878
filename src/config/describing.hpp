#pragma once
// The leaves of a description.

#include "describe.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

// Of one model, for the snapshot's description.
[[nodiscard]] description describe(const model& model, const snapshot& snapshot);

// Of what has limits or budgets.
[[nodiscard]] description describe(const policy::limit_settings& limits);
[[nodiscard]] description describe_limits(const quota& of);
[[nodiscard]] description describe(const budget_settings& budget);
[[nodiscard]] description describe(const tenant& tenant);
[[nodiscard]] description describe_key_budget(const key& key);

namespace describing {

void add(description& object, std::string_view name, description value);

[[nodiscard]] description raw(std::string json);
[[nodiscard]] description text(std::string_view value);
[[nodiscard]] description texts(const std::vector<std::string>& values);
[[nodiscard]] description number(std::uint64_t value);
[[nodiscard]] description flag(bool value);
[[nodiscard]] description time(nanoseconds value);  // to the millisecond
[[nodiscard]] description size(std::size_t bytes);
[[nodiscard]] description percent(double share);  // 0.5 is "50%"
[[nodiscard]] description money(std::int64_t micro_dollars);

// To the millionth: "50", "0.5".
[[nodiscard]] std::string percent_digits(double share);

}  // namespace describing
}  // namespace sluice::config
