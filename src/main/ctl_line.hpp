#pragma once
// The command line of ctl: its own commands, what they take, and an example of each.

#include "ctl.hpp"

#include <CLI/CLI.hpp>
#include <functional>

namespace sluice {

// The command that was chosen; called once the whole line is understood.
using command = std::function<int()>;

// `options` outlives `app` and `chosen`.
void add_ctl(CLI::App& app, command& chosen, ctl_options& options);

}  // namespace sluice
