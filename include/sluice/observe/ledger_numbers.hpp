#pragma once
// How the ledger does, for metrics.

#include <cstdint>

namespace sluice::observe {

struct ledger_numbers {
    std::uint64_t bills = 0;    // taken from workers
    std::uint64_t lost = 0;     // bills that did not fit anywhere
    std::uint64_t waiting = 0;  // bills that are not written yet
    std::uint64_t commits = 0;
    std::uint64_t failures = 0;  // to commit
    bool up = true;              // the last attempt to write succeeded
    // Of all budgets, in nano-dollars: what the authority granted so far, what went back or lapsed,
    // what was spent of it, and what is held.
    std::int64_t lease_granted = 0;
    std::int64_t lease_returned = 0;
    std::int64_t lease_spent = 0;
    std::int64_t lease_held = 0;
};

}  // namespace sluice::observe
