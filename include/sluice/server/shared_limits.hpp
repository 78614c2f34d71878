#pragma once
// Which limits of a configuration the gateways of a fleet share, by names that are the same at
// each.

#include <sluice/config/snapshot.hpp>
#include <sluice/state/place_shares.hpp>
#include <sluice/state/rate_shares.hpp>

#include <vector>

namespace sluice::server {

// "key:ID:requests", "tenant:NAME:tokens", "model:NAME:requests"; of a provider's credential
// "credential:PROVIDER:DIGEST:tokens", with the beginning of the SHA-256 of its key.
[[nodiscard]] std::vector<state::shared_rate> shared_rates(const config::snapshot& config);

// "key:ID:concurrent" and so on.
[[nodiscard]] std::vector<state::shared_places> shared_places(const config::snapshot& config);

}  // namespace sluice::server
