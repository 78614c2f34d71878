#pragma once
// The search that every relayed byte goes through, several blocks a step.

#include <cstddef>

namespace sluice::wire {

// The first p with *p == first and p[gap] == second, both before end, or null. gap >= 1.
[[nodiscard]] const char* find_pair(
    const char* p, const char* end, char first, char second, std::size_t gap) noexcept;

}  // namespace sluice::wire
