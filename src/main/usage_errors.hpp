#pragma once
// How the program says that it was not understood, or could not be heard.

#include <CLI/CLI.hpp>
#include <iosfwd>

namespace sluice {

// Also of --help and --version, which stop the reading too. Answers the exit code.
[[nodiscard]] int tell_usage(
    const CLI::App& app, const CLI::ParseError& stop, std::ostream& out, std::ostream& err);

// `code`, or 1 where that is 0 and what was written to `out` did not get through.
[[nodiscard]] int unless_lost(int code, std::ostream& out, std::ostream& err);

}  // namespace sluice
