#include <sluice/base/text.hpp>
#include <sluice/config/key.hpp>
#include <sluice/server/quotas.hpp>

namespace sluice::server {
namespace {

constexpr std::size_t digest_bytes = 8;

}  // namespace

std::string credential_name(const config::provider& provider, std::size_t number)
{
    const auto key = number < provider.api_keys.size() ? provider.api_keys[number] : std::string();
    const auto digest = config::sha256(key);
    return provider.name + ':' + hex(digest.data(), digest_bytes);
}

void each_quota(const config::snapshot& of, const quota_function& what)
{
    const auto tell = [&](const std::string& name, const config::quota& quota) {
        if (quota.state)
            what(name, quota);
    };
    for (const auto& key : of.keys)
        tell("key:" + key.id, key);
    for (const auto& tenant : of.tenants)
        tell("tenant:" + tenant.name, tenant);
    for (const auto& model : of.models)
        tell("model:" + model.name, model);
    for (const auto& provider : of.providers)
        for (std::size_t i = 0; i < provider.credential_quotas.size(); ++i)
            tell("credential:" + credential_name(provider, i), provider.credential_quotas[i]);
}

}  // namespace sluice::server
