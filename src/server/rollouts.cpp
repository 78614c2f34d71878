#include "rollout_one.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace sluice::server {
namespace {

using policy::rollout_phase;

// How often the time spent on a step is written down.
constexpr seconds save_every{15};

origin itself()
{
    return {.actor = "rollout", .remote = "", .path = ""};
}

bool same(const std::vector<double>& a, const std::vector<double>& b)
{
    return std::ranges::equal(a, b, [](double x, double y) { return std::abs(x - y) < 1e-9; });
}

}  // namespace

rollouts::rollouts(rollout_parts parts)
    : parts_(std::move(parts)),
      file_(parts_.file, most_rollout_bytes)
{
    auto loaded = load_rollouts(file_);
    if (!loaded.complaint.empty())
        parts_.log.error("rollouts_lost", loaded.complaint);
    for (auto& saved : loaded.saved) {
        auto fresh = std::make_unique<one>();
        fresh->state.phase = saved.phase;
        fresh->state.reason = saved.reason;
        fresh->state.on_step = saved.on_step;
        fresh->state.step = saved.step;
        fresh->saved = std::move(saved);
        all_.push_back(std::move(fresh));
    }
    show();
}

rollouts::~rollouts() = default;

void rollouts::look(time_point now)
{
    for (const auto& each : all_)
        look_at(*each, now);
    show();  // a reload may have brought other models
    if (now - saved_ < save_every)
        return;
    saved_ = now;
    if (std::ranges::any_of(
            all_, [](const auto& each) { return each->state.phase == rollout_phase::running; }))
        (void)save();
}

void rollouts::look_at(one& rollout, time_point now)
{
    if (rollout.shares.empty())
        take_up(rollout);
    auto why = is_watched(rollout.state.phase) ? disturbance(rollout) : std::string();
    if (!why.empty() && leads() && !is_others(rollout.saved))
        pause(rollout, why);
    if (!why.empty() || !is_watched(rollout.state.phase)) {
        rollout.state.looked.reset();  // the time until it goes on is none on the step
        return;
    }
    const auto& model = *model_of(rollout);
    auto counts = counts_of(parts_.workers, model);
    const auto evidence = evidence_since(rollout.counts, counts, model);
    rollout.counts = std::move(counts);

    if (parts_.gateways)
        rollout.state.judges = std::max(rollout.state.judges, parts_.gateways());
    const auto verdict = advance(rollout.state, rollout.saved.settings, evidence, now);
    using kind = policy::rollout_verdict::kind;
    switch (verdict.what) {
    case kind::hold:
        return;
    case kind::step_up:
        if (leads())
            (void)move(rollout, rollout.state.step + 1, itself());
        return;
    case kind::finish:
        if (leads())
            (void)finish(rollout, because(itself(), "the last step is through"));
        return;
    case kind::roll_back:
        (void)send_back(
            rollout,
            rollout_phase::rolled_back,
            name_of(verdict.breached),
            because(itself(), verdict.reason));
        return;
    }
}

// The first look after a start of the process.
void rollouts::take_up(one& rollout)
{
    const auto* model = model_of(rollout);
    if (!model)
        return;
    // What is to go up waits for whoever leads.
    if (!rollout.saved.applied && is_watched(rollout.state.phase) && !leads())
        return;
    rollout.shares = shares_of(*model);
    rollout.counts = counts_of(parts_.workers, *model);
    if (rollout.saved.applied)
        return;
    // The process ended between the decision and the change.
    if (is_watched(rollout.state.phase)) {
        (void)move(rollout, rollout.state.step, because(itself(), "taken up after a restart"));
    } else if (rollout.percent() == 0) {
        auto by = because(itself(), rollout.state.reason);
        by.must_apply = true;
        if (parts_.control.set_canary(rollout.saved.model, 0, by, told(rollout)).refused
            == refusal::none)
            arrived(rollout);
    }
}

std::string rollouts::disturbance(const one& rollout) const
{
    const auto* model = model_of(rollout);
    if (!model)
        return "the file has no such model any more";
    if (!model->canary || model->targets[*model->canary].name != rollout.saved.canary)
        return "the file names another canary, or none";
    if (identities_of(*parts_.control.current(), *model) != rollout.saved.targets)
        return "the file has changed the model's targets";
    const auto now = shares_of(*model);
    const double percent = now[*model->canary] * 100;
    if (std::abs(percent - rollout.percent()) > 1e-6)
        return "somebody else changed the weights: the canary has " + percent_text(percent)
               + " instead of " + percent_text(rollout.percent());
    if (!same(now, rollout.shares))
        return "somebody else changed the weights of the other targets";
    return {};
}

void rollouts::pause(one& rollout, std::string why)
{
    const auto was = std::exchange(rollout.state.phase, rollout_phase::paused);
    rollout.state.reason = std::move(why);
    (void)note(rollout, "pause_rollout", was, because(itself(), rollout.state.reason));
    tell(rollout, "paused");
}

// The canary has the share of the last step, and keeps it.
change_report rollouts::finish(one& rollout, const origin& by)
{
    const auto was = std::exchange(rollout.state.phase, rollout_phase::done);
    rollout.state.reason.clear();
    auto report = note(rollout, "finish_rollout", was, by);
    tell(rollout, "done");
    return report;
}

// Decided, written down, done, and only then believed. Refused: all is as it was.
change_report rollouts::move(one& rollout, std::size_t step, const origin& by)
{
    const auto before = std::pair(rollout.state, rollout.saved.applied);
    enter_step(rollout.state, step);
    rollout.saved.applied = false;
    const auto& steps = rollout.saved.settings.steps;
    const auto text = "rollout step " + std::to_string(step + 1) + " of "
                      + std::to_string(steps.size()) + ", " + percent_text(steps[step]);
    auto report = !save() ? parts_.control.refuse(
                                refusal::not_durable, {"the list of rollouts cannot be written"})
                          : parts_.control.set_canary(
                                rollout.saved.model,
                                steps[step],
                                because(by, by.reason.empty() ? text : by.reason + ": " + text),
                                told(rollout));
    if (report.refused != refusal::none) {
        std::tie(rollout.state, rollout.saved.applied) = before;
        (void)write_down(rollout);
        parts_.log.warn(
            "rollout_stays",
            report.complaints.empty() ? std::string_view() : report.complaints.front(),
            {{"model", rollout.saved.model}});
        return report;
    }
    arrived(rollout);
    parts_.log.info("rollout_step", text, {{"model", rollout.saved.model}});
    tell(rollout, "step");
    return report;
}

change_report rollouts::send_back(
    one& rollout, policy::rollout_phase phase, std::string_view reason, const origin& by)
{
    const auto before = std::pair(rollout.state, rollout.saved.applied);
    rollout.state.phase = phase;
    rollout.state.reason = by.reason;
    rollout.saved.applied = false;
    (void)save();  // if it cannot: the traffic goes first
    auto firmly = by;
    firmly.must_apply = true;
    auto report = parts_.control.set_canary(rollout.saved.model, 0, firmly, told(rollout));
    if (report.refused != refusal::none) {
        std::tie(rollout.state, rollout.saved.applied) = before;
        (void)write_down(rollout);
        return report;
    }
    arrived(rollout);
    parts_.values.rolled_back(rollout.saved.model, reason);
    parts_.log.warn("rolled_back", by.reason, {{"model", rollout.saved.model}, {"reason", reason}});
    tell(rollout, name_of(phase));
    if (auto left = still_has(rollout); !left.empty())
        report.warnings.push_back(std::move(left));
    return report;
}

// What was taken off is the traffic of the canary that the file names. Empty: it is the rollout's.
std::string rollouts::still_has(const one& rollout) const
{
    const auto* model = model_of(rollout);
    if (!model || model_with(rollout.saved))
        return {};
    const auto& name = rollout.saved.canary;
    const auto at = std::ranges::find(model->targets, name, &config::target::name);
    if (at == model->targets.end() || !(at->weight > 0))
        return {};
    return "the file names another canary than the rollout has: '" + name + "' keeps its traffic";
}

// The traffic is where the state says.
void rollouts::arrived(one& rollout)
{
    if (const auto* model = model_of(rollout)) {
        rollout.shares = shares_of(*model);
        rollout.counts = counts_of(parts_.workers, *model);
    }
    rollout.saved.applied = true;
    (void)save();
    show();
}

std::optional<rollout_view> rollouts::find(std::string_view model) const
{
    const auto at = std::ranges::find(
        all_, model, [](const auto& each) -> std::string_view { return each->saved.model; });
    if (at == all_.end())
        return std::nullopt;
    return rollout_view{
        .settings = &(*at)->saved.settings,
        .state = &(*at)->state,
        .canary = (*at)->saved.canary,
        .percent = percent_of(**at)};
}

// Who has ended holds nobody to his share.
double rollouts::percent_of(const one& rollout) const
{
    const double own = rollout.percent();
    const auto* model = model_with(rollout.saved);
    if (model == nullptr || is_watched(rollout.state.phase)
        || rollout.state.phase == rollout_phase::paused)
        return own;
    const double now = model->split.share(*model->canary) * 100;
    return std::abs(now - own) < 1e-6 ? own : now;
}

}  // namespace sluice::server
