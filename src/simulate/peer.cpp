#include <sluice/base/no_throw.hpp>
#include <sluice/base/read_message.hpp>
#include <sluice/simulate/peer.hpp>

#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace sluice::simulate {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;

namespace {

constexpr std::size_t head_bytes = 64U << 10U;

read_outcome outcome_of(error_code ec)
{
    if (ec == http::error::body_limit)
        return read_outcome::too_large;
    static const auto& http_category = http::make_error_code(http::error::bad_method).category();
    if (ec.category() == http_category && ec != http::error::end_of_stream
        && ec != http::error::partial_message)
        return read_outcome::malformed;
    return read_outcome::closed;
}

}  // namespace

peer::peer(tcp::socket socket, const peer_limits& limits)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      limits_(limits)
{
    error_code ignored;
    socket_.set_option(tcp::no_delay{true}, ignored);
}

asio::awaitable<read_outcome> peer::read(http_request& request)
{
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(head_bytes));
    parser.body_limit(limits_.body_bytes);
    deadline_ = steady::now() + limits_.idle;

    const auto head_ec = co_await read_message(socket_, unread_, parser);
    if (head_ec)
        co_return outcome_of(head_ec);
    // exception: only looked at; what is read into is the parser itself, so its limits hold.
    if (parser.get()[http::field::expect] == "100-continue") {
        const bool sent = co_await send("HTTP/1.1 100 Continue\r\n\r\n");
        if (!sent)
            co_return read_outcome::closed;
        deadline_ = steady::now() + limits_.idle;
    }
    parser.eager(true);
    const auto ec = co_await read_message(socket_, unread_, parser);
    if (ec)
        co_return outcome_of(ec);
    deadline_ = time_point::max();
    request = parser.release();
    co_return read_outcome::request;
}

asio::awaitable<bool> peer::send(std::string_view bytes)
{
    if (gone_)
        co_return false;
    deadline_ = steady::now() + limits_.write;
    const auto buffer = asio::buffer(bytes);
    auto [ec, sent] = co_await asio::async_write(socket_, buffer, no_throw);
    deadline_ = time_point::max();
    if (ec)
        left();
    co_return !gone_;
}

asio::awaitable<bool> peer::wait_until(time_point when)
{
    if (!gone_ && when > steady::now()) {
        timer_.expires_at(when);
        (void)co_await timer_.async_wait(no_throw);
    }
    co_return !gone_;
}

void peer::reset()
{
    error_code ignored;
    socket_.set_option(asio::socket_base::linger{true, 0}, ignored);
    socket_.close(ignored);
}

asio::awaitable<void> peer::linger()
{
    error_code ec;
    socket_.shutdown(tcp::socket::shutdown_send, ec);
    deadline_ = steady::now() + seconds{2};
    std::array<char, 16384> thrown_away{};
    const auto buffer = asio::buffer(thrown_away);
    while (!ec) {
        auto [read_ec, size] = co_await socket_.async_read_some(buffer, no_throw);
        ec = read_ec;
    }
}

void peer::abort()
{
    error_code ignored;
    gone_ = true;
    timer_.cancel();
    socket_.close(ignored);
}

void peer::left()
{
    if (!gone_)
        left_at_ = steady::now();
    gone_ = true;
    timer_.cancel();
}

void peer::unwatch()
{
    error_code ignored;
    socket_.cancel(ignored);
}

void watch(const std::shared_ptr<peer>& client)
{
    client->socket_.async_wait(tcp::socket::wait_read, [client](error_code ec) {
        if (ec || !client->socket_.is_open())
            return;
        char first = 0;
        const auto size =
            ::recv(client->socket_.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            watch(client);
        } else if (size <= 0) {
            client->left();
            client->unwatch();
        }
    });
}

}  // namespace sluice::simulate
