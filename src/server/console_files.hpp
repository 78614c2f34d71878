#pragma once
// The files of the console. Their source is written by the build (src/build/write_console.cmake).

#include <span>
#include <string_view>

namespace sluice::server {

struct console_file {
    std::string_view name;  // "index.html", in src/console/
    std::string_view bytes;
};

// All of them, as they were at the build.
[[nodiscard]] std::span<const console_file> console_files() noexcept;

}  // namespace sluice::server
