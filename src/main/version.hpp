#pragma once
// `sluice --version`.

#include <string>

namespace sluice {

// Version and commit, compiler, and the libraries it was built with; a line feed between lines.
[[nodiscard]] std::string version_text();

}  // namespace sluice
