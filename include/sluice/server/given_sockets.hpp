#pragma once
// Listening sockets that somebody else has opened: the service manager, or the process before this
// one.

#include <sluice/config/environment.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::server {

// `host` as inet_ntop writes it. Whoever holds this owns the descriptor.
struct given_socket {
    int descriptor = -1;
    std::string host;
    std::uint16_t port = 0;
    // Was opened for an address whose port the system chose.
    bool any_port = false;

    [[nodiscard]] bool is_for(const std::string& wanted_host, std::uint16_t wanted_port) const
    {
        return host == wanted_host && (wanted_port == 0 ? any_port : wanted_port == port);
    }
};

// "127.0.0.1:8080", "[::1]:8080".
[[nodiscard]] std::string text_of(const std::string& host, std::uint16_t port);

// How many descriptors, from 3 on, LISTEN_PID and LISTEN_FDS (sd_listen_fds(3)) say are this
// process's; 0: none, or they are somebody else's. Throws std::runtime_error where they are
// nonsense.
[[nodiscard]] unsigned count_given(
    const std::optional<std::string>& listen_pid,
    const std::optional<std::string>& listen_fds,
    std::int64_t own_pid);

// What is known of a descriptor, which is set to be closed on exec and not to block. `name` is what
// a complaint calls it. Throws std::runtime_error if it is no listening TCP socket.
[[nodiscard]] given_socket inspect(int descriptor, const std::string& name);

// All that the service manager has given, by the environment.
[[nodiscard]] std::vector<given_socket> given_by_manager(const config::environment& environment);

// Takes those for this address out of `from`.
[[nodiscard]] std::vector<given_socket> take_for(
    std::vector<given_socket>& from, const std::string& host, std::uint16_t port);

}  // namespace sluice::server
