#include "describe.hpp"
#include <sluice/base/text.hpp>
#include <sluice/config/render.hpp>

#include <map>

namespace sluice::config {
namespace {

void write(const description& value, std::string& out)
{
    if (value.is == description::kind::leaf) {
        out += value.json;
        return;
    }
    const bool object = value.is == description::kind::object;
    out += object ? '{' : '[';
    bool first = true;
    for (const auto& [name, member] : value.members) {
        if (!first)
            out += ',';
        first = false;
        if (object)
            out += '"' + json_escaped(name) + "\":";
        write(member, out);
    }
    out += object ? '}' : ']';
}

struct flat {
    std::string json;
    bool after_restart = false;
};

void flatten(const description& value, const std::string& path, std::map<std::string, flat>& out)
{
    if (value.is == description::kind::leaf) {
        out.emplace(path, flat{value.json, value.after_restart});
        return;
    }
    for (const auto& [name, member] : value.members) {
        if (value.is == description::kind::list)
            flatten(member, path + '[' + name + ']', out);
        else
            flatten(member, path + (path.empty() ? "" : ".") + name, out);
    }
}

}  // namespace

std::string render(const snapshot& snapshot)
{
    std::string out;
    write(describe(snapshot), out);
    return out;
}

std::string render(const key& key)
{
    std::string out;
    write(describe(key), out);
    return out;
}

std::vector<change> difference(const snapshot& before, const snapshot& after)
{
    std::map<std::string, flat> was;
    std::map<std::string, flat> is;
    flatten(describe(before), "", was);
    flatten(describe(after), "", is);
    std::map<std::string, change> changes;
    for (const auto& [key, value] : was)
        if (!is.contains(key))
            changes[key] = {
                .key = key, .from = value.json, .to = {}, .after_restart = value.after_restart};
    for (const auto& [key, value] : is) {
        const auto old = was.find(key);
        if (old == was.end() || old->second.json != value.json)
            changes[key] = {
                .key = key,
                .from = old == was.end() ? std::string() : old->second.json,
                .to = value.json,
                .after_restart = value.after_restart};
    }
    std::vector<change> list;
    for (auto& [key, change] : changes)
        list.push_back(std::move(change));
    return list;
}

std::string to_string(const change& change)
{
    const auto shown = [](const std::string& json) { return json.empty() ? "(nothing)" : json; };
    return change.key + ": " + shown(change.from) + " -> " + shown(change.to)
           + (change.after_restart ? " (takes effect after a restart)" : "");
}

}  // namespace sluice::config
