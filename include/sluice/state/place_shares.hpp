#pragma once
// How many requests each of several gateways may have in flight where a limit is one of requests at
// once: whole places, shared through Redis as rates are (rate_shares.hpp).
//
// A place that is in use is nobody else's until its request has ended, so the places of all that
// use a limit never exceed it; but each has at least one. A gateway that does not use a limit is
// not counted and has a quarter of an even part, for its first requests: so all that begin in the
// same two turns have a quarter of the limit together beyond what the others use.

#include <sluice/policy/limit.hpp>
#include <sluice/state/share_frame.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::state {

struct shared_places {
    std::string name;
    std::shared_ptr<policy::limit_state> owner;
    std::uint32_t all = 1;
    config::store_failure on_failure = config::store_failure::keep_share;
};

// As rate_shares.
class place_shares {
public:
    place_shares(
        boost::asio::io_context& context,
        net::redis_client& client,
        share_settings settings,
        std::function<unsigned()> gateways);

    void watch(std::vector<shared_places> all);
    void start();

private:
    struct use : share_use {
        shared_places which;
        double peak = 0;           // in flight lately
        unsigned wants_turns = 0;  // for which it is taken to need more than it has
    };

    void turn();
    static void measure(use& one);
    void give(use& one, std::uint32_t part) const;
    [[nodiscard]] std::uint32_t idle_part(const use& one) const;

    share_frame<use> frame_;
};

}  // namespace sluice::state
