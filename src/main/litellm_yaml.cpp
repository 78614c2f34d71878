// What was read of a LiteLLM file, written down.
#include "litellm.hpp"
#include <sluice/config/units.hpp>

#include <yaml-cpp/yaml.h>

namespace sluice {
namespace {

using YAML::BeginMap;
using YAML::BeginSeq;
using YAML::EndMap;
using YAML::EndSeq;

// A key, and a value that is there.
template <class Value>
void write(YAML::Emitter& out, const std::string& key, const Value& value)
{
    out << YAML::Key << key << YAML::Value << value;
}

void write_some(YAML::Emitter& out, const std::string& key, const std::string& value)
{
    if (!value.empty())
        write(out, key, value);
}

void write_some(YAML::Emitter& out, const std::string& key, const auto& values)
{
    if (!values.empty())
        write(out, key, values);
}

void write_target(YAML::Emitter& out, const litellm_target& target)
{
    out << BeginMap;
    write_some(out, "name", target.name);
    write(out, "provider", target.provider);
    write_some(out, "model", target.model);
    if (target.weight)
        write(out, "weight", config::format_decimal(*target.weight));
    write_some(out, "price", target.price);
    out << EndMap;
}

void write_model(YAML::Emitter& out, const litellm_model& model)
{
    out << YAML::Key << model.name << YAML::Value << BeginMap;
    write_some(out, "aliases", model.aliases);
    out << YAML::Key << "targets" << YAML::Value << BeginSeq;
    for (const auto& target : model.targets)
        write_target(out, target);
    out << EndSeq;
    write_some(out, "balance", model.balance);
    if (model.attempts)
        out << YAML::Key << "retry" << YAML::Value << BeginMap << YAML::Key << "attempts"
            << YAML::Value << *model.attempts << EndMap;
    if (model.breaker_failures || !model.breaker_cooldown.empty()) {
        out << YAML::Key << "breaker" << YAML::Value << BeginMap;
        if (model.breaker_failures)
            write(out, "failures", *model.breaker_failures);
        write_some(out, "cooldown", model.breaker_cooldown);
        out << EndMap;
    }
    write_some(out, "fallbacks", model.fallbacks);
    out << EndMap;
}

void write_process(YAML::Emitter& out, const from_litellm& made)
{
    const auto section = [&](const std::string& name) {
        out << YAML::Key << name << YAML::Value << BeginMap;
    };
    // LiteLLM's port; nobody else's machine, to begin.
    out << YAML::Key << "listen" << YAML::Value << BeginSeq << BeginMap;
    write(out, "address", "127.0.0.1:4000");
    out << EndMap << EndSeq;
    section("admin");
    write(out, "address", "127.0.0.1:9090");
    write_some(out, "token", made.admin_token);
    out << EndMap;
    section("state");
    write(out, "directory", "./sluice-state");
    write_some(out, "redis", made.redis);
    out << EndMap;
    if (!made.request_timeout.empty()) {
        section("timeouts");
        write(out, "request", made.request_timeout);
        out << EndMap;
    }
}

void write_provider(YAML::Emitter& out, const litellm_provider& provider)
{
    out << YAML::Key << provider.name << YAML::Value << BeginMap;
    write(out, "dialect", "openai");
    write(out, "base_url", provider.base_url);
    write_some(out, "api_key", provider.api_key);
    write_some(out, "limits", provider.limits);
    out << EndMap;
}

}  // namespace

std::string to_yaml(const from_litellm& made)
{
    YAML::Emitter out;
    out << BeginMap;
    write_process(out, made);
    out << YAML::Key << "providers" << YAML::Value << BeginMap;
    for (const auto& provider : made.providers)
        write_provider(out, provider);
    out << EndMap << YAML::Key << "models" << YAML::Value << BeginMap;
    for (const auto& model : made.models)
        write_model(out, model);
    out << EndMap;
    if (!made.master_hash.empty()) {
        out << YAML::Key << "keys" << YAML::Value << BeginSeq << BeginMap;
        write(out, "id", "master");
        write(out, "hash", made.master_hash);
        write(out, "models", std::vector<std::string>{"*"});
        out << EndMap << EndSeq;
    }
    out << EndMap;
    return out.c_str();
}

}  // namespace sluice
