#pragma once
// One connection to the simulated provider: whole requests in, bytes out as the behaviour wants
// them.

#include <sluice/base/clock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace sluice::simulate {

using http_request = boost::beast::http::request<boost::beast::http::string_body>;

struct peer_limits {
    std::size_t body_bytes;
    seconds idle;
    seconds write;
};

enum class read_outcome { request, closed, malformed, too_large };

// Used by one coroutine at a time; abort() and late() are for the thread's other tasks.
class peer {
public:
    peer(boost::asio::ip::tcp::socket socket, const peer_limits& limits);

    [[nodiscard]] boost::asio::awaitable<read_outcome> read(http_request& request);

    // False when the client is gone.
    [[nodiscard]] boost::asio::awaitable<bool> send(std::string_view bytes);
    [[nodiscard]] boost::asio::awaitable<bool> wait_until(time_point when);

    // RST instead of FIN.
    void reset();

    // Says FIN and throws away what still comes, so that the last answer is not lost to an RST.
    [[nodiscard]] boost::asio::awaitable<void> linger();

    // Ends every wait and closes.
    void abort();

    [[nodiscard]] bool late(time_point now) const { return now >= deadline_; }
    [[nodiscard]] bool gone() const { return gone_; }

    // When the client's leaving was noticed.
    [[nodiscard]] std::optional<time_point> left_at() const { return left_at_; }

    friend void watch(const std::shared_ptr<peer>& client);
    void unwatch();

private:
    void left();

    boost::asio::ip::tcp::socket socket_;
    boost::asio::steady_timer timer_;
    boost::beast::flat_buffer unread_;
    peer_limits limits_;
    time_point deadline_ = time_point::max();
    bool gone_ = false;
    std::optional<time_point> left_at_;
};

// Notices a client that leaves while it is being answered: waits end at once, left_at() says when.
// Off with unwatch(), and when the client sends more instead (its next request stays unread).
void watch(const std::shared_ptr<peer>& client);

}  // namespace sluice::simulate
