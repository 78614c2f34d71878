#include <sluice/proxy/serve.hpp>
#include <sluice/server/session.hpp>

#include <utility>

namespace sluice::server {
namespace {

// An exchange for one request: borrowed, and given back fresh.
class borrowed_exchange {
public:
    borrowed_exchange(proxy::services& with, sessions::entry& mine)
        : with_(with),
          mine_(mine),
          own_(with.exchanges.take())
    {
        own_->served_by = with.snapshots.current();
        own_->config = own_->served_by->config.get();
        own_->began = own_->now = steady::now();
        own_->system_time = own_->began.time_since_epoch() + with.system_ahead;
        mine.current = own_.get();
    }
    borrowed_exchange(const borrowed_exchange&) = delete;
    borrowed_exchange& operator=(const borrowed_exchange&) = delete;
    ~borrowed_exchange()
    {
        mine_.current = nullptr;
        own_->reset();
        with_.exchanges.put(std::move(own_));
    }

    [[nodiscard]] proxy::exchange& operator*() noexcept { return *own_; }

private:
    proxy::services& with_;
    sessions::entry& mine_;
    std::unique_ptr<proxy::exchange> own_;
};

class counted_connection {
public:
    explicit counted_connection(observe::gauge& count) noexcept
        : count_(count)
    {
        count.add();
    }
    counted_connection(const counted_connection&) = delete;
    counted_connection& operator=(const counted_connection&) = delete;
    ~counted_connection() { count_.sub(); }

private:
    observe::gauge& count_;
};

// One request. False: the connection is not to carry another one.
net::task<bool> run_request(proxy::services& with, const sessions& all, sessions::entry& mine)
{
    auto& client = *mine.client;
    borrowed_exchange x(with, mine);
    if (all.ended())
        (*x).end(proxy::exchange::stopped::drain);
    const bool keep = co_await proxy::serve(with, client, *x);
    mine.idle_since = (*x).now;
    if (keep) {
        client.release();
        co_return true;
    }
    if ((*x).reset_client)
        client.connection().abort();
    else if ((*x).status != 0 && !client.all_read())
        co_await client.linger();
    co_return false;
}

// A request that was sent without TLS is answered as it was sent.
net::task<> tell_of_tls(proxy::services& with, sessions::entry& mine)
{
    mine.client->connection().speak_plainly();
    borrowed_exchange x(with, mine);
    constexpr std::string_view why = "only TLS is spoken here: the address begins with https://";
    co_await proxy::turn_away(with, *mine.client, *x, errc::bad_request, why, true);
    co_await mine.client->linger();
}

// False: nobody is to be served.
net::task<bool> shake_hands(proxy::services& with, sessions::entry& mine)
{
    auto& connection = mine.client->connection();
    const auto until = steady::now() + with.snapshots.current()->config->timeouts.head;
    net::tls_refusal refusal;
    const net::io shaken = co_await connection.handshake(until, refusal);
    // Who only looked whether somebody is here, as balancers do, is no failure.
    const bool failed = shaken == net::io::timed_out || refusal.heard;
    if (refusal.http) {
        co_await tell_of_tls(with, mine);
    } else if (shaken != net::io::ok && failed) {
        with.cells.client_tls_failures.add();
        with.log.info(
            "client_tls_failed",
            refusal.why,
            {{"client", std::string_view(mine.client->address())}});
    }
    co_return shaken == net::io::ok;
}

}  // namespace

void sessions::close_idle(time_point since) noexcept
{
    for (auto& each : all_)
        if (each.current == nullptr && each.idle_since <= since
            && each.client->connection().look() != net::stream::presence::data)
            each.client->connection().socket().interrupt();
}

// Whoever is told may end at once, and be gone: each is the first one of what is left.
void sessions::end_all() noexcept
{
    ended_ = true;
    list to_tell;
    to_tell.swap(all_);
    while (!to_tell.empty()) {
        auto& one = to_tell.front();
        to_tell.pop_front();
        all_.push_back(one);
        if (one.current != nullptr)
            one.current->end(proxy::exchange::stopped::drain);
    }
}

void sessions::cut_all() noexcept
{
    for (auto& each : all_)
        each.client->connection().socket().interrupt();
}

net::task<> run_session(
    proxy::services& with, sessions& all, int descriptor, net::tls_context tls, std::string address)
{
    const counted_connection counted(with.cells.client_connections);
    net::stream connection(net::socket::adopt(with.loop, descriptor));
    if (!connection.open())
        co_return;
    if (tls) {
        auto ssl = net::make_server_ssl(tls, descriptor);
        if (!ssl)
            co_return;
        connection.encrypt(std::move(ssl));
    }
    proxy::client client(std::move(connection), with.buffers, std::move(address));
    sessions::entry mine;
    mine.client = &client;
    // Not the coarse time: after a stall that is as old as the stall was long.
    mine.idle_since = steady::now();
    all.add(mine);
    if (tls && !co_await shake_hands(with, mine))
        co_return;
    for (bool keep = true; keep && client.connection().open();) {
        // Up to a tick later than asked for: the coarse time is at most a tick old.
        const auto until = with.coarse_now + with.snapshots.current()->config->timeouts.idle;
        const bool asked =
            co_await client.wait_for_request(with.coarse_now, until + net::wheel::tick);
        if (!asked)
            break;
        keep = co_await run_request(with, all, mine);
    }
}

net::task<> refuse_session(
    proxy::services& with, sessions& all, int descriptor, bool plain, std::string address)
{
    net::stream connection(net::socket::adopt(with.loop, descriptor));
    if (!connection.open())
        co_return;
    proxy::client client(std::move(connection), with.buffers, std::move(address));
    sessions::entry mine;
    mine.client = &client;
    all.add(mine);
    borrowed_exchange x(with, mine);
    constexpr std::string_view why = "limits.connections is reached";
    co_await proxy::turn_away(with, client, *x, errc::overloaded, why, plain);
}

}  // namespace sluice::server
