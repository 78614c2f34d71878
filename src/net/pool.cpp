#include <sluice/net/pool.hpp>

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace sluice::net {
namespace {

int open_socket(int family) noexcept
{
    const int descriptor = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -1;
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // Spares a source port per connection until connect() knows both ends.
    ::setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return descriptor;
}

// 0: connected, EINPROGRESS: not yet, else the reason.
int connect_verdict(int descriptor) noexcept
{
    pollfd ready{descriptor, POLLOUT, 0};
    if (::poll(&ready, 1, 0) == 0)
        return EINPROGRESS;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

errc verdict_of(io waited, errc otherwise) noexcept
{
    if (waited == io::timed_out)
        return errc::upstream_timeout;
    if (waited == io::interrupted)
        return errc::client_closed_request;
    return otherwise;
}

}  // namespace

pool::pool(reactor& loop, resolver& names, observe::logger& log, endpoint to)
    : loop_(loop),
      names_(names),
      log_(log),
      to_(std::move(to))
{
}

std::unique_ptr<stream> pool::reuse() noexcept
{
    if (idle_.empty())
        return nullptr;
    auto& newest = idle_.front();
    newest.connection->socket().unwatch();
    auto connection = std::move(newest.connection);
    spares_.splice(spares_.begin(), idle_, idle_.begin());
    return connection;
}

void pool::keep(std::unique_ptr<stream> done, time_point now)
{
    if (idle_.size() >= idle_count)
        return;
    if (spares_.empty())
        spares_.emplace_back();
    idle_.splice(idle_.begin(), spares_, spares_.begin());
    auto& mine = idle_.front();
    mine.home = this;
    mine.connection = std::move(done);
    mine.since = now;
    mine.looked = false;
    mine.self = idle_.begin();
    mine.connection->socket().watch(&pool::spoke, &mine);
}

// An idle connection has nothing to say: it ended, or it is not to be trusted.
void pool::spoke(void* context) noexcept
{
    auto& mine = *static_cast<kept*>(context);
    if (mine.connection->look() == stream::presence::quiet) {
        mine.connection->socket().watch(&pool::spoke, &mine);
        return;
    }
    mine.connection.reset();
    auto& home = *mine.home;
    home.spares_.splice(home.spares_.begin(), home.idle_, mine.self);
}

void pool::sweep(time_point now) noexcept
{
    for (auto at = idle_.begin(); at != idle_.end();) {
        auto next = std::next(at);
        bool gone = now - at->since >= idle_time;
        if (!gone && !std::exchange(at->looked, true))
            gone = at->connection->look() != stream::presence::quiet;
        if (gone) {
            at->connection.reset();
            spares_.splice(spares_.begin(), idle_, at);
        }
        at = next;
    }
    if (idle_.empty())
        spares_.clear();
}

task<result<std::unique_ptr<stream>>> pool::connect(time_point until, interrupter& stop)
{
    const auto addresses = co_await names_.resolve(to_.host, to_.port, until, stop);
    result<std::unique_ptr<stream>> outcome = errc::connect_failed;
    for (const auto& where : addresses) {
        if (stop.fired())
            co_return errc::client_closed_request;
        // One that does not answer leaves time for the next.
        const auto now = steady::now();
        const bool last = &where == &addresses.back();
        outcome = co_await connect_to(where, last ? until : now + (until - now) / 2, stop);
        if (outcome || stop.fired())
            break;
        names_.put_last(to_.host, where);
    }
    if (!outcome && stop.fired())
        co_return errc::client_closed_request;
    co_return outcome;
}

task<result<std::unique_ptr<stream>>> pool::connect_to(
    const address& where, time_point until, interrupter& stop)
{
    const int descriptor = open_socket(where.bytes.ss_family);
    if (descriptor < 0)
        co_return errc::connect_failed;
    const auto* to = reinterpret_cast<const sockaddr*>(&where.bytes);
    const bool at_once = ::connect(descriptor, to, where.size) == 0;
    if (!at_once && errno != EINPROGRESS) {
        ::close(descriptor);
        co_return errc::connect_failed;
    }
    auto connection = std::make_unique<stream>(socket::adopt(loop_, descriptor));
    if (!connection->open())
        co_return errc::connect_failed;
    auto& raw = connection->socket();
    stop.on(raw);
    int verdict = at_once ? 0 : EINPROGRESS;
    while (verdict == EINPROGRESS) {
        const io waited = co_await raw.writable(until);
        if (waited == io::timed_out || waited == io::interrupted) {
            stop.off();
            co_return verdict_of(waited, errc::connect_failed);
        }
        verdict = connect_verdict(descriptor);
    }
    if (verdict == 0 && to_.trust) {
        auto ssl = make_client_ssl(to_.trust, descriptor, to_.host);
        if (!ssl) {
            stop.off();
            co_return errc::tls_failed;
        }
        connection->encrypt(std::move(ssl));
        tls_refusal refusal;
        const io shaken = co_await connection->handshake(until, refusal);
        stop.off();
        if (shaken == io::failed)
            log_.warn("upstream_tls_failed", refusal.why, {{"host", std::string_view(to_.host)}});
        if (shaken != io::ok)
            co_return verdict_of(shaken, errc::tls_failed);
        co_return std::move(connection);
    }
    stop.off();
    if (verdict != 0)
        co_return errc::connect_failed;
    co_return std::move(connection);
}

}  // namespace sluice::net
