#pragma once
// Host names to addresses, once per name and worker, off the loop (Asio's resolver thread).

#include <sluice/net/event.hpp>
#include <sluice/net/reactor.hpp>
#include <sluice/net/task.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::net {

struct address {
    sockaddr_storage bytes{};
    socklen_t size = 0;
};

class resolver {
public:
    // How long an answer is fresh, and for how long after that it is still used when asking again
    // fails.
    static constexpr seconds fresh{30};
    static constexpr seconds stale{3600};

    explicit resolver(reactor& loop);
    resolver(const resolver&) = delete;
    resolver& operator=(const resolver&) = delete;

    // All addresses in the resolver's order, empty when there is none in time. IP literals need no
    // question. Concurrent questions for one name are asked once.
    task<std::vector<address>> resolve(
        const std::string& host, std::uint16_t port, time_point until, interrupter& stop);

private:
    struct entry {
        std::vector<address> addresses;
        time_point asked = time_point::min();
        bool asking = false;
        std::vector<event*> waiting;
    };

    void ask(const std::string& host, entry& about);

    reactor& loop_;
    boost::asio::ip::tcp::resolver resolver_;
    std::unordered_map<std::string, std::shared_ptr<entry>> entries_;
};

}  // namespace sluice::net
