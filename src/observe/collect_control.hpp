#pragma once
// What a scrape has from the control thread and from the ledger.

#include "families.hpp"
#include <sluice/observe/exposition.hpp>

namespace sluice::observe {

void add_control(
    families& out, const control_values::values& control, const catalogue::names& names);
void add_ledger(families& out, const ledger_numbers& now);

}  // namespace sluice::observe
