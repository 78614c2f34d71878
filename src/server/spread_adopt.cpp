// What other gateways changed comes into force here.
#include <sluice/server/spread.hpp>

#include <algorithm>
#include <utility>

namespace sluice::server {
namespace {

using state::rollout_prefix;
using state::spread_item;

origin from(const std::string& gateway)
{
    return {.actor = "gateway " + gateway, .remote = {}, .path = {}, .reason = "changed there"};
}

std::uint64_t wall_ms()
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::max<std::int64_t>(std::chrono::duration_cast<milliseconds>(now).count(), 1));
}

}  // namespace

// In the book on the disk first: after a crash in between, the start brings it into force.
void spread::adopt_taken()
{
    const auto names = std::exchange(taken_, {});
    if (names.empty())
        return;
    if (const auto ec = parts_.book.save())
        parts_.log.error("change_not_durable", ec.message(), {{"what", "what is spread"}});
    adopt(names);
}

// The rollouts last: their weights are there then.
void spread::adopt(std::span<const std::string> names)
{
    const auto& list = parts_.book.list();
    std::map<std::string, std::vector<const spread_item*>> live;
    std::vector<spread_item> canaries;
    for (const auto& name : names) {
        const auto* known = list.find(name);
        if (known == nullptr)
            continue;
        if (name.starts_with(rollout_prefix))
            canaries.push_back(known->item);
        else
            live[known->item.gateway].push_back(&known->item);
    }
    for (const auto& [gateway, items] : live) {
        const auto result = parts_.control.adopt(items, from(gateway));
        numbers_.taken += result.changed;
        for (const auto* item : items)
            if (std::ranges::find(result.left_out, item) != result.left_out.end())
                left_out(*item);
            else
                unfit_.erase(item->name);
    }
    for (const auto& item : canaries) {
        const auto model = item.name.substr(rollout_prefix.size());
        using followed = rollouts::followed;
        const auto what = parts_.rollouts.follow(model, item.value, from(item.gateway));
        numbers_.taken += what == followed::changed ? 1U : 0U;
        if (what == followed::unfit)
            left_out(item);
        else
            unfit_.erase(item.name);
    }
}

void spread::left_out(const spread_item& item)
{
    auto& told = unfit_[item.name];
    if (std::exchange(told, item.version) != item.version)
        parts_.log.warn(
            "spread_unfit",
            "fits nothing in the file of this gateway, or cannot be written: kept, not in force",
            {{"item", item.name}, {"gateway", item.gateway}});
}

// What has come to fit since, and what need not be remembered any more.
void spread::reconcile()
{
    reconciled_at_ = steady::now();
    auto& list = parts_.book.list();
    std::vector<std::string> names;
    for (const auto& [name, entry] : list.all())
        if (!name.starts_with("key ") && !name.starts_with(state::rollout_prefix))
            names.push_back(name);
    for (const auto& [name, version] : unfit_)
        if (name.starts_with("key ") || name.starts_with(state::rollout_prefix))
            names.push_back(name);
    adopt(names);
    const auto gone = list.forget(wall_ms());
    if (gone.empty())
        return;
    (void)parts_.book.save();  // if it cannot: they are forgotten again
    parts_.ask(redis_.forget(gone), [](const net::redis_answer&) {});
}

}  // namespace sluice::server
