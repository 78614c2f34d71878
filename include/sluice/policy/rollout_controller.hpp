#pragma once
// The verdict on a canary: go on, go up, go back. Told once a second what both arms did; decides at
// once when the evidence against the canary is enough, however often it looks (sequential.hpp).
//
// The risk settings.false_rollbacks is shared equally by the guards that are set, each of which
// rolls back at evidence of (guards set) / false_rollbacks: a canary that keeps every promise is
// rolled back with at most that probability over the whole schedule. Where several gateways judge
// it, each has an even part of the risk, so that this holds for all of them together. A restart of
// a gateway begins its evidence anew, and its part of the risk with it.

#include <sluice/policy/rollout.hpp>
#include <sluice/policy/sequential.hpp>
#include <sluice/policy/time_buckets.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::policy {

enum class guard : std::uint8_t {
    errors,
    errors_above_stable,
    truncated,
    truncated_above_stable,
    p99,
    p99_above_stable,
    first_token,
    first_token_above_stable,
    cost,
    cost_above_stable,
};
inline constexpr std::size_t guard_count = 10;
// As they are written in the configuration and in the `reason` label.
[[nodiscard]] std::string_view name_of(guard which) noexcept;

// What one arm did, by attempt: one that failed here counts here, whoever answered in the end.
struct arm_evidence {
    // Begun, not ended: failures are quick and answers are not, so of an arm that has just got its
    // traffic the failures end first.
    std::uint64_t attempts = 0;
    std::uint64_t failed = 0;   // by the provider's making: no client's error, no cancel
    std::uint64_t streams = 0;  // that had their first token
    std::uint64_t truncated = 0;
    time_counts answers;  // of whole, successful ones
    time_counts first_tokens;
    std::uint64_t tokens = 0;  // of answers whose price and usage are known
    double usd = 0;            // what these cost
    double dearest = 0;        // the highest price of any token of the arm, US dollars per 1000

    arm_evidence& operator+=(const arm_evidence& more) noexcept;
};

// One second of it, or what a step has seen.
struct rollout_evidence {
    arm_evidence canary;
    arm_evidence stable;  // all other targets together
};

enum class rollout_phase : std::uint8_t {
    running,
    frozen,       // stays on its step; the guards still hold
    paused,       // somebody else moved the traffic: neither up nor back
    done,         // the canary has what the last step gives
    rolled_back,  // by a guard or by hand
    stopped,      // by the kill switch
};
[[nodiscard]] std::string_view name_of(rollout_phase phase) noexcept;
[[nodiscard]] std::optional<rollout_phase> phase_called(std::string_view name) noexcept;
// Running or frozen.
[[nodiscard]] bool is_watched(rollout_phase phase) noexcept;

struct rollout_state {
    rollout_phase phase = rollout_phase::running;
    std::size_t step = 0;     // index into settings.steps
    nanoseconds on_step{0};   // for how long it has run on this step; frozen time is not counted
    std::string reason{};     // why it does not run
    rollout_evidence seen{};  // since the step or the process began
    // Gateways that judge this canary, each by what it sees of it, the most there were.
    unsigned judges = 1;

    // advance()'s own.
    std::optional<time_point> looked{};
    std::array<share_test, guard_count> shares{};
    std::array<mean_test, guard_count> means{};
    rollout_evidence unpaired{};  // tokens of one arm that wait for the other's
};

struct rollout_verdict {
    enum class kind : std::uint8_t {
        hold,
        step_up,  // to the next step
        finish,   // the last step is through
        roll_back,
    };
    kind what = kind::hold;
    guard breached{};      // of a roll_back
    std::string reason{};  // for people
};

// Takes the evidence in and says what is to be done; the caller does it and then tells by
// enter_step() or by the phase. `evidence` is of the time since the last call. Of a phase that is
// not watched: hold, and the evidence is not looked at.
[[nodiscard]] rollout_verdict advance(
    rollout_state& state,
    const rollout_settings& settings,
    const rollout_evidence& evidence,
    time_point now);

// On this step from now on, with no evidence for or against but what the guards remember.
void enter_step(rollout_state& state, std::size_t step) noexcept;

// What is missing before the next step (or the end); zeros: nothing.
struct until_next_step {
    nanoseconds time{0};
    std::uint64_t attempts = 0;
    bool doubtful = false;  // a guard's evidence is halfway (as a logarithm) to a rollback
};
[[nodiscard]] until_next_step missing(
    const rollout_state& state, const rollout_settings& settings) noexcept;

// A guard that is set, as it stands.
struct guard_view {
    guard which{};
    // Share, seconds or US dollars: the most the canary's value may be; none: stable shows none
    // yet.
    std::optional<double> allowed{};
    std::optional<double> canary{};  // on this step; none: nothing seen
    std::optional<double> stable{};
    double evidence = 0;  // a roll-back at `enough`
    double enough = 0;
};
[[nodiscard]] std::vector<guard_view> guards_of(
    const rollout_state& state, const rollout_settings& settings);

}  // namespace sluice::policy
