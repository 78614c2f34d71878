#pragma once
// What the kernel says about this process (proc(5)).

#include <cstdint>

namespace sluice::observe {

struct process_info {
    double cpu_seconds = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t open_fds = 0;
};

// What cannot be read stays 0.
[[nodiscard]] process_info read_process_info();

// Seconds since the Unix epoch. To be found once: it moves with every correction of the wall clock.
[[nodiscard]] double process_start_time();

}  // namespace sluice::observe
