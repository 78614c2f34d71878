#include "litellm_members.hpp"

#include <sluice/config/units.hpp>

#include <algorithm>
#include <utility>

namespace sluice {

using kind = config::node::kind;

litellm_members::litellm_members(const config::node* of, std::string path, left_out& into)
    : node_(of),
      path_(std::move(path)),
      left_(into)
{
    if (node_ != nullptr && node_->is == kind::null)
        node_ = nullptr;
    if (node_ == nullptr || node_->is == kind::map)
        return;
    left_.push_back(path_ + " (line " + std::to_string(node_->line) + "): is not a mapping");
    node_ = nullptr;
}

const config::member* litellm_members::find(const std::string& name) const
{
    if (node_ == nullptr)
        return nullptr;
    const auto found = std::ranges::find(node_->members, name, &config::member::name);
    return found == node_->members.end() ? nullptr : &*found;
}

const config::node* litellm_members::take(const std::string& name, kind is, std::string_view what)
{
    taken_.insert(name);
    const auto* found = find(name);
    if (found == nullptr || found->value.is == kind::null)
        return nullptr;
    if (found->value.is == is)
        return &found->value;
    leave(name, "is not " + std::string(what));
    return nullptr;
}

const config::node* litellm_members::list(const std::string& name)
{
    return take(name, kind::sequence, "a list");
}

const config::node* litellm_members::map(const std::string& name)
{
    return take(name, kind::map, "a mapping");
}

std::optional<std::string> litellm_members::text(const std::string& name)
{
    const auto* found = take(name, kind::scalar, "a single value");
    return found == nullptr ? std::nullopt : std::optional(found->text);
}

std::optional<double> litellm_members::number(const std::string& name, double least, double most)
{
    auto given = text(name);
    if (!given)
        return std::nullopt;
    std::erase(*given, '_');  // YAML 1.1, which LiteLLM reads, has them between digits
    const auto found = config::parse_number(*given);
    if (found && *found >= least && *found <= most)
        return found;
    leave(
        name,
        "is not a number from " + config::format_decimal(least) + " to "
            + config::format_decimal(most));
    return std::nullopt;
}

std::optional<std::uint64_t> litellm_members::count(
    const std::string& name, std::uint64_t least, std::uint64_t most)
{
    auto given = text(name);
    if (!given)
        return std::nullopt;
    std::erase(*given, '_');
    const auto found = config::parse_whole_number(*given);
    if (found && *found >= least && *found <= most)
        return found;
    leave(
        name,
        "is not a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
}

void litellm_members::leave(const std::string& name, std::string_view why)
{
    const auto* found = find(name);
    const auto line = found == nullptr ? 0 : found->line;
    left_.push_back(
        (path_.empty() ? "" : path_ + '.') + name + " (line " + std::to_string(line)
        + "): " + std::string(why));
}

void litellm_members::finish()
{
    if (node_ == nullptr)
        return;
    for (const auto& member : node_->members)
        if (!taken_.contains(member.name))
            leave(member.name, "has no counterpart");
}

}  // namespace sluice
