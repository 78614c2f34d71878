#pragma once
// What the gateways of a fleet share: the connection to Redis and what is asked over it. Whatever
// Redis does, this gateway starts and serves; it only says so.

#include <sluice/config/snapshot.hpp>
#include <sluice/net/redis.hpp>
#include <sluice/observe/exposition.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/state/directory.hpp>
#include <sluice/state/place_shares.hpp>
#include <sluice/state/rate_shares.hpp>
#include <sluice/state/redis_authority.hpp>
#include <sluice/state/redis_spread.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <string>
#include <string_view>
#include <thread>

namespace sluice::server {

// Who this gateway is, also after a restart: 32 hexadecimal digits in a file of its state
// directory, made up at the first start. A directory that is copied makes two gateways one: both
// say so in the log, and a budget is spent once.
[[nodiscard]] std::string gateway_identity(const state::directory& where);

// Has a thread of its own, so that answers come in time while others write to disks. Every member
// on the control thread, but what authority() promises; `values` and `log` outlive it.
class shared_store {
public:
    static constexpr seconds count_every{1};

    shared_store(
        const config::redis_address& where,
        std::string identity,
        observe::control_values& values,
        observe::logger& log);
    // Nothing is answered any more.
    ~shared_store();
    shared_store(const shared_store&) = delete;
    shared_store& operator=(const shared_store&) = delete;

    // Once.
    void start();
    // The snapshot that is to be in force: its limits are shared from now on.
    void watch(const config::snapshot_ptr& config);
    [[nodiscard]] state::authority& authority() noexcept { return authority_; }

    // Another process goes on in this gateway's name: nothing is asked, told or divided any more.
    void leave();

    // The answer comes from the loop of `back`, if that still runs.
    void ask(
        state::redis_spread::question what, boost::asio::io_context& back, net::redis_done done);

private:
    void changed(bool up, std::string_view why);
    void count();

    boost::asio::io_context context_{1};
    std::string host_;
    std::string identity_;
    observe::control_values& values_;
    observe::logger& log_;
    net::redis_client client_;
    state::redis_authority authority_;
    state::rate_shares rates_;
    state::place_shares places_;
    boost::asio::steady_timer counting_;
    bool told_of_double_ = false;
    std::jthread thread_;
};

}  // namespace sluice::server
