#include "tree.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace sluice::config {
namespace {

void merge_one(node& map, const node& from)
{
    std::unordered_set<std::string> own;
    for (const auto& member : map.members)
        own.insert(member.name);
    for (const auto& member : from.members)
        if (!own.contains(member.name))
            map.members.push_back(member);
}

}  // namespace

void refuse_duplicates(node& map, complaints& complaints)
{
    std::unordered_map<std::string, std::size_t> first;
    std::erase_if(map.members, [&](const member& member) {
        const auto [found, fresh] = first.emplace(member.name, member.line);
        if (!fresh)
            complaints.add(
                member.line,
                member.column,
                shown_name(member.name),
                "stands twice, first in line " + std::to_string(found->second));
        return !fresh;
    });
}

void merge(node& map, complaints& complaints)
{
    const auto found = std::find_if(
        map.members.begin(), map.members.end(), [](const member& one) { return one.name == "<<"; });
    if (found == map.members.end())
        return;
    const member merged = std::move(*found);
    map.members.erase(found);
    std::vector<const node*> maps;
    if (merged.value.is == node::kind::sequence)
        for (const auto& one : merged.value.members)
            maps.push_back(&one.value);
    else
        maps.push_back(&merged.value);
    for (const node* one : maps) {
        if (one->is == node::kind::map)
            merge_one(map, *one);
        else
            complaints.add(
                one->line, one->column, "<<", "takes an alias of a map, or a list of them");
    }
}

}  // namespace sluice::config
