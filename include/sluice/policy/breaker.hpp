#pragma once
// Keeps requests away from a target that fails, and lets them back a few at a time.
//
// closed -> open after `failures` in a row or a failure rate; open -> half-open after the cooldown,
// where one request, the probe, may try; its success closes, its failure opens again for twice as
// long (at most 8 cooldowns). After closing the admitted share grows evenly from 10 % to all over
// `recovery`; failing again meanwhile also doubles the cooldown.
//
// Shared by all workers: one word holds the whole position and is only changed by compare-and-swap,
// so of any number of workers exactly one gets the probe. No data is published through it, hence
// relaxed order throughout. Closed and healthy: ask() is a load and a compare, report() three loads
// and one addition.

#include <sluice/base/clock.hpp>

#include <atomic>
#include <cstdint>

namespace sluice::policy {

struct breaker_settings {
    bool enabled = true;         // false: admits everything, but still counts, and can be forced
    std::uint32_t failures = 5;  // in a row; 0: not by this
    double rate = 0.5;           // failed of all, in (0, 1]
    std::uint32_t minimum = 20;  // outcomes before the rate says anything; at least 1
    nanoseconds window = seconds{10};  // the rate is that of its last half to whole
    nanoseconds cooldown = seconds{30};
    nanoseconds recovery = seconds{10};
    // A probe nobody reports on is given up after this or the cooldown, whichever is longer. Only a
    // net: every permission is reported or abandoned.
    nanoseconds probe_limit = seconds{120};
};

// What ask() gave. Every granted one comes back by exactly one report() or abandon().
struct permission {
    enum class kind : std::uint8_t { refused, admitted, probe, last_resort };
    kind as = kind::refused;
    std::uint64_t ticket = 0;  // the breaker's own

    [[nodiscard]] constexpr bool granted() const noexcept { return as != kind::refused; }
};

class breaker {
public:
    enum class position : std::uint8_t { closed, half_open, open };
    enum class control : std::uint8_t { automatic, closed, open };

    struct outcomes {
        std::uint32_t total = 0;
        std::uint32_t failed = 0;
    };

    // `draw` in [0, 1): which requests are let back in while the share grows.
    [[nodiscard]] permission ask(
        const breaker_settings& settings, time_point now, double draw) noexcept
    {
        const std::uint64_t word = phase_.load(std::memory_order_relaxed);
        if ((word & kind_mask) == 0)
            return {.as = permission::kind::admitted, .ticket = word};
        return ask_unless_closed(settings, now, draw, word);
    }

    // For when every candidate refused: grants as long as fewer than `cap` of these are out,
    // whatever the position, but not when forced open. A success closes like a probe's, a failure
    // of one asked while open changes nothing.
    [[nodiscard]] permission ask_last_resort(std::uint32_t cap) noexcept;

    // What became of an attempt. The caller decides what is a failure: never what the client caused
    // and never a 429. Attempts that began before the last opening or closing say nothing about
    // what is now and are not counted.
    void report(
        const breaker_settings& settings, bool failed, permission given, time_point now) noexcept
    {
        const bool plain =
            !failed && given.as == permission::kind::admitted
            && given.ticket == phase_.load(std::memory_order_relaxed)
            && in_a_row_.load(std::memory_order_relaxed) == 0
            && now.time_since_epoch().count() < turn_at_.load(std::memory_order_relaxed);
        if (plain)
            current_.fetch_add(1, std::memory_order_relaxed);
        else
            report_in_full(settings, failed, given, now);
    }

    // The attempt said nothing: the client left, it was cancelled. A probe's place is free again.
    void abandon(permission given) noexcept;

    // For a long answer: its first token came, which is all a probe has to show. What is given back
    // takes the place of `given` and is reported at the end as any attempt.
    [[nodiscard]] permission proven(
        const breaker_settings& settings, permission given, time_point now) noexcept;

    // Open whose cooldown is over is half-open. Closed includes the gradual return.
    [[nodiscard]] position at(const breaker_settings& settings, time_point now) const noexcept;

    // How much of the traffic ask() admits now, in [0, 1]; 0 when open or half-open.
    [[nodiscard]] double share(const breaker_settings& settings, time_point now) const noexcept;

    // The next ask() would be granted as the probe.
    [[nodiscard]] bool probe_due(const breaker_settings& settings, time_point now) const noexcept;

    // How long ask() will refuse: what is left of a cooldown, a second where it cannot be known.
    [[nodiscard]] nanoseconds wait(const breaker_settings& settings, time_point now) const noexcept;

    // Not closed, not fully back yet, or the last outcome was a failure.
    [[nodiscard]] bool failing_lately() const noexcept;

    // What was counted so far says nothing any more, nor does an attempt that has begun. Where it
    // is stays; opening and closing forget by themselves.
    void forget() noexcept;

    // By hand; holds until automatic, which begins afresh, closed.
    void force(control to) noexcept;
    [[nodiscard]] control forced() const noexcept;

    // For another process of this machine that goes on with the target: where it is and since when,
    // and how many failed in a row. A probe that is out stays behind. What is held by hand is not
    // in it, and restore() leaves a breaker alone that is.
    struct image {
        std::uint64_t word = 0;
        std::uint32_t in_a_row = 0;
    };
    [[nodiscard]] image save() const noexcept;
    // Before anybody asks. An image that no save() gave changes nothing.
    void restore(const image& saved) noexcept;

    // Outcomes counted in the last half to whole window; opening and closing begin anew.
    [[nodiscard]] outcomes recent(const breaker_settings& settings, time_point now) const noexcept;

private:
    static constexpr std::uint64_t kind_mask = 7;  // 0 is closed

    [[nodiscard]] permission ask_unless_closed(
        const breaker_settings& settings, time_point now, double draw, std::uint64_t word) noexcept;
    [[nodiscard]] permission take_probe(std::uint64_t word, time_point now) noexcept;
    void report_in_full(
        const breaker_settings& settings, bool failed, permission given, time_point now) noexcept;
    void count(
        const breaker_settings& settings, bool failed, std::uint64_t word, time_point now) noexcept;
    void open(std::uint64_t word, time_point now) noexcept;
    bool move(std::uint64_t from, std::uint64_t to) noexcept;
    void turn(const breaker_settings& settings, time_point now) noexcept;

    std::atomic<std::uint64_t> phase_{0};
    std::atomic<std::uint64_t> current_{0};  // outcomes: failed in the upper half, all in the lower
    std::atomic<std::uint64_t> previous_{0};  // of the half window before
    std::atomic<std::int64_t> turn_at_{0};    // steady ns
    std::atomic<std::uint32_t> in_a_row_{0};
    std::atomic<std::uint32_t> last_resorts_{0};
};

}  // namespace sluice::policy
