#pragma once
// One thread, one event loop, its own listeners, sessions, pools and counters.

#include <sluice/config/snapshot.hpp>
#include <sluice/net/gate.hpp>
#include <sluice/net/reactor.hpp>
#include <sluice/observe/access_log.hpp>
#include <sluice/observe/catalogue.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/span_rings.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/server/session.hpp>
#include <sluice/state/ledger.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::server {

class worker;

// What the workers share. Outlives them.
struct worker_commons {
    observe::access_log& access_log;
    observe::span_rings& spans;
    state::ledger& book;
    observe::logger& log;
    const std::atomic<bool>& draining;
    net::byte_ledger& ledger;
    proxy::pair_inbox& pairs;
    // Called by a worker that serves by a new snapshot, on its thread.
    std::function<void()> took_up;
    std::vector<std::unique_ptr<worker>> all;  // complete before the first of them runs
};

// What a worker serves by, replaced whole.
struct installed {
    config::snapshot_ptr config;
    observe::catalogue::counts known;        // ids that may occur in it
    std::vector<net::tls_context> contexts;  // by address; empty for a plain one
    std::vector<net::tls_context> trust;     // as server_of_snapshots::install takes it
};

// Taken by whoever is given it.
struct listening_socket {
    int descriptor = -1;
    std::size_t address = 0;  // index into installed::contexts
};

class worker {
public:
    worker(
        std::size_t number,
        worker_commons& commons,
        const std::vector<listening_socket>& listeners,
        installed first);
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    ~worker();

    // The worker's thread: serves until a drain is through.
    void run();

    // Any thread.
    void install(installed next);
    // Closes the listeners, and a connection once it has been idle for so long: a request that is
    // on its way is answered. Requests may end until `until`, then they are told.
    void drain(time_point until, milliseconds idle);
    // The same for a worker in whose place another process accepts from now on: it leaves to that
    // one who has not been accepted yet.
    void leave(time_point until, milliseconds idle);
    // Ends everything at once.
    void insist();
    // Takes over a connection that another worker accepted. False: this one has ended. Any thread.
    [[nodiscard]] bool take(int descriptor, std::size_t where, std::string_view address);
    // When the loop's last tick was, in steady nanoseconds; the greatest number once it has ended.
    // Any thread.
    [[nodiscard]] std::int64_t last_tick() const noexcept
    {
        return last_tick_.load(std::memory_order_relaxed);
    }
    // The version of the snapshot that every request gets which begins from now on; the greatest
    // number once the loop has ended. Any thread.
    [[nodiscard]] std::uint64_t serves() const noexcept
    {
        return serves_.load(std::memory_order_acquire);
    }
    [[nodiscard]] std::size_t connections() const noexcept
    {
        return connections_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] const observe::worker_cells& cells() const noexcept { return cells_; }
    [[nodiscard]] const proxy::token_cache& tokens() const noexcept { return services_.tokens; }

private:
    struct listening {
        net::socket_ptr socket;
        std::size_t address;
    };

    net::task<> accept_from(std::size_t listener);
    [[nodiscard]] bool accept_batch(std::size_t listener);
    net::task<> pause(milliseconds how_long);
    void place(int descriptor, std::size_t where, std::string address);
    void open_session(int descriptor, std::size_t where, std::string address);
    void apply(installed next);
    void begin_drain(time_point until, milliseconds idle);
    void close_idle(time_point now);
    [[nodiscard]] bool nobody_comes() noexcept;
    void on_tick();
    void publish_gauges();
    void schedule_tick();

    worker_commons& commons_;
    observe::worker_cells cells_;
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    net::reactor reactor_;
    net::buffer_pool buffers_;
    proxy::services services_;
    sessions sessions_;
    net::gate gate_;
    std::vector<listening> listeners_;
    std::vector<net::tls_context> contexts_;  // by address
    boost::asio::steady_timer tick_;
    time_point next_tick_{};
    std::uint64_t ticks_ = 0;
    std::optional<time_point> drained_by_;
    milliseconds idle_{0};  // for so long a connection may be, while it drains
    time_point ends_after_{};
    std::atomic<std::size_t> connections_{0};
    std::atomic<unsigned> arriving_{0};  // connections that others hand over
    std::atomic<bool> over_{false};
    std::atomic<std::int64_t> last_tick_{0};
    std::atomic<std::uint64_t> serves_{0};
};

}  // namespace sluice::server
