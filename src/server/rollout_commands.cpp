// What people tell a rollout.
#include "live_changes.hpp"
#include "rollout_one.hpp"

#include <algorithm>
#include <array>

namespace sluice::server {
namespace {

using policy::rollout_phase;

bool wants_prices(const policy::rollout_guards& guards)
{
    return guards.cost || guards.cost_above_stable;
}

bool priced(const config::model& model)
{
    return std::ranges::all_of(
        model.targets, [](const auto& target) { return !target.prices.versions.empty(); });
}

std::string unknown(std::string_view model)
{
    return "there is no model '" + std::string(model) + "'";
}

// What to do instead, by where the rollout is.
std::string_view advice(rollout_phase phase)
{
    switch (phase) {
    case rollout_phase::running:
        return "it can be promoted, frozen and rolled back";
    case rollout_phase::frozen:
        return "it can be promoted, resumed and rolled back";
    case rollout_phase::paused:
        return "it can be resumed, rolled back and started anew";
    case rollout_phase::done:
        return "it can be rolled back and started anew";
    case rollout_phase::rolled_back:
    case rollout_phase::stopped:
        return "it can be started anew";
    }
    return {};
}

}  // namespace

change_report rollouts::start(
    std::string_view name,
    const std::optional<policy::rollout_settings>& settings,
    const origin& by)
{
    auto& control = parts_.control;
    if (auto stale = control.refuse_stale(by))
        return *stale;
    const auto* model = model_called(*control.current(), name);
    if (!model)
        return control.refuse(refusal::unknown_model, {unknown(name)});
    if (!model->canary || model->targets.size() < 2)
        return control.refuse(
            refusal::unknown_target,
            {"model '" + model->name
             + "' has no canary to roll out: name one of at least two targets with `canary:` in "
               "the file"});
    if (!settings && !model->rollout)
        return control.refuse(
            refusal::no_rollout,
            {"no rollout is configured for model '" + model->name
             + "': set `rollout:` in the file, or send the schedule"});
    const auto& plan = settings ? *settings : model->rollout->plan;
    if (auto wrong = wrong_with(plan); !wrong.empty())
        return control.refuse(refusal::invalid, {std::move(wrong)});
    if (wants_prices(plan.guards) && !priced(*model))
        return control.refuse(
            refusal::invalid, {"a cost guard needs the price of every target of the model"});

    auto fresh = std::make_unique<one>();
    fresh->saved.model = model->name;
    fresh->saved.canary = model->targets[*model->canary].name;
    fresh->saved.targets = identities_of(*control.current(), *model);
    fresh->saved.settings = plan;
    std::erase_if(all_, [&](const auto& each) {
        return model_called(*control.current(), each->saved.model) == nullptr;
    });
    auto at = std::ranges::find(all_, model->name, [](const auto& each) -> const std::string& {
        return each->saved.model;
    });
    if (at == all_.end())
        at = all_.insert(all_.end(), nullptr);
    std::swap(*at, fresh);
    auto report = move(**at, 0, because(by, "rollout started"));
    if (report.refused == refusal::none)
        return report;
    std::swap(*at, fresh);  // the one before it, if there was one
    if (*at) {
        (void)write_down(**at);
    } else {
        all_.erase(at);
        const std::array none{state::live_change{told(*fresh).name, "", true}};
        if (parts_.spread != nullptr && parts_.spread->list().find(none[0].name) != nullptr)
            (void)parts_.spread->note(none);
        (void)save();
    }
    return report;
}

change_report rollouts::promote(std::string_view name, const origin& by)
{
    if (auto stale = parts_.control.refuse_stale(by))
        return *stale;
    auto* rollout = of(name);
    if (!rollout || !is_watched(rollout->state.phase))
        return not_now(rollout, std::string(name));
    if (rollout->state.step + 1 < rollout->saved.settings.steps.size())
        return move(*rollout, rollout->state.step + 1, because(by, "promoted"));
    return finish(*rollout, because(by, "promoted"));
}

change_report rollouts::freeze(std::string_view name, const origin& by)
{
    if (auto stale = parts_.control.refuse_stale(by))
        return *stale;
    auto* rollout = of(name);
    if (!rollout || rollout->state.phase != rollout_phase::running)
        return not_now(rollout, std::string(name));
    rollout->state.phase = rollout_phase::frozen;
    rollout->state.reason = "frozen by " + by.actor;
    return note(*rollout, "freeze_rollout", rollout_phase::running, by);
}

change_report rollouts::resume(std::string_view name, const origin& by)
{
    auto& control = parts_.control;
    if (auto stale = control.refuse_stale(by))
        return *stale;
    auto* rollout = of(name);
    if (!rollout
        || (rollout->state.phase != rollout_phase::frozen
            && rollout->state.phase != rollout_phase::paused))
        return not_now(rollout, std::string(name));
    const auto before = rollout->state;
    rollout->state.phase = rollout_phase::running;
    rollout->state.reason.clear();
    if (before.phase == rollout_phase::frozen)
        return note(*rollout, "resume_rollout", before.phase, by);
    const auto targets = rollout->saved.targets;
    const auto canary = rollout->saved.canary;
    if (const auto* model = model_of(*rollout); model && model->canary) {
        rollout->saved.targets = identities_of(*control.current(), *model);
        rollout->saved.canary = model->targets[*model->canary].name;
    }
    auto report = move(*rollout, before.step, because(by, "rollout resumed"));
    if (report.refused != refusal::none) {
        rollout->state = before;
        rollout->saved.targets = targets;
        rollout->saved.canary = canary;
        (void)write_down(*rollout);
    }
    return report;
}

change_report rollouts::roll_back(std::string_view name, const origin& by)
{
    if (auto stale = parts_.control.refuse_stale(by))
        return *stale;
    auto* rollout = of(name);
    if (!rollout || rollout->state.phase == rollout_phase::rolled_back
        || rollout->state.phase == rollout_phase::stopped)
        return not_now(rollout, std::string(name));
    return send_back(
        *rollout, rollout_phase::rolled_back, "manual", because(by, "rolled back by " + by.actor));
}

change_report rollouts::kill(std::string_view name, const origin& by)
{
    auto& control = parts_.control;
    if (auto stale = control.refuse_stale(by))
        return *stale;
    auto firmly = because(by, "kill switch");
    firmly.must_apply = true;
    if (auto* rollout = of(name))
        return send_back(*rollout, rollout_phase::stopped, "kill", firmly);
    auto report = control.set_canary(name, 0, firmly);
    if (report.refused == refusal::none) {
        const auto& model = model_called(*control.current(), name)->name;
        parts_.values.rolled_back(model, "kill");
        parts_.log.warn("rolled_back", firmly.reason, {{"model", model}, {"reason", "kill"}});
    }
    return report;
}

change_report rollouts::kill_all(const origin& by)
{
    auto& control = parts_.control;
    if (auto stale = control.refuse_stale(by))
        return *stale;
    auto each = by;
    each.if_version.reset();  // it moves with every model
    std::vector<std::string> names;
    for (const auto& model : control.current()->models)
        if (model.canary && model.targets.size() > 1)
            names.push_back(model.name);
    change_report sum;
    if (names.empty())
        return control.refuse(refusal::unknown_target, {"no model has a canary"});
    for (const auto& name : names) {
        auto report = kill(name, each);
        for (auto& change : report.changes)
            sum.changes.push_back(std::move(change));
        for (auto& warning : report.warnings)
            sum.warnings.push_back(name + ": " + warning);
        for (auto& complaint : report.complaints)
            sum.warnings.push_back(name + " is not moved: " + complaint);
    }
    sum.version = control.current()->version;
    return sum;
}

change_report rollouts::not_now(const one* rollout, const std::string& model) const
{
    if (rollout)
        return parts_.control.refuse(
            refusal::conflict,
            {"the rollout of model '" + rollout->saved.model + "' is "
             + std::string(name_of(rollout->state.phase)) + ": "
             + std::string(advice(rollout->state.phase))});
    if (!model_called(*parts_.control.current(), model))
        return parts_.control.refuse(refusal::unknown_model, {unknown(model)});
    return parts_.control.refuse(
        refusal::no_rollout, {"no rollout of model '" + model + "' was started"});
}

}  // namespace sluice::server
