#include "redis_scripts.hpp"
#include <sluice/state/place_shares.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::state {
namespace {

constexpr double fading = 0.8;     // of the peak, each turn
constexpr double room = 1.5;       // beyond it, so that more is not refused at once
constexpr unsigned wants_for = 4;  // turns
constexpr unsigned idle_after = 8;
constexpr unsigned unknown = 10;  // gateways, until they are counted
constexpr unsigned unused = 4;    // a part of nothing in use is a quarter of an even one
constexpr std::uint32_t unlimited = std::numeric_limits<std::uint32_t>::max();

std::uint32_t in_flight(const shared_places& of)
{
    return of.owner->in_flight.load(std::memory_order_relaxed);
}

}  // namespace

place_shares::place_shares(
    boost::asio::io_context& context,
    net::redis_client& client,
    rate_shares_settings settings,
    std::function<unsigned()> gateways)
    : client_(client),
      settings_(std::move(settings)),
      gateways_(std::move(gateways)),
      share_(std::string(share_script)),
      timer_(context)
{
}

void place_shares::watch(std::vector<shared_places> all)
{
    std::unordered_map<std::string, use> next;
    for (auto& which : all) {
        auto name = which.name;
        use one;
        one.idle_turns = idle_after;
        const auto known = uses_.find(name);
        const bool same = known != uses_.end() && known->second.which.owner == which.owner;
        if (same)
            one = std::move(known->second);
        one.which = std::move(which);
        give(one, same ? one.part : idle_part(one));
        next.insert_or_assign(std::move(name), std::move(one));
        if (same)
            uses_.erase(known);
    }
    uses_.swap(next);
    for (auto& [name, one] : next) {
        if (one.told)
            let_go(name, one);
        one.which.owner->places.store(unlimited, std::memory_order_relaxed);
    }
}

void place_shares::start()
{
    turn();
}

std::uint32_t place_shares::idle_part(const use& one) const
{
    const auto gateways = gateways_();
    const auto parts = gateways == 0 ? unknown : gateways * (gateways > 1 ? unused : 1);
    return std::max<std::uint32_t>(one.which.all / parts, 1);
}

void place_shares::turn()
{
    for (auto& [name, one] : uses_) {
        measure(one);
        const bool idle = one.idle_turns == idle_after;
        if (idle && one.told && !one.asking)
            let_go(name, one);
        give(one, one.told || !idle ? one.part : idle_part(one));
        if (!idle && !one.asking)
            tell(name, one);
    }
    timer_.expires_after(settings_.every);
    timer_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            turn();
    });
}

void place_shares::measure(use& one)
{
    const auto inside = in_flight(one.which);
    auto& wants = one.which.owner->wants_places;
    const bool refused =
        wants.load(std::memory_order_relaxed) && wants.exchange(false, std::memory_order_relaxed);
    if (refused)
        one.wants_turns = wants_for;
    else if (one.wants_turns > 0)
        --one.wants_turns;
    one.peak = std::max<double>(inside, one.peak * fading);
    one.idle_turns = inside > 0 || refused ? 0 : std::min(one.idle_turns + 1, idle_after);
}

void place_shares::tell(const std::string& name, use& one)
{
    one.asking = true;
    one.told = true;
    const auto whole = one.which.all;
    const auto demand =
        one.wants_turns > 0
            ? whole
            : static_cast<std::uint32_t>(std::min<double>(one.peak * room + 1, whole));
    client_.run(
        share_,
        {settings_.prefix + ":places:{" + name + '}'},
        {settings_.gateway,
         std::to_string(demand),
         std::to_string(settings_.gone.count()),
         std::to_string(whole),
         std::to_string(in_flight(one.which))},
        [this, name](const net::redis_answer& heard) {
            const auto found = uses_.find(name);
            if (found == uses_.end())
                return;
            auto& about = found->second;
            about.asking = false;
            if (heard.ok() && heard.reply.is == net::redis_reply::kind::integer)
                give(
                    about,
                    static_cast<std::uint32_t>(
                        std::clamp<std::int64_t>(heard.reply.number, 1, about.which.all)));
        });
}

void place_shares::give(use& one, std::uint32_t part) const
{
    one.part = std::clamp<std::uint32_t>(part, 1, std::max(one.which.all, 1U));
    auto places = one.part;
    if (!client_.up() && one.which.on_failure == config::store_failure::refuse)
        places = 0;
    else if (!client_.up() && one.which.on_failure == config::store_failure::local)
        places = unlimited;
    one.which.owner->places.store(places, std::memory_order_relaxed);
}

void place_shares::let_go(const std::string& name, use& one)
{
    one.told = false;
    client_.run(
        share_,
        {settings_.prefix + ":places:{" + name + '}'},
        {settings_.gateway, "-1", "1", "1", "0"},
        [](const net::redis_answer&) {});
}

}  // namespace sluice::state
