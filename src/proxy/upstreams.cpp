#include <sluice/proxy/upstreams.hpp>

#include <utility>

namespace sluice::proxy {
namespace {

net::endpoint endpoint_of(const config::provider& provider)
{
    return {provider.tls, provider.host, provider.port, provider.ca_file};
}

}  // namespace

upstreams::pool_ptr upstreams::make(net::endpoint to)
{
    if (!to.tls)
        return std::make_shared<net::pool>(loop_, names_, std::move(to), nullptr);
    auto made = net::make_client_context(to.ca_file);
    if (!made.context) {
        log_.error("upstream_tls_context", made.error, {{"host", std::string_view(to.host)}});
        return nullptr;
    }
    return std::make_shared<net::pool>(loop_, names_, std::move(to), std::move(made.context));
}

void upstreams::install(const config::snapshot& config)
{
    std::vector<pool_ptr> fresh;
    fresh.reserve(config.providers.size());
    for (const auto& provider : config.providers) {
        auto same = find(provider);
        for (const auto& made : fresh)
            if (!same && made && made->to() == endpoint_of(provider))
                same = made;
        fresh.push_back(same ? same : make(endpoint_of(provider)));
    }
    pools_ = std::move(fresh);
}

upstreams::pool_ptr upstreams::find(const config::provider& provider) const
{
    const auto wanted = endpoint_of(provider);
    for (const auto& pool : pools_)
        if (pool && pool->to() == wanted)
            return pool;
    return nullptr;
}

void upstreams::sweep(time_point now) noexcept
{
    for (const auto& pool : pools_)
        if (pool)
            pool->sweep(now);
}

}  // namespace sluice::proxy
