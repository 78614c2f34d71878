#pragma once
// Rates of several gateways, shared through Redis. Each gateway tells how much of a limit's rate it
// could use and is told its part: who wants less than an even part gets what it uses and some room,
// the others share the rest evenly. The parts of all that Redis has told never exceed the whole: a
// gateway gets only what the others have let go of (and, so that it goes on, a 20th of an even
// part).
//
// How much of its part a gateway uses is the part of the time in which the bucket is not full, seen
// by looking at it now and then: requests are not counted for this.
//
// A limit that nobody uses here is not told of, and its part is an even one meanwhile. So in the
// moments after a gateway has begun to use a limit, until all have spoken again (two turns), the
// whole and an even part may be in use. While Redis cannot be asked, the last part is kept, and of
// a limit that was not in use here a quarter of an even one; unless the limit says otherwise.

#include <sluice/base/clock.hpp>
#include <sluice/base/random.hpp>
#include <sluice/policy/limit.hpp>
#include <sluice/state/share_frame.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::state {

// One bucket of a limit, by a name all gateways give it: "key:team:requests".
struct shared_rate {
    std::string name;
    std::shared_ptr<policy::limit_state> owner;
    policy::bucket* of = nullptr;  // one of the owner's
    policy::rate rate{};           // with its burst: how empty the bucket is
    std::uint64_t burst = 1;
    config::store_failure on_failure = config::store_failure::keep_share;
};

// One thread, that of the io_context, which it outlives the running of; `client` outlives it. It
// alone writes the parts of the buckets.
class rate_shares {
public:
    // Until it is known how many gateways there are.
    static constexpr std::uint32_t first_share = policy::whole_share / 10;

    // `gateways` tells how many there are; 0: not known yet.
    rate_shares(
        boost::asio::io_context& context,
        net::redis_client& client,
        share_settings settings,
        std::function<unsigned()> gateways);

    // All that are shared from now on; one of the same name and bucket goes on as it was. One that
    // is shared no more has the whole again.
    void watch(std::vector<shared_rate> all);
    // Once.
    void start();

private:
    struct use : share_use {
        shared_rate which;
        std::uint32_t scale = 0;   // what the bucket's backlog is in
        std::int64_t full_at = 0;  // of the bucket, at the last turn
        unsigned not_full = 0;     // of the looks since
        double used = 0;           // of its part, averaged
        double empty = 0;          // which part of the burst is gone, averaged
    };

    void look();
    void turn(time_point now);
    void measure(use& one, time_point now, duration passed) const;
    void begin(use& one) const;
    void give(use& one, std::uint32_t part) const;
    [[nodiscard]] std::uint32_t even_share() const;
    [[nodiscard]] std::uint32_t idle_share() const;

    share_frame<use> frame_;
    random_engine random_;
    time_point last_turn_{};
    unsigned looks_ = 0;    // since then
    std::size_t busy_ = 0;  // limits that were in use at the last turn
};

}  // namespace sluice::state
