#include <sluice/server/handover_places.hpp>
#include <sluice/server/json_writer.hpp>
#include <sluice/server/quotas.hpp>

#include <simdjson.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::server {

kept_places::kept_places(const config::snapshot& of, std::size_t idle)
{
    each_quota(of, [&](const std::string& name, const config::quota& quota) {
        if (!quota.limits.concurrent)
            return;
        auto& state = *quota.state;
        const auto inside = state.in_flight.load();
        const auto most = std::min(*quota.limits.concurrent, state.places.load());
        const auto free = most > inside ? most - inside : 0;
        auto& made = all_.emplace_back();
        made.name = name;
        made.state = quota.state;
        keep(made, inside + (free + (idle > 0 ? 1 : 0)) / 2);
    });
}

// First the bound, then the count, as policy::enter() does it the other way round: whatever it lets
// in beside the bound is in the count.
void kept_places::keep(one& of, std::uint32_t most)
{
    of.most = most;
    of.state->places.store(most);
    of.told = std::max(most, of.state->in_flight.load());
}

std::string kept_places::text() const
{
    json_writer out;
    out.begin_object();
    for (const auto& each : all_)
        if (each.told > 0)
            out.key(each.name).count(each.told);
    return out.end_object().str();
}

std::string kept_places::give_back(std::size_t idle)
{
    json_writer out;
    out.begin_object();
    bool changed = false;
    for (auto& each : all_) {
        const auto before = each.told;
        const auto needed = std::uint64_t{each.state->in_flight.load()} + idle;
        keep(each, static_cast<std::uint32_t>(std::min<std::uint64_t>(each.most, needed)));
        if (each.told == before)
            continue;
        out.key(each.name).count(each.told);
        changed = true;
    }
    out.end_object();
    return changed ? out.str() : std::string();
}

bool lent_places::begin(const config::snapshot& into, std::string_view text)
{
    each_quota(into, [&](const std::string& name, const config::quota& quota) {
        all_[name].state = quota.state;
    });
    const bool good = hear(text);
    std::erase_if(all_, [](const auto& each) { return each.second.count == 0; });
    return good;
}

bool lent_places::hear(std::string_view text)
{
    simdjson::dom::parser parser;
    simdjson::dom::object counts;
    if (parser.parse(text.data(), text.size()).get(counts) != simdjson::SUCCESS)
        return false;
    bool good = true;
    for (const auto& [name, value] : counts) {
        std::uint64_t count = 0;
        const auto known = all_.find(name);
        if (value.get(count) != simdjson::SUCCESS
            || count > std::numeric_limits<std::int32_t>::max())
            good = false;
        else if (known != all_.end())
            set(known->second, static_cast<std::uint32_t>(count));
    }
    return good;
}

void lent_places::end()
{
    for (auto& [name, each] : all_)
        set(each, 0);
    all_.clear();
}

void lent_places::set(one& of, std::uint32_t count)
{
    // Modulo 2^32: it may have become less or more.
    of.state->in_flight.fetch_add(count - std::exchange(of.count, count));
}

}  // namespace sluice::server
