#include <sluice/proxy/holdings.hpp>

#include <algorithm>

namespace sluice::proxy {
namespace {

policy::admission take_request(
    const config::quota& of, const config::turn& who, time_point now) noexcept
{
    const auto& limits = of.limits;
    if (!of.line || !limits.requests)
        return policy::take(*of.state, limits, now);
    return policy::take_fairly(
        of.state->requests,
        *limits.requests,
        limits.burst,
        1,
        limits.max_wait,
        of.line->requests,
        of.line->places[who.place].requests,
        who.weight,
        now);
}

policy::admission take_tokens(
    const config::quota& of, const config::turn& who, std::uint64_t amount, time_point now) noexcept
{
    const auto& limits = of.limits;
    if (!of.line || !limits.tokens)
        return policy::take_tokens(*of.state, limits, amount, now);
    return policy::take_fairly(
        of.state->tokens,
        *limits.tokens,
        limits.token_burst,
        amount,
        limits.max_wait,
        of.line->tokens,
        of.line->places[who.place].tokens,
        who.weight,
        now);
}

}  // namespace

std::optional<holdings::refusal> holdings::take(
    const config::quota& of, const config::turn& who, std::uint64_t tokens, time_point now) noexcept
{
    using reason = observe::limit_reason;
    const auto& limits = of.limits;
    if (!limits.requests && !limits.tokens && !limits.concurrent)
        return {};
    auto& state = *of.state;
    const auto late = [&limits](reason at_once) {
        return limits.max_wait.count() > 0 ? reason::queue_timeout : at_once;
    };
    if (!policy::enter(state, limits))
        return refusal{.why = reason::concurrent, .wait = seconds(1)};
    const auto request = take_request(of, who, now);
    if (!request.admitted) {
        policy::leave(state, limits);
        return refusal{.why = late(reason::requests), .wait = request.wait};
    }
    const auto amount = take_tokens(of, who, tokens, now);
    if (!amount.admitted) {
        policy::give_back(state, limits, now);
        policy::leave(state, limits);
        return refusal{.why = late(reason::tokens), .wait = amount.wait};
    }
    tokens_ = tokens;
    of_tokens_ |= limits.tokens.has_value();
    if (!limits.shadow)
        wait_ = std::max({wait_, request.wait, amount.wait});
    limits_[limit_count_++] = {&state, &limits};
    return {};
}

policy::purse::answer holdings::pay(policy::purse& from, std::int64_t amount) noexcept
{
    money_ = std::max<std::int64_t>(amount, 1);
    const auto got = from.take(money_);
    if (got.got == policy::purse::answer::taken)
        budgets_[budget_count_++] = {&from, got.tag};
    return got.got;
}

policy::purse::answer holdings::raise(std::int64_t amount) noexcept
{
    using answer = policy::purse::answer;
    const auto more = amount - money_;
    if (more <= 0)
        return answer::taken;
    for (std::size_t i = 0; i < budget_count_; ++i) {
        const auto& [purse, tag] = budgets_[i];
        const auto got = purse->take(more);
        if (got.got == answer::taken && got.tag != tag)
            purse->give_back(got.tag, more);
        if (got.got == answer::taken || got.tag != tag)
            continue;
        // Of a period that is over nothing comes back, nor was it taken.
        for (std::size_t before = 0; before < i; ++before)
            budgets_[before].purse->give_back(budgets_[before].tag, more);
        return got.got;
    }
    money_ = amount;
    return answer::taken;
}

void holdings::undo(time_point now) noexcept
{
    for (std::size_t i = 0; i < limit_count_; ++i)
        policy::give_back(*limits_[i].state, *limits_[i].settings, now);
    settle(0, 0, now);
}

void holdings::refund() noexcept
{
    for (std::size_t i = 0; i < budget_count_; ++i)
        budgets_[i].purse->give_back(budgets_[i].tag, money_);
    budget_count_ = 0;
}

void holdings::settle(std::uint64_t tokens, std::int64_t nanodollars, time_point now) noexcept
{
    for (std::size_t i = 0; i < limit_count_; ++i) {
        const auto& [state, settings] = limits_[i];
        policy::settle_tokens(*state, *settings, tokens_, tokens, now);
        policy::leave(*state, *settings);
    }
    for (std::size_t i = 0; i < budget_count_; ++i) {
        const auto& [purse, tag] = budgets_[i];
        if (nanodollars > money_)
            purse->charge(tag, nanodollars - money_);
        else
            purse->give_back(tag, money_ - nanodollars);
    }
    limit_count_ = budget_count_ = 0;
    of_tokens_ = false;
    wait_ = {};
}

}  // namespace sluice::proxy
