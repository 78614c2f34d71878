// The attempt plan from one model of a chain to the next.

#include <sluice/policy/attempt_plan.hpp>

#include <algorithm>

namespace sluice::policy {

bool attempt_plan::fall_back(chain by, time_point now, random_engine& random, step& to)
{
    if (by == chain::none || only_)
        return false;
    // The list of the model that failed, then that of the one the client asked for.
    const auto left_from = stages_used_ == 0 ? stage_ : stages_before_[0];
    for (const std::size_t from : {stage_, left_from}) {
        const auto& list = stages_[from].fallbacks[static_cast<std::size_t>(by)];
        const bool borrows = by == chain::rate_limited && list.empty();
        if (fall_back_along(from, borrows ? chain::any : by, now, random, to))
            return true;
    }
    return false;
}

bool attempt_plan::fall_back_along(
    std::size_t from, chain by, time_point now, random_engine& random, step& to)
{
    for (const std::size_t next : stages_[from].fallbacks[static_cast<std::size_t>(by)]) {
        if (used(next) || !enter(next, now, random, to))
            continue;
        to.by = by;
        to.from = from;
        return true;
    }
    return false;
}

bool attempt_plan::used(std::size_t stage) const noexcept
{
    const auto before = std::span(stages_before_).first(stages_used_);
    return stage == stage_ || stages_used_ == most_stages
           || std::ranges::find(before, stage) != before.end();
}

void attempt_plan::leave(std::size_t stage) noexcept
{
    if (stages_used_ < most_stages)
        stages_before_[stages_used_++] = stage;
}

bool attempt_plan::enter(std::size_t next, time_point now, random_engine& random, step& to)
{
    const auto before = *this;
    leave(stage_);
    stage_ = next;
    at_ = &stages_[next];
    seen_ = 0;
    attempts_ = 0;
    if (at_->ejection.enabled)
        eject_outliers(at_->states, at_->canary, at_->ejection, at_->breaker, now);
    if (elsewhere(fare::entry, now, random, to))
        return true;
    // Back to where it was, with what was learnt.
    const auto met = obstacles_;
    const auto used_by_now = stages_used_;
    const auto were = stages_before_;
    *this = before;
    obstacles_ = met;
    stages_used_ = used_by_now;
    stages_before_ = were;
    leave(next);
    return false;
}

}  // namespace sluice::policy
