#pragma once

#include <sluice/policy/believed_clock.hpp>

#include <chrono>

namespace sluice::server {

// What time it is as far as the system's clock is believed, as every worker reckons: from the same
// beginning on.
class believed_time {
public:
    // Every few minutes at least.
    [[nodiscard]] std::chrono::sys_seconds now() noexcept
    {
        return std::chrono::floor<std::chrono::seconds>(
            clock_.update(std::chrono::system_clock::now(), steady::now()));
    }

private:
    policy::believed_clock clock_{std::chrono::system_clock::now(), steady::now()};
};

}  // namespace sluice::server
