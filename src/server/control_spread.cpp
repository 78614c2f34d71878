// Live changes that were made at another gateway.
#include "live_changes.hpp"
#include <sluice/server/control.hpp>

#include <algorithm>
#include <utility>

namespace sluice::server {

// False: the file has nothing it would fit, or it is not what a gateway writes.
bool control::lay(const state::spread_item& item, config::overrides& live) const
{
    config::overrides alone;
    if (!state::lay_over(alone, item.name, item.value))
        return false;
    if (!drop_what_does_not_fit(file_.settings, alone).empty())
        return false;
    for (const auto& wrong : config::parse_settings(alone.keys, file_.settings))
        parts_.log.error("live_key_unusable", wrong);
    (void)state::lay_over(live, item.name, item.value);
    for (auto& [id, key] : alone.keys.by_id)
        live.keys.by_id.insert_or_assign(id, std::move(key));
    return true;
}

adoption control::adopt(std::span<const state::spread_item* const> items, const origin& by)
{
    adoption result;
    result.report.version = current_->version;
    std::vector<const state::spread_item*> changed;
    for (const auto* item : items)
        if (state::value_in(live_, item->name) != item->value)
            changed.push_back(item);
    if (changed.empty())
        return result;
    auto live = live_;
    auto asked = by;
    for (const auto* item : changed) {
        const bool laid = lay(*item, live);
        if (!laid)
            result.left_out.push_back(item);
        asked.must_apply = asked.must_apply || (laid && item->withdrawn);
    }
    if (live == live_)
        return result;
    // They are known as what they were there; written down here they would be news.
    result.report =
        apply({.live = std::move(live), .file = file_, .action = "adopt", .spreads = false}, asked);
    if (result.report.refused != refusal::none) {
        result.left_out = std::move(changed);
        return result;
    }
    result.changed = changed.size() - result.left_out.size();
    return result;
}

}  // namespace sluice::server
