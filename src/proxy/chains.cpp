#include <sluice/proxy/chains.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>

namespace sluice::proxy {
namespace {

policy::stage stage_of(const config::snapshot& config, const config::model& model)
{
    const auto today = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    policy::stage made;
    for (const auto& target : model.targets) {
        const auto* price = target.prices.at(today);
        policy::candidate one;
        one.state = target.state.get();
        one.credentials = config.providers[target.provider].credentials;
        one.weight = target.weight;
        // Not known, as before the first date of a list: the last that the cheapest is to be.
        one.price = price != nullptr ? price->price.input + price->price.output
                                     : std::numeric_limits<std::int64_t>::max();
        made.candidates.push_back(one);
        made.states.push_back(one.state);
    }
    made.canary = model.canary;
    made.balance = model.balance;
    made.latency_ceiling = model.latency_ceiling;
    made.ejection = model.ejection;
    made.breaker = model.breaker;
    made.attempts = model.retry.attempts;
    made.base = model.retry.base;
    made.cap = model.retry.cap;
    made.budget = model.retry.budget;
    return made;
}

// By policy::chain.
std::array<const std::vector<config::fallback>*, policy::chain_count> lists_of(
    const config::model& model)
{
    const auto& lists = model.fallbacks;
    return {&lists.any, &lists.rate_limited, &lists.context_length, &lists.content_policy};
}

// The stage of a fallback, made where nobody has named it before.
std::size_t stage_for(const config::fallback& fallback, const config::snapshot& config, chains& all)
{
    const auto known = std::ranges::find_if(
        all.links, [&](const link& each) { return each.name == fallback.name; });
    if (known != all.links.end())
        return static_cast<std::size_t>(known - all.links.begin());
    const auto& model = config.models[fallback.model];
    all.stages.push_back(stage_of(config, model));
    all.links.push_back({&model, fallback.name, fallback.name_json, {}});
    return all.links.size() - 1;
}

}  // namespace

std::size_t way_of(const chains& all, const policy::step& to) noexcept
{
    const auto by = static_cast<std::size_t>(to.by);
    const auto& list = all.stages[to.from].fallbacks[by];
    const auto at = std::ranges::find(list, to.stage) - list.begin();
    return all.links[to.from].ways[by][static_cast<std::size_t>(at)];
}

chains chains_of(const config::snapshot& config)
{
    chains all;
    for (const auto& model : config.models) {
        all.stages.push_back(stage_of(config, model));
        all.links.push_back({&model, {}, {}, {}});
    }
    // Grows while it is walked: a fallback has fallbacks of its own.
    for (std::size_t at = 0; at < all.stages.size(); ++at) {
        const auto lists = lists_of(*all.links[at].model);
        for (std::size_t by = 0; by < lists.size(); ++by)
            for (const auto& fallback : *lists[by]) {
                const auto next = stage_for(fallback, config, all);
                all.stages[at].fallbacks[by].push_back(next);
                all.links[at].ways[by].push_back(fallback.metric);
            }
    }
    return all;
}

}  // namespace sluice::proxy
