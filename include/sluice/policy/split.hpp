#pragma once
// Which of a model's targets a request gets.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace sluice::policy {

// Where a request stands in the split: two independent numbers in [0, 1). Drawn at random, or
// derived from a client's identity so that it always stands in the same place.
struct position {
    double canary = 0;  // against the canary's share
    double others = 0;  // among the rest
};

// Same identity, same model: same position, on every worker, gateway and restart.
[[nodiscard]] position position_of(std::string_view model, std::string_view identity) noexcept;

// Shares are exact: a target with weight w of a total W gets w / W of the unit interval. The
// canary's stretch begins at 0 and the rest is decided by the other number, so raising its share
// only moves positions to it, lowering only away from it, and nobody changes between the others.
class split {
public:
    split() = default;

    // Weights are finite and >= 0 with a sum > 0, at least one of them; canary < weights.size().
    split(std::span<const double> weights, std::optional<std::size_t> canary);

    // Index of the target.
    [[nodiscard]] std::size_t pick(position where) const noexcept;

    // In [0, 1]; of the whole.
    [[nodiscard]] double share(std::size_t target) const noexcept;

private:
    double canary_share_ = 0;
    std::size_t canary_ = 0;
    bool has_canary_ = false;
    std::vector<double> shares_;
    std::vector<double> upper_;  // cumulative shares of the others, the last of them 1
};

// The weights after `percent` (0 to 100) of the traffic is given to `canary`: the others share the
// rest as their weights were; if all of those were 0, equally.
[[nodiscard]] std::vector<double> with_canary_percent(
    std::span<const double> weights, std::size_t canary, double percent);

}  // namespace sluice::policy
