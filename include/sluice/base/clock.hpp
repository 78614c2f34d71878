#pragma once
// The one clock of the data plane. Decisions never read it: they are told `now`.

#include <chrono>

namespace sluice {

using steady = std::chrono::steady_clock;
using time_point = steady::time_point;
using duration = steady::duration;

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

[[nodiscard]] inline double in_seconds(nanoseconds time) noexcept
{
    return std::chrono::duration<double>(time).count();
}

}  // namespace sluice
