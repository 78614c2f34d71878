#pragma once
// Whether files are what they were.

#include <string>
#include <vector>

namespace sluice::server {

// Another text once one of them was written, replaced, removed or made. Nothing is read of them.
[[nodiscard]] std::string state_of(const std::vector<std::string>& files);

}  // namespace sluice::server
