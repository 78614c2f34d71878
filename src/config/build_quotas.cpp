#include "build_quotas.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace sluice::config {
namespace {

using limit_states = std::unordered_map<std::string_view, std::shared_ptr<policy::limit_state>>;

std::shared_ptr<policy::limit_state> known_or_new(const limit_states& known, std::string_view name)
{
    const auto found = known.find(name);
    return found != known.end() && found->second ? found->second
                                                 : std::make_shared<policy::limit_state>();
}

// Of whatever has a name: all of `now`, by those of `before`.
template <class Quotas, class Name>
void carry_over(Quotas& now, const Quotas* before, Name name)
{
    limit_states known;
    if (before != nullptr)
        for (const auto& one : *before)
            known.emplace(name(one), one.state);
    for (auto& one : now)
        one.state = known_or_new(known, name(one));
}

void carry_over_limits(snapshot& settings, const snapshot* previous)
{
    carry_over(
        settings.keys,
        previous ? &previous->keys : nullptr,
        [](const key& one) -> std::string_view { return one.id; });
    carry_over(
        settings.tenants,
        previous ? &previous->tenants : nullptr,
        [](const tenant& one) -> std::string_view { return one.name; });
    carry_over(
        settings.models,
        previous ? &previous->models : nullptr,
        [](const model& one) -> std::string_view { return one.name; });
    if (previous != nullptr)
        settings.anonymous.state = previous->anonymous.state;
    if (!settings.anonymous.state)
        settings.anonymous.state = std::make_shared<policy::limit_state>();
}

void carry_over_credential_limits(snapshot& settings, const snapshot* previous)
{
    for (auto& provider : settings.providers) {
        limit_states known;
        if (previous != nullptr)
            for (const auto& before : previous->providers)
                if (before.name == provider.name)
                    for (std::size_t i = 0; i < before.credential_quotas.size(); ++i)
                        known.emplace(
                            before.api_keys.empty() ? std::string_view{} : before.api_keys[i],
                            before.credential_quotas[i].state);
        provider.credential_quotas.clear();
        const auto add = [&](std::string_view key) {
            quota one;
            one.limits = provider.limits;
            one.state = known_or_new(known, key);
            provider.credential_quotas.push_back(std::move(one));
        };
        for (const auto& key : provider.api_keys)
            add(key);
        if (provider.api_keys.empty())
            add({});
    }
}

class purses {
public:
    purses(snapshot& settings, const snapshot* previous)
        : settings_(settings)
    {
        if (previous != nullptr)
            for (const auto& one : previous->budgets)
                known_.emplace(one.id, one.purse);
    }

    void add(quota& to, const std::string& whose)
    {
        if (to.budget.daily)
            to.budgets.push_back(make(whose + ":daily", period::day, *to.budget.daily, to));
        if (to.budget.monthly)
            to.budgets.push_back(make(whose + ":monthly", period::month, *to.budget.monthly, to));
    }

    [[nodiscard]] std::size_t make(std::string id, period each, std::int64_t limit, const quota& of)
    {
        budget one;
        const auto known = known_.find(id);
        one.purse = known != known_.end() ? known->second : std::make_shared<policy::purse>();
        one.id = std::move(id);
        one.period = each;
        one.limit = limit;
        one.soft =
            std::min(limit, static_cast<std::int64_t>(static_cast<double>(limit) * of.budget.soft));
        one.on_store_failure = of.on_store_failure;
        settings_.budgets.push_back(std::move(one));
        return settings_.budgets.size() - 1;
    }

private:
    snapshot& settings_;
    std::unordered_map<std::string_view, std::shared_ptr<policy::purse>> known_;
};

void make_budgets(snapshot& settings, const snapshot* previous)
{
    purses all(settings, previous);
    settings.budgets.clear();
    const auto index_of = [&](std::string_view name) {
        const auto found = std::ranges::find(settings.models, name, &model::name);
        return static_cast<std::size_t>(found - settings.models.begin());
    };
    for (auto& key : settings.keys) {
        const auto whose = "key:" + key.id;
        key.budgets.clear();
        all.add(key, whose);
        for (auto& one : key.model_budgets) {
            one.model_at = index_of(one.model);
            one.budget_at =
                all.make(whose + ":model:" + one.model + ":daily", period::day, one.daily, key);
        }
    }
    for (auto& tenant : settings.tenants) {
        tenant.budgets.clear();
        all.add(tenant, "tenant:" + tenant.name);
    }
    for (auto& model : settings.models) {
        model.budgets.clear();
        all.add(model, "model:" + model.name);
    }
}

void carry_over_estimators(snapshot& settings, const snapshot* previous)
{
    std::unordered_map<std::string_view, std::shared_ptr<policy::estimator>> known;
    if (previous != nullptr)
        for (const auto& one : previous->models)
            known.emplace(one.name, one.estimator);
    for (auto& one : settings.models) {
        const auto found = known.find(one.name);
        one.estimator =
            found != known.end() ? found->second : std::make_shared<policy::estimator>();
    }
}

std::string untouched_lines(std::string_view what, std::uint64_t burst)
{
    const auto line = [what](std::string_view name, const std::string& value) {
        return "x-ratelimit-" + std::string(name) + '-' + std::string(what) + ": " + value + "\r\n";
    };
    const auto all = std::to_string(burst);
    return line("limit", all) + line("remaining", all) + line("reset", "0ms");
}

void write_untouched_lines(key& of)
{
    const auto& limits = of.limits;
    const auto lines = [&limits](std::string_view what, const auto& rate, std::uint64_t burst) {
        const bool told = rate && !limits.shadow && policy::holds_whole(*rate, burst);
        return told ? untouched_lines(what, burst) : std::string{};
    };
    of.untouched_requests = lines("requests", limits.requests, limits.burst);
    of.untouched_tokens = lines("tokens", limits.tokens, limits.token_burst);
}

// Weights as the policy takes them: the greatest is its most.
std::uint32_t scaled(double weight, double greatest)
{
    constexpr double most = 1000;
    return static_cast<std::uint32_t>(std::max(1.0, std::round(weight / greatest * most)));
}

bool may_wait(const quota& of)
{
    return of.limits.max_wait.count() > 0 && (of.limits.requests || of.limits.tokens);
}

// Whoever waited starts anew with a new snapshot; what was admitted is remembered.
void form_lines(snapshot& settings, std::size_t tenants, const std::vector<std::size_t>& keys)
{
    for (std::size_t i = 0; i < settings.tenants.size(); ++i) {
        auto& tenant = settings.tenants[i];
        tenant.line = may_wait(tenant) ? std::make_shared<waiting_line>(keys[i]) : nullptr;
    }
    for (auto& model : settings.models)
        model.line = may_wait(model) ? std::make_shared<waiting_line>(tenants) : nullptr;
}

// Each key's tenant, and the places of both where they may have to wait.
void find_tenants(snapshot& settings)
{
    double greatest = 1;
    for (const auto& tenant : settings.tenants)
        greatest = std::max(greatest, tenant.weight);
    std::unordered_map<std::string_view, std::size_t>
        places;                                              // of tenants, those without entry too
    std::vector<std::size_t> keys(settings.tenants.size());  // seen so far
    const auto place = [&](key& key) {
        const auto found = std::ranges::find(settings.tenants, key.tenant, &tenant::name);
        key.tenant_at.reset();
        key.at_tenant = {};
        double weight = 1;
        if (found != settings.tenants.end()) {
            key.tenant_at = static_cast<std::size_t>(found - settings.tenants.begin());
            key.at_tenant.place = keys[*key.tenant_at]++;
            weight = found->weight;
        }
        key.at_models.place = places.emplace(key.tenant, places.size()).first->second;
        key.at_models.weight = scaled(weight, greatest);
    };
    for (auto& key : settings.keys)
        place(key);
    place(settings.anonymous);
    form_lines(settings, places.size(), keys);
}

}  // namespace

void carry_over_quotas(snapshot& settings, const snapshot_ptr& previous)
{
    find_tenants(settings);
    carry_over_limits(settings, previous.get());
    carry_over_credential_limits(settings, previous.get());
    make_budgets(settings, previous.get());
    carry_over_estimators(settings, previous.get());
    for (auto& key : settings.keys)
        write_untouched_lines(key);
}

}  // namespace sluice::config
