#include "live_changes.hpp"
#include <sluice/server/control.hpp>
#include <sluice/server/json_writer.hpp>
#include <sluice/server/replace_file.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace sluice::server {
namespace {

std::vector<observe::control_values::target_weight> gauges_of(const config::snapshot& snapshot)
{
    std::vector<observe::control_values::target_weight> out;
    for (const auto& model : snapshot.models)
        for (const auto& target : model.targets)
            out.push_back({target.arm, target.weight});
    return out;
}

// What the metrics tell of the snapshot that is in force.
void show(const config::snapshot& snapshot, observe::control_values& values)
{
    std::vector<observe::control_values::shared_target> targets;
    std::vector<observe::control_values::shared_credential> credentials;
    for (const auto& model : snapshot.models)
        for (const auto& target : model.targets)
            targets.push_back({target.arm, target.state, model.breaker, model.retry.budget});
    for (const auto& provider : snapshot.providers)
        for (std::size_t i = 0; i < provider.credentials.size(); ++i)
            credentials.push_back({provider.metric, i, provider.credentials[i]});
    values.installed(snapshot.version, gauges_of(snapshot));
    values.shared(std::move(targets), std::move(credentials));
}

std::string joined(const std::vector<std::string>& lines)
{
    std::string out;
    for (const auto& line : lines)
        out += (out.empty() ? "" : "\n") + line;
    return out;
}

// When the file with the version is lost, the audit log tells the last change's; starts since then,
// which take a version each and leave no entry, are taken to be fewer than this.
constexpr std::uint64_t versions_left_out = 1000;

}  // namespace

control::control(
    control_settings settings,
    config::document file,
    const control_parts& parts,
    publish_function publish)
    : settings_(std::move(settings)),
      parts_(parts),
      publish_(std::move(publish)),
      file_(std::move(file))
{
    auto stored = parts_.overrides.load();
    auto last_version = stored.saved.version;
    if (!stored.complaint.empty()) {
        last_version = parts_.audit.last_version() + versions_left_out;
        report_loss("live_changes_lost", stored.complaint, last_version + 1);
    }
    live_ = std::move(stored.saved.overrides);
    load_keys(last_version + 1);
    auto warnings = drop_what_does_not_fit(file_.settings, live_);
    auto built = config::build(file_, live_, last_version + 1, nullptr, parts_.catalogue);
    std::ranges::move(built.ignored, std::back_inserter(warnings));
    for (const auto& warning : warnings)
        parts_.log.warn("live_change_dropped", warning);
    at_start_ = current_ = std::move(built.snapshot);
    config::enforce(*current_);
    // Saved although nothing has changed: the next start must not use this version again.
    const auto ec = parts_.overrides.save(live_, current_->version);
    if (ec && !state::is_want_of_room(ec))
        throw std::runtime_error("live changes cannot be saved: " + ec.message());
    show(*current_, parts_.values);
}

void control::report_loss(std::string_view event, const std::string& what, std::uint64_t version)
{
    parts_.log.error(event, what, {{"version", version}});
    reload_.complaints.push_back(what);  // the admin API shows it until something is changed
    const observe::audit_entry entry{
        .actor = "gateway",
        .remote = {},
        .action = event,
        .path = {},
        .from = {},
        .to = what,
        .version = version};
    if (const auto ec = parts_.audit.append(entry))
        throw std::runtime_error("the audit log cannot be written: " + ec.message());
}

change_report control::refuse(refusal why, std::vector<std::string> complaints) const
{
    change_report report;
    report.refused = why;
    report.version = current_->version;
    report.complaints = std::move(complaints);
    return report;
}

std::optional<change_report> control::refuse_stale(const origin& by) const
{
    if (!by.if_version || *by.if_version == current_->version)
        return std::nullopt;
    return refuse(
        refusal::version,
        {"the configuration in force is version " + std::to_string(current_->version)
         + ", the change was meant for version " + std::to_string(*by.if_version)});
}

change_report control::reload(const origin& by)
{
    if (auto stale = refuse_stale(by))
        return *stale;
    auto loaded = config::load_file(settings_.config_path, settings_.environment);
    refuse_opening(loaded);
    reload_.complaints = texts_of(loaded.complaints);
    if (!loaded.document) {
        ++reload_.failures;
        parts_.values.reload_failed();
        parts_.log.error(
            "reload_refused",
            joined(reload_.complaints),
            {{"complaints", std::uint64_t{reload_.complaints.size()}},
             {"version", current_->version}});
        return refuse(refusal::invalid, reload_.complaints);
    }
    return apply(
        {.live = live_over(loaded.document->settings),
         .file = std::move(*loaded.document),
         .action = "reload",
         .spreads = false},
        by);
}

change_report control::set_canary(
    std::string_view name,
    double percent,
    const origin& by,
    const std::optional<state::live_change>& with)
{
    if (auto stale = refuse_stale(by))
        return *stale;
    const auto* model = model_called(*current_, name);
    if (!model)
        return refuse(refusal::unknown_model, {"there is no model '" + std::string(name) + "'"});
    if (!std::isfinite(percent) || percent < 0 || percent > 100)
        return refuse(refusal::invalid, {"percent is from 0 to 100"});
    if (!model->canary || model->targets.size() < 2)
        return refuse(
            refusal::unknown_target,
            {"model '" + model->name
             + "' has no canary: name one of at least two targets with `canary:` in the file"});
    const auto weights = weights_to_share(*model, file_.settings, live_);
    auto live = live_;
    lay_weights(*model, policy::with_canary_percent(weights, *model->canary, percent), live);
    proposal next{.live = std::move(live), .file = file_, .action = "set_canary", .with = with};
    if (by.must_apply)
        next.withdraws = std::string(state::weights_prefix) + model->name;
    return apply(std::move(next), by);
}

change_report control::set_weights(
    std::string_view name, std::span<const config::target_weight> wanted, const origin& by)
{
    if (auto stale = refuse_stale(by))
        return *stale;
    const auto* model = model_called(*current_, name);
    if (!model)
        return refuse(refusal::unknown_model, {"there is no model '" + std::string(name) + "'"});
    auto weights = weights_of(*model);
    std::vector<std::string> unknown;
    std::vector<std::string> invalid;
    for (const auto& one : wanted) {
        const auto at = std::ranges::find(model->targets, one.target, &config::target::name);
        if (at == model->targets.end())
            unknown.push_back("model '" + model->name + "' has no target '" + one.target + "'");
        else if (!(one.weight >= 0 && one.weight <= config::most_weight))
            invalid.push_back("the weight of '" + one.target + "' is a number from 0 to 1000000");
        else
            weights[static_cast<std::size_t>(at - model->targets.begin())] = one.weight;
    }
    if (!unknown.empty())
        return refuse(refusal::unknown_target, std::move(unknown));
    if (invalid.empty() && !(total(weights) > 0))
        invalid.push_back("one target at least keeps a weight above 0");
    if (!invalid.empty())
        return refuse(refusal::invalid, std::move(invalid));
    auto live = live_;
    lay_weights(*model, weights, live);
    return apply({.live = std::move(live), .file = file_, .action = "set_weights"}, by);
}

change_report control::set_breaker(
    std::string_view name, std::string_view target, policy::breaker::control to, const origin& by)
{
    if (auto stale = refuse_stale(by))
        return *stale;
    const auto* model = model_called(*current_, name);
    if (!model)
        return refuse(refusal::unknown_model, {"there is no model '" + std::string(name) + "'"});
    if (std::ranges::find(model->targets, target, &config::target::name) == model->targets.end())
        return refuse(
            refusal::unknown_target,
            {"model '" + model->name + "' has no target '" + std::string(target) + "'"});
    auto live = live_;
    auto& forced = live.breakers[model->name];
    if (to != policy::breaker::control::automatic)
        forced.insert_or_assign(std::string(target), to);
    else if (const auto found = forced.find(target); found != forced.end())
        forced.erase(found);
    if (forced.empty())
        live.breakers.erase(model->name);
    return apply({.live = std::move(live), .file = file_, .action = "set_breaker"}, by);
}

change_report control::replace_file(std::string_view text, const origin& by)
{
    if (auto stale = refuse_stale(by))
        return *stale;
    auto loaded = config::load(text, config::sent_text, settings_.environment);
    refuse_opening(loaded);
    if (!loaded.document)
        return refuse(refusal::invalid, texts_of(loaded.complaints));
    return apply(
        {.live = live_over(loaded.document->settings),
         .file = std::move(*loaded.document),
         .action = "replace_file",
         .file_text = text,
         .spreads = false},
        by);
}

void control::install(config::snapshot_ptr next)
{
    current_ = std::move(next);
    config::enforce(*current_);
    show(*current_, parts_.values);
    publish_(current_);
}

void control::renew()
{
    if (frozen_)
        return;
    auto built = config::build(file_, live_, current_->version + 1, current_, parts_.catalogue);
    if (const auto ec = parts_.overrides.save(live_, built.snapshot->version))
        parts_.log.error(
            "change_not_durable", ec.message(), {{"what", "the list of live changes"}});
    install(std::move(built.snapshot));
}

change_report control::apply(proposal next, const origin& by)
{
    if (frozen_)
        return refuse(refusal::conflict, {"another process is taking over"});
    auto warnings = drop_what_does_not_fit(next.file.settings, next.live);
    auto built =
        config::build(next.file, next.live, current_->version + 1, current_, parts_.catalogue);
    std::ranges::move(built.ignored, std::back_inserter(warnings));
    auto changes = config::difference(*current_, *built.snapshot);
    if (auto failed = make_durable(next, *built.snapshot, changes, by)) {
        if (!by.must_apply) {
            // What is not acknowledged is not to come back after a restart either.
            if (parts_.spread != nullptr && next.spreads)
                (void)parts_.spread->note(state::changes_between(next.live, live_));
            (void)parts_.overrides.save(live_, current_->version);
            if (next.live.keys != live_.keys)
                (void)parts_.keys.save(live_.keys);
            return refuse(refusal::not_durable, {*failed});
        }
        warnings.push_back("in force; until it can be written, a restart forgets it: " + *failed);
    }

    file_ = std::move(next.file);
    live_ = std::move(next.live);
    if (next.file_text)
        reload_.complaints.clear();
    install(std::move(built.snapshot));

    parts_.log.info(
        "config_applied",
        next.action,
        {{"version", current_->version}, {"changes", std::uint64_t{changes.size()}}});
    for (const auto& warning : warnings)
        parts_.log.warn("live_change_dropped", warning);
    if (parts_.spread != nullptr && next.spreads && !parts_.spread->warning().empty())
        warnings.emplace_back(parts_.spread->warning());
    change_report report;
    report.version = current_->version;
    report.warnings = std::move(warnings);
    report.changes = std::move(changes);
    report.needs_restart = waiting_for_restart(*at_start_, *current_);
    return report;
}

}  // namespace sluice::server
