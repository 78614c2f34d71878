#include "socket.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <system_error>
#include <type_traits>
#include <unistd.h>

namespace sluice::bench {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

int checked(int result, const char* what)
{
    if (result < 0)
        throw std::system_error(errno, std::generic_category(), what);
    return result;
}

sockaddr_in loopback(std::uint16_t port) noexcept
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// The socket calls' one spelling of "some address".
template <class Address>
auto* generic(Address* address) noexcept
{
    using target = std::conditional_t<std::is_const_v<Address>, const sockaddr, sockaddr>;
    return reinterpret_cast<target*>(address);
}

void set(int fd, int level, int option, int value)
{
    checked(setsockopt(fd, level, option, &value, sizeof value), "setsockopt");
}

}  // namespace

void unique_fd::reset() noexcept
{
    if (fd_ >= 0)
        ::close(std::exchange(fd_, -1));
}

std::uint64_t monotonic_ns() noexcept
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * second_ns
           + static_cast<std::uint64_t>(now.tv_nsec);
}

unique_fd listen_on(std::uint16_t port)
{
    unique_fd fd{checked(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")};
    set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    const sockaddr_in address = loopback(port);
    checked(bind(fd.get(), generic(&address), sizeof address), "bind");
    checked(listen(fd.get(), 4096), "listen");
    return fd;
}

std::uint16_t port_of(const unique_fd& listener)
{
    sockaddr_in address{};
    socklen_t size = sizeof address;
    checked(getsockname(listener.get(), generic(&address), &size), "getsockname");
    return ntohs(address.sin_port);
}

unique_fd connect_to(std::uint16_t port)
{
    unique_fd fd{checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")};
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    checked(setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), "setsockopt");
    const sockaddr_in address = loopback(port);
    if (connect(fd.get(), generic(&address), sizeof address) != 0)
        return {};
    set(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    checked(fcntl(fd.get(), F_SETFL, O_NONBLOCK), "fcntl");
    return fd;
}

unique_fd accept_from(const unique_fd& listener)
{
    unique_fd fd{accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (fd)
        set(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
}

unique_fd termination_signals()
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    checked(sigprocmask(SIG_BLOCK, &signals, nullptr), "sigprocmask");
    return unique_fd{checked(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC), "signalfd")};
}

void raise_descriptor_limit() noexcept
{
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

poller::poller()
    : epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"))
{
    // The default slack lets every wait be 50 us late.
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

void poller::add(int fd, std::uint32_t events, std::uint64_t token)
{
    epoll_event event{.events = events, .data = {.u64 = token}};
    checked(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void poller::change(int fd, std::uint32_t events, std::uint64_t token)
{
    epoll_event event{.events = events, .data = {.u64 = token}};
    checked(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event), "epoll_ctl");
}

std::span<const epoll_event> poller::wait(std::uint64_t deadline_ns)
{
    const std::uint64_t now = monotonic_ns();
    const std::uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    const timespec timeout{
        .tv_sec = static_cast<time_t>(left / second_ns),
        .tv_nsec = static_cast<long>(left % second_ns)};
    const int ready =
        epoll_pwait2(epoll_.get(), ready_, static_cast<int>(std::size(ready_)), &timeout, nullptr);
    if (ready < 0 && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "epoll_pwait2");
    return {ready_, ready < 0 ? 0U : static_cast<std::size_t>(ready)};
}

}  // namespace sluice::bench
