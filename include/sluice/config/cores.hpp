#pragma once
// How many cores this process may use: what `workers: auto` means.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace sluice::config {

// By affinity and CPU quota, at least 1.
[[nodiscard]] std::size_t usable_cores();

// Whole cores of the least CPU quota that this process's cgroup or one above it has, rounded up
// (cgroups(7), cpu.max of the kernel's cgroup-v2.rst); none: no quota. `file` reads a whole file;
// none: it cannot be read.
[[nodiscard]] std::optional<std::size_t> cores_by_quota(
    const std::function<std::optional<std::string>(const std::string& path)>& file);

}  // namespace sluice::config
