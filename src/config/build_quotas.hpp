#pragma once
// The states of limits and budgets, which outlive the snapshots that name them.

#include <sluice/config/snapshot.hpp>

namespace sluice::config {

// Gives every key, tenant, model and credential its limit's state, every budget its purse and every
// model its estimator: those of `previous` (may be null) where it had them, by id, name and key,
// else new ones. Finds each key's tenant, and writes what answers tell of untouched rates.
void carry_over_quotas(snapshot& settings, const snapshot_ptr& previous);

}  // namespace sluice::config
