#include "ctl_keys.hpp"

#include "table.hpp"
#include <sluice/base/text.hpp>
#include <sluice/config/live_keys.hpp>
#include <sluice/config/units.hpp>
#include <sluice/server/json_writer.hpp>

#include <CLI/CLI.hpp>
#include <utility>
#include <vector>

namespace sluice {
namespace {

namespace dom = simdjson::dom;
using action = ctl_options::action;

// {"name": {"requests": "50/s"}} of what is said as requests=50/s. The failure tells what is not
// said so.
ctl_result<void> add_pairs(
    server::json_writer& out, std::string_view name, const std::vector<std::string>& pairs)
{
    if (pairs.empty())
        return {};
    out.key(name).begin_object();
    for (const std::string_view pair : pairs) {
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos || equals == 0)
            return ctl_failure(2, "'" + std::string(pair) + "': write NAME=VALUE");
        out.key(pair.substr(0, equals));
        if (equals + 1 == pair.size())
            out.null();
        else
            out.text(pair.substr(equals + 1));
    }
    out.end_object();
    return {};
}

// What the options say, over what the file says.
ctl_result<std::string> settings_of(const ctl_options& options)
{
    server::json_writer out;
    out.begin_object();
    if (options.what == action::key_create && !options.key_id.empty())
        out.key("id").text(options.key_id);
    if (!options.tenant.empty())
        out.key("tenant").text(options.tenant);
    if (!options.rights.empty())
        out.key("models").texts(options.rights);
    if (options.expires == "never")
        out.key("expires").null();
    else if (!options.expires.empty())
        out.key("expires").text(options.expires);
    if (!options.disabled.empty())
        out.key("disabled").raw(options.disabled);
    if (auto added = add_pairs(out, "limits", options.limits); !added)
        return added.error();
    if (auto added = add_pairs(out, "budget", options.sums); !added)
        return added.error();
    out.end_object();
    if (options.file.empty())
        return out.str();
    auto text = read_input(options.file);
    if (!text)
        return text.error();
    auto both = config::changes_together(*text, out.str());
    if (both.empty())
        return ctl_failure(2, "'" + options.file + "' is no JSON object");
    return both;
}

ctl_result<admin_ask> ask_with_settings(const ctl_options& options, admin_ask ask)
{
    auto settings = settings_of(options);
    if (!settings)
        return settings.error();
    ask.body = std::move(*settings);
    return ask;
}

std::string member(dom::element of, std::string_view name)
{
    std::string_view text;
    return of[name].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

void add_row(std::vector<std::vector<std::string>>& rows, dom::element key)
{
    std::string secrets;
    dom::array all;
    if (key["secrets"].get(all) == simdjson::SUCCESS)
        for (const auto one : all) {
            secrets += (secrets.empty() ? "" : ", ") + member(one, "hash");
            if (const auto until = member(one, "until"); !until.empty())
                secrets += " until " + until;
        }
    rows.push_back(
        {member(key, "id"),
         member(key, "tenant"),
         member(key, "state"),
         member(key, "source"),
         member(key, "expires"),
         secrets});
}

CLI::App* add_one(
    CLI::App& above,
    ctl_options& options,
    action what,
    const std::string& name,
    const std::string& description,
    const std::string& example)
{
    auto* sub = above.add_subcommand(name, description);
    sub->footer("example: " + example);
    sub->callback([&options, what] { options.what = what; });
    return sub;
}

void add_settings(CLI::App& to, ctl_options& options)
{
    to.add_option("--tenant", options.tenant, "whose key it is")->type_name("TENANT");
    to.add_option("--models", options.rights, "what it may use")
        ->type_name("MODEL,...")
        ->delimiter(',');
    to.add_option("--expires", options.expires, "a day or a time; never")->type_name("TIME");
    to.add_option(
          "--limit", options.limits, "as requests=50/s, requests= for none; may be repeated")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->take_all();
    to.add_option("--budget", options.sums, "as \"daily=50 USD\", daily= for none; may be repeated")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->take_all();
    to.add_option("-f,--file", options.file, "all that a key of the file may have, as JSON")
        ->type_name("FILE");
}

}  // namespace

void add_ctl_keys(CLI::App& ctl, ctl_options& options)
{
    using enum ctl_options::action;
    auto* list = add_one(ctl, options, keys, "keys", "keys and how they stand", "sluice ctl keys");
    list->add_option("ID", options.key_id, "only this one");

    auto* key = ctl.add_subcommand("key", "keys made, changed and revoked while the gateway runs");
    key->require_subcommand(1);
    key->fallthrough();
    const std::string create =
        "sluice ctl key create search-2 --tenant search --limit requests=50/s";
    auto* sub = add_one(*key, options, key_create, "create", "a key, shown this once", create);
    key->footer("example: " + create);
    sub->add_option("ID", options.key_id, "its name in logs and metrics");
    add_settings(*sub, options);

    sub = add_one(
        *key,
        options,
        key_set,
        "set",
        "change what it may; only what is said changes",
        "sluice ctl key set search-2 --limit requests=90/s --expires 2031-01-31");
    sub->add_option("ID", options.key_id, "the key")->required();
    add_settings(*sub, options);
    sub->add_option("--disabled", options.disabled, "true: it lets nobody in")
        ->check(CLI::IsMember({"true", "false"}));

    sub = add_one(
        *key,
        options,
        key_revoke,
        "revoke",
        "it lets nobody in any more",
        "sluice ctl key revoke search-2");
    sub->add_option("ID", options.key_id, "the key")->required();

    sub = add_one(
        *key,
        options,
        key_rotate,
        "rotate",
        "another secret for it, shown this once",
        "sluice ctl key rotate search-2 --grace 24h");
    sub->add_option("ID", options.key_id, "the key")->required();
    sub->add_option("--grace", options.grace, "how long the old one still lets in; 24h")
        ->type_name("DURATION");
}

std::optional<ctl_result<admin_ask>> key_ask(const ctl_options& options)
{
    const std::string all = "/admin/v1/keys";
    const std::string one = all + '/' + percent_encoded(options.key_id);
    switch (options.what) {
    case action::keys:
        return admin_ask{.method = "GET", .path = options.key_id.empty() ? all : one};
    case action::key_create:
        return ask_with_settings(options, {.method = "POST", .path = all});
    case action::key_set:
        return ask_with_settings(options, {.method = "PATCH", .path = one});
    case action::key_revoke:
        return admin_ask{.method = "DELETE", .path = one};
    case action::key_rotate: {
        server::json_writer body;
        body.begin_object();
        if (!options.grace.empty())
            body.key("grace").text(options.grace);
        return admin_ask{
            .method = "POST", .path = one + "/rotate", .body = body.end_object().str()};
    }
    default:
        return std::nullopt;
    }
}

std::string keys_text(dom::element answer)
{
    std::string out;
    if (const auto secret = member(answer, "secret"); !secret.empty())
        out = secret + "\n\nThe key is shown only now.\n";
    std::vector<std::vector<std::string>> rows{
        {"KEY", "TENANT", "STATE", "FROM", "EXPIRES", "SECRETS"}};
    dom::array keys;
    if (answer["keys"].get(keys) == simdjson::SUCCESS)
        for (const auto key : keys)
            add_row(rows, key);
    else
        add_row(rows, answer);
    return out + table_text(rows);
}

}  // namespace sluice
