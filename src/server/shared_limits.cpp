#include <sluice/base/text.hpp>
#include <sluice/config/key.hpp>
#include <sluice/server/shared_limits.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace sluice::server {
namespace {

constexpr std::size_t digest_bytes = 8;

// Calls visit(name, quota) for whatever has limits.
template <class Visit>
void each_quota(const config::snapshot& config, const Visit& visit)
{
    for (const auto& one : config.keys)
        visit("key:" + one.id, one);
    for (const auto& one : config.tenants)
        visit("tenant:" + one.name, one);
    for (const auto& one : config.models)
        visit("model:" + one.name, one);
    for (const auto& provider : config.providers)
        for (std::size_t i = 0; i < provider.credential_quotas.size(); ++i) {
            const auto whose = provider.api_keys.empty() ? std::string() : provider.api_keys[i];
            const auto digest = config::sha256(whose);
            visit(
                "credential:" + provider.name + ':' + hex(digest.data(), digest_bytes),
                provider.credential_quotas[i]);
        }
}

}  // namespace

std::vector<state::shared_rate> shared_rates(const config::snapshot& config)
{
    std::vector<state::shared_rate> all;
    each_quota(config, [&](const std::string& whose, const config::quota& of) {
        const auto add = [&](const char* what, policy::bucket& in, const auto& rate, auto burst) {
            if (rate)
                all.push_back({whose + what, of.state, &in, *rate, burst, of.on_store_failure});
        };
        const auto& limits = of.limits;
        add(":requests", of.state->requests, limits.requests, limits.burst);
        add(":tokens", of.state->tokens, limits.tokens, limits.token_burst);
    });
    return all;
}

std::vector<state::shared_places> shared_places(const config::snapshot& config)
{
    std::vector<state::shared_places> all;
    each_quota(config, [&](const std::string& whose, const config::quota& of) {
        if (const auto most = of.limits.concurrent)
            all.push_back({whose + ":concurrent", of.state, *most, of.on_store_failure});
    });
    return all;
}

}  // namespace sluice::server
