#pragma once
// What a worker's sockets share: the io_context's reactor, the deadline wheel, the time.
//
// Sockets wait for readiness and then call recv and sendmsg themselves. Asio's own operations
// either probe with a recv that fails (+1 system call a wait) or re-arm epoll (+1 epoll_ctl a
// wait); a reactor operation of our own that reports "exhausted" does neither. That reaches into
// boost::asio::detail, in this header and socket.cpp only, and is bound to the Boost the
// distribution ships (src/DECISIONS.md).

#include <sluice/net/wheel.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/version.hpp>

static_assert(
    BOOST_VERSION == 108100, "net/socket.cpp was written against Boost 1.81's epoll_reactor");

namespace boost::asio::detail {
class epoll_reactor;
}

namespace sluice::net {

class reactor {
public:
    // The context must have been made with BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO or hint 1 and run
    // on one thread; everything here belongs to that thread.
    explicit reactor(boost::asio::io_context& context);

    [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }
    [[nodiscard]] boost::asio::detail::epoll_reactor& epoll() noexcept { return epoll_; }
    [[nodiscard]] wheel& deadlines() noexcept { return deadlines_; }

private:
    boost::asio::io_context& context_;
    boost::asio::detail::epoll_reactor& epoll_;
    wheel deadlines_;
};

}  // namespace sluice::net
