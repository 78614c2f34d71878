#include <sluice/config/units.hpp>
#include <sluice/server/given_sockets.hpp>

#include <arpa/inet.h>
#include <array>
#include <fcntl.h>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::server {
namespace {

constexpr int first_given = 3;
constexpr unsigned most_given = 1'024;

bool listens(int descriptor)
{
    int on = 0;
    socklen_t size = sizeof on;
    return ::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 && on != 0;
}

}  // namespace

std::string text_of(const std::string& host, std::uint16_t port)
{
    const bool six = host.find(':') != std::string::npos;
    return (six ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

unsigned count_given(
    const std::optional<std::string>& listen_pid,
    const std::optional<std::string>& listen_fds,
    std::int64_t own_pid)
{
    if (!listen_pid || !listen_fds)
        return 0;
    const auto pid = config::parse_count(*listen_pid);
    const auto count = config::parse_count(*listen_fds);
    if (!pid || !count || *count > most_given)
        throw std::runtime_error(
            "LISTEN_PID=" + *listen_pid + " and LISTEN_FDS=" + *listen_fds
            + " are not what a service manager says");
    return static_cast<std::int64_t>(*pid) == own_pid ? static_cast<unsigned>(*count) : 0;
}

given_socket inspect(int descriptor, const std::string& name)
{
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    auto* address = reinterpret_cast<sockaddr*>(&bound);
    const bool known = ::getsockname(descriptor, address, &size) == 0;
    if (!known || (bound.ss_family != AF_INET && bound.ss_family != AF_INET6)
        || !listens(descriptor))
        throw std::runtime_error(name + " is no listening TCP socket");
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    // Inherited by what is accepted: one system call per connection less.
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    given_socket made;
    made.descriptor = descriptor;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (bound.ss_family == AF_INET6) {
        const auto& six = reinterpret_cast<const sockaddr_in6&>(bound);
        inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
        made.port = ntohs(six.sin6_port);
    } else {
        const auto& four = reinterpret_cast<const sockaddr_in&>(bound);
        inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
        made.port = ntohs(four.sin_port);
    }
    made.host = text.data();
    return made;
}

std::vector<given_socket> given_by_manager(const config::environment& environment)
{
    if (!environment.variable)
        return {};
    const auto count = count_given(
        environment.variable("LISTEN_PID"), environment.variable("LISTEN_FDS"), ::getpid());
    std::vector<given_socket> all;
    for (unsigned i = 0; i < count; ++i)
        all.push_back(inspect(
            first_given + static_cast<int>(i),
            "the socket that the service manager gives as number " + std::to_string(i + 1)));
    return all;
}

std::vector<given_socket> take_for(
    std::vector<given_socket>& from, const std::string& host, std::uint16_t port)
{
    std::vector<given_socket> mine;
    std::erase_if(from, [&](const given_socket& one) {
        if (!one.is_for(host, port))
            return false;
        mine.push_back(one);
        return true;
    });
    return mine;
}

}  // namespace sluice::server
