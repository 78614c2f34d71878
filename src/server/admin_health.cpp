// What is known of targets and credentials, and breakers turned by hand.
#include "admin_api.hpp"
#include "health.hpp"
#include <sluice/server/json_writer.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace sluice::server {
namespace {

namespace dom = simdjson::dom;
using policy::breaker;

void write_credential(json_writer& out, const policy::credential_state& state, time_point now)
{
    constexpr std::array<std::string_view, 4> names{"usable", "rate_limited", "refused", "quota"};
    const auto trouble = state.trouble(now);
    out.begin_object();
    out.key("state").text(names[static_cast<std::size_t>(trouble)]);
    out.key("rests_for_seconds");
    if (trouble == policy::credential_trouble::none)
        out.null();
    else
        out.number(in_seconds(std::max(state.until() - now, nanoseconds{})));
    out.end_object();
}

admin_response wrong_state()
{
    return error_answer(admin_error{
        .code = "invalid_value",
        .message = "state is `open`, `closed` or `automatic`",
        .param = "state"});
}

}  // namespace

std::string_view name_of(breaker::position position)
{
    constexpr std::array<std::string_view, 3> names{"closed", "half_open", "open"};
    return names[static_cast<std::size_t>(position)];
}

std::string_view name_of(breaker::control control)
{
    constexpr std::array<std::string_view, 3> names{"automatic", "closed", "open"};
    return names[static_cast<std::size_t>(control)];
}

std::optional<breaker::control> control_named(std::string_view name)
{
    for (const auto one :
         {breaker::control::automatic, breaker::control::closed, breaker::control::open})
        if (name == name_of(one))
            return one;
    return std::nullopt;
}

void write_health(
    json_writer& out, const config::model& model, const config::target& target, time_point now)
{
    const auto& state = *target.state;
    const auto recent = state.breaker.recent(model.breaker, now);
    const auto latency = state.latency_now(now);
    out.key("breaker").begin_object();
    out.key("state").text(name_of(state.breaker.at(model.breaker, now)));
    out.key("forced").text(name_of(state.breaker.forced()));
    out.key("enabled").boolean(model.breaker.enabled);
    out.key("admitted_share").number(state.breaker.share(model.breaker, now));
    out.key("attempts").count(recent.total);
    out.key("failures").count(recent.failed);
    out.end_object();
    out.key("ejected").boolean(state.ejection.ejected(now));
    out.key("retry_budget_remaining").number(state.retries.remaining(model.retry.budget, now));
    out.key("attempts_in_flight").count(state.in_flight.load(std::memory_order_relaxed));
    out.key("latency_seconds");
    if (latency.count() == 0)
        out.null();
    else
        out.number(in_seconds(latency));
}

void write_providers(
    json_writer& out, const config::snapshot& snapshot, const config::model* only, time_point now)
{
    out.key("providers").begin_array();
    for (const auto& provider : snapshot.providers) {
        const auto uses = [&](const config::target& one) { return one.provider == provider.index; };
        if (only != nullptr && std::ranges::none_of(only->targets, uses))
            continue;
        out.begin_object().key("name").text(provider.name);
        out.key("credentials").begin_array();
        for (const auto& state : provider.credentials)
            write_credential(out, *state, now);
        out.end_array().end_object();
    }
    out.end_array();
}

admin_response admin_api::set_breaker(const admin_call& call)
{
    dom::parser parser;
    dom::object members;
    if (auto bad = parse_object(parser, call.request.body(), members))
        return std::move(*bad);
    std::optional<breaker::control> wanted;
    for (const auto [name, value] : members) {
        std::string_view state;
        if (name != "state")
            return error_answer(admin_error{
                .code = "unknown_parameter",
                .message = "the only member is `state`",
                .param = std::string(name)});
        if (value.get(state) != simdjson::SUCCESS)
            return error_answer(errc::invalid_type, "state is a text", "state");
        wanted = control_named(state);
        if (!wanted)
            return wrong_state();
    }
    if (!wanted)
        return error_answer(errc::missing_required_parameter, {}, "state");
    return model_answer(
        call.model, sources_.control.set_breaker(call.model, call.target, *wanted, call.by));
}

}  // namespace sluice::server
