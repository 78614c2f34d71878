// Rollouts between gateways.
#include "live_changes.hpp"
#include "rollout_one.hpp"
#include "rollout_text.hpp"

#include <algorithm>
#include <utility>

namespace sluice::server {
namespace {

std::string settings_text(const policy::rollout_settings& settings)
{
    json_writer out;
    write_settings(out, settings);
    return out.str();
}

bool is_under_way(policy::rollout_phase phase)
{
    return is_watched(phase) || phase == policy::rollout_phase::paused;
}

// Nothing but attempts is missing: who has seen them could go on now.
bool waits_for_attempts(
    const policy::rollout_state& state, const policy::rollout_settings& settings)
{
    const auto wanting = policy::missing(state, settings);
    return state.phase == policy::rollout_phase::running && wanting.time == nanoseconds{0}
           && wanting.attempts > 0 && !wanting.doubtful;
}

}  // namespace

// Without what is each gateway's own: what its targets are, how long it has been on the step, and
// whether the traffic has followed.
state::live_change rollouts::told(const one& rollout)
{
    saved_rollout plain{.model = rollout.saved.model, .canary = rollout.saved.canary};
    plain.settings = rollout.saved.settings;
    plain.phase = rollout.state.phase;
    plain.step = rollout.state.step;
    plain.reason = rollout.state.reason;
    return {
        std::string(state::rollout_prefix) + plain.model,
        to_json(std::vector{plain}),
        rollout.percent() == 0};
}

std::vector<state::live_change> rollouts::live_changes() const
{
    std::vector<state::live_change> all;
    for (const auto& each : all_) {
        all.push_back(told(*each));
        all.back().withdrawn = false;
    }
    return all;
}

rollouts::followed rollouts::follow(std::string_view name, std::string_view value, const origin& by)
{
    if (value.empty())
        return followed::same;  // one that never began
    auto read = rollouts_from_json(value);
    if (!read || read->size() != 1 || read->front().model != name)
        return followed::unfit;
    auto& theirs = read->front();
    const auto* model = model_with(theirs);
    if (model == nullptr)
        return followed::unfit;
    auto at = std::ranges::find(
        all_, name, [](const auto& each) -> std::string_view { return each->saved.model; });
    if (at != all_.end() && (*at)->saved.applied && told(**at).value == value)
        return followed::same;
    // A way back that a crash cut short is gone to its end, by the first look.
    if (at != all_.end() && (*at)->shares.empty() && !(*at)->saved.applied && (*at)->percent() == 0)
        return followed::same;
    const auto was = at == all_.end() ? phase_before() : (*at)->state.phase;
    if (at == all_.end())
        at = all_.insert(all_.end(), std::make_unique<one>());
    auto& rollout = **at;
    const bool goes_on = rollout.saved.canary == theirs.canary && is_under_way(rollout.state.phase)
                         && settings_text(rollout.saved.settings) == settings_text(theirs.settings);
    if (!goes_on)
        rollout.state = {};
    if (rollout.state.step != theirs.step)
        enter_step(rollout.state, theirs.step);
    rollout.state.phase = theirs.phase;
    rollout.state.reason = theirs.reason;
    theirs.targets = identities_of(*parts_.control.current(), *model);
    rollout.saved = std::move(theirs);
    rollout.shares = shares_of(*model);
    rollout.counts = counts_of(parts_.workers, *model);
    rollout.saved.applied = true;
    const auto canary = *model->canary;
    if (rollout.percent() == 0 && rollout.shares[canary] > 0 && !raised_since(name)) {
        // The weights that went with it fit nothing here.
        auto firmly = by;
        firmly.must_apply = true;
        (void)parts_.control.set_canary(name, 0, firmly);
        rollout.shares = shares_of(*model_of(rollout));
    }
    (void)save();
    (void)enter(rollout, "follow_rollout", was, by);
    return followed::changed;
}

// By the canary the rollout has; nullptr: the file has no such model, or with another canary.
const config::model* rollouts::model_with(const saved_rollout& rollout) const
{
    const auto& models = parts_.control.current()->models;
    const auto at = std::ranges::find(models, rollout.model, &config::model::name);
    const bool fits =
        at != models.end() && at->canary && at->targets[*at->canary].name == rollout.canary;
    return fits ? &*at : nullptr;
}

// Whether somebody gave the canary traffic again after the rollout was sent back. Who did not know
// of that is no such somebody: of the weights, those of the way back count.
bool rollouts::raised_since(std::string_view model) const
{
    if (parts_.spread == nullptr)
        return false;
    const auto& list = parts_.spread->list();
    const auto* back = list.find(std::string(state::rollout_prefix).append(model));
    const auto* weights = list.find(std::string(state::weights_prefix).append(model));
    return back != nullptr && weights != nullptr && !weights->item.withdrawn
           && weights->item.version > back->item.version;
}

bool rollouts::is_others(const saved_rollout& rollout) const
{
    return parts_.leads && model_with(rollout) == nullptr;
}

std::string rollouts::left_to_others() const
{
    if (parts_.spread == nullptr)
        return {};
    const auto& all = parts_.spread->list().all();
    for (auto at = all.lower_bound(state::rollout_prefix);
         at != all.end() && at->first.starts_with(state::rollout_prefix);
         ++at) {
        const auto read = rollouts_from_json(at->second.item.value);
        if (read && read->size() == 1 && is_watched(read->front().phase)
            && is_others(read->front()))
            return read->front().model;
    }
    if (!parts_.gateways || parts_.gateways() < 2)
        return {};
    const auto at = std::ranges::find_if(all_, [](const auto& each) {
        return waits_for_attempts(each->state, each->saved.settings);
    });
    return at == all_.end() ? std::string() : (*at)->saved.model;
}

}  // namespace sluice::server
