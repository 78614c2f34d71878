#pragma once
// `sluice serve`: the gateway until a signal ends it.

#include <string>
#include <vector>

namespace sluice {

struct serve_options {
    std::string config_path;
    std::vector<std::string> command;  // as main() was given it
};

// Exit code: 0 drained and ended, 1 failed at run time, 2 the configuration does not hold.
int run_serve(const serve_options& options);

}  // namespace sluice
