#pragma once
// sluice check: is this a configuration, and what does it amount to.

#include <iosfwd>
#include <string>

namespace sluice {

struct check_options {
    std::string config;          // path of the file
    bool print_table = false;    // only print the Markdown table of all keys (for the README)
    bool print_metrics = false;  // only print the Markdown table of all metrics (for the README)
};

// Exit code: 0 fine with a summary on `out`, 2 with every complaint on `err`.
[[nodiscard]] int run_check(const check_options& options, std::ostream& out, std::ostream& err);

}  // namespace sluice
