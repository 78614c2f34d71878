#include <sluice/proxy/token_cache.hpp>

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::proxy {
namespace {

std::size_t set_of(const config::digest& digest) noexcept
{
    std::uint64_t value = 0;
    std::memcpy(&value, digest.data(), sizeof value);
    return value % token_cache::sets;
}

bool holds_at(const config::jwt_identity& identity, nanoseconds system_now) noexcept
{
    return system_now >= identity.begins && system_now < identity.ends;
}

// The key it is for, if that lets in and the token may say so.
const config::key* key_for(
    const config::snapshot& settings,
    const config::jwt_identity& identity,
    nanoseconds believed_now)
{
    const auto* key = settings.key_of(identity.key, believed_now);
    return key != nullptr && (!identity.tenant || *identity.tenant == key->tenant) ? key : nullptr;
}

}  // namespace

void token_cache::forget_other(const config::snapshot& settings)
{
    if (version_ == settings.version)
        return;
    version_ = settings.version;
    for (auto& set : entries_)
        for (auto& one : set)
            one.bearer.reset();
}

bearer_ptr token_cache::find(
    const config::snapshot& settings,
    const config::digest& digest,
    std::string_view token,
    nanoseconds system_now,
    nanoseconds believed_now)
{
    forget_other(settings);
    if (!entries_.empty())
        for (const auto& one : entries_[set_of(digest)])
            if (one.bearer && CRYPTO_memcmp(one.digest.data(), digest.data(), digest.size()) == 0)
                return holds_at(one.bearer->is, system_now)
                               && key_for(settings, one.bearer->is, believed_now) != nullptr
                           ? one.bearer
                           : nullptr;
    ++verified_;
    auto identity = config::verify_jwt(token, *settings.jwt, system_now);
    if (!identity) {
        if (config::names_new_key(token, *settings.jwt))
            naming_new_keys_.store(naming_new_keys() + 1, std::memory_order_relaxed);
        return nullptr;
    }
    const auto* key = key_for(settings, *identity, believed_now);
    if (key == nullptr)
        return nullptr;
    auto found = std::make_shared<bearer>();
    found->key = key;
    found->is = std::move(*identity);
    if (entries_.empty())
        entries_.resize(sets);
    auto& set = entries_[set_of(digest)];
    auto free = std::ranges::find_if(set, [&](const entry& one) {
        return !one.bearer || !holds_at(one.bearer->is, system_now);
    });
    if (free == set.end())
        free = set.begin() + static_cast<std::ptrdiff_t>(next_++ % ways);
    *free = {.digest = digest, .bearer = found};
    return found;
}

}  // namespace sluice::proxy
