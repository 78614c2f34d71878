#pragma once
// Which of a provider's keys to use. Each has a clock: the instant before which it rests, and why.

#include <sluice/base/clock.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>

namespace sluice::policy {

enum class credential_trouble : std::uint8_t {
    none,
    rate_limited,  // 429 of the rate
    refused,       // 401, 403
    quota,         // 402, 429 of the quota: paid out
};

struct credential_settings {
    nanoseconds retry_after_cap = seconds{30};  // of what a provider asks for
    nanoseconds rate_limited = seconds{1};      // when it does not say
    nanoseconds refused = seconds{30};
    nanoseconds quota = seconds{60};
};

// How long a key rests. A provider's own word counts for rate_limited alone, up to the cap.
[[nodiscard]] nanoseconds rest_of(
    const credential_settings& settings,
    credential_trouble trouble,
    std::optional<nanoseconds> retry_after) noexcept;

// One key. Any thread; a question is a load and a compare. Instants are exact to 8 ns.
class credential_state {
public:
    [[nodiscard]] bool usable(time_point now) const noexcept
    {
        return now.time_since_epoch().count() >= word_.load(std::memory_order_relaxed);
    }

    // Like usable(), but when the rest of a refused or paid-out key is over, only one caller in
    // `trial` gets it, until somebody succeeded: not everybody tries a dead key at once.
    [[nodiscard]] bool take(time_point now) noexcept
    {
        const std::int64_t word = word_.load(std::memory_order_relaxed);
        return word == well || take_after_rest(word, now);
    }

    // Two rests: the one that ends later counts.
    void rest(credential_trouble why, time_point until) noexcept;

    // The key was accepted: ends the trials of a refused one. Shortens a rest by at most `trial`.
    void succeeded(time_point now) noexcept
    {
        if (word_.load(std::memory_order_relaxed) != well)
            forget(now);
    }

    // none when usable.
    [[nodiscard]] credential_trouble trouble(time_point now) const noexcept;

    // In the past when usable.
    [[nodiscard]] time_point until() const noexcept;

    static constexpr nanoseconds trial = seconds{5};

    // For another process of this machine that goes on with the key: what restore() takes.
    [[nodiscard]] std::int64_t save() const noexcept
    {
        return word_.load(std::memory_order_relaxed);
    }
    void restore(std::int64_t saved) noexcept { word_.store(saved, std::memory_order_relaxed); }

private:
    static constexpr std::int64_t well = std::numeric_limits<std::int64_t>::min();

    [[nodiscard]] bool take_after_rest(std::int64_t word, time_point now) noexcept;
    void forget(time_point now) noexcept;

    std::atomic<std::int64_t> word_{well};  // steady ns; the trouble in the two lowest bits
};

using credential_list = std::span<const std::shared_ptr<credential_state>>;

// The first usable one from `start` on (any number), round the list; a trial is taken, see take().
// None: all of them rest.
[[nodiscard]] std::optional<std::size_t> pick_credential(
    credential_list credentials, std::size_t start, time_point now) noexcept;

// Why pick_credential() found none.
struct credentials_exhausted {
    bool rate_limited = false;  // at least one is only that: the answer is 429, else 502
    nanoseconds wait{0};        // until the first (of the rate-limited ones, if any) may be used
};
[[nodiscard]] credentials_exhausted why_exhausted(
    credential_list credentials, time_point now) noexcept;

}  // namespace sluice::policy
