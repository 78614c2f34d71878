#include "file_state.hpp"
#include <sluice/server/listener.hpp>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace sluice::server {
namespace {

constexpr int backlog = 4096;

struct socket_address {
    sockaddr_storage bytes{};
    socklen_t size = 0;
};

socket_address address_of(const std::string& host, std::uint16_t port)
{
    socket_address made;
    auto& four = reinterpret_cast<sockaddr_in&>(made.bytes);
    auto& six = reinterpret_cast<sockaddr_in6&>(made.bytes);
    if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        four.sin_port = htons(port);
        made.size = sizeof four;
    } else if (inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) {
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(port);
        made.size = sizeof six;
    }
    return made;
}

// SO_REUSEPORT would let a second gateway of the same user take half of the first one's
// connections: whether the address is free is asked without it. The error is in errno.
bool is_free(const socket_address& where)
{
    const int probe = ::socket(where.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return false;
    const int on = 1;
    ::setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const bool bound =
        ::bind(probe, reinterpret_cast<const sockaddr*>(&where.bytes), where.size) == 0;
    const int reason = errno;
    ::close(probe);
    errno = reason;
    return bound;
}

int bind_one(const socket_address& where)
{
    const int descriptor =
        ::socket(where.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -1;
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    // Inherited by what is accepted: one system call per connection less.
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (where.bytes.ss_family == AF_INET6)
        ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&where.bytes), where.size) == 0
        && ::listen(descriptor, backlog) == 0)
        return descriptor;
    const int reason = errno;
    ::close(descriptor);
    errno = reason;
    return -1;
}

std::uint16_t port_of(int descriptor)
{
    socket_address bound;
    bound.size = sizeof bound.bytes;
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound.bytes), &bound.size);
    return ntohs(
        bound.bytes.ss_family == AF_INET6
            ? reinterpret_cast<const sockaddr_in6&>(bound.bytes).sin6_port
            : reinterpret_cast<const sockaddr_in&>(bound.bytes).sin_port);
}

// As given_socket::host is.
std::string spelled(const std::string& host)
{
    const auto where = address_of(host, 0);
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes = where.bytes.ss_family == AF_INET6
                            ? static_cast<const void*>(
                                  &reinterpret_cast<const sockaddr_in6&>(where.bytes).sin6_addr)
                            : &reinterpret_cast<const sockaddr_in&>(where.bytes).sin_addr;
    inet_ntop(where.bytes.ss_family, bytes, text.data(), text.size());
    return text.data();
}

// One per worker; the error is in errno.
bool bind_own(bound_address& made, std::size_t workers)
{
    for (std::size_t i = 0; i < workers; ++i) {
        const auto where = address_of(made.host, made.port);
        const int descriptor = i > 0 || is_free(where) ? bind_one(where) : -1;
        if (descriptor < 0)
            return false;
        made.port = port_of(descriptor);
        made.descriptors.push_back(descriptor);
    }
    made.sockets = workers;
    return true;
}

bool share(bound_address& made, const std::vector<given_socket>& given, std::size_t workers)
{
    for (const auto& each : given)
        made.descriptors.push_back(each.descriptor);
    made.sockets = given.size();
    for (std::size_t i = given.size(); i < workers; ++i) {
        const int descriptor = ::fcntl(made.descriptors[i % given.size()], F_DUPFD_CLOEXEC, 0);
        if (descriptor < 0)
            return false;
        made.descriptors.push_back(descriptor);
    }
    return true;
}

}  // namespace

std::vector<bound_address> bind_all(
    const std::vector<config::listen_address>& addresses,
    std::size_t workers,
    std::vector<given_socket>& given)
{
    std::vector<bound_address> all;
    for (const auto& wanted : addresses) {
        auto& made = all.emplace_back();
        made.host = wanted.host;
        made.port = wanted.port;
        made.tls = wanted.tls.has_value();
        const auto mine = take_for(given, spelled(wanted.host), wanted.port);
        const bool done = mine.empty() ? bind_own(made, workers) : share(made, mine, workers);
        if (done) {
            made.port = port_of(made.descriptors.front());
            continue;
        }
        const std::string why = std::generic_category().message(errno);
        for (const auto& each : all)
            for (const int open : each.descriptors)
                ::close(open);
        throw std::runtime_error(
            "cannot listen on " + made.host + ":" + std::to_string(made.port) + ": " + why);
    }
    return all;
}

void renew_tls(
    std::vector<config::listen_address>& bound, const std::vector<config::listen_address>& wanted)
{
    std::vector<bool> taken(wanted.size());
    for (auto& each : bound)
        for (std::size_t i = 0; i < wanted.size(); ++i)
            if (!taken[i] && wanted[i].port == each.port
                && spelled(wanted[i].host) == spelled(each.host)) {
                taken[i] = true;
                each.tls = wanted[i].tls;
                break;
            }
}

address_contexts contexts_for(
    const std::vector<config::listen_address>& addresses, const address_contexts& before)
{
    address_contexts all;
    for (const auto& address : addresses) {
        const auto at = all.tls.size();
        auto& state = all.files.emplace_back();
        auto& slot = all.tls.emplace_back();
        if (!address.tls)
            continue;
        const auto& files = *address.tls;
        state = state_of({files.certificate, files.private_key, files.client_ca});
        if (at < before.tls.size() && before.tls[at] && before.files[at] == state) {
            slot = before.tls[at];
            continue;
        }
        auto made = net::make_server_context(files.certificate, files.private_key, files.client_ca);
        if (!made.context)
            throw std::runtime_error(made.error);
        slot = std::move(made.context);
    }
    return all;
}

}  // namespace sluice::server
