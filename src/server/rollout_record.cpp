// What a rollout leaves behind: its file, metrics, the audit log and messages.
#include "live_changes.hpp"
#include "rollout_one.hpp"
#include <sluice/config/units.hpp>
#include <sluice/server/json_writer.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <iterator>

namespace sluice::server {

std::vector<std::string> identities_of(const config::snapshot& snapshot, const config::model& model)
{
    std::vector<std::string> out;
    for (const auto& target : model.targets) {
        const auto& provider = snapshot.providers[target.provider];
        out.push_back(
            target.name + ' ' + provider.name + ' ' + provider.authority + provider.path_prefix
            + ' ' + target.model);
    }
    return out;
}

std::vector<double> shares_of(const config::model& model)
{
    std::vector<double> out;
    for (std::size_t i = 0; i < model.targets.size(); ++i)
        out.push_back(model.split.share(i));
    return out;
}

std::string percent_text(double percent)
{
    return config::format_decimal(std::round(percent * 1e6) / 1e6) + '%';
}

rollouts::one* rollouts::of(std::string_view model)
{
    const auto* known = model_called(*parts_.control.current(), model);
    const std::string_view name = known ? std::string_view(known->name) : model;
    const auto at = std::ranges::find(
        all_, name, [](const auto& each) -> std::string_view { return each->saved.model; });
    return at == all_.end() ? nullptr : at->get();
}

const config::model* rollouts::model_of(const one& rollout) const
{
    const auto& models = parts_.control.current()->models;
    const auto at = std::ranges::find(models, rollout.saved.model, &config::model::name);
    return at == models.end() ? nullptr : &*at;
}

// For what changes a rollout and no weight.
change_report rollouts::note(
    one& rollout, std::string_view action, phase_before was, const origin& by)
{
    const bool written = write_down(rollout);
    auto report = enter(rollout, action, was, by);
    if (!written)
        report.warnings.emplace_back(
            "a restart before it can be written forgets it: the list of rollouts");
    if (parts_.spread != nullptr && !parts_.spread->warning().empty())
        report.warnings.emplace_back(parts_.spread->warning());
    return report;
}

// Into the audit log, the log and the metrics, as a version of its own.
change_report rollouts::enter(
    const one& rollout, std::string_view action, phase_before was, const origin& by)
{
    parts_.control.renew();
    const auto version = parts_.control.current()->version;
    change_report report;
    report.version = version;
    const auto spelled = [&](policy::rollout_phase phase) {
        json_writer out;
        out.begin_object().key("models." + rollout.saved.model + ".rollout");
        return out.text(name_of(phase)).end_object().str();
    };
    const auto from = was ? spelled(*was) : std::string();
    const auto to = spelled(rollout.state.phase);
    const observe::audit_entry entry{
        .actor = by.actor,
        .remote = by.remote,
        .action = action,
        .path = by.path,
        .from = from,
        .to = to,
        .version = version,
        .reason = by.reason};
    if (const auto ec = parts_.audit.enter(entry)) {
        parts_.log.error("change_not_durable", ec.message(), {{"what", "the audit log"}});
        report.warnings.push_back("the audit log cannot be written: " + ec.message());
    }
    parts_.log.info(
        "rollout_changed", by.reason, {{"model", rollout.saved.model}, {"action", action}});
    show();
    return report;
}

bool rollouts::write_down(const one& rollout)
{
    const std::array changed{told(rollout)};
    const auto* known =
        parts_.spread != nullptr ? parts_.spread->list().find(changed[0].name) : nullptr;
    std::error_code ec;
    // What is told already is not told again: of a rollout sent back that would be a new decision.
    if (parts_.spread != nullptr && (known == nullptr || known->item.value != changed[0].value))
        ec = parts_.spread->note(changed);
    if (ec)
        parts_.log.error("change_not_durable", ec.message(), {{"what", "what is spread"}});
    return save() && !ec;
}

bool rollouts::save()
{
    std::vector<saved_rollout> saved;
    for (const auto& each : all_) {
        if (!each)
            continue;
        auto& next = saved.emplace_back(each->saved);
        next.phase = each->state.phase;
        next.step = each->state.step;
        next.on_step = each->state.on_step;
        next.reason = each->state.reason;
    }
    const bool told = file_.late();
    const auto ec = file_.save(to_json(saved));
    if (ec && !told)
        parts_.log.error("change_not_durable", ec.message(), {{"what", "the list of rollouts"}});
    return !ec;
}

void rollouts::show()
{
    std::vector<observe::control_values::rollout> gauges;
    for (const auto& each : all_) {
        const auto* model = each ? model_of(*each) : nullptr;
        if (!model)
            continue;
        const auto target =
            std::ranges::find(model->targets, each->saved.canary, &config::target::name);
        if (target == model->targets.end())
            continue;
        gauges.push_back(
            {.arm = target->arm,
             .step = each->percent() > 0 ? each->state.step + 1 : 0,
             .state = name_of(each->state.phase)});
    }
    parts_.values.rollouts(std::move(gauges));
}

void rollouts::tell(const one& rollout, std::string_view event)
{
    const auto* model = model_of(rollout);
    if (!model || !model->rollout || !model->rollout->webhook || !parts_.notify)
        return;
    json_writer out;
    out.begin_object().key("event").text(event);
    out.key("model").text(rollout.saved.model).key("target").text(rollout.saved.canary);
    out.key("state").text(name_of(rollout.state.phase));
    out.key("step").count(rollout.state.step + 1);
    out.key("steps").count(rollout.saved.settings.steps.size());
    out.key("percent").number(rollout.percent());
    out.key("reason").text(rollout.state.reason);
    out.key("version").count(parts_.control.current()->version);
    out.key("time").count(static_cast<std::uint64_t>(
        std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count()));
    parts_.notify(*model->rollout->webhook, out.end_object().str());
}

}  // namespace sluice::server
