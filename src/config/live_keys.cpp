#include "read.hpp"
#include <sluice/base/text.hpp>
#include <sluice/config/key.hpp>
#include <sluice/config/live_keys.hpp>

#include <simdjson.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace sluice::config {
namespace {

constexpr std::string_view above = "keys[0].";

// {"keys": [the object]}, with what the admin API does not let one choose.
node as_file(node object, complaints& found)
{
    std::erase_if(object.members, [&](const member& one) {
        const bool ours = one.name == "id" || one.name == "hash";
        if (ours)
            found.add(1, 1, std::string(above) + one.name, "is not set here");
        return ours;
    });
    for (const auto& [name, text] :
         {std::pair<std::string, std::string>{"id", "live"}, {"hash", hash_text({})}}) {
        member one{.name = name, .value = {}};
        one.value.is = node::kind::scalar;
        one.value.text = text;
        object.members.push_back(std::move(one));
    }
    node list;
    list.is = node::kind::sequence;
    list.members.push_back({.name = {}, .value = std::move(object)});
    node root;
    root.is = node::kind::map;
    root.members.push_back({.name = "keys", .value = std::move(list)});
    return root;
}

std::string text_of(const complaint& one)
{
    std::string_view key = one.key;
    if (key.starts_with(above))
        key.remove_prefix(above.size());
    return (key.empty() ? "" : std::string(key) + ": ") + one.what;
}

bool about_models(const std::string& complaint)
{
    return complaint.starts_with("models") || complaint.starts_with("budget.models");
}

enum class nulls : std::uint8_t { take_away, stay };

std::string merged(
    const simdjson::dom::object* before, simdjson::dom::object patch, nulls what_nulls_do)
{
    std::map<std::string, std::string, std::less<>> members;
    if (before != nullptr)
        for (const auto [name, value] : *before)
            members[std::string(name)] = simdjson::to_string(value);
    for (const auto [name, value] : patch) {
        simdjson::dom::object inner;
        simdjson::dom::object known;
        if (value.is_null() && what_nulls_do == nulls::take_away)
            members.erase(std::string(name));
        else if (value.get(inner) != simdjson::SUCCESS)
            members[std::string(name)] = simdjson::to_string(value);
        else if (before != nullptr && (*before)[name].get(known) == simdjson::SUCCESS)
            members[std::string(name)] = merged(&known, inner, what_nulls_do);
        else
            members[std::string(name)] = merged(nullptr, inner, what_nulls_do);
    }
    std::string out = "{";
    for (const auto& [name, value] : members)
        out += (out.size() == 1 ? "\"" : ",\"") + json_escaped(name) + "\":" + value;
    return out + '}';
}

std::string merged(std::string_view before, std::string_view patch, nulls what_nulls_do)
{
    simdjson::dom::parser first;
    simdjson::dom::parser second;
    simdjson::dom::object was;
    simdjson::dom::object changes;
    if (first.parse(simdjson::padded_string(before)).get(was) != simdjson::SUCCESS
        || second.parse(simdjson::padded_string(patch)).get(changes) != simdjson::SUCCESS)
        return {};
    return merged(&was, changes, what_nulls_do);
}

// The secrets of a key of the file with what was done to it since.
std::vector<key_secret> laid_over(const live_key& live, const std::vector<key_secret>& file)
{
    auto result = live.secrets;
    for (const auto& secret : file) {
        const auto retired = std::ranges::find(live.retired, secret.hash, &key_secret::hash);
        result.push_back(retired == live.retired.end() ? secret : *retired);
    }
    return result;
}

}  // namespace

std::vector<std::string> read_key_settings(std::string_view json, const snapshot& file, key& into)
{
    complaints found{.file = {}, .list = {}};
    node object = parse_tree(json, found);
    if (object.is == node::kind::map) {
        node root = as_file(std::move(object), found);
        check_shape(root, found);
        const place top(root, found);
        read_key(top["keys"].elements().front(), file, into);
    } else if (found.list.empty()) {
        found.add(1, 1, "", "a key's settings are a JSON object");
    }
    std::vector<std::string> texts;
    std::ranges::transform(found.list, std::back_inserter(texts), text_of);
    return texts;
}

std::string with_changes(std::string_view settings, std::string_view changes)
{
    return merged(settings, changes, nulls::take_away);
}

std::string changes_together(std::string_view changes, std::string_view more)
{
    return merged(changes, more, nulls::stay);
}

std::vector<std::string> parse_settings(live_keys& keys, const snapshot& file)
{
    std::vector<std::string> wrong;
    for (auto& [id, live] : keys.by_id) {
        live.parsed = {};
        for (const auto& complaint : read_key_settings(live.settings, file, live.parsed)) {
            if (about_models(complaint))
                continue;
            live.parsed.disabled = true;
            wrong.push_back("key " + id + " lets nobody in: " + complaint);
        }
    }
    return wrong;
}

std::vector<std::string> lay_over(const live_keys& keys, snapshot& settings)
{
    std::vector<std::string> passed_over;
    std::set<std::string> of_file;
    for (auto& key : settings.keys) {
        of_file.insert(key.id);
        const auto over = keys.by_id.find(key.id);
        if (over == keys.by_id.end())
            continue;
        if (over->second.of_file) {
            key.secrets = laid_over(over->second, key.secrets);
            key.disabled = key.disabled || over->second.disabled;
        } else {
            passed_over.push_back("live key " + key.id + ": the file has a key of this id now");
        }
    }
    for (const auto& [id, live] : keys.by_id) {
        if (live.of_file || of_file.contains(id))
            continue;
        key made = live.parsed;
        made.id = id;
        made.live = true;
        made.secrets = live.secrets;
        made.disabled = made.disabled || live.disabled;
        std::erase_if(made.model_budgets, [&](const auto& budget) {
            return std::ranges::find(settings.models, budget.model, &model::name)
                   == settings.models.end();
        });
        settings.keys.push_back(std::move(made));
    }
    settings.closed = settings.closed || keys.closed;
    return passed_over;
}

}  // namespace sluice::config
