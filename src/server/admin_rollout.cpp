// Rollouts, shown and told.
#include "admin_api.hpp"
#include "live_changes.hpp"
#include "rollout_text.hpp"
#include <sluice/base/text.hpp>
#include <sluice/server/json_writer.hpp>

#include <chrono>

namespace sluice::server {
namespace {

void write_value(json_writer& out, std::string_view name, const std::optional<double>& value)
{
    out.key(name);
    if (value)
        out.number(*value);
    else
        out.null();
}

void write_arm(json_writer& out, const policy::arm_evidence& seen)
{
    out.begin_object();
    out.key("attempts").count(seen.attempts).key("failed").count(seen.failed);
    out.key("streams").count(seen.streams).key("truncated").count(seen.truncated);
    out.key("answers").count(seen.answers.total());
    out.key("first_tokens").count(seen.first_tokens.total());
    out.key("tokens").count(seen.tokens).key("usd").number(seen.usd);
    out.end_object();
}

void write_guards(json_writer& out, const rollout_view& rollout)
{
    out.key("guards").begin_array();
    for (const auto& view : guards_of(*rollout.state, *rollout.settings)) {
        out.begin_object().key("guard").text(name_of(view.which));
        write_value(out, "allowed", view.allowed);
        write_value(out, "canary", view.canary);
        write_value(out, "stable", view.stable);
        out.key("evidence").number(view.evidence);
        out.key("rolls_back_at").number(view.enough);
        out.end_object();
    }
    out.end_array();
}

void write_next(json_writer& out, const rollout_view& rollout)
{
    out.key("next");
    if (rollout.state->phase != policy::rollout_phase::running) {
        out.null();
        return;
    }
    const auto wanting = missing(*rollout.state, *rollout.settings);
    out.begin_object().key("seconds").number(in_seconds(wanting.time));
    out.key("attempts").count(wanting.attempts);
    out.key("doubtful").boolean(wanting.doubtful);
    out.end_object();
}

}  // namespace

void admin_api::write_rollout(json_writer& out, const config::model& model) const
{
    out.key("rollout");
    const auto rollout = sources_.rollouts.find(model.name);
    if (!rollout) {
        out.null();
        return;
    }
    const auto& state = *rollout->state;
    out.begin_object().key("state").text(name_of(state.phase));
    out.key("reason").text(state.reason);
    out.key("canary").text(rollout->canary);
    out.key("step").count(state.step + 1);
    out.key("steps").count(rollout->settings->steps.size());
    out.key("percent").number(rollout->percent);
    out.key("seconds_on_step").number(in_seconds(state.on_step));
    write_next(out, *rollout);
    write_guards(out, *rollout);
    out.key("evidence").begin_object().key("canary");
    write_arm(out, state.seen.canary);
    out.key("stable");
    write_arm(out, state.seen.stable);
    out.end_object().key("settings");
    write_settings(out, *rollout->settings);
    out.end_object();
}

admin_response admin_api::put_rollout(const admin_call& call)
{
    std::optional<policy::rollout_settings> settings;
    if (!trim(call.request.body()).empty()) {
        simdjson::dom::parser parser;
        simdjson::dom::object members;
        if (auto bad = parse_object(parser, call.request.body(), members))
            return std::move(*bad);
        const auto* model = model_called(*sources_.control.current(), call.model);
        settings.emplace();
        if (model && model->rollout)
            settings = model->rollout->plan;
        auto wrong = read_settings(members, *settings);
        if (!wrong)
            wrong = beyond_bounds(*settings);
        if (wrong)
            return error_answer(admin_error{
                .code = "invalid_value", .message = wrong->what, .param = wrong->member});
    }
    return model_answer(call.model, sources_.rollouts.start(call.model, settings, call.by));
}

admin_response admin_api::promote(const admin_call& call)
{
    return model_answer(call.model, sources_.rollouts.promote(call.model, call.by));
}

admin_response admin_api::freeze(const admin_call& call)
{
    return model_answer(call.model, sources_.rollouts.freeze(call.model, call.by));
}

admin_response admin_api::resume(const admin_call& call)
{
    return model_answer(call.model, sources_.rollouts.resume(call.model, call.by));
}

admin_response admin_api::roll_back(const admin_call& call)
{
    return model_answer(call.model, sources_.rollouts.roll_back(call.model, call.by));
}

admin_response admin_api::kill(const admin_call& call)
{
    return model_answer(call.model, sources_.rollouts.kill(call.model, call.by));
}

admin_response admin_api::kill_all(const admin_call& call)
{
    const auto report = sources_.rollouts.kill_all(call.by);
    if (report.refused != refusal::none)
        return refused(report);
    const auto& snapshot = *sources_.control.current();
    json_writer out;
    begin_models(out, snapshot);
    out.key("warnings").texts(report.warnings);
    return tagged(json_answer(200, out.end_object().str()));
}

}  // namespace sluice::server
