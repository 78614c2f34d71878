#pragma once
// Nanoseconds of the steady clock as the limiters' atomics hold them.

#include <cstdint>
#include <limits>

namespace sluice::policy {

using ticks = std::int64_t;
inline constexpr ticks forever = std::numeric_limits<ticks>::max();

}  // namespace sluice::policy
