#include <sluice/state/spread.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice::state {
namespace {

bool fits(std::string_view name, std::string_view value)
{
    return !name.empty() && name.size() <= spread_list::max_name_bytes
           && value.size() <= spread_list::max_value_bytes;
}

auto rank(const spread_item& item) noexcept
{
    return std::tie(item.born, item.withdrawn, item.version, item.gateway);
}

// As this version writes it.
spread_item modern(spread_item item) noexcept
{
    if (item.withdrawn)
        item.born = item.version;
    return item;
}

}  // namespace

bool supersedes(const spread_item& a, const spread_item& b) noexcept
{
    return rank(a) > rank(b);
}

spread_list::spread_list(std::string gateway)
    : gateway_(std::move(gateway))
{
}

bool spread_list::change(
    std::string_view name, std::string_view value, bool withdrawn, std::uint64_t now)
{
    const auto* known = find(name);
    if (!fits(name, value) || (known == nullptr && entries_.size() >= max_items))
        return false;
    entry next;
    next.item.name = name;
    next.item.value = value;
    next.item.withdrawn = withdrawn;
    next.item.gateway = gateway_;
    if (known == nullptr) {
        next.item.version = std::clamp(now, oldest, max_version - 1);
    } else {
        const auto& was = known->item;
        if (was.value == value && !was.withdrawn && !withdrawn)
            return false;
        next.item.version = std::min(std::max(now, was.version + 1), max_version - 1);
        next.item.born = was.withdrawn ? was.version + 1 : was.born;
        next.from = known->pending ? known->from : was.version;
    }
    next.pending = true;
    next.item = modern(std::move(next.item));
    put(std::move(next));
    return true;
}

spread_list::merged spread_list::merge(spread_item theirs)
{
    if (!fits(theirs.name, theirs.value) || theirs.version == 0 || theirs.version >= max_version
        || theirs.born > theirs.version)
        return {.what = outcome::refused};
    theirs = modern(std::move(theirs));
    const auto known = entries_.find(theirs.name);
    if (known == entries_.end()) {
        if (entries_.size() >= max_items)
            return {.what = outcome::refused};
        put({.item = std::move(theirs)});
        return {.what = outcome::taken};
    }
    auto& ours = known->second;
    const bool differs = ours.item.value != theirs.value;
    if (supersedes(theirs, ours.item)) {
        const bool conflict = ours.pending && differs;
        put({.item = std::move(theirs)});
        return {.what = outcome::taken, .conflict = conflict};
    }
    if (!supersedes(ours.item, theirs)) {
        set_pending(ours, false);
        return {};
    }
    const bool conflict = ours.pending && differs && theirs.version != ours.from;
    set_pending(ours, true);
    ours.from = theirs.version;
    return {.what = outcome::ours, .conflict = conflict};
}

void spread_list::spread(std::string_view name, std::uint64_t version)
{
    const auto found = entries_.find(name);
    if (found != entries_.end() && found->second.item.version == version)
        set_pending(found->second, false);
}

void spread_list::all_pending()
{
    for (auto& [name, each] : entries_)
        make_pending(name);
}

// That nobody has it is no reason to call what somebody has next a conflict.
void spread_list::make_pending(std::string_view name)
{
    const auto found = entries_.find(name);
    if (found == entries_.end() || found->second.pending)
        return;
    found->second.from = found->second.item.version;
    set_pending(found->second, true);
}

std::vector<spread_item> spread_list::forget(std::uint64_t now)
{
    std::vector<spread_item> gone;
    for (auto at = entries_.begin(); at != entries_.end();) {
        auto& [item, pending, from] = at->second;
        if (!item.value.empty() || pending || item.version + remember_gone >= now) {
            ++at;
            continue;
        }
        sum_ = (sum_ + max_version - item.version) % max_version;
        gone.push_back(std::move(item));
        at = entries_.erase(at);
    }
    return gone;
}

void spread_list::restore(entry stored)
{
    stored.item = modern(std::move(stored.item));
    if (fits(stored.item.name, stored.item.value) && stored.item.version < max_version)
        put(std::move(stored));
}

const spread_list::entry* spread_list::find(std::string_view name) const noexcept
{
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
}

void spread_list::put(entry next)
{
    auto& at = entries_[next.item.name];
    sum_ = (sum_ + next.item.version + max_version - at.item.version) % max_version;
    pending_ += next.pending ? 1U : 0U;
    pending_ -= at.pending ? 1U : 0U;
    at = std::move(next);
}

void spread_list::set_pending(entry& of, bool pending) noexcept
{
    pending_ += pending ? 1U : 0U;
    pending_ -= of.pending ? 1U : 0U;
    of.pending = pending;
}

}  // namespace sluice::state
