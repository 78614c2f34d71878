#pragma once
// Host names to addresses, once per name and worker, off the loop (Asio's resolver thread).

#include <sluice/net/event.hpp>
#include <sluice/net/reactor.hpp>
#include <sluice/net/task.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list.hpp>

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
    struct lifetimes {
        nanoseconds fresh = seconds{30};
        nanoseconds stale = seconds{3600};
    };

    explicit resolver(reactor& loop);
    resolver(reactor& loop, lifetimes keep);
    resolver(const resolver&) = delete;
    resolver& operator=(const resolver&) = delete;

    // All addresses in the resolver's order, empty when there is none in time. IP literals need no
    // question. Concurrent questions for one name are asked once.
    task<std::vector<address>> resolve(
        const std::string& host, std::uint16_t port, time_point until, interrupter& stop);

    // This address of the name did not answer: the others come first until the name is asked for
    // again.
    void put_last(const std::string& host, address dead);

private:
    struct waiter : boost::intrusive::list_base_hook<
                        boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
        explicit waiter(wheel& deadlines) noexcept
            : answered(deadlines)
        {
        }
        event answered;
    };
    using waiters = boost::intrusive::list<waiter, boost::intrusive::constant_time_size<false>>;

    struct entry {
        std::vector<address> addresses;
        time_point asked{};
        bool asking = false;
        waiters waiting;
    };

    void ask(const std::string& host, entry& about);

    reactor& loop_;
    lifetimes keep_;
    boost::asio::ip::tcp::resolver resolver_;
    std::unordered_map<std::string, std::shared_ptr<entry>> entries_;
};

}  // namespace sluice::net
