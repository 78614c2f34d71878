#pragma once
// The one word a breaker is: read and made here, changed by compare-and-swap in breaker.cpp.

#include <sluice/policy/breaker.hpp>

#include <algorithm>
#include <cstdint>

namespace sluice::policy::breaker_word {

// The word: what it is in (3 bits), how often the cooldown was doubled (2), which opening or
// closing it is (8), and since when (51), in units of 1024 ns: 73 years.
enum class phase : std::uint64_t { closed, returning, open, half_open, forced_closed, forced_open };

inline constexpr unsigned level_shift = 3;
inline constexpr unsigned epoch_shift = 5;
inline constexpr unsigned since_shift = 13;
inline constexpr std::uint64_t top_level = 3;
inline constexpr std::uint64_t epoch_mask = 0xff;
inline constexpr std::uint64_t nobody = 0;  // half-open: `since` when no probe is out
inline constexpr unsigned tick_shift = 10;

inline constexpr double first_share = 0.1;

inline phase phase_of(std::uint64_t word) noexcept
{
    return static_cast<phase>(word & 7U);
}

inline std::uint64_t level_of(std::uint64_t word) noexcept
{
    return (word >> level_shift) & top_level;
}

inline std::uint64_t epoch_of(std::uint64_t word) noexcept
{
    return (word >> epoch_shift) & epoch_mask;
}

inline std::uint64_t since_of(std::uint64_t word) noexcept
{
    return word >> since_shift;
}

inline std::uint64_t word_ticks(nanoseconds time) noexcept
{
    return static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)) >> tick_shift;
}

// Never 0, which is nobody.
inline std::uint64_t word_ticks(time_point now) noexcept
{
    constexpr std::uint64_t last = (std::uint64_t{1} << (64 - since_shift)) - 1;
    return std::clamp<std::uint64_t>(word_ticks(nanoseconds(now.time_since_epoch())), 1, last);
}

inline std::uint64_t make(
    phase to, std::uint64_t level, std::uint64_t epoch, std::uint64_t since) noexcept
{
    return static_cast<std::uint64_t>(to) | (level << level_shift)
           | ((epoch & epoch_mask) << epoch_shift) | (since << since_shift);
}

// Another worker may have looked at its clock a little later.
inline std::uint64_t elapsed(std::uint64_t word, time_point now) noexcept
{
    const std::uint64_t at = word_ticks(now);
    return at > since_of(word) ? at - since_of(word) : 0;
}

inline bool cooled_down(
    const breaker_settings& settings, std::uint64_t word, time_point now) noexcept
{
    return elapsed(word, now) >= word_ticks(settings.cooldown) << level_of(word);
}

// Half-open with the probe's place free.
inline bool place_free(
    const breaker_settings& settings, std::uint64_t word, time_point now) noexcept
{
    return since_of(word) == nobody
           || elapsed(word, now) >= word_ticks(std::max(settings.cooldown, settings.probe_limit));
}

inline double returned_share(
    const breaker_settings& settings, std::uint64_t word, time_point now) noexcept
{
    const std::uint64_t all = word_ticks(settings.recovery);
    const std::uint64_t gone = elapsed(word, now);
    if (gone >= all)
        return 1;
    return first_share + (1 - first_share) * static_cast<double>(gone) / static_cast<double>(all);
}

inline std::uint64_t returning_from(std::uint64_t word, time_point now) noexcept
{
    return make(phase::returning, level_of(word), epoch_of(word) + 1, word_ticks(now));
}

inline std::uint64_t reopened_from(std::uint64_t word, time_point now) noexcept
{
    const std::uint64_t level =
        phase_of(word) == phase::closed ? 0 : std::min(level_of(word) + 1, top_level);
    return make(phase::open, level, epoch_of(word) + 1, word_ticks(now));
}

}  // namespace sluice::policy::breaker_word
