#pragma once
// Connections to one provider address of one worker: those in use and those kept for the next
// request, newest first, so that the warm ones stay warm and the rest ages out.

#include <sluice/base/errc.hpp>
#include <sluice/net/event.hpp>
#include <sluice/net/resolver.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/observe/log.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <string>

namespace sluice::net {

// Two requests may share a connection exactly when these are equal.
struct endpoint {
    std::string host;
    std::uint16_t port = 0;
    tls_context trust;  // empty: plain

    friend bool operator==(const endpoint&, const endpoint&) = default;
};

class pool {
public:
    // Idle connections are closed after this, below the keep-alive of the usual servers in front of
    // the providers, and beyond this many.
    static constexpr seconds idle_time{30};
    static constexpr std::size_t idle_count = 1024;

    pool(reactor& loop, resolver& names, observe::logger& log, endpoint to);
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;

    [[nodiscard]] const endpoint& to() const noexcept { return to_; }
    [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }

    // A kept connection that nothing was heard from, or an empty pointer.
    [[nodiscard]] std::unique_ptr<stream> reuse() noexcept;

    // A new connection, TLS verified, to the first address that takes one. Errors: connect_failed,
    // tls_failed, upstream_timeout (by `until`), client_closed_request (stopped).
    task<result<std::unique_ptr<stream>>> connect(time_point until, interrupter& stop);

    // Keeps a connection whose last exchange ended cleanly on both sides.
    void keep(std::unique_ptr<stream> done, time_point now);

    // Closes what is too old, and what ended without the reactor having said so. Once a second.
    void sweep(time_point now) noexcept;

private:
    struct kept {
        pool* home;
        std::unique_ptr<stream> connection;
        time_point since;
        bool looked = false;
        std::list<kept>::iterator self;
    };

    task<result<std::unique_ptr<stream>>> connect_to(
        const address& where, time_point until, interrupter& stop);
    static void spoke(void* context) noexcept;

    reactor& loop_;
    resolver& names_;
    observe::logger& log_;
    endpoint to_;
    std::list<kept> idle_;    // newest first
    std::list<kept> spares_;  // nodes to use again
};

}  // namespace sluice::net
