#include "ctl.hpp"

#include "admin_client.hpp"
#include "ctl_keys.hpp"
#include "ctl_print.hpp"
#include <sluice/base/text.hpp>
#include <sluice/config/load.hpp>
#include <sluice/config/units.hpp>
#include <sluice/server/json_writer.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <optional>
#include <utility>

namespace sluice {
namespace {

namespace dom = simdjson::dom;
using action = ctl_options::action;

std::string token_place(const ctl_options& options)
{
    return options.token_file.empty() ? "SLUICE_ADMIN_TOKEN" : "'" + options.token_file + "'";
}

ctl_result<std::string> token_of(const ctl_options& options, const config::environment& environment)
{
    const auto content = options.token_file.empty()
                             ? environment.variable("SLUICE_ADMIN_TOKEN").value_or("")
                             : environment.file(options.token_file);
    if (!content)
        return ctl_failure(2, "cannot read the token file " + token_place(options));
    std::string token(trim(*content));
    const auto visible = [](char c) { return c > 0x20 && c < 0x7f; };
    if (!std::ranges::all_of(token, visible))
        return ctl_failure(
            2, "the token in " + token_place(options) + " has more than visible ASCII characters");
    return token;
}

ctl_result<admin_ask> canary_ask(const ctl_options& options, const std::string& model)
{
    const auto percent = config::parse_percent(options.percent);
    if (!percent)
        return ctl_failure(
            2, "'" + options.percent + "' is no percentage: write a number from 0 to 100, as 12.5");
    server::json_writer body;
    body.begin_object().key("percent").number(*percent).end_object();
    return admin_ask{.method = "PUT", .path = model + "/canary", .body = body.str()};
}

ctl_result<admin_ask> weights_ask(const ctl_options& options, const std::string& model)
{
    server::json_writer body;
    body.begin_object();
    for (const auto& pair : options.weights) {
        const auto equals = pair.rfind('=');
        const auto weight = equals == std::string::npos
                                ? std::nullopt
                                : config::parse_decimal(std::string_view(pair).substr(equals + 1));
        if (!weight || equals == 0)
            return ctl_failure(2, "'" + pair + "' is no weight: write TARGET=NUMBER, as stable=95");
        body.key(pair.substr(0, equals)).number(*weight);
    }
    body.end_object();
    return admin_ask{.method = "PUT", .path = model + "/weights", .body = body.str()};
}

admin_ask breaker_ask(const ctl_options& options, const std::string& model)
{
    server::json_writer body;
    body.begin_object().key("state");
    body.text(options.state == "auto" ? "automatic" : options.state).end_object();
    return admin_ask{
        .method = "PUT",
        .path = model + "/targets/" + percent_encoded(options.target) + "/breaker",
        .body = body.str()};
}

ctl_result<admin_ask> config_ask(const ctl_options& options)
{
    const bool dry_run = !options.try_file.empty();
    const auto& path = dry_run ? options.try_file : options.apply_file;
    if (path.empty())
        return admin_ask{.method = "GET", .path = "/admin/v1/config"};
    auto text = read_input(path);
    if (!text)
        return text.error();
    return admin_ask{
        .method = "PUT",
        .path = std::string("/admin/v1/config") + (dry_run ? "?dry_run=true" : ""),
        .body = std::move(*text),
        .content_type = "application/yaml"};
}

ctl_result<admin_ask> explain_ask(const ctl_options& options)
{
    auto text = read_input(options.file);
    if (!text)
        return text.error();
    admin_ask ask{.method = "POST", .path = "/admin/v1/explain"};
    if (options.key_id.empty() && options.headers.empty()) {
        ask.body = std::move(*text);
        return ask;
    }
    server::json_writer body;
    body.begin_object();
    if (!options.key_id.empty())
        body.key("key_id").text(options.key_id);
    body.key("headers").begin_object();
    for (const auto& header : options.headers) {
        const auto colon = header.find(':');
        if (colon == std::string::npos || colon == 0)
            return ctl_failure(2, "'" + header + "' is no header: write NAME:VALUE");
        body.key(header.substr(0, colon)).text(trim(std::string_view(header).substr(colon + 1)));
    }
    body.end_object().key("request").raw(*text).end_object();
    ask.body = body.str();
    return ask;
}

// Only what was said: the rest is as configured.
ctl_result<admin_ask> start_ask(const ctl_options& options, const std::string& model)
{
    admin_ask ask{.method = "PUT", .path = model + "/rollout"};
    if (options.steps.empty() && options.every.empty() && options.minimum.empty())
        return ask;
    server::json_writer body;
    body.begin_object();
    if (!options.steps.empty()) {
        body.key("steps").begin_array();
        for (std::string_view rest = options.steps; !rest.empty();) {
            const auto comma = std::min(rest.find(','), rest.size());
            const auto percent = config::parse_percent(trim(rest.substr(0, comma)));
            if (!percent)
                return ctl_failure(
                    2, "'" + options.steps + "' are no steps: write percentages as 5,25,100");
            body.number(*percent);
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
        body.end_array();
    }
    if (!options.every.empty())
        body.key("every").text(options.every);
    if (!options.minimum.empty()) {
        const auto count = config::parse_count(options.minimum);
        if (!count)
            return ctl_failure(2, "'" + options.minimum + "' is no number of attempts");
        body.key("minimum").count(*count);
    }
    ask.body = body.end_object().str();
    return ask;
}

ctl_result<admin_ask> kill_ask(const ctl_options& options, const std::string& model)
{
    if (options.all != options.model.empty())
        return ctl_failure(2, "name one model, or all of them with --all");
    return admin_ask{.method = "POST", .path = options.all ? "/admin/v1/kill" : model + "/kill"};
}

ctl_result<admin_ask> ask_for(const ctl_options& options)
{
    if (auto about_keys = key_ask(options))
        return std::move(*about_keys);
    const std::string models = "/admin/v1/models";
    const std::string model = models + '/' + percent_encoded(options.model);
    switch (options.what) {
    case action::models:
        return admin_ask{.method = "GET", .path = options.model.empty() ? models : model};
    case action::canary:
        return canary_ask(options, model);
    case action::weights:
        return weights_ask(options, model);
    case action::breaker:
        return breaker_ask(options, model);
    case action::shadow:
        return admin_ask{.method = "GET", .path = model + "/shadow"};
    case action::config:
        return config_ask(options);
    case action::reload:
        return admin_ask{.method = "POST", .path = "/admin/v1/reload"};
    case action::explain:
        return explain_ask(options);
    case action::audit:
        return admin_ask{
            .method = "GET", .path = "/admin/v1/audit?limit=" + std::to_string(options.limit)};
    case action::rollout_start:
        return start_ask(options, model);
    case action::rollout_status:
        return admin_ask{.method = "GET", .path = model};
    case action::promote:
        return admin_ask{.method = "POST", .path = model + "/promote"};
    case action::freeze:
        return admin_ask{.method = "POST", .path = model + "/freeze"};
    case action::resume:
        return admin_ask{.method = "POST", .path = model + "/resume"};
    case action::roll_back:
        return admin_ask{.method = "POST", .path = model + "/rollback"};
    case action::kill:
        return kill_ask(options, model);
    case action::usage:
        return usage_ask(options.usage);
    case action::budgets:
        return admin_ask{.method = "GET", .path = "/admin/v1/budgets"};
    case action::ready:
        return admin_ask{.method = "GET", .path = "/readyz"};
    case action::top_up:
        return top_up_ask(options.budget, options.usd, options.operation);
    default:
        return ctl_failure(2, "no such action");
    }
}

std::string text_for(const ctl_options& options, dom::element answer)
{
    switch (options.what) {
    case action::models:
    case action::canary:
    case action::weights:
    case action::breaker:
        return models_text(answer);
    case action::config:
        return options.try_file.empty() && options.apply_file.empty() ? config_text(answer)
                                                                      : changes_text(answer);
    case action::reload:
        return changes_text(answer);
    case action::shadow:
        return shadow_text(answer);
    case action::explain:
        return explain_text(answer);
    case action::audit:
        return audit_text(answer);
    case action::rollout_start:
    case action::rollout_status:
    case action::promote:
    case action::freeze:
    case action::resume:
    case action::roll_back:
        return rollout_text(answer);
    case action::kill:
        return models_text(answer);
    case action::usage:
        return usage_text(options.usage, answer);
    case action::budgets:
    case action::top_up:
        return budgets_text(answer);
    case action::keys:
    case action::key_create:
    case action::key_set:
    case action::key_revoke:
    case action::key_rotate:
        return keys_text(answer);
    case action::ready:
        break;
    }
    return {};
}

int complain(std::ostream& err, const ctl_failure& why)
{
    err << "sluice ctl: " << why.what << (why.what.ends_with('\n') ? "" : "\n");
    return why.code;
}

// Complaints about a file that was sent have its name here.
std::string under_its_name(const std::string& told, const ctl_options& options)
{
    const auto& file = options.try_file.empty() ? options.apply_file : options.try_file;
    if (file.empty())
        return told;
    const auto sent = std::string(config::sent_text) + ':';
    std::string out;
    for (std::string_view rest = told; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size() - 1) + 1;
        auto line = rest.substr(0, end);
        if (line.starts_with(sent)) {
            out += file + ':';
            line.remove_prefix(sent.size());
        }
        out += line;
        rest.remove_prefix(end);
    }
    return out;
}

// What an answer other than 200 means to the person at the terminal. `shown`: where the token was.
ctl_failure failure_of(
    const admin_reply& reply, const std::string& told, const std::optional<std::string>& shown)
{
    if (reply.status == 401 && shown)
        return {2, "the admin API does not take the token in " + *shown};
    if (reply.status == 401)
        return {
            2,
            "the admin API wants its token: put it into SLUICE_ADMIN_TOKEN or name a file with "
            "--token-file"};
    const int code = reply.status >= 400 && reply.status < 500 ? 2 : 1;
    return {code, told.empty() ? "the admin API answered " + std::to_string(reply.status) : told};
}

// Of a change that may have been made although nobody said so: how it is made once.
ctl_failure with_way_on(ctl_failure why, const ctl_options& options, const admin_ask& ask)
{
    if (options.what == action::top_up && why.code == 1)
        why.what += "\nto have it booked once, whatever became of it: sluice ctl topup "
                    + options.budget + ' ' + options.usd + " --operation " + ask.idempotency_key;
    return why;
}

// No JSON and no token: whoever may connect may ask.
int tell_ready(const admin_reply& reply, std::ostream& out, std::ostream& err)
{
    const std::string said(trim(reply.body));
    if (reply.status != 200)
        return complain(err, {1, "not ready: " + said});
    out << said << '\n';
    return 0;
}

}  // namespace

ctl_result<std::string> read_input(const std::string& path)
{
    std::ifstream file;
    if (path != "-") {
        file.open(path, std::ios::binary);
        if (!file)
            return ctl_failure(2, "cannot read '" + path + "'");
    }
    std::istream& in = path == "-" ? std::cin : file;
    std::string text;
    std::array<char, 16'384> piece;
    while (in.read(piece.data(), piece.size()), in.gcount() > 0)
        text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
    // A directory can be opened, and not read.
    if (in.bad())
        return ctl_failure(2, "cannot read '" + path + "'");
    return text;
}

int run_ctl(
    const ctl_options& options,
    const config::environment& environment,
    std::ostream& out,
    std::ostream& err)
{
    const auto where = parse_admin_url(options.admin);
    if (!where)
        return complain(err, where.error());
    const auto token = token_of(options, environment);
    if (!token)
        return complain(err, token.error());
    auto ask = ask_for(options);
    if (!ask)
        return complain(err, ask.error());
    if (!options.if_version.empty() && !config::parse_count(options.if_version))
        return complain(
            err, {2, "'" + options.if_version + "' is no version: write a whole number, as 12"});
    if (!options.if_version.empty())
        ask->if_match = '"' + options.if_version + '"';

    const auto reply = call_admin(*where, *token, *ask);
    if (!reply)
        return complain(err, with_way_on(reply.error(), options, *ask));
    if (options.what == action::ready)
        return tell_ready(*reply, out, err);
    dom::parser parser;
    dom::element body;
    const bool is_json = parser.parse(reply->body).get(body) == simdjson::SUCCESS;
    if (reply->status != 200 || !is_json) {
        const auto shown = token->empty() ? std::nullopt : std::optional(token_place(options));
        const auto told = is_json ? under_its_name(error_text(body), options) : std::string();
        auto why = failure_of(*reply, told, shown);
        return complain(err, with_way_on(std::move(why), options, *ask));
    }
    out << (options.json ? reply->body : text_for(options, body));
    if (options.what == action::usage && options.usage.csv && !options.json)
        err << usage_notes(body);
    return 0;
}

}  // namespace sluice
