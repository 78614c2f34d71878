#include <sluice/config/snapshot.hpp>
#include <sluice/wire/splice.hpp>

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

namespace sluice::config {
namespace {

std::uint64_t first_eight(const std::array<std::uint8_t, 32>& digest) noexcept
{
    std::uint64_t value = 0;
    std::memcpy(&value, digest.data(), sizeof value);
    return value;
}

bool before(nanoseconds system_now, std::optional<std::chrono::sys_seconds> end) noexcept
{
    // In seconds: 9999 has no nanoseconds in 64 bits.
    return !end || std::chrono::floor<seconds>(system_now) < end->time_since_epoch();
}

bool lets_in(const key& key, nanoseconds system_now) noexcept
{
    return !key.disabled && before(system_now, key.expires);
}

bool matches(std::string_view pattern, std::string_view name) noexcept
{
    if (pattern.ends_with('*'))
        return name.starts_with(pattern.substr(0, pattern.size() - 1));
    return pattern == name;
}

}  // namespace

std::string_view identity_of(const model& model, const identities& known) noexcept
{
    switch (model.sticky) {
    case stickiness::none:
        break;
    case stickiness::key:
        return known.key;
    case stickiness::user:
        return known.user;
    case stickiness::header:
        return known.header;
    }
    return {};
}

void snapshot::index()
{
    by_name.clear();
    by_prefix.clear();
    by_id.clear();
    by_hash.clear();
    for (auto& model : models)
        for (auto* list :
             {&model.fallbacks.any,
              &model.fallbacks.rate_limited,
              &model.fallbacks.context_length,
              &model.fallbacks.content_policy})
            for (auto& one : *list)
                one.name_json = wire::json_string(one.name);
    const auto add = [&](const std::string& name, std::size_t model) {
        if (name.ends_with('*'))
            by_prefix.emplace_back(name.substr(0, name.size() - 1), model);
        else
            by_name.emplace(name, model);
    };
    for (std::size_t i = 0; i < models.size(); ++i) {
        for (auto& target : models[i].targets)
            target.model_json =
                target.model.empty() ? std::string() : wire::json_string(target.model);
        add(models[i].name, i);
        for (const auto& alias : models[i].aliases)
            add(alias, i);
    }
    std::sort(by_prefix.begin(), by_prefix.end(), [](const auto& a, const auto& b) {
        return a.first.size() > b.first.size();
    });
    for (std::size_t i = 0; i < keys.size(); ++i) {
        by_id.emplace(keys[i].id, i);
        for (std::size_t j = 0; j < keys[i].secrets.size(); ++j)
            by_hash.emplace(first_eight(keys[i].secrets[j].hash), secret_place{i, j});
    }
}

const model* snapshot::find_model(std::string_view name) const noexcept
{
    if (const auto found = by_name.find(name); found != by_name.end())
        return &models[found->second];
    for (const auto& [prefix, model] : by_prefix)
        if (name.starts_with(prefix))
            return &models[model];
    return nullptr;
}

const key* snapshot::find_key(
    const std::array<std::uint8_t, 32>& sha256, nanoseconds system_now) const noexcept
{
    const key* found = nullptr;
    const auto [begin, end] = by_hash.equal_range(first_eight(sha256));
    for (auto at = begin; at != end; ++at) {
        const key& key = keys[at->second.key];
        const key_secret& secret = key.secrets[at->second.secret];
        const bool same = CRYPTO_memcmp(secret.hash.data(), sha256.data(), sha256.size()) == 0;
        if (same && lets_in(key, system_now) && before(system_now, secret.until))
            found = &key;
    }
    return found;
}

const key* snapshot::key_of(std::string_view id, nanoseconds system_now) const noexcept
{
    const auto found = by_id.find(id);
    return found != by_id.end() && lets_in(keys[found->second], system_now) ? &keys[found->second]
                                                                            : nullptr;
}

bool snapshot::may_use(
    const std::vector<std::string>& rights, const model& model, std::string_view asked) noexcept
{
    return std::any_of(rights.begin(), rights.end(), [&](const std::string& right) {
        return matches(right, asked) || matches(right, model.name)
               || std::find(model.aliases.begin(), model.aliases.end(), right)
                      != model.aliases.end();
    });
}

}  // namespace sluice::config
