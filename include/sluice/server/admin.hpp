#pragma once
// The admin API on its own address. Cold code: Beast and asio::awaitable.

#include <sluice/config/snapshot.hpp>
#include <sluice/observe/audit_log.hpp>
#include <sluice/observe/exposition.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/recent_rates.hpp>
#include <sluice/server/control.hpp>
#include <sluice/server/rollouts.hpp>
#include <sluice/state/grants.hpp>
#include <sluice/state/ledger.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

namespace sluice::server {

class admin_api;
class admin_connection;
class shadow_reports;

// What the admin API shows of the rest of the process. Called on the control thread; outlives the
// server.
struct admin_sources {
    server::control& control;
    server::rollouts& rollouts;
    observe::audit_log& audit;
    observe::logger& log;
    const observe::exposition& metrics;
    const observe::recent_rates& rates;  // sampled by whoever owns it
    std::vector<const observe::worker_cells*> workers;
    const std::atomic<bool>& draining;
    const shadow_reports& shadows;
    state::ledger& book;
    state::grants& grants;
    // What time it is, as keys end by it: see policy::believed_clock. Of the control thread.
    std::function<std::chrono::sys_seconds()> now;
    // Whether every worker serves by the snapshot of `control`.
    std::function<bool()> in_force;
    // Reads the file again, and does what else SIGHUP does.
    std::function<change_report(const origin&)> reload;
    // Set while another process works in the state directory: nothing is changed then. May be null.
    const std::atomic<bool>* frozen = nullptr;
};

struct admin_limits {
    // One more closes the connection that has waited longest for its client.
    std::size_t connections = 100;
    std::size_t head_bytes = std::size_t{16} << 10U;
    std::size_t body_bytes = std::size_t{4} << 20U;
    milliseconds read{
        10'000};  // a whole request once its connection is open, and idle after an answer
    milliseconds write{30'000};
    milliseconds later{5'000};       // an answer that is worked on off the control thread
    milliseconds in_force{1'000};    // a change that is answered before every worker has it
    milliseconds accept_pause{100};  // after an accept error: out of descriptors is not the end
};

// Who may what: /livez, /readyz and /metrics are open to whoever reaches the address, so that
// orchestrators and Prometheus need no secret; everything under /admin/ wants
// `authorization: Bearer TOKEN` when a token is configured (a reload may change it), answering 401
// without it and 403 for a key of the data plane. Without a token everything is allowed; the
// configuration permits that on loopback only. Requests under /admin/ that carry an Origin are
// refused: no web page in an operator's browser is to turn canaries.
//
// A change is answered once every worker serves by it: it holds for each request that begins after
// the answer. A worker whose loop stands still is not waited for longer than limits.in_force.
//
// Every member on the control thread. Outlives the running of its io_context.
class admin_server {
public:
    admin_server(
        boost::asio::io_context& context,
        admin_sources sources,
        admin_limits limits = admin_limits{});
    ~admin_server();
    admin_server(const admin_server&) = delete;
    admin_server& operator=(const admin_server&) = delete;

    // Binds and serves. Throws std::runtime_error, a text for people, if the address cannot be had.
    // `given`, if it is not below 0, listens there already and is taken.
    void start(const config::admin_settings& settings, int given = -1);

    // A worker has taken a snapshot up.
    void look();

    // Another process answers from now on: accepts nobody more, and a connection ends with the
    // answer that is being written.
    void leave();
    // What listens; below 0: nothing.
    [[nodiscard]] int listener();

    // Closes the listener and every connection; an answer that is being written is cut.
    void stop();

    // Bound one, after start().
    [[nodiscard]] std::uint16_t port() const;

private:
    void stop_listening();
    boost::asio::awaitable<void> accept_connections();
    boost::asio::awaitable<void> serve(std::list<admin_connection>::iterator which);
    void admit(boost::asio::ip::tcp::socket socket);
    struct waiting;
    boost::asio::awaitable<void> wait_for(std::shared_ptr<waiting> answer);
    boost::asio::awaitable<void> until_in_force(admin_connection& one);

    boost::asio::io_context& context_;
    observe::logger& log_;
    std::function<bool()> in_force_;
    admin_limits limits_;
    std::unique_ptr<admin_api> api_;
    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer pause_;
    std::list<admin_connection> connections_;  // oldest first
    bool leaving_ = false;
    bool stopped_ = false;
    boost::asio::thread_pool helper_{1};  // for answers that take a while; last: it ends first
};

}  // namespace sluice::server
