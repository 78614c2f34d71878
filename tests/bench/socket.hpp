#pragma once
// The few system calls the mock and the load generator are made of. Loopback only. Everything
// throws std::system_error where it cannot go on; a peer's behaviour never throws.

#include <cstdint>
#include <span>
#include <sys/epoll.h>
#include <utility>

namespace sluice::bench {

class unique_fd {
public:
    unique_fd() = default;
    explicit unique_fd(int fd) noexcept
        : fd_(fd)
    {
    }
    unique_fd(unique_fd&& other) noexcept
        : fd_(std::exchange(other.fd_, -1))
    {
    }
    unique_fd& operator=(unique_fd&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~unique_fd() { reset(); }

    void reset() noexcept;
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

// CLOCK_MONOTONIC: the same for every process of the machine.
[[nodiscard]] std::uint64_t monotonic_ns() noexcept;

// 127.0.0.1, non-blocking; port 0 takes a free one.
[[nodiscard]] unique_fd listen_on(std::uint16_t port);
[[nodiscard]] std::uint16_t port_of(const unique_fd& listener);

// Waits at most 5 s for the handshake, then non-blocking with TCP_NODELAY. Empty: refused or late.
[[nodiscard]] unique_fd connect_to(std::uint16_t port);

// Empty: nobody is waiting, or this process is out of descriptors.
[[nodiscard]] unique_fd accept_from(const unique_fd& listener);

// SIGTERM and SIGINT become readable here instead of ending the process.
[[nodiscard]] unique_fd termination_signals();

// As many descriptors as the hard limit allows.
void raise_descriptor_limit() noexcept;

class poller {
public:
    poller();
    void add(int fd, std::uint32_t events, std::uint64_t token);
    void change(int fd, std::uint32_t events, std::uint64_t token);
    // Until something is ready or the clock reads `deadline_ns`; a deadline in the past only looks.
    // Nanosecond resolution: a rate is a schedule, and epoll_wait would round it to milliseconds.
    [[nodiscard]] std::span<const epoll_event> wait(std::uint64_t deadline_ns);

private:
    unique_fd epoll_;
    epoll_event ready_[512];
};

}  // namespace sluice::bench
