#include "collect_control.hpp"

#include <algorithm>
#include <array>

namespace sluice::observe {
namespace {

void add_budgets(families& out, const control_values::values& control)
{
    for (const auto& one : control.budgets) {
        const auto dollars = [&](metric family, std::int64_t nanodollars) {
            out.add(family, {{"budget", one.id}}, in_dollars(nanodollars));
        };
        dollars(metric::budget_limit, one.limit);
        dollars(metric::budget_spent, one.spent);
    }
}

void add_rollouts(
    families& out, const control_values::values& control, const catalogue::names& names)
{
    for (const auto& each : control.rollouts) {
        if (each.arm >= names.arms.size())
            continue;
        const auto& [model, target] = names.arms[each.arm];
        out.add(
            metric::rollout_step, {{"model", model}, {"target", target}}, std::uint64_t{each.step});
        out.add(metric::rollout_state, {{"model", model}, {"state", each.state}}, 1.0);
    }
    for (const auto& [key, count] : control.rollbacks)
        out.add(metric::rollbacks, {{"model", key.first}, {"reason", key.second}}, count);
    out.add(metric::webhook_failures, {}, control.webhook_failures);
}

void add_store(families& out, const control_values::store& store)
{
    out.add(metric::store_up, {}, store.up ? 1.0 : 0.0);
    out.add(metric::store_gateways, {}, std::uint64_t{store.gateways});
    out.add(metric::store_operations, {{"result", "ok"}}, store.operations - store.failures);
    out.add(metric::store_operations, {{"result", "failed"}}, store.failures);
    out.add(metric::store_lag, {}, store.lag_seconds);
    out.add(metric::store_grants, {{"by", "redis"}}, store.granted);
    out.add(metric::store_grants, {{"by", "share"}}, store.granted_alone);
}

void add_spread(families& out, const control_values::spread& spread)
{
    out.add(metric::spread_pending, {}, std::uint64_t{spread.pending});
    out.add(metric::spread_unfit, {}, std::uint64_t{spread.unfit});
    out.add(metric::spread_taken, {}, spread.taken);
    out.add(metric::spread_conflicts, {{"result", "won"}}, spread.won);
    out.add(metric::spread_conflicts, {{"result", "lost"}}, spread.lost);
    out.add(metric::spread_lag, {}, spread.lag_seconds);
    out.add(metric::store_leads, {}, spread.leads ? 1.0 : 0.0);
}

void add_spans(families& out, const exported_spans& now)
{
    out.add(metric::spans_exported, {}, now.exported);
    for (std::size_t i = 0; i < span_loss_labels.size(); ++i)
        out.add(metric::spans_dropped, {{"reason", span_loss_labels[i]}}, now.dropped[i]);
}

void add_targets(
    families& out, const control_values::values& control, const catalogue::names& names)
{
    const auto now = steady::now();
    for (const auto& [arm, weight] : control.weights)
        if (arm < names.arms.size())
            out.add(
                metric::target_weight,
                {{"model", names.arms[arm].model}, {"target", names.arms[arm].target}},
                weight);
    for (const auto& one : control.targets) {
        if (one.arm >= names.arms.size())
            continue;
        const labels where{
            {"model", names.arms[one.arm].model}, {"target", names.arms[one.arm].target}};
        out.add(
            metric::breaker_state,
            where,
            static_cast<std::uint64_t>(one.state->breaker.at(one.breaker, now)));
        if (one.retries.share_ppm > 0)
            out.add(metric::retry_budget, where, one.state->retries.remaining(one.retries, now));
    }
    constexpr std::array<std::string_view, 4> troubles{
        "usable", "rate_limited", "refused", "quota"};
    for (const auto& one : control.credentials) {
        if (one.provider >= names.providers.size())
            continue;
        const std::string number = std::to_string(one.number);
        const auto trouble = static_cast<std::size_t>(one.state->trouble(now));
        for (std::size_t i = 0; i < troubles.size(); ++i)
            out.add(
                metric::credential_state,
                {{"provider", names.providers[one.provider]},
                 {"credential", number},
                 {"state", troubles[i]}},
                i == trouble ? 1.0 : 0.0);
    }
    out.add(metric::config_version, {}, control.config_version);
    out.add(metric::reload_failures, {}, control.reload_failures);
    out.add(metric::upgrade_failures, {}, control.upgrade_failures);
    out.add(metric::state_unwritten, {}, control.unwritten);
}

}  // namespace

void add_control(
    families& out, const control_values::values& control, const catalogue::names& names)
{
    add_targets(out, control, names);
    add_rollouts(out, control, names);
    if (control.shared_store)
        add_store(out, *control.shared_store);
    if (control.spread_state)
        add_spread(out, *control.spread_state);
    add_budgets(out, control);
    add_spans(out, control.spans);
}

void add_ledger(families& out, const ledger_numbers& now)
{
    out.add(metric::ledger_up, {}, now.up ? 1.0 : 0.0);
    out.add(metric::ledger_bills, {}, now.bills);
    out.add(metric::ledger_lost, {}, now.lost);
    out.add(metric::ledger_waiting, {}, now.waiting);
    out.add(metric::ledger_failures, {}, now.failures);
    const auto dollars = [](std::int64_t nanodollars) {
        return in_dollars(std::max<std::int64_t>(nanodollars, 0));
    };
    out.add(metric::lease_dollars, {{"what", "granted"}}, dollars(now.lease_granted));
    out.add(metric::lease_dollars, {{"what", "returned"}}, dollars(now.lease_returned));
    out.add(metric::lease_dollars, {{"what", "spent"}}, dollars(now.lease_spent));
    out.add(metric::lease_held, {}, dollars(now.lease_held));
}

}  // namespace sluice::observe
