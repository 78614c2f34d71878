#include "read.hpp"
#include <sluice/config/key.hpp>

#include <algorithm>
#include <unordered_set>

namespace sluice::config {
namespace {

constexpr std::size_t most_models = 10'000;

void check_model(const place& at, const std::string& name, const snapshot& settings)
{
    if (!check_model_name(at, name))
        return;
    if (const auto star = name.find('*'); star != std::string::npos) {
        if (star + 1 != name.size())
            at.complain("a * is only allowed at the end of a name");
        return;
    }
    if (settings.find_model(name) != nullptr)
        return;
    // Not aliases: those may come out of ${...}, which no complaint shows.
    std::vector<std::string_view> known;
    for (const auto& model : settings.models)
        known.push_back(model.name);
    at.complain_unknown(at.shown() + " is no model and no alias", known);
}

void read_key_models(const place& at, key& key, const snapshot& settings)
{
    const auto elements = at.elements();
    if (!check_length(at, elements.size(), most_models))
        return;
    if (!at.present())
        key.models = {"*"};
    else if (at.given() && elements.empty())
        at.complain(
            "a key that may use no model is of no use; allowed: a model, an alias, prefix* or *");
    for (const auto& one : elements) {
        if (!one.given())
            continue;
        key.models.push_back(one.text());
        check_model(one, key.models.back(), settings);
    }
}

}  // namespace

void read_key(const place& at, const snapshot& settings, key& key)
{
    key.tenant = at["tenant"].text();
    check_name(at["tenant"], key.tenant);
    if (const auto expires = at["expires"]; expires.given()) {
        key.expires = parse_time(expires.text());
        if (!key.expires)
            expires.complain_value("does not fit");
    }
    read_key_models(at["models"], key, settings);
    read_limits(at["limits"], key);
    read_budget(at["budget"], key.budget);
    read_model_budgets(at["budget"]["models"], settings, key);
    key.may_choose_target = at["may_choose_target"].boolean();
}

void read_keys(const place& root, snapshot& settings)
{
    std::unordered_set<std::string> ids;
    std::unordered_set<std::string> hashes;
    for (const auto& at : root["keys"].elements()) {
        if (!at.given())
            continue;
        key key;
        if (const auto id = at["id"]; id.given()) {
            key.id = id.text();
            if (check_name(id, key.id) && !ids.insert(key.id).second)
                id.complain("another key has the same id");
        }
        const auto hash = at["hash"];
        if (!hash.present() && !settings.jwt)
            hash.complain("is missing, allowed: " + allowed(*find_row("keys[].hash")));
        if (hash.given()) {
            if (const auto parsed = parse_hash(hash.text())) {
                key.secrets.push_back({.hash = *parsed});
                if (!hashes.insert(hash.text()).second)
                    hash.complain("another key has the same hash");
            } else {
                // Without the value: it may be the key itself.
                hash.complain("that is no hash, allowed: " + allowed(*find_row("keys[].hash")));
            }
        }
        read_key(at, settings, key);
        settings.keys.push_back(std::move(key));
    }
}

}  // namespace sluice::config
