#pragma once
// A worker's services with no listener and no socket to a provider, for timing what it does between
// two system calls.

#include "temporary_directory.hpp"
#include <sluice/proxy/client.hpp>
#include <sluice/proxy/exchange.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/state/ledger.hpp>

#include <boost/asio/detail/concurrency_hint.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <cstdlib>
#include <sys/socket.h>

namespace sluice::bench {

struct worker {
    static int open_end()
    {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) != 0)
            std::abort();
        return ends[0];
    }

    // Before a request: an exchange with what is installed.
    void begin()
    {
        x.reset();
        x.served_by = with.snapshots.current();
        x.config = x.served_by->config.get();
    }

    boost::asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
    net::reactor loop{context};
    net::byte_ledger bytes{std::size_t{1} << 30U};
    net::buffer_pool buffers{bytes};
    observe::catalogue names;
    observe::worker_cells cells;
    observe::access_log access_log{{"off"}};
    observe::span_rings spans{1};
    observe::logger log;
    temporary_directory where;
    state::ledger ledger{{.path = where.file("ledger")}, log};
    const std::atomic<bool> draining{false};
    proxy::pair_inbox pairs{[] {}};
    proxy::services with{
        loop, buffers, cells, access_log, spans, ledger, log, draining, pairs, 0, 1};
    proxy::client from{net::stream(net::socket::adopt(loop, open_end())), buffers, "127.0.0.1"};
    proxy::exchange x;
};

// decision.cpp; rounds: at least 100
int time_decision(std::size_t body_bytes, std::size_t rounds);
// keycheck.cpp; refusals of each kind: at least 10
int check_keys(std::size_t each);

}  // namespace sluice::bench
