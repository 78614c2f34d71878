#include "upstream.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace loopback {
namespace {

// A socket at this port, 0: at any, which it becomes.
int bound_to(std::uint16_t& port)
{
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    // Two sockets of this process may have the port, while at most one of them listens.
    const int on = 1;
    ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(port);
    socklen_t size = sizeof where;
    auto* address = reinterpret_cast<sockaddr*>(&where);
    if (::bind(made, address, size) != 0 || ::getsockname(made, address, &size) != 0)
        throw failure("cannot bind to 127.0.0.1");
    port = ntohs(where.sin_port);
    return made;
}

}  // namespace

listener::listener(int backlog)
    : keeper_(bound_to(port_)),
      descriptor_(bound_to(port_))
{
    if (::listen(descriptor_, backlog) != 0)
        throw failure("cannot listen on 127.0.0.1");
}

listener::~listener()
{
    close();
    ::close(keeper_);
}

void listener::close()
{
    if (descriptor_ >= 0)
        ::close(std::exchange(descriptor_, -1));
}

std::optional<connection> listener::accept_within(milliseconds time) const
{
    pollfd ready{descriptor_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(time.count())) <= 0)
        return {};
    const int accepted = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
    if (accepted < 0)
        return {};
    return connection(accepted);
}

connection listener::accept() const
{
    auto one = accept_within(patience);
    if (!one)
        throw failure("nobody connected to the provider");
    return std::move(*one);
}

provider::provider(script how)
    : script_(std::move(how)),
      acceptor_([this](const std::stop_token& stop) { run(stop); })
{
}

provider::~provider()
{
    die();
}

void provider::buffer_little() const
{
    const int little = 4096;
    const int short_segments = 536;  // the peer's system buffers as much as so many of them
    const int at = listener_.descriptor();
    ::setsockopt(at, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    ::setsockopt(at, IPPROTO_TCP, TCP_MAXSEG, &short_segments, sizeof short_segments);
}

void provider::die()
{
    if (!acceptor_.joinable())
        return;
    acceptor_.request_stop();
    ::shutdown(listener_.descriptor(), SHUT_RDWR);
    acceptor_.join();
    listener_.close();
    const std::scoped_lock lock(mutex_);
    for (const int each : open_)
        ::shutdown(each, SHUT_RDWR);
}

void provider::run(const std::stop_token& stop)
{
    while (!stop.stop_requested()) {
        auto one = listener_.accept_within(patience);
        if (!one || stop.stop_requested())
            continue;
        ++accepted_;
        const std::scoped_lock lock(mutex_);
        open_.push_back(one->descriptor());
        threads_.emplace_back([this, mine = std::move(*one)]() mutable { serve(std::move(mine)); });
    }
}

void provider::serve(connection one)
{
    const int descriptor = one.descriptor();
    try {
        script_(one);
    } catch (const failure&) {
        // The gateway closed the connection, or the test is over: both end a script.
    }
    const std::scoped_lock lock(mutex_);
    std::erase(open_, descriptor);
    one.close();
}

std::string answer_text(std::string_view body, unsigned status, std::string_view more_fields)
{
    std::string made =
        "HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-type: application/json\r\n";
    made += more_fields;
    made += "content-length: " + std::to_string(body.size()) + "\r\n\r\n";
    made += body;
    return made;
}

std::string chunk(std::string_view payload)
{
    std::array<char, 16> digits;
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), payload.size(), 16).ptr;
    std::string made(digits.data(), end);
    made += "\r\n";
    made += payload;
    made += "\r\n";
    return made;
}

std::string token_event(std::string_view text)
{
    std::string made = R"(data: {"choices":[{"index":0,"delta":{"content":")";
    made += text;
    made += "\"},\"finish_reason\":null}]}\n\n";
    return made;
}

provider::script always(std::string answer)
{
    return [answer = std::move(answer)](connection& c) {
        for (;;) {
            (void)c.request();
            if (!c.send(answer))
                return;
        }
    };
}

}  // namespace loopback
