#pragma once

#include <string>
#include <vector>

namespace sluice::server {

// How this process was started, for its successor.
struct own_command {
    std::string program;                 // path; empty: there is no way to start it again
    std::vector<std::string> arguments;  // with the first, its name
    std::vector<std::string> variables;  // NAME=value
};

}  // namespace sluice::server
