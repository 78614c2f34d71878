#include <sluice/config/key.hpp>
#include <sluice/state/key_store.hpp>
#include <sluice/state/overrides.hpp>
#include <sluice/state/spread_items.hpp>

#include <algorithm>
#include <numeric>
#include <optional>

namespace sluice::state {
namespace {

using forced = policy::breaker::control;

constexpr std::string_view aside_prefix = "aside ";
constexpr std::string_view breaker_prefix = "breaker ";
constexpr std::string_view closed_name = "closed";

// "automatic" is a value like any other: an order that is taken back is a change.
std::string breaker_value(const config::overrides& live, std::string_view of)
{
    const auto space = of.rfind(' ');
    if (space == std::string_view::npos)
        return {};
    const auto model = live.breakers.find(of.substr(0, space));
    if (model == live.breakers.end())
        return R"("automatic")";
    const auto target = model->second.find(of.substr(space + 1));
    if (target == model->second.end())
        return R"("automatic")";
    return target->second == forced::open ? R"("open")" : R"("closed")";
}

bool lay_breaker(config::overrides& live, std::string_view of, std::string_view value)
{
    const auto space = of.rfind(' ');
    if (space == std::string_view::npos || !config::is_name(of.substr(space + 1)))
        return false;
    const std::string model(of.substr(0, space));
    const std::string target(of.substr(space + 1));
    if (value == R"("open")") {
        live.breakers[model][target] = forced::open;
    } else if (value == R"("closed")") {
        live.breakers[model][target] = forced::closed;
    } else if (value == R"("automatic")") {
        const auto at = live.breakers.find(model);
        if (at == live.breakers.end())
            return true;
        at->second.erase(target);
        if (at->second.empty())
            live.breakers.erase(at);
    } else {
        return false;
    }
    return true;
}

bool lay_weights(
    decltype(config::overrides::weights)& into, std::string_view model, std::string_view value)
{
    auto weights = weights_from_json(value);
    if (!weights || model.empty())
        return false;
    const auto sum =
        std::accumulate(weights->begin(), weights->end(), 0.0, [](double all, const auto& one) {
            return all + one.weight;
        });
    if (!(sum > 0) || sum > 1e300)
        return false;
    into[std::string(model)] = std::move(*weights);
    return true;
}

bool lay_aside(config::overrides& live, std::string_view model, std::string_view value)
{
    if (!value.empty())
        return lay_weights(live.aside, model, value);
    if (const auto at = live.aside.find(model); at != live.aside.end())
        live.aside.erase(at);
    return true;
}

bool lay_key(config::overrides& live, std::string_view id, std::string_view value)
{
    if (!config::is_name(id))
        return false;
    if (value.empty()) {
        if (const auto at = live.keys.by_id.find(id); at != live.keys.by_id.end())
            live.keys.by_id.erase(at);
        return true;
    }
    auto key = key_from_json(value);
    if (!key)
        return false;
    live.keys.by_id.insert_or_assign(std::string(id), std::move(*key));
    return true;
}

std::string part_of(std::string_view name, std::string_view prefix)
{
    return std::string(name.substr(prefix.size()));
}

// Names of what stands in either and is not the same in both.
template <class Map>
void differing(
    const Map& before, const Map& after, std::string_view prefix, std::vector<std::string>& names)
{
    for (const auto& [name, value] : after)
        if (const auto was = before.find(name); was == before.end() || !(was->second == value))
            names.push_back(std::string(prefix) + name);
    for (const auto& [name, value] : before)
        if (!after.contains(name))
            names.push_back(std::string(prefix) + name);
}

std::vector<std::string> names_of_changes(
    const config::overrides& before, const config::overrides& after)
{
    using targets = decltype(before.breakers)::mapped_type;
    std::vector<std::string> names;
    differing(before.weights, after.weights, weights_prefix, names);
    differing(before.aside, after.aside, aside_prefix, names);
    std::vector<std::string> models;
    differing(before.breakers, after.breakers, "", models);
    for (const auto& model : models) {
        const auto was = before.breakers.find(model);
        const auto is = after.breakers.find(model);
        const targets none;
        differing(
            was == before.breakers.end() ? none : was->second,
            is == after.breakers.end() ? none : is->second,
            std::string(breaker_prefix) + model + ' ',
            names);
    }
    differing(before.keys.by_id, after.keys.by_id, key_prefix, names);
    if (before.keys.closed != after.keys.closed)
        names.emplace_back(closed_name);
    return names;
}

}  // namespace

std::vector<live_change> changes_between(
    const config::overrides& before, const config::overrides& after, std::string_view withdraws)
{
    auto names = names_of_changes(before, after);
    if (!withdraws.empty() && std::ranges::find(names, withdraws) == names.end())
        names.emplace_back(withdraws);
    std::vector<live_change> changes;
    for (auto& name : names) {
        live_change one;
        one.value = value_in(after, name);
        one.withdrawn = name == withdraws;
        if (name.starts_with(key_prefix)) {
            const auto key = after.keys.by_id.find(part_of(name, key_prefix));
            one.withdrawn |= key == after.keys.by_id.end() || key->second.disabled;
        }
        one.name = std::move(name);
        changes.push_back(std::move(one));
    }
    return changes;
}

std::string value_in(const config::overrides& live, std::string_view name)
{
    if (name.starts_with(weights_prefix)) {
        const auto at = live.weights.find(part_of(name, weights_prefix));
        return at == live.weights.end() ? std::string() : to_json(at->second);
    }
    if (name.starts_with(aside_prefix)) {
        const auto at = live.aside.find(part_of(name, aside_prefix));
        return at == live.aside.end() ? std::string() : to_json(at->second);
    }
    if (name.starts_with(key_prefix)) {
        const auto at = live.keys.by_id.find(part_of(name, key_prefix));
        return at == live.keys.by_id.end() ? std::string() : to_json(at->second);
    }
    if (name.starts_with(breaker_prefix))
        return breaker_value(live, name.substr(breaker_prefix.size()));
    return name == closed_name && live.keys.closed ? "true" : "";
}

bool lay_over(config::overrides& live, std::string_view name, std::string_view value)
{
    if (name.starts_with(weights_prefix))
        return lay_weights(live.weights, name.substr(weights_prefix.size()), value);
    if (name.starts_with(aside_prefix))
        return lay_aside(live, name.substr(aside_prefix.size()), value);
    if (name.starts_with(breaker_prefix))
        return lay_breaker(live, name.substr(breaker_prefix.size()), value);
    if (name.starts_with(key_prefix))
        return lay_key(live, name.substr(key_prefix.size()), value);
    if (name != closed_name || value != "true")
        return false;
    live.keys.closed = true;
    return true;
}

}  // namespace sluice::state
