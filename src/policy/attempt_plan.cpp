#include <sluice/policy/attempt_plan.hpp>

#include <algorithm>

namespace sluice::policy {
namespace {

constexpr std::uint64_t bit(std::size_t target) noexcept
{
    return target < 64 ? std::uint64_t{1} << target : 0;
}

void keep_shortest(std::optional<nanoseconds>& known, nanoseconds wait) noexcept
{
    known = known ? std::min(*known, wait) : wait;
}

std::size_t start_of(const candidate& of, random_engine& random) noexcept
{
    return of.credentials.size() < 2 ? 0 : static_cast<std::size_t>(random() >> 32U);
}

nanoseconds part(nanoseconds whole, random_engine& random) noexcept
{
    return nanoseconds(
        static_cast<std::int64_t>(static_cast<double>(whole.count()) * random.uniform()));
}

}  // namespace

step attempt_plan::first(std::size_t preferred, choice how, time_point now, random_engine& random)
{
    step to;
    only_ = how == choice::only;
    target_ = preferred;
    if (only_)
        return admit(preferred, fare::first, now, random, to) ? to : nobody(now, random);
    if (at_->ejection.enabled)
        eject_outliers(at_->states, at_->canary, at_->ejection, at_->breaker, now);
    const bool by_split = at_->balance == balance::weighted || at_->canary == preferred;
    if (by_split && !at_->candidates[preferred].state->ejection.ejected(now)
        && !too_slow(preferred, now) && admit(preferred, fare::first, now, random, to))
        return to;
    if (elsewhere(fare::first, now, random, to))
        return to;
    return nobody(now, random);
}

step attempt_plan::after(cause why, time_point now, random_engine& random)
{
    const auto& then = consequences_of(why);
    const auto reason =
        then.trouble == credential_trouble::refused || then.trouble == credential_trouble::quota
            ? step::reason::credentials
            : step::reason::failed;
    obstacles_ = {};
    step to;
    if (now < due_) {
        if (then.trouble != credential_trouble::none && next_credential(why, now, random, to))
            return to;
        if (then.other_target && !only_ && attempts_ < at_->attempts
            && elsewhere(fare::extra, now, random, to))
            return to;
        if (then.fallback_first && fall_back(then.fallback, now, random, to))
            return to;
        if (then.repeat && back_off(why, now, random, to))
            return to;
        if (!then.fallback_first && fall_back(then.fallback, now, random, to))
            return to;
    }
    if (why != cause::rate_limited)
        return give_up(reason, {});
    note_credentials(at_->candidates[target_], now);
    return give_up(step::reason::rate_limited, obstacles_.rate_limits.value_or(nanoseconds{0}));
}

std::optional<step> attempt_plan::beside(time_point now, random_engine& random)
{
    const bool healthy = std::ranges::all_of(at_->candidates, [&](const candidate& each) {
        return each.weight <= 0
               || each.state->breaker.at(at_->breaker, now) == breaker::position::closed;
    });
    if (!healthy || now >= due_)
        return std::nullopt;
    const auto before = *this;
    const bool canary = at_->canary == target_;
    step to;
    const bool found = (!only_ && pick_among({canary, false}, fare::paid, now, random, to))
                       || admit(before.target_, fare::paid, now, random, to);
    if (!found) {
        *this = before;
        return std::nullopt;
    }
    attempts_ = before.attempts_;
    return to;
}

void attempt_plan::ended_last(const step& which) noexcept
{
    target_ = which.target;
    credential_ = which.credential;
}

step attempt_plan::resume(time_point now, random_engine& random)
{
    step to;
    const auto how = total_ == 0 ? fare::first : fare::paid;
    seen_ = 0;
    obstacles_ = {};
    if (now < due_) {
        if (admit(target_, how, now, random, to))
            return to;
        if (!only_ && elsewhere(how, now, random, to))
            return to;
        if (fall_back(pending_, now, random, to))
            return to;
    }
    const auto& met = obstacles_;
    if (met.rate_limits || total_ == 0)
        return give_up(step::reason::rate_limited, met.rate_limits.value_or(nanoseconds{0}));
    if (met.breakers)
        return give_up(step::reason::unhealthy, *met.breakers);
    return give_up(met.credentials ? step::reason::credentials : step::reason::failed, {});
}

// Nobody could be asked without waiting.
step attempt_plan::nobody(time_point now, random_engine& random)
{
    step to;
    const auto met = obstacles_;
    const bool limited = met.rate_limits && !met.breakers;
    pending_ = limited ? chain::rate_limited : chain::any;
    if (fall_back(pending_, now, random, to))
        return to;
    if (met.breakers && last_resort(now, random, to))
        return to;
    if (met.rate_limits) {
        const auto wait = *met.rate_limits + part(at_->base, random);
        if (!can_wait(wait, now))
            return give_up(step::reason::rate_limited, *met.rate_limits);
        to.what = step::kind::wait;
        to.wait = wait;
        return to;
    }
    if (met.breakers)
        return give_up(step::reason::unhealthy, *met.breakers);
    return give_up(step::reason::credentials, met.credentials.value_or(nanoseconds{0}));
}

step attempt_plan::give_up(step::reason why, nanoseconds wait) const noexcept
{
    step to;
    to.why = why;
    to.wait = wait;
    return to;
}

bool attempt_plan::admit(
    std::size_t target, fare how, time_point now, random_engine& random, step& to)
{
    const auto& one = at_->candidates[target];
    seen_ |= bit(target);
    const auto given = one.state->breaker.ask(at_->breaker, now, random.uniform());
    if (!given.granted()) {
        note_breaker(one, now);
        return false;
    }
    if (how == fare::first || how == fare::entry)
        one.state->retries.deposit(at_->budget, now);
    const bool pays =
        (how == fare::entry || how == fare::extra) && one.state->breaker.failing_lately();
    if (pays && !one.state->retries.withdraw(at_->budget, now)) {
        one.state->breaker.abandon(given);
        return false;
    }
    const auto credential = pick_credential(one.credentials, start_of(one, random), now);
    if (!credential) {
        one.state->breaker.abandon(given);
        note_credentials(one, now);
        return false;
    }
    turned_ = 0;
    ++attempts_;
    take(target, *credential, given, to);
    return true;
}

void attempt_plan::take(
    std::size_t target, std::size_t credential, permission given, step& to) noexcept
{
    target_ = target;
    credential_ = credential;
    ++total_;
    to.what = step::kind::attempt;
    to.stage = stage_;
    to.target = target;
    to.credential = credential;
    to.given = given;
}

// Above the ceiling while another is not. Who is judged by its share, the canary, keeps it, and
// gets nobody else's.
bool attempt_plan::too_slow(std::size_t target, time_point now) const noexcept
{
    if (!at_->latency_ceiling || at_->canary == target)
        return false;
    const auto above = [&](const candidate& one) {
        return one.state->latency_now(now) > *at_->latency_ceiling;
    };
    if (!above(at_->candidates[target]))
        return false;
    for (std::size_t i = 0; i < at_->candidates.size(); ++i) {
        const auto& other = at_->candidates[i];
        if (i != target && at_->canary != i && other.weight > 0 && !above(other)
            && !other.state->ejection.ejected(now))
            return true;
    }
    return false;
}

bool attempt_plan::elsewhere(fare how, time_point now, random_engine& random, step& to)
{
    constexpr std::array<group, 4> by_rank{
        {{false, false}, {true, false}, {false, true}, {true, true}}};
    if (at_->candidates.size() == 1 && (seen_ & 1U) != 0)
        return false;
    return std::ranges::any_of(
        by_rank, [&](group whom) { return pick_among(whom, how, now, random, to); });
}

bool attempt_plan::pick_among(group whom, fare how, time_point now, random_engine& random, step& to)
{
    std::array<balance_view, stage::most_candidates> views;
    const auto count = std::min(at_->candidates.size(), views.size());
    for (std::size_t i = 0; i < count; ++i) {
        const auto& one = at_->candidates[i];
        auto& view = views[i];
        view.weight = one.weight;
        view.price = one.price;
        view.in_flight = one.state->in_flight.load(std::memory_order_relaxed);
        view.latency = one.state->latency_now(now);
        view.available = (seen_ & bit(i)) == 0 && (at_->canary == i) == whom.canary
                         && one.state->ejection.ejected(now) == whom.ejected;
    }
    for (;;) {
        balance_draws draws;
        draws.first = random.uniform();
        draws.second = random.uniform();
        const auto found =
            pick(at_->balance, std::span(views).first(count), draws, at_->latency_ceiling);
        if (!found)
            return false;
        if (admit(*found, how, now, random, to))
            return true;
        views[*found].available = false;
    }
}

bool attempt_plan::next_credential(cause why, time_point now, random_engine& random, step& to)
{
    const auto& one = at_->candidates[target_];
    const auto count = one.credentials.size();
    if (turned_ + 1 >= count)
        return false;
    // Nobody rests for what is forbidden: a question that no credential may ask would go to all of
    // them each time.
    const bool pays = why == cause::forbidden && turned_ > 0;
    const auto given = one.state->breaker.ask(at_->breaker, now, random.uniform());
    if (!given.granted())
        return false;
    const auto next = pick_credential(one.credentials, credential_ + 1, now);
    const auto ahead = next ? (*next + count - credential_ - 1) % count + 1 : count;
    if (turned_ + ahead >= count || (pays && !one.state->retries.withdraw(at_->budget, now))) {
        one.state->breaker.abandon(given);
        return false;
    }
    turned_ += ahead;
    take(target_, *next, given, to);
    return true;
}

bool attempt_plan::back_off(cause why, time_point now, random_engine& random, step& to)
{
    const auto& one = at_->candidates[target_];
    if (attempts_ >= at_->attempts)
        return false;
    const auto doublings = std::min<std::uint32_t>(attempts_ - 1, 20);
    auto wait = part(std::min(at_->cap, at_->base * (std::int64_t{1} << doublings)), random);
    if (why == cause::rate_limited)
        wait += std::max(why_exhausted(one.credentials, now).wait, nanoseconds{0});
    if (!can_wait(wait, now)
        || one.state->breaker.at(at_->breaker, now) != breaker::position::closed
        || !one.state->retries.withdraw(at_->budget, now))
        return false;
    pending_ = consequences_of(why).fallback;
    to.what = step::kind::wait;
    to.wait = wait;
    return true;
}

bool attempt_plan::can_wait(nanoseconds wait, time_point now) const noexcept
{
    return wait <= at_->cap && now + wait < due_;
}

// Everybody is out of order: the one that is least so, if not too many have the same thought.
bool attempt_plan::last_resort(time_point now, random_engine& random, step& to)
{
    std::uint64_t refused = 0;
    const auto count = std::min(at_->candidates.size(), stage::most_candidates);
    for (std::size_t round = 0; round < count; ++round) {
        std::optional<std::size_t> best;
        for (std::size_t i = 0; i < count; ++i) {
            const auto& one = at_->candidates[i];
            const bool may = only_ ? i == target_ : one.weight > 0;
            if (!may || (refused & bit(i)) != 0)
                continue;
            const auto wait = one.state->breaker.wait(at_->breaker, now);
            if (!best || wait < at_->candidates[*best].state->breaker.wait(at_->breaker, now))
                best = i;
        }
        if (!best)
            return false;
        const auto& one = at_->candidates[*best];
        const auto given = one.state->breaker.ask_last_resort(last_resorts);
        const auto credential = given.granted()
                                    ? pick_credential(one.credentials, start_of(one, random), now)
                                    : std::nullopt;
        if (credential) {
            ++attempts_;
            take(*best, *credential, given, to);
            return true;
        }
        if (given.granted())
            one.state->breaker.abandon(given);
        refused |= bit(*best);
    }
    return false;
}

void attempt_plan::note_breaker(const candidate& of, time_point now) noexcept
{
    keep_shortest(obstacles_.breakers, of.state->breaker.wait(at_->breaker, now));
}

void attempt_plan::note_credentials(const candidate& of, time_point now) noexcept
{
    const auto why = why_exhausted(of.credentials, now);
    keep_shortest(why.rate_limited ? obstacles_.rate_limits : obstacles_.credentials, why.wait);
}

}  // namespace sluice::policy
