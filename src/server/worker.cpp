#include <sluice/server/worker.hpp>

#include <boost/asio/detail/concurrency_hint.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <limits>
#include <random>
#include <sys/socket.h>
#include <utility>

namespace sluice::server {
namespace {

constexpr std::size_t accepted_at_once = 64;
constexpr milliseconds accept_pause{100};
constexpr std::size_t ticks_per_sweep = 10;
constexpr std::size_t ticks_per_trim = 50;
// A connection goes to another worker when this one holds this much more than it.
constexpr std::size_t uneven = 8;
// After the drain's end, for the last words to reach their clients.
constexpr seconds last_words{2};

std::uint64_t random_seed()
{
    std::random_device device;
    return (std::uint64_t{device()} << 32U) ^ device();
}

std::string text_of(const sockaddr_storage& peer)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* address =
        peer.ss_family == AF_INET6
            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr)
            : &reinterpret_cast<const sockaddr_in&>(peer).sin_addr;
    inet_ntop(peer.ss_family, address, text.data(), text.size());
    return text.data();
}

void log_bug(observe::logger& log, std::exception_ptr what)
{
    try {
        std::rethrow_exception(std::move(what));
    } catch (const std::exception& e) {
        log.error(
            "session_failed",
            "a session ended by an exception; this is a bug",
            {{"what", std::string_view(e.what())}});
    } catch (...) {
        log.error("session_failed", "a session ended by an unknown exception; this is a bug");
    }
}

}  // namespace

worker::worker(
    std::size_t number,
    worker_commons& commons,
    const std::vector<listening_socket>& listeners,
    installed first)
    : commons_(commons),
      context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      work_(context_.get_executor()),
      reactor_(context_),
      buffers_(commons.ledger),
      services_(
          reactor_,
          buffers_,
          cells_,
          commons.access_log,
          commons.spans,
          commons.book,
          commons.log,
          commons.draining,
          commons.pairs,
          number,
          random_seed()),
      gate_([&log = commons.log](std::exception_ptr what) { log_bug(log, std::move(what)); }),
      tick_(context_)
{
    for (const auto& each : listeners)
        listeners_.push_back({net::socket::adopt(reactor_, each.descriptor), each.address});
    apply(std::move(first));
}

worker::~worker() = default;

void worker::run()
{
    next_tick_ = steady::now();
    last_tick_.store(next_tick_.time_since_epoch().count(), std::memory_order_relaxed);
    schedule_tick();
    // What came into force since the worker was made does so before the first request.
    context_.poll();
    for (std::size_t i = 0; i < listeners_.size(); ++i)
        gate_.spawn(accept_from(i));
    context_.run();
}

void worker::install(installed next)
{
    boost::asio::post(context_, [this, next = std::move(next)]() mutable {
        apply(std::move(next));
        commons_.took_up();
    });
}

void worker::drain(time_point until, milliseconds idle)
{
    boost::asio::post(context_, [this, until, idle] { begin_drain(until, idle); });
}

void worker::leave(time_point until, milliseconds idle)
{
    boost::asio::post(context_, [this, until, idle] {
        services_.succeeded = true;
        ends_after_ = steady::now() + idle;
        begin_drain(until, idle);
    });
}

void worker::insist()
{
    boost::asio::post(context_, [this] {
        begin_drain(steady::now(), milliseconds{0});
        sessions_.end_all();
        sessions_.cut_all();
    });
}

bool worker::take(int descriptor, std::size_t where, std::string_view address)
{
    arriving_.fetch_add(1);
    if (over_.load()) {
        arriving_.fetch_sub(1);
        return false;
    }
    boost::asio::post(context_, [this, descriptor, where, from = std::string(address)]() mutable {
        arriving_.fetch_sub(1);
        open_session(descriptor, where, std::move(from));
    });
    return true;
}

// Who hands over says so before it looks, and this looks after it has said so: one sees the other.
bool worker::nobody_comes() noexcept
{
    over_.store(true);
    if (arriving_.load() == 0)
        return true;
    over_.store(false);
    return false;
}

void worker::apply(installed next)
{
    cells_.ensure(next.known);
    const auto version = next.config->version;
    services_.snapshots.install(std::move(next.config), next.trust);
    contexts_ = std::move(next.contexts);
    serves_.store(version, std::memory_order_release);
}

net::task<> worker::pause(milliseconds how_long)
{
    net::event due(reactor_.deadlines());
    co_await due.wait(steady::now() + how_long);
}

net::task<> worker::accept_from(std::size_t listener)
{
    while (!drained_by_) {
        auto& socket = *listeners_[listener].socket;
        const net::io waited = co_await socket.readable(time_point::max());
        if (waited == net::io::interrupted)
            break;
        const bool served = accept_batch(listener);
        if (!served) {
            cells_.accept_errors.add();
            commons_.log.warn(
                "accept_failed", "cannot accept connections: out of descriptors or memory");
            co_await pause(accept_pause);
            continue;
        }
        // Between two batches everybody else has a turn.
        net::event turn(reactor_.deadlines());
        boost::asio::post(context_, [&turn] { turn.set(); });
        co_await turn.wait(time_point::max());
    }
    // What the kernel has accepted already would be reset by the close.
    if (!services_.succeeded)
        (void)accept_batch(listener);
    listeners_[listener].socket.reset();
}

// False: resources ran out; try again in a while.
bool worker::accept_batch(std::size_t listener)
{
    auto& socket = *listeners_[listener].socket;
    for (std::size_t i = 0; i < accepted_at_once; ++i) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        const int descriptor = ::accept4(
            socket.descriptor(),
            reinterpret_cast<sockaddr*>(&peer),
            &size,
            SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            place(descriptor, listeners_[listener].address, text_of(peer));
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            socket.drained(true);
            return true;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            socket.probe();
            return false;
        }
        // Whatever else: that one connection failed before it was accepted.
    }
    socket.probe();
    return true;
}

// Here, or with the worker that holds the least if that is much less.
void worker::place(int descriptor, std::size_t where, std::string address)
{
    worker* least = this;
    std::size_t together = 0;
    for (const auto& each : commons_.all) {
        together += each->connections();
        if (each->connections() < least->connections())
            least = each.get();
    }
    if (together >= services_.snapshots.current()->config->limits.connections) {
        const bool plain = !contexts_[where];
        gate_.spawn(refuse_session(services_, sessions_, descriptor, plain, std::move(address)));
        return;
    }
    const auto mine = connections();
    if (least != this && mine > least->connections() + least->connections() / 4 + uneven
        && least->take(descriptor, where, address)) {
        cells_.handed_over.add();
        return;
    }
    open_session(descriptor, where, std::move(address));
}

void worker::open_session(int descriptor, std::size_t where, std::string address)
{
    gate_.spawn(
        run_session(services_, sessions_, descriptor, contexts_[where], std::move(address)));
    connections_.store(
        static_cast<std::size_t>(cells_.client_connections.read()), std::memory_order_relaxed);
}

void worker::close_idle(time_point now)
{
    sessions_.close_idle(idle_.count() == 0 ? time_point::max() : now - idle_);
}

void worker::begin_drain(time_point until, milliseconds idle)
{
    if (drained_by_) {
        drained_by_ = std::min(*drained_by_, until);
        idle_ = std::min(idle_, idle);
        return;
    }
    drained_by_ = until;
    idle_ = idle;
    services_.copies.stop_all();
    for (auto& listener : listeners_)
        if (listener.socket)
            listener.socket->interrupt();
    close_idle(steady::now());
}

void worker::schedule_tick()
{
    next_tick_ += net::wheel::tick;
    tick_.expires_at(next_tick_);
    tick_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            on_tick();
    });
}

void worker::publish_gauges()
{
    const auto& served = *services_.snapshots.current();
    for (const auto& provider : served.config->providers) {
        const auto& pool = served.pools[provider.index];
        const auto idle = pool ? pool->idle() : 0;
        cells_.provider(provider.metric).idle.set(static_cast<std::int64_t>(idle));
    }
    cells_.buffered_bytes.set(static_cast<std::int64_t>(buffers_.held()));
    connections_.store(
        static_cast<std::size_t>(cells_.client_connections.read()), std::memory_order_relaxed);
}

void worker::on_tick()
{
    const auto now = steady::now();
    last_tick_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    cells_.loop_lag.observe(now - next_tick_);
    services_.tick(now, now - next_tick_);
    reactor_.deadlines().advance(now);
    if (++ticks_ % ticks_per_sweep == 0)
        services_.snapshots.sweep(now);
    if (ticks_ % ticks_per_trim == 0)
        services_.trim();
    publish_gauges();
    if (drained_by_) {
        if (now >= *drained_by_ && !sessions_.ended()) {
            idle_ = {};
            sessions_.end_all();
        }
        close_idle(now);
        if (now >= *drained_by_ + last_words)
            sessions_.cut_all();
        // Another worker may hand over a connection until it has heard.
        if (now >= ends_after_ && gate_.count() + services_.copies.count() == 0 && nobody_comes()) {
            last_tick_.store(std::numeric_limits<std::int64_t>::max(), std::memory_order_relaxed);
            serves_.store(std::numeric_limits<std::uint64_t>::max(), std::memory_order_release);
            commons_.took_up();
            services_.snapshots.clear();
            work_.reset();
            context_.stop();
            return;
        }
    }
    // After a stall the ticks that were missed are not made up for.
    next_tick_ = std::max(next_tick_, now - net::wheel::tick);
    schedule_tick();
}

}  // namespace sluice::server
