#include "build_quotas.hpp"
#include <sluice/config/build.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <unordered_map>
#include <utility>

namespace sluice::config {
namespace {

// The weights that the file's and the override's make together, or why they do not.
struct layered {
    std::vector<double> weights;
    std::string wrong;
};

layered layer(
    const model& model,
    const std::vector<target_weight>& changes,
    std::vector<std::string>& ignored)
{
    layered result;
    for (const auto& target : model.targets)
        result.weights.push_back(target.weight);
    bool used = false;
    for (const auto& change : changes) {
        const auto at =
            std::find_if(model.targets.begin(), model.targets.end(), [&](const target& one) {
                return one.name == change.target;
            });
        const std::string what = "override of " + model.name + " / " + change.target;
        if (at == model.targets.end()) {
            ignored.push_back(what + ": there is no such target any more");
        } else if (!std::isfinite(change.weight) || change.weight < 0) {
            ignored.push_back(what + ": that is no weight");
        } else {
            result.weights[static_cast<std::size_t>(at - model.targets.begin())] = change.weight;
            used = true;
        }
    }
    double sum = 0;
    for (const double weight : result.weights)
        sum += weight;
    if (!used)
        result.wrong = "nothing of it is left";
    else if (!(sum > 0) || !std::isfinite(sum))
        result.wrong = "it would leave the model without a usable weight";
    return result;
}

void apply(const overrides& overrides, snapshot& settings, std::vector<std::string>& ignored)
{
    for (const auto& [name, changes] : overrides.weights) {
        const auto model = std::find_if(
            settings.models.begin(), settings.models.end(), [&](const config::model& one) {
                return one.name == name;
            });
        if (model == settings.models.end()) {
            ignored.push_back("override of " + name + ": there is no such model any more");
            continue;
        }
        const auto [weights, wrong] = layer(*model, changes, ignored);
        if (!wrong.empty()) {
            ignored.push_back("override of " + name + ": " + wrong);
            continue;
        }
        for (std::size_t i = 0; i < weights.size(); ++i)
            model->targets[i].weight = weights[i];
        model->overridden = true;
    }
}

void apply_breakers(
    const overrides& overrides, snapshot& settings, std::vector<std::string>& ignored)
{
    for (const auto& [name, targets] : overrides.breakers) {
        const auto model = std::find_if(
            settings.models.begin(), settings.models.end(), [&](const config::model& one) {
                return one.name == name;
            });
        if (model == settings.models.end()) {
            ignored.push_back("breakers of " + name + ": there is no such model any more");
            continue;
        }
        for (const auto& [target_name, control] : targets) {
            const auto target = std::find_if(
                model->targets.begin(), model->targets.end(), [&](const config::target& one) {
                    return one.name == target_name;
                });
            if (target == model->targets.end())
                ignored.push_back(
                    "breaker of " + name + " / " + target_name
                    + ": there is no such target any more");
            else
                target->forced = control;
        }
    }
}

void name_and_split(snapshot& settings, observe::catalogue& catalogue)
{
    for (auto& provider : settings.providers)
        provider.metric = catalogue.provider(provider.name);
    for (auto& model : settings.models) {
        model.arm = catalogue.arm(model.name, "");
        std::vector<double> weights;
        for (auto& target : model.targets) {
            target.arm = catalogue.arm(model.name, target.name);
            weights.push_back(target.weight);
        }
        model.split = policy::split(weights, model.canary);
        model.one_price = std::ranges::all_of(model.targets, [&model](const target& one) {
            return one.prices == model.targets.front().prices;
        });
    }
    for (auto& model : settings.models)
        for (auto* list :
             {&model.fallbacks.any,
              &model.fallbacks.rate_limited,
              &model.fallbacks.context_length,
              &model.fallbacks.content_policy})
            for (auto& one : *list)
                one.metric = catalogue.fallback(model.name, settings.models[one.model].name);
    for (auto& key : settings.keys)
        key.metric = catalogue.key(key.id);
}

std::string target_key(const snapshot& settings, const model& model, const target& target)
{
    // The parts' lengths first, so that no two combinations read the same.
    std::string key;
    for (const std::string_view part :
         {std::string_view(model.name),
          std::string_view(target.name),
          std::string_view(settings.providers[target.provider].name),
          std::string_view(target.model)}) {
        key += std::to_string(part.size()) + ':';
        key += part;
    }
    return key;
}

void carry_over_targets(snapshot& settings, const snapshot_ptr& previous)
{
    std::unordered_map<std::string, std::shared_ptr<policy::target_state>> known;
    if (previous)
        for (const auto& model : previous->models)
            for (const auto& target : model.targets)
                known.emplace(target_key(*previous, model, target), target.state);
    for (auto& model : settings.models)
        for (auto& target : model.targets) {
            const auto found = known.find(target_key(settings, model, target));
            target.state = found != known.end() && found->second
                               ? found->second
                               : std::make_shared<policy::target_state>();
        }
}

// By who is copied and where to. Afterwards what is spent today is still known, unless the model
// had no shadow in between.
void carry_over_shadows(
    snapshot& settings, const snapshot_ptr& previous, observe::catalogue& catalogue)
{
    const auto key = [](const snapshot& of, const model& from) {
        const auto& to = of.models[from.shadow->model];
        return target_key(of, to, to.targets[from.shadow->target]) + from.name;
    };
    std::unordered_map<std::string, std::shared_ptr<policy::shadow_state>> known;
    if (previous)
        for (const auto& model : previous->models)
            if (model.shadow)
                known.emplace(key(*previous, model), model.shadow->state);
    for (auto& model : settings.models) {
        if (!model.shadow)
            continue;
        auto& shadow = *model.shadow;
        const auto found = known.find(key(settings, model));
        shadow.state =
            found != known.end() ? found->second : std::make_shared<policy::shadow_state>();
        const auto& to = settings.models[shadow.model];
        const auto& target = to.targets[shadow.target].name;
        shadow.numbers =
            catalogue.shadow(model.name, &to == &model ? target : to.name + '/' + target);
    }
}

void carry_over_credentials(snapshot& settings, const snapshot_ptr& previous)
{
    for (auto& provider : settings.providers) {
        const config::provider* before = nullptr;
        if (previous)
            for (const auto& one : previous->providers)
                if (one.name == provider.name)
                    before = &one;
        const auto known = [&](std::string_view key) -> std::shared_ptr<policy::credential_state> {
            if (before == nullptr)
                return {};
            if (before->api_keys.empty())
                return key.empty() ? before->credentials.front() : nullptr;
            const auto& keys = before->api_keys;
            const auto at = std::find(keys.begin(), keys.end(), key);
            return at == keys.end()
                       ? nullptr
                       : before->credentials[static_cast<std::size_t>(at - keys.begin())];
        };
        provider.credentials.clear();
        for (std::size_t i = 0; i < std::max<std::size_t>(1, provider.api_keys.size()); ++i) {
            auto state = known(provider.api_keys.empty() ? "" : provider.api_keys[i]);
            provider.credentials.push_back(
                state ? std::move(state) : std::make_shared<policy::credential_state>());
        }
    }
}

}  // namespace

void enforce(const snapshot& snapshot) noexcept
{
    for (const auto& model : snapshot.models)
        for (const auto& target : model.targets)
            if (auto& breaker = target.state->breaker; breaker.forced() != target.forced)
                breaker.force(target.forced);
}

build_result build(
    const document& document,
    const overrides& overrides,
    std::uint64_t version,
    const snapshot_ptr& previous,
    observe::catalogue& catalogue)
{
    build_result result;
    auto settings = std::make_shared<snapshot>(document.settings);
    settings->version = version;
    settings->anonymous.id = "anonymous";
    settings->anonymous.tenant = "default";
    settings->anonymous.models = {"*"};
    settings->anonymous.metric = observe::other_id;
    apply(overrides, *settings, result.ignored);
    apply_breakers(overrides, *settings, result.ignored);
    std::ranges::move(lay_over(overrides.keys, *settings), std::back_inserter(result.ignored));
    if (auto& jwt = settings->jwt; jwt && jwt->url && jwt->url->url == overrides.fetched.url)
        jwt->keys = overrides.fetched.keys;
    name_and_split(*settings, catalogue);
    carry_over_targets(*settings, previous);
    carry_over_shadows(*settings, previous, catalogue);
    carry_over_credentials(*settings, previous);
    carry_over_quotas(*settings, previous);
    settings->index();
    result.snapshot = std::move(settings);
    return result;
}

}  // namespace sluice::config
