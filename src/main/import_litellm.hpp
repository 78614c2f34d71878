#pragma once
// sluice import-litellm: a LiteLLM user's own configuration, to try here.

#include <iosfwd>
#include <string>

namespace sluice {

struct import_litellm_options {
    std::string file;
};

// The configuration on `out`; on `err` everything that it could not carry over, and why. Exit code:
// 0, or 2 if the file cannot be read.
[[nodiscard]] int run_import_litellm(
    const import_litellm_options& options, std::ostream& out, std::ostream& err);

}  // namespace sluice
