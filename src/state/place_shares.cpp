#include <sluice/state/place_shares.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::state {
namespace {

constexpr double fading = 0.8;      // of the peak, each turn
constexpr double place_room = 1.5;  // beyond it, so that more is not refused at once
constexpr unsigned wants_for = 4;   // turns
constexpr unsigned unknown = 10;    // gateways, until they are counted
constexpr unsigned unused = 4;      // a part of nothing in use is a quarter of an even one
constexpr std::uint32_t unlimited = std::numeric_limits<std::uint32_t>::max();

std::uint32_t in_flight(const shared_places& of)
{
    return of.owner->in_flight.load(std::memory_order_relaxed);
}

template <class Use>
share_demand place_demand(const Use& one)
{
    const auto whole = one.which.all;
    const auto wanted =
        one.wants_turns > 0
            ? whole
            : static_cast<std::uint32_t>(std::min<double>(one.peak * place_room + 1, whole));
    return {.wanted = wanted, .whole = whole, .in_use = in_flight(one.which)};
}

}  // namespace

place_shares::place_shares(
    boost::asio::io_context& context,
    net::redis_client& client,
    share_settings settings,
    std::function<unsigned()> gateways)
    : frame_(context, client, std::move(settings), "places", std::move(gateways))
{
}

void place_shares::watch(std::vector<shared_places> all)
{
    frame_.watch(
        std::move(all),
        [](const use& known, const shared_places& which) {
            return known.which.owner == which.owner;
        },
        [this](use& one) { give(one, idle_part(one)); },
        [](use& one) { one.which.owner->places.store(unlimited, std::memory_order_relaxed); });
    // The whole may be another one than before.
    for (auto& [name, one] : frame_.all())
        give(one, one.part);
}

void place_shares::start()
{
    turn();
}

std::uint32_t place_shares::idle_part(const use& one) const
{
    const auto gateways = frame_.gateways();
    const auto parts = gateways == 0 ? unknown : gateways * (gateways > 1 ? unused : 1);
    return std::max<std::uint32_t>(one.which.all / parts, 1);
}

void place_shares::turn()
{
    for (auto& [name, one] : frame_.all()) {
        measure(one);
        frame_.speak(name, one, place_demand<use>, [this](use& about, std::int64_t part) {
            give(
                about,
                static_cast<std::uint32_t>(std::clamp<std::int64_t>(part, 1, about.which.all)));
        });
        give(one, one.told ? one.part : idle_part(one));
    }
    frame_.after(frame_.settings().every, [this] { turn(); });
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
    one.used_now(inside > 0 || refused);
}

void place_shares::give(use& one, std::uint32_t part) const
{
    one.part = std::clamp<std::uint32_t>(part, 1, std::max(one.which.all, 1U));
    const auto places = frame_.in_force(one.part, one.which.on_failure, unlimited);
    one.which.owner->places.store(places, std::memory_order_relaxed);
}

}  // namespace sluice::state
