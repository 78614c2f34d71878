#include <sluice/config/jwt.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace sluice::config {
namespace {

// Of a text claim or a list of one.
const std::string* only_text(const std::optional<std::vector<std::string>>& claim)
{
    return claim && claim->size() == 1 ? &claim->front() : nullptr;
}

// Within what nanoseconds since 1970 can say.
seconds bounded(std::int64_t time)
{
    return seconds(std::clamp<std::int64_t>(time, 0, 9'000'000'000));
}

bool for_us(const wire::jwt_claims& claims, const jwt_settings& settings)
{
    return claims.issuer == settings.issuer
           && std::ranges::any_of(claims.audience, [&](const std::string& one) {
                  return std::ranges::find(settings.audience, one) != settings.audience.end();
              });
}

}  // namespace

std::optional<jwt_identity> verify_jwt(
    std::string_view token, const jwt_settings& settings, nanoseconds system_now)
{
    const auto parsed = wire::parse_jwt(token);
    if (!parsed || !settings.keys
        || std::ranges::find(settings.algorithms, parsed->algorithm) == settings.algorithms.end()
        || !settings.keys->verify(*parsed))
        return {};
    std::vector<std::string> asked{settings.key_claim};
    for (const auto* claim : {&settings.tenant_claim, &settings.models_claim})
        if (!claim->empty())
            asked.push_back(*claim);
    auto claims = wire::read_claims(parsed->payload, asked);
    if (!claims || !for_us(*claims, settings) || !claims->expires)
        return {};
    const auto begins = std::max(claims->not_before.value_or(0), claims->issued.value_or(0));
    jwt_identity identity;
    identity.begins = bounded(begins) - settings.leeway;
    identity.ends = bounded(*claims->expires) + settings.leeway;
    if (system_now < identity.begins || system_now >= identity.ends)
        return {};
    const auto* key = only_text(claims->asked.front());
    if (key == nullptr || key->empty())
        return {};
    identity.key = *key;
    std::size_t next = 1;
    if (!settings.tenant_claim.empty()) {
        const auto* tenant = only_text(claims->asked[next++]);
        if (tenant == nullptr)
            return {};
        identity.tenant = *tenant;
    }
    if (!settings.models_claim.empty())
        identity.models = std::move(claims->asked[next]);
    return identity;
}

bool names_new_key(std::string_view token, const jwt_settings& settings)
{
    const auto parsed = wire::parse_jwt(token);
    return parsed && settings.url && settings.keys && !parsed->key_id.empty()
           && !settings.keys->has(parsed->key_id);
}

}  // namespace sluice::config
