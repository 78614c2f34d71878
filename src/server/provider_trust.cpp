#include "file_state.hpp"
#include <sluice/server/provider_trust.hpp>

#include <openssl/x509.h>

#include <utility>

namespace sluice::server {

provider_trust::provider_trust(const config::environment& environment, observe::logger& log)
    : log_(log)
{
    const auto add = [&](const char* variable, const char* usual) {
        const auto set = environment.variable ? environment.variable(variable) : std::nullopt;
        system_.push_back(set.value_or(usual));
    };
    add(X509_get_default_cert_file_env(), X509_get_default_cert_file());
    add(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
}

provider_trust::loaded provider_trust::load(const std::string& ca_file, loaded before)
{
    auto files = state_of(ca_file.empty() ? system_ : std::vector{ca_file});
    if (before.context && before.files == files)
        return before;
    auto made = net::make_client_context(ca_file);
    if (made.context)
        return {std::move(files), std::move(made.context)};
    log_.error("upstream_tls_context", made.error);
    return before;
}

std::vector<net::tls_context> provider_trust::of(const config::snapshot& config)
{
    const auto before = std::exchange(all_, {});
    std::vector<net::tls_context> by_provider;
    for (const auto& provider : config.providers) {
        auto& mine = by_provider.emplace_back();
        if (!provider.tls)
            continue;
        auto known = all_.find(provider.ca_file);
        if (known == all_.end()) {
            const auto old = before.find(provider.ca_file);
            auto now = load(provider.ca_file, old != before.end() ? old->second : loaded{});
            known = all_.emplace(provider.ca_file, std::move(now)).first;
        }
        mine = known->second.context;
    }
    return by_provider;
}

}  // namespace sluice::server
