// bench_floor: the least that anything between a client and a provider can do. It reads nothing of
// what it copies, and every client has an upstream connection of its own. What this costs is the
// kernel's, and no proxy gets below it.

#include "report.hpp"
#include "socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace {

using namespace sluice::bench;

constexpr auto for_ever = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t the_listener = 0;
constexpr std::uint64_t the_end = 1;
constexpr std::uint64_t first_connection = 2;

struct side {
    unique_fd socket;
    std::string unsent;    // to it
    bool waiting = false;  // for it to take more
};

using both = std::array<side, 2>;  // client, upstream

class relay {
public:
    relay(std::uint16_t port, std::uint16_t upstream)
        : listener_(listen_on(port)),
          end_(termination_signals()),
          upstream_(upstream)
    {
        poller_.add(listener_.get(), EPOLLIN, the_listener);
        poller_.add(end_.get(), EPOLLIN, the_end);
    }

    [[nodiscard]] std::uint16_t port() const { return port_of(listener_); }

    void run()
    {
        for (;;)
            for (const auto& event : poller_.wait(for_ever)) {
                if (event.data.u64 == the_end)
                    return;
                if (event.data.u64 == the_listener)
                    accept();
                else
                    serve(event.data.u64 - first_connection, event.events);
            }
    }

private:
    void accept()
    {
        while (auto client = accept_from(listener_)) {
            auto upstream = connect_to(upstream_);
            if (!upstream)
                return;
            const std::uint64_t token = first_connection + 2 * pairs_.size();
            poller_.add(client.get(), EPOLLIN, token);
            poller_.add(upstream.get(), EPOLLIN, token + 1);
            pairs_.push_back(std::make_unique<both>(
                both{side{std::move(client), {}}, side{std::move(upstream), {}}}));
        }
    }

    void serve(std::uint64_t at, std::uint32_t events)
    {
        auto& pair = *pairs_[at / 2];
        auto& ready = pair[at % 2];
        auto& other = pair[1 - at % 2];
        if (!ready.socket)
            return;
        bool open = true;
        if ((events & EPOLLOUT) != 0)
            open = send(ready, std::exchange(ready.unsent, {}), at);
        if (open && (events & ~std::uint32_t{EPOLLOUT}) != 0)
            open = copy(ready, other, at ^ 1U);
        if (!open)
            for (auto& each : pair)
                each.socket.reset();
    }

    bool copy(const side& from, side& to, std::uint64_t to_at)
    {
        const auto got = ::recv(from.socket.get(), buffer_.data(), buffer_.size(), 0);
        if (got < 0)
            return errno == EAGAIN;
        return got > 0 && send(to, {buffer_.data(), static_cast<std::size_t>(got)}, to_at);
    }

    // What the peer does not take yet waits for it; only then is it asked when it will.
    bool send(side& to, std::string_view bytes, std::uint64_t at)
    {
        ssize_t sent = 0;
        if (to.unsent.empty())
            sent = ::send(to.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return false;
        to.unsent += bytes.substr(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
        wait_for(to, at);
        return true;
    }

    void wait_for(side& of, std::uint64_t at)
    {
        const bool more = !of.unsent.empty();
        if (std::exchange(of.waiting, more) != more)
            poller_.change(
                of.socket.get(), EPOLLIN | (more ? EPOLLOUT : 0U), first_connection + at);
    }

    unique_fd listener_;
    unique_fd end_;
    std::uint16_t upstream_;
    poller poller_;
    std::vector<std::unique_ptr<both>> pairs_;
    std::array<char, 65'536> buffer_;
};

}  // namespace

int main(int argc, char** argv)
{
    const auto port_at = [&](int i) {
        const auto number = argc == 3 ? std::strtoul(argv[i], nullptr, 10) : 0;
        return number <= std::numeric_limits<std::uint16_t>::max()
                   ? static_cast<std::uint16_t>(number)
                   : std::uint16_t{0};
    };
    const auto upstream = port_at(2);
    if (upstream == 0) {
        std::fputs(
            "usage: bench_floor PORT UPSTREAM\n"
            "  PORT      of 127.0.0.1, to listen on; 0 takes a free one\n"
            "  UPSTREAM  of 127.0.0.1, where every connection goes\n",
            stderr);
        return 2;
    }
    try {
        raise_descriptor_limit();
        relay all(port_at(1), upstream);
        report listening;
        listening.add("port", all.port());
        listening.print();
        all.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_floor: %s\n", error.what());
        return 1;
    }
    return 0;
}
