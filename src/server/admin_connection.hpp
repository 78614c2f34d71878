#pragma once
// One connection to the admin API: requests in, answers out, each in a bounded time.

#include "admin_http.hpp"
#include <sluice/base/clock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <memory>
#include <string>

namespace sluice::server {

using admin_parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// One thread. Outlives what it waits for.
class admin_connection {
public:
    admin_connection(boost::asio::ip::tcp::socket socket, std::string remote);

    // end_of_stream: nothing more was asked.
    boost::asio::awaitable<boost::system::error_code> read(admin_parser& parser, duration limit);
    // Whether it could be sent.
    boost::asio::awaitable<bool> write(const admin_response& response, duration limit);
    // After an answer that came before the request's end: takes what still comes, a bounded while,
    // so that the answer is not lost to a reset (RFC 9112 9.6).
    boost::asio::awaitable<void> linger();

    void close() noexcept;

    const std::string remote;
    boost::asio::steady_timer in_force;  // what it changed; cancelled when there may be news
    bool waiting = true;                 // for its client

private:
    // Shared with a limit that has run out and is not heard of yet.
    struct line {
        boost::asio::ip::tcp::socket socket;
        time_point until = time_point::max();
    };

    void within(duration limit);
    void in_time();

    std::shared_ptr<line> line_;
    boost::asio::steady_timer limit_;
    boost::beast::flat_buffer unread_;
};

}  // namespace sluice::server
