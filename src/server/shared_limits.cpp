#include <sluice/server/quotas.hpp>
#include <sluice/server/shared_limits.hpp>

#include <string>

namespace sluice::server {

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
