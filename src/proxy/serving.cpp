#include <sluice/http/writer.hpp>
#include <sluice/proxy/serving.hpp>
#include <sluice/state/ledger.hpp>

#include <array>
#include <utility>

namespace sluice::proxy {
namespace {

net::tls_context trust_in(
    const config::provider& provider, const std::vector<net::tls_context>& trust)
{
    return provider.index < trust.size() ? trust[provider.index] : nullptr;
}

std::string provider_lines(const config::provider& provider, const std::string* key)
{
    std::string memory(1024 + provider.authority.size() + (key != nullptr ? key->size() : 0), '\0');
    http::head_writer to(memory);
    to.field(http::header::host, provider.authority);
    if (key != nullptr)
        to.field(http::header::authorization, "Bearer " + *key);
    // So that usage can be read out of the answer.
    to.field(http::header::accept_encoding, "identity");
    to.field(http::header::via, "1.1 sluice");
    return std::string(to.text());
}

std::vector<std::string> lines_by_key(const config::provider& provider)
{
    std::vector<std::string> lines;
    for (const auto& key : provider.api_keys)
        lines.push_back(provider_lines(provider, &key));
    if (lines.empty())
        lines.push_back(provider_lines(provider, nullptr));
    return lines;
}

std::vector<serving::target_texts> texts_by_target(
    const config::snapshot& config, const config::model& model)
{
    std::vector<serving::target_texts> all;
    for (const auto& target : model.targets) {
        std::array<char, 1024> memory;
        http::head_writer to(memory);
        to.field("x-sluice-config", config.version);
        to.field(http::header::x_sluice_target, target.name);
        // A pattern's name is the client's or the fallback's: it is written with each answer.
        if (!model.name.ends_with('*'))
            to.field("x-sluice-model", model.name);
        to.field(http::header::via, "1.1 sluice");
        auto& made = all.emplace_back();
        made.lines = to.text();
        made.place = state::pack_place(model.name, target.name, arm_of(model, target));
    }
    return all;
}

}  // namespace

std::string_view arm_of(const config::model& model, const config::target& target) noexcept
{
    if (!model.canary)
        return {};
    return &target == &model.targets[*model.canary] ? "canary" : "stable";
}

const serving::target_texts& serving::texts_of(
    const config::model& model, const config::target& target) const noexcept
{
    const auto model_index = static_cast<std::size_t>(&model - config->models.data());
    const auto target_index = static_cast<std::size_t>(&target - model.targets.data());
    return target_texts_of[model_index][target_index];
}

server_of_snapshots::server_of_snapshots(net::reactor& loop, observe::logger& log)
    : loop_(loop),
      log_(log),
      names_(loop)
{
}

std::shared_ptr<net::pool> server_of_snapshots::pool_for(
    const config::provider& provider, net::tls_context trust, const pools& made, const pools* kept)
{
    if (provider.tls && !trust)
        return nullptr;
    net::endpoint wanted{provider.host, provider.port, std::move(trust)};
    const pools none;
    for (const auto* all : {kept != nullptr ? kept : &none, &made})
        for (const auto& pool : *all)
            if (pool && pool->to() == wanted)
                return pool;
    return std::make_shared<net::pool>(loop_, names_, log_, std::move(wanted));
}

void server_of_snapshots::install_shadow_pools(
    serving& next, const std::vector<net::tls_context>& trust)
{
    const auto& config = *next.config;
    next.shadow_pools.resize(config.providers.size());
    for (const auto& model : config.models) {
        if (!model.shadow)
            continue;
        const auto& to = config.models[model.shadow->model].targets[model.shadow->target];
        auto& pool = next.shadow_pools[to.provider];
        const auto& provider = config.providers[to.provider];
        if (!pool)
            pool = pool_for(
                provider,
                trust_in(provider, trust),
                next.shadow_pools,
                current_ ? &current_->shadow_pools : nullptr);
    }
}

void server_of_snapshots::install(
    config::snapshot_ptr config, const std::vector<net::tls_context>& trust)
{
    auto next = std::make_shared<serving>();
    for (const auto& provider : config->providers) {
        const auto* kept = current_ ? &current_->pools : nullptr;
        next->pools.push_back(pool_for(provider, trust_in(provider, trust), next->pools, kept));
        next->provider_lines.push_back(lines_by_key(provider));
    }
    for (const auto& model : config->models)
        next->target_texts_of.push_back(texts_by_target(*config, model));
    next->routes = chains_of(*config);
    next->config = std::move(config);
    install_shadow_pools(*next, trust);
    current_ = std::move(next);
}

void server_of_snapshots::sweep(time_point now) noexcept
{
    for (const auto* all : {&current_->pools, &current_->shadow_pools})
        for (const auto& pool : *all)
            if (pool)
                pool->sweep(now);
}

}  // namespace sluice::proxy
