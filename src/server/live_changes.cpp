#include "live_changes.hpp"

#include <sluice/config/render.hpp>
#include <sluice/policy/split.hpp>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <set>
#include <string_view>

namespace sluice::server {
namespace {

bool made_for(const std::vector<config::target_weight>& live, const config::model& model)
{
    std::set<std::string_view> wanted;
    std::set<std::string_view> there;
    for (const auto& one : live)
        wanted.insert(one.target);
    for (const auto& target : model.targets)
        there.insert(target.name);
    return wanted == there;
}

// A live change names every target of its model, so that one can tell whether it was made for the
// targets the file has now.
std::vector<config::target_weight> named(
    const config::model& model, const std::vector<double>& weights)
{
    std::vector<config::target_weight> out;
    for (std::size_t i = 0; i < weights.size(); ++i)
        out.push_back({model.targets[i].name, weights[i]});
    return out;
}

// Whether somebody took all traffic off a canary to which the model gives some.
bool takes_off_canary(const std::vector<config::target_weight>& live, const config::model& model)
{
    if (!model.canary || model.targets.size() < 2)
        return false;
    const auto& canary = model.targets[*model.canary];
    const auto at = std::ranges::find(live, canary.name, &config::target_weight::target);
    return canary.weight > 0 && at != live.end() && at->weight == 0;
}

void drop_weights(
    const config::snapshot& file, config::overrides& live, std::vector<std::string>& dropped)
{
    std::erase_if(live.weights, [&](const auto& one) {
        const auto& [name, weights] = one;
        const auto model = std::ranges::find(file.models, name, &config::model::name);
        if (model != file.models.end() && made_for(weights, *model))
            return false;
        const bool off = model != file.models.end() && takes_off_canary(weights, *model);
        dropped.push_back(
            "the live weights of model '" + name + "' are dropped: "
            + (model == file.models.end() ? "the file no longer has the model"
                                          : "the file has changed its targets")
            + (off ? "; its canary stays without traffic" : ""));
        return !off;
    });
    for (auto& [name, weights] : live.weights) {
        const auto& model = *std::ranges::find(file.models, name, &config::model::name);
        if (!made_for(weights, model))
            weights =
                named(model, policy::with_canary_percent(weights_of(model), *model.canary, 0));
    }
}

// Whether nothing is left for the others.
bool all_at_canary(const config::model& model, const std::vector<double>& weights)
{
    return model.canary && total(weights) == weights[*model.canary];
}

}  // namespace

std::vector<double> weights_of(const config::model& model)
{
    std::vector<double> weights;
    std::ranges::transform(
        model.targets, std::back_inserter(weights), [](const auto& one) { return one.weight; });
    return weights;
}

double total(const std::vector<double>& weights)
{
    return std::accumulate(weights.begin(), weights.end(), 0.0);
}

std::vector<double> weights_to_share(
    const config::model& model, const config::snapshot& file, const config::overrides& live)
{
    auto weights = weights_of(model);
    if (!all_at_canary(model, weights))
        return weights;
    const auto aside = live.aside.find(model.name);
    if (aside == live.aside.end())
        return weights_of(*model_called(file, model.name));
    for (const auto& [target, weight] : aside->second)
        for (std::size_t i = 0; i < weights.size(); ++i)
            if (model.targets[i].name == target)
                weights[i] = weight;
    return weights;
}

void lay_weights(
    const config::model& model, const std::vector<double>& weights, config::overrides& live)
{
    const auto before = weights_of(model);
    if (!all_at_canary(model, weights))
        live.aside.erase(model.name);
    else if (!all_at_canary(model, before))
        live.aside[model.name] = named(model, before);
    live.weights[model.name] = named(model, weights);
}

std::vector<std::string> texts_of(const std::vector<config::complaint>& complaints)
{
    std::vector<std::string> texts;
    std::ranges::transform(
        complaints, std::back_inserter(texts), [](const auto& one) { return to_string(one); });
    return texts;
}

const config::model* model_called(const config::snapshot& snapshot, std::string_view name)
{
    const auto found = std::ranges::find_if(snapshot.models, [&](const config::model& model) {
        return model.name == name || std::ranges::find(model.aliases, name) != model.aliases.end();
    });
    return found == snapshot.models.end() ? nullptr : &*found;
}

std::vector<std::string> drop_what_does_not_fit(
    const config::snapshot& file, config::overrides& live)
{
    std::vector<std::string> dropped;
    drop_weights(file, live, dropped);
    std::erase_if(live.aside, [&](const auto& one) {
        const auto& [name, weights] = one;
        const auto model = std::ranges::find(file.models, name, &config::model::name);
        if (model != file.models.end() && made_for(weights, *model))
            return false;
        dropped.push_back(
            "what the targets of model '" + name
            + "' had before all went to its canary is forgotten: the file has changed them");
        return true;
    });
    for (auto& [name, breakers] : live.breakers) {
        const auto model = std::ranges::find(file.models, name, &config::model::name);
        std::erase_if(breakers, [&, &of = name](const auto& one) {
            const auto& wanted = one.first;
            const bool there = model != file.models.end()
                               && std::ranges::find(model->targets, wanted, &config::target::name)
                                      != model->targets.end();
            if (!there)
                dropped.push_back(
                    "the breaker of '" + wanted + "' of model '" + of
                    + "' is left to itself: the file no longer has the target");
            return !there;
        });
    }
    std::erase_if(live.breakers, [](const auto& one) { return one.second.empty(); });
    return dropped;
}

std::vector<std::string> waiting_for_restart(
    const config::snapshot& at_start, const config::snapshot& now)
{
    std::vector<std::string> keys;
    for (const auto& change : config::difference(at_start, now))
        if (change.after_restart)
            keys.push_back(change.key);
    return keys;
}

}  // namespace sluice::server
