// Models and their split, read and turned.
#include "admin_api.hpp"
#include "health.hpp"
#include "live_changes.hpp"
#include <sluice/server/json_writer.hpp>
#include <sluice/server/shadow_reports.hpp>

#include <algorithm>
#include <array>
#include <chrono>

namespace sluice::server {
namespace {

namespace dom = simdjson::dom;

constexpr std::array<std::string_view, 4> sticky_names{"none", "key", "user", "header"};

void write_window(json_writer& out, const observe::recent_rates::window& window)
{
    out.begin_object();
    out.key("requests").count(window.requests);
    out.key("requests_per_second").number(window.requests_per_second);
    out.key("errors").count(window.errors);
    out.key("error_rate").number(window.error_rate);
    out.key("mean_seconds").number(window.mean_seconds);
    out.key("p99_seconds").number(window.p99_seconds);
    out.end_object();
}

admin_response wrong(std::string_view code, std::string message, std::string_view param)
{
    return error_answer(
        admin_error{.code = code, .message = std::move(message), .param = std::string(param)});
}

admin_response no_such_model(const std::string& name)
{
    return error_answer(errc::model_not_found, "there is no model '" + name + "'");
}

}  // namespace

void admin_api::write_target(json_writer& out, const config::model& model, std::size_t at) const
{
    const auto& target = model.targets[at];
    const auto& provider = sources_.control.current()->providers[target.provider];
    const auto totals = observe::totals_of(sources_.workers, target.arm);
    out.begin_object();
    out.key("name").text(target.name);
    out.key("provider").text(provider.name);
    out.key("model");
    if (target.model.empty())
        out.null();
    else
        out.text(target.model);
    out.key("weight").number(target.weight);
    out.key("share").number(model.split.share(at));
    out.key("canary").boolean(model.canary == at);
    out.key("in_flight")
        .count(static_cast<std::uint64_t>(std::max<std::int64_t>(totals.in_flight, 0)));
    out.key("requests").count(totals.requests);
    out.key("errors").count(totals.errors);
    write_health(out, model, target, steady::now());
    out.key("last_1m");
    write_window(out, sources_.rates.over(target.arm, seconds{60}));
    out.key("last_5m");
    write_window(out, sources_.rates.over(target.arm, seconds{300}));
    out.end_object();
}

void admin_api::write_model(json_writer& out, const config::model& model) const
{
    out.key("name").text(model.name);
    out.key("aliases").texts(model.aliases);
    out.key("sticky");
    if (model.sticky == config::stickiness::header)
        out.text("header:" + model.sticky_header);
    else
        out.text(sticky_names[static_cast<std::size_t>(model.sticky)]);
    out.key("live").boolean(model.overridden);
    out.key("targets").begin_array();
    for (std::size_t i = 0; i < model.targets.size(); ++i)
        write_target(out, model, i);
    out.end_array();
    write_rollout(out, model);
}

// An object that is still open: all models of the version in force.
void admin_api::begin_models(json_writer& out, const config::snapshot& snapshot) const
{
    out.begin_object().key("version").count(snapshot.version);
    out.key("models").begin_array();
    for (const auto& model : snapshot.models) {
        out.begin_object();
        write_model(out, model);
        out.end_object();
    }
    out.end_array();
}

admin_response admin_api::all_models(const admin_call& /*call*/)
{
    const auto& snapshot = *sources_.control.current();
    json_writer out;
    begin_models(out, snapshot);
    write_providers(out, snapshot, nullptr, steady::now());
    return tagged(json_answer(200, out.end_object().str()));
}

admin_response admin_api::one_model(const admin_call& call)
{
    return model_answer(call.model, {});
}

admin_response admin_api::show_shadow(const admin_call& call)
{
    const auto& snapshot = *sources_.control.current();
    const auto* model = model_called(snapshot, call.model);
    if (!model)
        return no_such_model(call.model);
    json_writer out;
    out.begin_object().key("version").count(snapshot.version);
    const auto system_now = std::chrono::system_clock::now().time_since_epoch();
    sources_.shadows.write(out, snapshot, *model, system_now);
    return tagged(json_answer(200, out.end_object().str()));
}

admin_response admin_api::model_answer(const std::string& name, const change_report& report)
{
    if (report.refused != refusal::none)
        return refused(report);
    const auto& snapshot = *sources_.control.current();
    const auto* model = model_called(snapshot, name);
    if (!model)
        return no_such_model(name);
    json_writer out;
    out.begin_object().key("version").count(snapshot.version);
    write_model(out, *model);
    write_providers(out, snapshot, model, steady::now());
    if (!report.warnings.empty())
        out.key("warnings").texts(report.warnings);
    return tagged(json_answer(200, out.end_object().str()));
}

admin_response admin_api::set_canary(const admin_call& call)
{
    dom::parser parser;
    dom::object members;
    if (auto bad = parse_object(parser, call.request.body(), members))
        return std::move(*bad);
    std::optional<double> percent;
    for (const auto [name, value] : members) {
        double number = 0;
        if (name != "percent")
            return wrong("unknown_parameter", "the only member is `percent`", name);
        if (value.get(number) != simdjson::SUCCESS)
            return error_answer(errc::invalid_type, "percent is a number from 0 to 100", "percent");
        percent = number;
    }
    if (!percent)
        return error_answer(errc::missing_required_parameter, {}, "percent");
    if (*percent < 0 || *percent > 100)
        return wrong("invalid_value", "percent is from 0 to 100", "percent");
    return model_answer(call.model, sources_.control.set_canary(call.model, *percent, call.by));
}

admin_response admin_api::set_weights(const admin_call& call)
{
    dom::parser parser;
    dom::object members;
    if (auto bad = parse_object(parser, call.request.body(), members))
        return std::move(*bad);
    std::vector<config::target_weight> weights;
    for (const auto [name, value] : members) {
        double number = 0;
        if (value.get(number) != simdjson::SUCCESS)
            return error_answer(errc::invalid_type, "a weight is a number", name);
        if (number < 0)
            return wrong("invalid_value", "a weight is not negative", name);
        weights.push_back({std::string(name), number});
    }
    if (weights.empty())
        return error_answer(
            errc::missing_required_parameter,
            "the body names at least one target: {\"stable\":95}");
    return model_answer(call.model, sources_.control.set_weights(call.model, weights, call.by));
}

}  // namespace sluice::server
