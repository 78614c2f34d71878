#pragma once
// What this binary was built from.

#include <string_view>

namespace sluice {

struct build_info {
    std::string_view version;
    std::string_view commit;  // "unknown" outside a git checkout, "-dirty" with local changes
    std::string_view compiler;
    std::string_view build_type;
};

// Defined in a file the build writes.
[[nodiscard]] const build_info& this_build() noexcept;

}  // namespace sluice
