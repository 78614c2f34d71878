#pragma once
// One client connection from accept to close.

#include <sluice/net/gate.hpp>
#include <sluice/proxy/client.hpp>
#include <sluice/proxy/exchange.hpp>
#include <sluice/proxy/services.hpp>

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <string>

namespace sluice::server {

// The connections of one worker, so that a drain can reach them.
class sessions {
public:
    struct entry : boost::intrusive::list_base_hook<
                       boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
        proxy::client* client = nullptr;
        proxy::exchange* current = nullptr;  // null between requests
        time_point idle_since{};             // of a connection without a request
    };

    void add(entry& one) noexcept { all_.push_back(one); }

    // Ends the connections that have been between two requests since then, or for longer.
    void close_idle(time_point since) noexcept;
    // Tells every request that its time is over, also those that have yet to begin.
    void end_all() noexcept;
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    // Ends every wait on a client.
    void cut_all() noexcept;

private:
    using list = boost::intrusive::list<entry, boost::intrusive::constant_time_size<false>>;
    list all_;
    bool ended_ = false;
};

// Serves requests until the client leaves, breaks a rule, or the gateway drains. `tls` is empty for
// a plain listener. `with` and `all` outlive it.
net::task<> run_session(
    proxy::services& with,
    sessions& all,
    int descriptor,
    net::tls_context tls,
    std::string address);

// All places are taken: says so without having read anything, and closes. Where the listener is not
// `plain` it only closes: a handshake is more than is spent on whom there is no place for.
net::task<> refuse_session(
    proxy::services& with, sessions& all, int descriptor, bool plain, std::string address);

}  // namespace sluice::server
