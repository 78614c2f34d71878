// Where a request would go and why, by the functions that decide it, without sending or consuming
// anything.
#include "admin_api.hpp"
#include "admin_question.hpp"
#include "explain_candidates.hpp"
#include <sluice/policy/limit.hpp>
#include <sluice/policy/split.hpp>
#include <sluice/server/json_writer.hpp>
#include <sluice/wire/splice.hpp>

#include <algorithm>

namespace sluice::server {
namespace {

// The answer as it is put together.
struct explanation {
    json_writer out{};
    std::vector<std::string> why{};
    bool refused = false;

    void refuse(errc code, std::string_view message = {})
    {
        const auto& row = describe(code);
        const auto words = message.empty() ? row.message : message;
        why.emplace_back(words);
        if (std::exchange(refused, true))
            return;
        out.key("error").begin_object();
        out.key("status").count(row.status);
        out.key("code").text(row.api_code);
        out.key("message").text(words);
        out.end_object();
    }
};

void explain_limits(explanation& about, const config::key& key, time_point now)
{
    about.out.key("key").begin_object();
    about.out.key("id").text(key.id);
    about.out.key("tenant").text(key.tenant);
    if (key.limits.requests && key.state) {
        const auto left = policy::allowance_of(*key.state, key.limits, now);
        about.out.key("requests").begin_object();
        about.out.key("burst").count(left.limit);
        about.out.key("remaining").count(left.remaining);
        about.out.key("full_in_seconds")
            .number(in_seconds(std::max(left.until_full, nanoseconds{})));
        about.out.end_object();
    }
    const auto in_flight = key.state ? key.state->in_flight.load() : 0;
    about.out.key("in_flight").count(in_flight);
    about.out.key("concurrent");
    if (key.limits.concurrent)
        about.out.count(*key.limits.concurrent);
    else
        about.out.null();
    about.out.end_object();
    if (!key.state)
        return;

    policy::limit_state trial;  // a copy: asking takes nothing
    trial.requests.full_at = key.state->requests.full_at.load();
    trial.requests.share = key.state->requests.share.load();
    const auto admission = policy::take(trial, key.limits, now);
    const auto wait = std::to_string(in_seconds(std::max(admission.wait, nanoseconds{}))) + " s";
    if (!admission.admitted)
        about.refuse(
            errc::rate_limit_exceeded, "key '" + key.id + "' has no request left for " + wait);
    else if (admission.wait.count() > 0)
        about.why.push_back("key '" + key.id + "' would wait " + wait + " for its turn");
    const auto places = std::min(key.limits.concurrent.value_or(0), key.state->places.load());
    if (key.limits.concurrent && in_flight >= places)
        about.refuse(
            errc::rate_limit_exceeded,
            "key '" + key.id + "' has all its concurrent requests in flight");
}

std::optional<std::size_t> explain_split(
    explanation& about,
    const config::model& model,
    const config::key* key,
    const wire::request_facts& facts,
    const question& asked)
{
    config::identities known;
    if (key != nullptr)
        known.key = key->id;
    known.user = facts.user;
    if (const auto found = asked.headers.find(model.sticky_header); found != asked.headers.end())
        known.header = found->second;
    const auto identity = identity_of(model, known);
    about.out.key("identity");
    if (identity.empty()) {
        about.out.null();
        if (model.targets.size() == 1)
            return 0;
        about.why.emplace_back(
            model.sticky == config::stickiness::none
                ? "the model is not sticky: every request is drawn by the shares"
                : "the request has nothing the model is sticky by: it is drawn by the shares");
        return std::nullopt;
    }
    about.out.text(identity);
    const auto where = policy::position_of(model.name, identity);
    about.out.key("position").begin_object();
    about.out.key("canary").number(where.canary);
    about.out.key("others").number(where.others);
    about.out.end_object();
    const auto picked = model.split.pick(where);
    about.why.push_back(
        "its place in the split, derived from its identity, belongs to target '"
        + model.targets[picked].name + "'");
    return picked;
}

// x-sluice-target: what the client wants, of a key that may.
std::optional<std::size_t> explain_wish(
    explanation& about, const config::model& model, std::string_view wanted)
{
    const auto found = std::ranges::find(model.targets, wanted, &config::target::name);
    if (found == model.targets.end()) {
        about.refuse(errc::target_not_found);
        return std::nullopt;
    }
    about.why.emplace_back("x-sluice-target names it");
    return static_cast<std::size_t>(found - model.targets.begin());
}

void explain_targets(
    explanation& about, const config::snapshot& snapshot, const config::model& model)
{
    about.out.key("targets").begin_array();
    for (std::size_t i = 0; i < model.targets.size(); ++i) {
        const auto& provider = snapshot.providers[model.targets[i].provider];
        about.out.begin_object().key("name").text(model.targets[i].name);
        about.out.key("share").number(model.split.share(i));
        about.out.key("provider").text(provider.name);
        about.out.key("url").text(
            (provider.tls ? "https://" : "http://") + provider.authority + provider.path_prefix
            + std::string(wire::path_of(wire::endpoint::chat_completions)));
        about.out.end_object();
    }
    about.out.end_array();
}

void explain_sending(
    explanation& about,
    const config::snapshot& snapshot,
    const config::target& target,
    const wire::request_facts& facts,
    std::string_view request)
{
    const bool ask_usage =
        snapshot.providers[target.provider].ask_usage && facts.edit != wire::usage_edit::none;
    const auto name = target.model.empty() ? std::string() : wire::json_string(target.model);
    const auto sent = wire::splice(facts, request, name, ask_usage);
    about.out.key("sent").begin_object();
    about.out.key("model").text(target.model.empty() ? facts.model : target.model);
    about.out.key("asks_usage").boolean(ask_usage);
    about.out.key("body_bytes").count(sent.total_bytes);
    about.out.end_object();
}

void explain_model(
    explanation& about,
    const config::snapshot& snapshot,
    const config::key* key,
    const wire::request_facts& facts,
    const question& asked)
{
    about.out.key("asked").text(facts.model);
    const auto* model = snapshot.find_model(facts.model);
    if (!model)
        return about.refuse(errc::model_not_found);
    const bool alias = std::ranges::find(model->aliases, facts.model) != model->aliases.end();
    about.out.key("model").text(model->name);
    about.out.key("matched").text(
        model->name == facts.model ? "name"
        : alias                    ? "alias"
                                   : "wildcard");
    if (key && !config::snapshot::may_use(*key, *model, facts.model))
        about.refuse(errc::model_not_allowed);
    explain_targets(about, snapshot, *model);
    const auto wish = asked.headers.find("x-sluice-target");
    const bool wished = wish != asked.headers.end() && !wish->second.empty();
    const bool may_wish = !key || key->may_choose_target;
    if (wished && !may_wish)
        about.why.emplace_back("x-sluice-target is ignored: the key may not choose its target");
    const auto picked = wished && may_wish ? explain_wish(about, *model, wish->second)
                                           : explain_split(about, *model, key, facts, asked);
    write_candidates(
        about.out,
        snapshot,
        *model,
        picked,
        wished && may_wish && picked.has_value(),
        steady::now());
    about.out.key("target");
    if (!picked || about.refused) {
        about.out.null();
        return;
    }
    about.out.text(model->targets[*picked].name);
    explain_sending(about, snapshot, model->targets[*picked], facts, asked.request);
}

}  // namespace

admin_response admin_api::explain(const admin_call& call)
{
    question asked;
    if (auto bad = read_question(call.request.body(), asked))
        return std::move(*bad);
    const auto& snapshot = *sources_.control.current();
    const config::key* key = snapshot.open() ? &snapshot.anonymous : nullptr;
    if (!asked.key_id.empty()) {
        const auto found = std::ranges::find(snapshot.keys, asked.key_id, &config::key::id);
        if (found == snapshot.keys.end())
            return error_answer(admin_error{
                .code = "invalid_value",
                .message = "there is no key '" + asked.key_id + "'",
                .param = "key_id"});
        key = &*found;
    }

    explanation about;
    about.out.begin_object().key("version").count(snapshot.version);
    if (key)
        explain_limits(about, *key, steady::now());
    else
        about.why.emplace_back("no key_id is given: rights and limits are not looked at");
    const auto facts = parser_.parse(wire::endpoint::chat_completions, asked.request);
    if (facts)
        explain_model(about, snapshot, key, *facts, asked);
    else
        about.refuse(facts.error().code, facts.error().message);
    about.out.key("verdict").text(about.refused ? "refuse" : "forward");
    about.out.key("why").texts(about.why);
    return tagged(json_answer(200, about.out.end_object().str()));
}

}  // namespace sluice::server
