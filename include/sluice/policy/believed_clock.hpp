#pragma once
// What time it is, whatever happens to the system clock: it is believed as long as it keeps step
// with the steady one. After a jump the old reckoning goes on by the steady clock; the new time is
// adopted when it has held for an hour.

#include <sluice/base/clock.hpp>

#include <chrono>
#include <optional>

namespace sluice::policy {

class believed_clock {
public:
    static constexpr std::chrono::seconds tolerance = std::chrono::minutes(5);
    static constexpr std::chrono::seconds trial = std::chrono::hours(1);

    using system_time = std::chrono::sys_time<nanoseconds>;

    // The first sample is believed.
    believed_clock(system_time system, time_point steady) noexcept;

    // Both clocks, read together; every few minutes at least. What time it is.
    system_time update(system_time system, time_point steady) noexcept;

    // Whether the system clock is not believed at present.
    [[nodiscard]] bool doubts() const noexcept { return candidate_.has_value(); }

private:
    struct sample {
        system_time system;
        time_point steady;

        [[nodiscard]] system_time at(time_point later) const noexcept
        {
            return system + (later - steady);
        }
    };

    sample anchor_;                    // believed
    std::optional<sample> candidate_;  // after a jump
};

}  // namespace sluice::policy
