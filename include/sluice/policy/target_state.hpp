#pragma once
// What all workers know about one target of one model. Outlives the snapshots that name it.

#include <sluice/policy/breaker.hpp>
#include <sluice/policy/ejection.hpp>
#include <sluice/policy/latency.hpp>
#include <sluice/policy/retry_budget.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sluice::policy {

// Three cache lines: what every attempt changes, what every request pays in, what is mostly read.
// Each attempt is begun(), answered() if its first token or head came, or else heard() if something
// did, and ended(); once each.
struct alignas(64) target_state {
    policy::breaker breaker;
    latency_estimate latency;
    std::atomic<std::int64_t> waiting_since{0};  // steady ns; said while `waiting` is not 0
    std::atomic<std::uint32_t> in_flight{0};     // attempts that have begun and not ended
    std::atomic<std::uint32_t> waiting{0};       // those of them that have not been answered yet

    alignas(64) retry_budget retries;
    retry_budget hedges;

    alignas(64) policy::ejection ejection;

    void begun(time_point now) noexcept;
    void answered(nanoseconds took, time_point now) noexcept;
    void heard(time_point now) noexcept;
    void ended(bool was_heard) noexcept;

    // What balancing goes by: the estimate, but no less than the time for which attempts have been
    // waiting and none was answered. So a target that went silent is slow before it has answered.
    [[nodiscard]] nanoseconds latency_now(time_point now) const noexcept;
    // What ejection goes by: the same, but unknown where the last sample is older than `limit`, and
    // no less for being old.
    [[nodiscard]] nanoseconds latency_within(nanoseconds limit, time_point now) const noexcept;

private:
    [[nodiscard]] nanoseconds silent_for(time_point now) const noexcept;
};

static_assert(sizeof(target_state) == 192);

// Leaves out those of a model's targets that are far worse than the rest. Call it with each
// request: it is a load and a compare but for one caller a second. At most floor(share x targets)
// of the given ones are out afterwards, all of them never; more than 32 are left alone. `canary`:
// which of them is one.
void eject_outliers(
    std::span<target_state* const> targets,
    std::optional<std::size_t> canary,
    const ejection_settings& settings,
    const breaker_settings& outcomes,
    time_point now) noexcept;

}  // namespace sluice::policy
