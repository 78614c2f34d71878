#include "load.hpp"

#include <cerrno>
#include <sys/socket.h>

namespace sluice::bench {

bool requester::connect(std::uint16_t port, poller& poller, std::uint64_t token)
{
    fd_ = connect_to(port);
    token_ = token;
    rest_ = {};
    waits_for_room_ = false;
    if (fd_)
        poller.add(fd_.get(), EPOLLIN, token);
    return open();
}

bool requester::send(std::string_view request, poller& poller)
{
    rest_ = request;
    return proceed(poller);
}

bool requester::proceed(poller& poller)
{
    if (rest_.empty())
        return true;
    const ssize_t n = ::send(fd_.get(), rest_.data(), rest_.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN)
        return false;
    rest_.remove_prefix(n < 0 ? 0U : static_cast<std::size_t>(n));
    if (const bool full = !rest_.empty(); full != waits_for_room_) {
        waits_for_room_ = full;
        poller.change(fd_.get(), full ? EPOLLIN | EPOLLOUT : std::uint32_t{EPOLLIN}, token_);
    }
    return true;
}

requester::got requester::receive(char* buffer, std::size_t size, std::string_view& bytes) const
{
    const ssize_t n = recv(fd_.get(), buffer, size, 0);
    if (n > 0) {
        bytes = {buffer, static_cast<std::size_t>(n)};
        return got::bytes;
    }
    if (n == 0)
        return got::closed;
    return errno == EAGAIN ? got::nothing : got::broken;
}

}  // namespace sluice::bench
