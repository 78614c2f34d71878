#include "describing.hpp"
#include <sluice/base/text.hpp>
#include <sluice/config/key.hpp>
#include <sluice/config/schema.hpp>
#include <sluice/config/units.hpp>

#include <algorithm>

namespace sluice::config {
namespace {

using namespace describing;

// Marked as the table says.
description at_start(std::string_view path, description value)
{
    const auto* row = find_row(path);
    value.after_restart = row != nullptr && row->restart;
    return value;
}

std::string address(const std::string& host, std::uint16_t port)
{
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

description describe_listen(const snapshot& snapshot)
{
    description list{.is = description::kind::list, .json = {}};
    for (const auto& listen : snapshot.listen) {
        const auto where = address(listen.host, listen.port);
        description one;
        add(one, "address", at_start("listen[].address", text(where)));
        if (listen.tls) {
            description tls;
            add(tls, "certificate", text(listen.tls->certificate));
            add(tls, "private_key", text(listen.tls->private_key));
            if (!listen.tls->client_ca.empty())
                add(tls, "client_ca", text(listen.tls->client_ca));
            add(one, "tls", std::move(tls));
        }
        add(list, where, std::move(one));
    }
    return list;
}

description describe_admin(const snapshot& snapshot)
{
    description admin;
    const auto where = snapshot.admin ? address(snapshot.admin->host, snapshot.admin->port) : "off";
    add(admin, "address", at_start("admin.address", text(where)));
    if (snapshot.admin && !snapshot.admin->token.empty())
        add(admin, "token", text(masked(snapshot.admin->token)));
    return admin;
}

description describe_limits(const process_limits& limits)
{
    description all;
    add(all, "head_bytes", size(limits.head_bytes));
    add(all, "body_bytes", size(limits.body_bytes));
    add(all, "connections", number(limits.connections));
    add(all, "buffered_bytes", size(limits.buffered_bytes));
    return all;
}

description describe_timeouts(const timeouts& times)
{
    description all;
    add(all, "head", time(times.head));
    add(all, "body", time(times.body));
    add(all, "idle", time(times.idle));
    add(all, "write", time(times.write));
    add(all, "connect", time(times.connect));
    add(all, "first_byte", time(times.first_byte));
    add(all, "first_token", time(times.first_token));
    add(all, "stream_idle", time(times.stream_idle));
    add(all, "request", time(times.request));
    add(all, "drain", time(times.drain));
    return all;
}

description describe_provider(const provider& provider)
{
    std::vector<std::string> keys;
    for (const auto& key : provider.api_keys)
        keys.push_back(masked(key));
    description one;
    add(one, "dialect", text("openai"));
    add(one,
        "base_url",
        text((provider.tls ? "https://" : "http://") + provider.authority + provider.path_prefix));
    add(one, "api_keys", texts(keys));
    if (!provider.ca_file.empty())
        add(one, "ca_file", text(provider.ca_file));
    add(one, "limits", describe(provider.limits));
    add(one, "retry_after_cap", time(provider.credential_rules.retry_after_cap));
    add(one, "ask_usage", flag(provider.ask_usage));
    return one;
}

// The query may be a key.
std::string shown(const webhook& at)
{
    const auto query = std::min(at.url.find('?'), at.url.size() - 1) + 1;
    return at.url.substr(0, query) + masked(at.url.substr(query));
}

description describe_jwt(const jwt_settings& jwt)
{
    std::vector<std::string> algorithms;
    for (const auto algorithm : jwt.algorithms)
        algorithms.emplace_back(name_of(algorithm));
    description one;
    add(one, "issuer", text(jwt.issuer));
    add(one, "audience", texts(jwt.audience));
    if (!jwt.secret.empty())
        add(one, "secret", text(masked(jwt.secret)));
    else
        add(one, "keys", text(jwt.url ? shown(*jwt.url) : jwt.file));
    // So that other keys at the same place are a change.
    if (jwt.keys && !jwt.keys->source().empty())
        add(one, "key_set", text(masked(jwt.keys->source())));
    if (jwt.url)
        add(one, "refresh", time(jwt.refresh));
    add(one, "algorithms", texts(algorithms));
    add(one, "key", text(jwt.key_claim));
    if (!jwt.tenant_claim.empty())
        add(one, "tenant", text(jwt.tenant_claim));
    if (!jwt.models_claim.empty())
        add(one, "models", text(jwt.models_claim));
    add(one, "leeway", time(jwt.leeway));
    return one;
}

description describe_pairs(const tracing_settings::pairs& all, bool secret)
{
    description some;
    for (const auto& [name, value] : all)
        add(some, name, text(secret ? masked(value) : value));
    return some;
}

description describe_tracing(const tracing_settings& tracing)
{
    description one;
    add(one, "otlp", text(shown(tracing.otlp)));
    add(one, "headers", describe_pairs(tracing.headers, true));
    add(one, "sample", percent(tracing.sample));
    add(one, "service_name", text(tracing.service_name));
    add(one, "resource", describe_pairs(tracing.resource, false));
    add(one, "timeout", time(tracing.timeout));
    return one;
}

description describe_secrets(const std::vector<key_secret>& secrets)
{
    std::vector<std::string> all;
    for (const auto& secret : secrets)
        all.push_back(
            masked(secret.hash) + (secret.until ? " until " + format_time(*secret.until) : ""));
    return texts(all);
}

}  // namespace

description describe(const key& key)
{
    description one;
    add(one, "id", text(key.id));
    if (key.secrets.size() == 1 && !key.secrets.front().until)
        add(one, "hash", text(masked(key.secrets.front().hash)));
    else
        add(one, "hashes", describe_secrets(key.secrets));
    if (key.live)
        add(one, "live", flag(true));
    if (key.disabled)
        add(one, "disabled", flag(true));
    if (key.expires)
        add(one, "expires", text(format_time(*key.expires)));
    add(one, "tenant", text(key.tenant));
    add(one, "models", texts(key.models));
    add(one, "limits", describe_limits(key));
    add(one, "budget", describe_key_budget(key));
    add(one, "may_choose_target", flag(key.may_choose_target));
    return one;
}

description describe(const snapshot& snapshot)
{
    description all;
    add(all, "listen", describe_listen(snapshot));
    add(all, "admin", describe_admin(snapshot));
    add(all, "workers", at_start("workers", number(snapshot.workers)));
    description state;
    const auto directory = snapshot.state_directory.empty() ? "none" : snapshot.state_directory;
    add(state, "directory", at_start("state.directory", text(directory)));
    if (const auto& redis = snapshot.redis) {
        add(state, "redis", at_start("state.redis", text(masked(redis->url))));
        if (!redis->ca_file.empty())
            add(state, "redis_ca_file", at_start("state.redis_ca_file", text(redis->ca_file)));
        add(state, "redis_timeout", at_start("state.redis_timeout", time(redis->timeout)));
        add(state, "redis_prefix", at_start("state.redis_prefix", text(redis->prefix)));
    }
    add(all, "state", std::move(state));
    add(all, "limits", describe_limits(snapshot.limits));
    add(all, "timeouts", describe_timeouts(snapshot.timeouts));
    add(all, "heartbeat", time(snapshot.heartbeat));
    add(all, "access_log", text(snapshot.access_log.path));
    add(all, "time_zone", text(snapshot.time_zone));
    if (snapshot.budget_webhook)
        add(all, "budget_webhook", text(masked(snapshot.budget_webhook->url)));
    description providers;
    for (const auto& provider : snapshot.providers)
        add(providers, provider.name, describe_provider(provider));
    add(all, "providers", std::move(providers));
    description models;
    for (const auto& model : snapshot.models)
        add(models, model.name, describe(model, snapshot));
    add(all, "models", std::move(models));
    description tenants;
    for (const auto& tenant : snapshot.tenants)
        add(tenants, tenant.name, describe(tenant));
    add(all, "tenants", std::move(tenants));
    if (snapshot.jwt)
        add(all, "jwt", describe_jwt(*snapshot.jwt));
    if (snapshot.tracing)
        add(all, "tracing", describe_tracing(*snapshot.tracing));
    description keys{.is = description::kind::list, .json = {}};
    for (const auto& key : snapshot.keys)
        add(keys, key.id, describe(key));
    add(all, "keys", std::move(keys));
    return all;
}

}  // namespace sluice::config
