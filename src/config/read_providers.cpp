#include "address.hpp"
#include "read.hpp"
#include <sluice/base/text.hpp>

#include <algorithm>

namespace sluice::config {
namespace {

void read_url(const place& at, provider& provider)
{
    if (!at.given())
        return;
    auto [url, wrong] = parse_base_url(at.text(), "api_key");
    if (!url) {
        // Without the value: whoever writes a password into a URL does not want it in a log.
        at.complain(wrong + ", allowed: " + allowed(*find_row("providers.*.base_url")));
        return;
    }
    provider.tls = url->tls;
    provider.host = std::move(url->host);
    provider.port = url->port;
    provider.authority = std::move(url->authority);
    provider.path_prefix = std::move(url->path_prefix);
}

void read_api_keys(const place& at, provider& provider)
{
    const auto one = at["api_key"];
    const auto several = at["api_keys"];
    if (one.present() && several.present())
        several.complain("stands beside api_key, only one of the two is allowed");
    if (one.given()) {
        provider.api_keys.push_back(one.text());
        check_secret(one, provider.api_keys.back());
    }
    if (!several.given())
        return;
    const auto elements = several.elements();
    if (elements.empty())
        several.complain("has no key, at least one is needed");
    if (!check_length(several, elements.size(), 1000))
        return;
    for (const auto& element : elements) {
        if (!element.given())
            continue;
        auto key = element.text();
        check_secret(element, key);
        const auto& known = provider.api_keys;
        if (std::find(known.begin(), known.end(), key) != known.end())
            element.complain("the same key stands there twice");
        provider.api_keys.push_back(std::move(key));
    }
}

}  // namespace

void read_providers(const place& root, const environment& environment, snapshot& settings)
{
    const auto all = root["providers"];
    const auto entries = all.entries();
    if (entries.empty() && !all.refused())
        all.complain("there has to be at least one provider");
    for (const auto& [name, at] : entries) {
        check_name(at, name);
        provider provider;
        provider.name = name;
        if (at["dialect"].text() == "openai")
            provider.dialect = dialect::openai;
        read_url(at["base_url"], provider);
        read_api_keys(at, provider);
        provider.credential_rules.retry_after_cap = at["retry_after_cap"].duration();
        read_rates(at["limits"], provider.limits);
        provider.ca_file = read_path(at["ca_file"], environment, environment.authorities_fault);
        if (!provider.ca_file.empty() && !provider.tls && !provider.host.empty())
            at["ca_file"].complain("means nothing without https://");
        provider.ask_usage = at["ask_usage"].boolean();
        provider.index = settings.providers.size();
        settings.providers.push_back(std::move(provider));
    }
}

}  // namespace sluice::config
