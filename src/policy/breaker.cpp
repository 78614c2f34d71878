#include "breaker_word.hpp"
#include <sluice/policy/breaker.hpp>

#include <algorithm>

namespace sluice::policy {

using namespace breaker_word;

namespace {

// Within what can be added to and subtracted from.
std::int64_t steady_ns(time_point now) noexcept
{
    return std::clamp<std::int64_t>(now.time_since_epoch().count(), 0, std::int64_t{1} << 61U);
}

constexpr std::uint64_t one_failed = (std::uint64_t{1} << 32U) + 1;

breaker::outcomes unpack(std::uint64_t counts) noexcept
{
    return {
        .total = static_cast<std::uint32_t>(counts),
        .failed = static_cast<std::uint32_t>(counts >> 32U)};
}

}  // namespace

permission breaker::ask_unless_closed(
    const breaker_settings& settings, time_point now, double draw, std::uint64_t word) noexcept
{
    const permission admitted{.as = permission::kind::admitted, .ticket = word};
    if (phase_of(word) == phase::forced_closed)
        return admitted;
    if (phase_of(word) == phase::forced_open)
        return {};
    if (!settings.enabled) {
        move(word, make(phase::closed, 0, epoch_of(word) + 1, 0));
        return {.as = permission::kind::admitted, .ticket = phase_.load(std::memory_order_relaxed)};
    }
    if (phase_of(word) == phase::open)
        return cooled_down(settings, word, now) ? take_probe(word, now) : permission{};
    if (phase_of(word) == phase::half_open)
        return place_free(settings, word, now) ? take_probe(word, now) : permission{};

    const double share = returned_share(settings, word, now);
    if (share < 1)
        return draw < share ? admitted : permission{};
    const std::uint64_t closed = make(phase::closed, 0, epoch_of(word), 0);
    phase_.compare_exchange_strong(word, closed, std::memory_order_relaxed);
    return {.as = permission::kind::admitted, .ticket = closed};
}

permission breaker::take_probe(std::uint64_t word, time_point now) noexcept
{
    const std::uint64_t out =
        make(phase::half_open, level_of(word), epoch_of(word), word_ticks(now));
    if (word == out || !phase_.compare_exchange_strong(word, out, std::memory_order_relaxed))
        return {};
    return {.as = permission::kind::probe, .ticket = out};
}

permission breaker::ask_last_resort(std::uint32_t cap) noexcept
{
    const std::uint64_t word = phase_.load(std::memory_order_relaxed);
    if (phase_of(word) == phase::forced_open)
        return {};
    std::uint32_t out = last_resorts_.load(std::memory_order_relaxed);
    do {
        if (out >= cap)
            return {};
    } while (!last_resorts_.compare_exchange_weak(out, out + 1, std::memory_order_relaxed));
    return {.as = permission::kind::last_resort, .ticket = word};
}

void breaker::report_in_full(
    const breaker_settings& settings, bool failed, permission given, time_point now) noexcept
{
    if (!given.granted())
        return;
    if (given.as == permission::kind::last_resort)
        last_resorts_.fetch_sub(1, std::memory_order_relaxed);
    if (given.as == permission::kind::probe) {
        move(
            given.ticket,
            failed ? reopened_from(given.ticket, now) : returning_from(given.ticket, now));
        return;
    }
    const std::uint64_t word = phase_.load(std::memory_order_relaxed);
    if (epoch_of(word) != epoch_of(given.ticket))
        return;
    switch (phase_of(word)) {
    case phase::closed:
    case phase::returning:
    case phase::forced_closed:
        count(settings, failed, word, now);
        break;
    case phase::open:
    case phase::half_open:
        if (!failed && given.as == permission::kind::last_resort)
            move(word, returning_from(word, now));
        break;
    case phase::forced_open:
        break;
    }
}

void breaker::count(
    const breaker_settings& settings, bool failed, std::uint64_t word, time_point now) noexcept
{
    turn(settings, now);
    current_.fetch_add(failed ? one_failed : 1, std::memory_order_relaxed);
    if (!failed) {
        in_a_row_.store(0, std::memory_order_relaxed);
        return;
    }
    const std::uint32_t row = in_a_row_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (!settings.enabled || phase_of(word) == phase::forced_closed)
        return;
    const outcomes lately = recent(settings, now);
    const bool too_many = settings.failures != 0 && row >= settings.failures;
    const bool too_often =
        lately.total >= std::max<std::uint32_t>(settings.minimum, 1)
        && static_cast<double>(lately.failed) >= settings.rate * static_cast<double>(lately.total);
    if (too_many || too_often)
        open(word, now);
}

void breaker::open(std::uint64_t word, time_point now) noexcept
{
    if (move(word, reopened_from(word, now)))
        return;
    // The return may have ended meanwhile; anything else was somebody's newer word.
    const std::uint64_t closed = make(phase::closed, 0, epoch_of(word), 0);
    move(closed, reopened_from(closed, now));
}

bool breaker::move(std::uint64_t from, std::uint64_t to) noexcept
{
    if (!phase_.compare_exchange_strong(from, to, std::memory_order_relaxed))
        return false;
    in_a_row_.store(0, std::memory_order_relaxed);
    current_.store(0, std::memory_order_relaxed);
    previous_.store(0, std::memory_order_relaxed);
    return true;
}

void breaker::turn(const breaker_settings& settings, time_point now) noexcept
{
    const std::int64_t at = steady_ns(now);
    std::int64_t due = turn_at_.load(std::memory_order_relaxed);
    if (at < due)
        return;
    const std::int64_t half = std::max<std::int64_t>(settings.window.count() / 2, 1);
    const bool late = at - due >= half;
    if (!turn_at_.compare_exchange_strong(
            due, late ? at + half : due + half, std::memory_order_relaxed))
        return;
    const std::uint64_t gone = current_.exchange(0, std::memory_order_relaxed);
    previous_.store(late ? 0 : gone, std::memory_order_relaxed);
}

void breaker::abandon(permission given) noexcept
{
    if (given.as == permission::kind::last_resort)
        last_resorts_.fetch_sub(1, std::memory_order_relaxed);
    if (given.as == permission::kind::probe) {
        std::uint64_t word = given.ticket;
        const std::uint64_t free = make(phase::half_open, level_of(word), epoch_of(word), nobody);
        phase_.compare_exchange_strong(word, free, std::memory_order_relaxed);
    }
}

permission breaker::proven(
    const breaker_settings& settings, permission given, time_point now) noexcept
{
    if (given.as != permission::kind::probe && given.as != permission::kind::last_resort)
        return given;
    report_in_full(settings, false, given, now);
    return {.as = permission::kind::admitted, .ticket = phase_.load(std::memory_order_relaxed)};
}

breaker::position breaker::at(const breaker_settings& settings, time_point now) const noexcept
{
    const std::uint64_t word = phase_.load(std::memory_order_relaxed);
    switch (phase_of(word)) {
    case phase::forced_open:
        return position::open;
    case phase::open:
        if (!settings.enabled)
            return position::closed;
        return cooled_down(settings, word, now) ? position::half_open : position::open;
    case phase::half_open:
        return settings.enabled ? position::half_open : position::closed;
    case phase::closed:
    case phase::returning:
    case phase::forced_closed:
        break;
    }
    return position::closed;
}

double breaker::share(const breaker_settings& settings, time_point now) const noexcept
{
    if (at(settings, now) != position::closed)
        return 0;
    const std::uint64_t word = phase_.load(std::memory_order_relaxed);
    return settings.enabled && phase_of(word) == phase::returning
               ? returned_share(settings, word, now)
               : 1;
}

bool breaker::probe_due(const breaker_settings& settings, time_point now) const noexcept
{
    const std::uint64_t word = phase_.load(std::memory_order_relaxed);
    if (!settings.enabled)
        return false;
    if (phase_of(word) == phase::open)
        return cooled_down(settings, word, now);
    return phase_of(word) == phase::half_open && place_free(settings, word, now);
}

nanoseconds breaker::wait(const breaker_settings& settings, time_point now) const noexcept
{
    constexpr nanoseconds unknown = seconds{1};
    const std::uint64_t word = phase_.load(std::memory_order_relaxed);
    if (phase_of(word) == phase::forced_open)
        return std::max(settings.cooldown, unknown);
    if (phase_of(word) != phase::open)
        return unknown;
    const std::uint64_t all = word_ticks(settings.cooldown) << level_of(word);
    const std::uint64_t left = all - std::min(all, elapsed(word, now));
    return nanoseconds(static_cast<std::int64_t>(left << tick_shift));
}

bool breaker::failing_lately() const noexcept
{
    const phase now = phase_of(phase_.load(std::memory_order_relaxed));
    return in_a_row_.load(std::memory_order_relaxed) != 0
           || (now != phase::closed && now != phase::forced_closed);
}

void breaker::forget() noexcept
{
    const std::uint64_t word = phase_.load(std::memory_order_relaxed);
    if (phase_of(word) == phase::closed || phase_of(word) == phase::returning)
        move(word, make(phase_of(word), level_of(word), epoch_of(word) + 1, since_of(word)));
}

void breaker::force(control to) noexcept
{
    std::uint64_t word = phase_.load(std::memory_order_relaxed);
    const phase next = to == control::automatic ? phase::closed
                       : to == control::closed  ? phase::forced_closed
                                                : phase::forced_open;
    while (!move(word, make(next, 0, epoch_of(word) + 1, 0)))
        word = phase_.load(std::memory_order_relaxed);
}

breaker::control breaker::forced() const noexcept
{
    switch (phase_of(phase_.load(std::memory_order_relaxed))) {
    case phase::forced_closed:
        return control::closed;
    case phase::forced_open:
        return control::open;
    default:
        return control::automatic;
    }
}

breaker::image breaker::save() const noexcept
{
    std::uint64_t word = phase_.load(std::memory_order_relaxed);
    if (phase_of(word) == phase::half_open)
        word = make(phase::half_open, level_of(word), epoch_of(word), nobody);
    if (phase_of(word) >= phase::forced_closed)
        word = make(phase::closed, 0, epoch_of(word), 0);
    return {.word = word, .in_a_row = in_a_row_.load(std::memory_order_relaxed)};
}

void breaker::restore(const image& saved) noexcept
{
    if (phase_of(saved.word) >= phase::forced_closed || forced() != control::automatic)
        return;
    phase_.store(saved.word, std::memory_order_relaxed);
    in_a_row_.store(saved.in_a_row, std::memory_order_relaxed);
}

breaker::outcomes breaker::recent(const breaker_settings& settings, time_point now) const noexcept
{
    const std::int64_t half = std::max<std::int64_t>(settings.window.count() / 2, 1);
    const std::int64_t late = steady_ns(now) - turn_at_.load(std::memory_order_relaxed);
    if (late >= half)
        return {};
    outcomes sum = unpack(current_.load(std::memory_order_relaxed));
    if (late < 0) {
        const outcomes before = unpack(previous_.load(std::memory_order_relaxed));
        sum.total += before.total;
        sum.failed += before.failed;
    }
    return sum;
}

}  // namespace sluice::policy
