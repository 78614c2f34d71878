#include "describing.hpp"
#include <sluice/config/key.hpp>
#include <sluice/config/units.hpp>

namespace sluice::config {
namespace {

using namespace describing;

description dollars(std::int64_t nanos)
{
    return money(nanos / nanos_per_micro);
}

}  // namespace

description describe(const policy::limit_settings& limits)
{
    description one;
    if (limits.requests) {
        add(one, "requests", text(format_rate(*limits.requests)));
        add(one, "burst", number(limits.burst));
    }
    if (limits.tokens) {
        add(one, "tokens", text(format_rate(*limits.tokens)));
        add(one, "token_burst", number(limits.token_burst));
    }
    if (limits.requests || limits.tokens)
        add(one, "max_wait", time(limits.max_wait));
    if (limits.concurrent)
        add(one, "concurrent", number(*limits.concurrent));
    if (limits.shadow)
        add(one, "shadow", flag(true));
    return one;
}

description describe_limits(const quota& of)
{
    auto one = describe(of.limits);
    if (of.on_store_failure == store_failure::refuse)
        add(one, "on_store_failure", text("refuse"));
    else if (of.on_store_failure == store_failure::local)
        add(one, "on_store_failure", text("local"));
    return one;
}

description describe(const budget_settings& budget)
{
    description one;
    if (budget.daily)
        add(one, "daily", dollars(*budget.daily));
    if (budget.monthly)
        add(one, "monthly", dollars(*budget.monthly));
    if (budget.daily || budget.monthly)
        add(one, "soft", percent(budget.soft));
    return one;
}

description describe(const tenant& tenant)
{
    description one;
    add(one, "weight", raw(format_decimal(tenant.weight)));
    add(one, "limits", describe_limits(tenant));
    add(one, "budget", describe(tenant.budget));
    return one;
}

description describe_key_budget(const key& key)
{
    auto one = describe(key.budget);
    description models;
    for (const auto& each : key.model_budgets)
        add(models, each.model, dollars(each.daily));
    if (!key.model_budgets.empty())
        add(one, "models", std::move(models));
    return one;
}

}  // namespace sluice::config
