#pragma once
// Listening sockets: opened by main before any worker runs, one per address and worker, unless
// somebody else has opened them.

#include <sluice/config/snapshot.hpp>
#include <sluice/net/tls.hpp>
#include <sluice/server/given_sockets.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::server {

// One address, bound once per worker with SO_REUSEPORT so that the kernel spreads connections.
struct bound_address {
    std::string host;
    std::uint16_t port = 0;  // the real one where the configuration says 0
    bool tls = false;
    // Of worker `i` are those at i, i + workers and so on: at least one. Owned by whoever holds
    // this.
    std::vector<int> descriptors;
    // So many of them, the first ones, are sockets of their own; the rest are duplicates.
    std::size_t sockets = 0;
};

// Takes out of `given` what is for these addresses. Given sockets are all that listens there: a
// worker more than there are shares one, because a socket of its own could not be bound by another
// user, and would lose who waits at it if this process fails to take over. The price is that a
// connection wakes each of those who share. Throws std::runtime_error naming the address. Nothing
// that was not given stays open when it does.
[[nodiscard]] std::vector<bound_address> bind_all(
    const std::vector<config::listen_address>& addresses,
    std::size_t workers,
    std::vector<given_socket>& given);

// Gives each of `bound` the TLS that `wanted` says of the same address, of equal ones in their
// order. What `wanted` does not have keeps its own: it is served until a restart.
void renew_tls(
    std::vector<config::listen_address>& bound, const std::vector<config::listen_address>& wanted);

// By address; empty for a plain one.
struct address_contexts {
    std::vector<std::string> files;  // what their files were
    std::vector<net::tls_context> tls;
};

// Those of `before` whose files are what they were, so that their sessions are still resumed; the
// others read now. Throws std::runtime_error naming what cannot be used.
[[nodiscard]] address_contexts contexts_for(
    const std::vector<config::listen_address>& addresses, const address_contexts& before = {});

}  // namespace sluice::server
