#include "describing.hpp"
#include <sluice/config/key.hpp>
#include <sluice/config/units.hpp>

#include <cmath>

namespace sluice::config {
namespace {

using namespace describing;

std::string sticky_text(const model& model)
{
    switch (model.sticky) {
    case stickiness::key:
        return "key";
    case stickiness::user:
        return "user";
    case stickiness::header:
        return "header:" + model.sticky_header;
    case stickiness::none:
        break;
    }
    return "none";
}

std::string_view balance_text(policy::balance balance)
{
    constexpr std::string_view names[] = {"weighted", "least_busy", "latency", "cheapest"};
    return names[static_cast<std::size_t>(balance)];
}

description describe_price(const policy::price& price)
{
    description one;
    add(one, "input", raw(format_micros(price.input)));
    if (price.cached_input)
        add(one, "cached_input", raw(format_micros(*price.cached_input)));
    if (price.cache_write)
        add(one, "cache_write", raw(format_micros(*price.cache_write)));
    add(one, "output", raw(format_micros(price.output)));
    if (price.reasoning)
        add(one, "reasoning", raw(format_micros(*price.reasoning)));
    return one;
}

// The one that holds at last.
std::optional<policy::price> price_of(const target& target)
{
    const auto& versions = target.prices.versions;
    return versions.empty() ? std::nullopt : std::optional(versions.back().price);
}

description describe_targets(const model& model, const snapshot& snapshot)
{
    constexpr std::string_view forced[] = {"automatic", "closed", "open"};
    description targets{.is = description::kind::list, .json = {}};
    for (const auto& target : model.targets) {
        description entry;
        add(entry, "name", text(target.name));
        add(entry, "provider", text(snapshot.providers[target.provider].name));
        if (!target.model.empty())
            add(entry, "model", text(target.model));
        add(entry, "weight", raw(format_decimal(target.weight)));
        if (const auto own = price_of(target); own && own != model.price)
            add(entry, "price", describe_price(*own));
        if (target.forced != policy::breaker::control::automatic)
            add(entry, "breaker", text(forced[static_cast<std::size_t>(target.forced)]));
        add(targets, target.name, std::move(entry));
    }
    return targets;
}

description describe_fallbacks(const fallbacks& all)
{
    const auto names = [](const std::vector<fallback>& list) {
        std::vector<std::string> all_names;
        for (const auto& one : list)
            all_names.push_back(one.name);
        return texts(all_names);
    };
    description one;
    add(one, "any", names(all.any));
    add(one, "rate_limited", names(all.rate_limited));
    add(one, "context_length", names(all.context_length));
    add(one, "content_policy", names(all.content_policy));
    return one;
}

description describe_retry(const retry_settings& retry)
{
    description one;
    add(one, "attempts", number(retry.attempts));
    add(one, "base", time(retry.base));
    add(one, "cap", time(retry.cap));
    add(one, "budget", percent(retry.budget.share_ppm / 1e6));
    return one;
}

description describe_breaker(const policy::breaker_settings& breaker)
{
    if (!breaker.enabled)
        return text("off");
    description one;
    add(one, "failures", number(breaker.failures));
    add(one, "rate", percent(breaker.rate));
    add(one, "minimum", number(breaker.minimum));
    add(one, "window", time(breaker.window));
    add(one, "cooldown", time(breaker.cooldown));
    add(one, "recovery", time(breaker.recovery));
    return one;
}

description describe_ejection(const policy::ejection_settings& ejection)
{
    if (!ejection.enabled)
        return text("off");
    description one;
    add(one, "factor", raw(format_decimal(ejection.factor)));
    add(one, "minimum", number(ejection.minimum));
    add(one, "share", percent(ejection.share));
    add(one, "duration", time(ejection.duration));
    return one;
}

description describe_hedge(const policy::hedge_settings& hedge)
{
    if (!hedge.enabled)
        return text("off");
    description one;
    add(one,
        "after",
        hedge.after ? time(*hedge.after) : text('p' + percent_digits(hedge.quantile)));
    add(one, "budget", percent(hedge.budget.share_ppm / 1e6));
    return one;
}

description describe_precommit(const precommit_settings& window)
{
    if (window.bytes == 0)
        return text("off");
    description one;
    add(one, "bytes", size(window.bytes));
    if (window.wait)
        add(one, "wait", time(*window.wait));
    add(one, "heartbeat", flag(window.heartbeat));
    return one;
}

description describe_shadow(const shadow_settings& shadow, const snapshot& snapshot)
{
    const auto& model = snapshot.models[shadow.model];
    description one;
    add(one, "model", text(model.name));
    add(one, "target", text(model.targets[shadow.target].name));
    add(one, "percent", percent(shadow.share));
    if (shadow.budget)
        add(one, "budget", money(*shadow.budget));
    add(one, "capture", flag(shadow.capture));
    return one;
}

description describe_guards(const policy::rollout_guards& guards)
{
    description one;
    const auto share = [&](std::string_view name, const std::optional<double>& value) {
        add(one, name, value ? percent(*value) : text("off"));
    };
    const auto duration = [&](std::string_view name, const std::optional<nanoseconds>& value) {
        add(one, name, value ? time(*value) : text("off"));
    };
    share("errors", guards.errors);
    share("errors_above_stable", guards.errors_above_stable);
    share("truncated", guards.truncated);
    share("truncated_above_stable", guards.truncated_above_stable);
    duration("p99", guards.p99);
    share("p99_above_stable", guards.p99_above_stable);
    duration("first_token", guards.first_token);
    share("first_token_above_stable", guards.first_token_above_stable);
    add(one, "cost", guards.cost ? money(std::llround(*guards.cost * 1e6)) : text("off"));
    share("cost_above_stable", guards.cost_above_stable);
    return one;
}

description describe_rollout(const rollout_settings& rollout)
{
    std::vector<std::string> steps;
    for (const double step : rollout.plan.steps)
        steps.push_back(percent_digits(step / 100) + '%');
    description one;
    add(one, "steps", texts(steps));
    add(one, "every", time(rollout.plan.every));
    add(one, "minimum", number(rollout.plan.minimum));
    add(one, "false_rollbacks", percent(rollout.plan.false_rollbacks));
    if (rollout.webhook)
        add(one, "webhook", text(masked(rollout.webhook->url)));
    add(one, "guards", describe_guards(rollout.plan.guards));
    return one;
}

}  // namespace

description describe(const model& model, const snapshot& snapshot)
{
    description one;
    add(one, "aliases", texts(model.aliases));
    add(one, "targets", describe_targets(model, snapshot));
    if (model.canary)
        add(one, "canary", text(model.targets[*model.canary].name));
    add(one, "sticky", text(sticky_text(model)));
    add(one, "balance", text(balance_text(model.balance)));
    if (model.latency_ceiling)
        add(one, "latency_ceiling", time(*model.latency_ceiling));
    add(one, "fallbacks", describe_fallbacks(model.fallbacks));
    add(one, "retry", describe_retry(model.retry));
    add(one, "breaker", describe_breaker(model.breaker));
    add(one, "ejection", describe_ejection(model.ejection));
    add(one, "hedge", describe_hedge(model.hedge));
    add(one, "precommit", describe_precommit(model.precommit));
    if (model.first_token != snapshot.timeouts.first_token)
        add(one, "first_token", time(model.first_token));
    if (model.shadow)
        add(one, "shadow", describe_shadow(*model.shadow, snapshot));
    if (model.rollout)
        add(one, "rollout", describe_rollout(*model.rollout));
    add(one, "limits", describe_limits(model));
    add(one, "budget", describe(model.budget));
    if (model.context_window)
        add(one, "context_window", number(*model.context_window));
    if (model.price)
        add(one, "price", describe_price(*model.price));
    return one;
}

}  // namespace sluice::config
