#include "admin_connection.hpp"

#include <sluice/base/no_throw.hpp>
#include <sluice/base/read_message.hpp>
#include <sluice/http/writer.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <utility>

namespace sluice::server {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

std::string head_of(const admin_response& response)
{
    std::string text = response.version() == 10 ? "HTTP/1.0 " : "HTTP/1.1 ";
    text += std::to_string(response.result_int()) + ' ';
    text += sluice::http::reason_phrase(response.result_int());
    text += "\r\n";
    for (const auto& field : response) {
        text += view(field.name_string());
        text += ": ";
        text += view(field.value());
        text += "\r\n";
    }
    return text + "\r\n";
}

}  // namespace

admin_connection::admin_connection(tcp::socket socket, std::string peer)
    : remote(std::move(peer)),
      in_force(socket.get_executor()),
      line_(std::make_shared<line>(std::move(socket))),
      limit_(line_->socket.get_executor())
{
    error_code ignored;
    line_->socket.set_option(tcp::no_delay(true), ignored);
}

void admin_connection::within(duration limit)
{
    line_->until = steady::now() + limit;
    limit_.expires_at(line_->until);
    limit_.async_wait([weak = std::weak_ptr(line_)](const error_code& ec) {
        error_code ignored;
        const auto late = weak.lock();
        if (!ec && late && steady::now() >= late->until)
            late->socket.close(ignored);
    });
}

void admin_connection::in_time()
{
    line_->until = time_point::max();
    limit_.cancel();
}

asio::awaitable<error_code> admin_connection::read(admin_parser& parser, duration limit)
{
    within(limit);
    parser.eager(true);
    const auto ec = co_await read_message(line_->socket, unread_, parser);
    in_time();
    co_return ec;
}

asio::awaitable<bool> admin_connection::write(const admin_response& response, duration limit)
{
    within(limit);
    const auto head = head_of(response);
    // Not copied: an exposition is large, and what its copy took would stay with this thread's
    // heap.
    const std::array both{asio::buffer(head), asio::buffer(response.body())};
    auto [ec, written] = co_await asio::async_write(line_->socket, both, no_throw);
    in_time();
    co_return !ec;
}

asio::awaitable<void> admin_connection::linger()
{
    error_code ignored;
    line_->socket.shutdown(tcp::socket::shutdown_send, ignored);
    within(seconds{1});
    std::array<char, 16'384> rest;
    const auto buffer = asio::buffer(rest);
    for (std::size_t pieces = 0; pieces < 1'024; ++pieces) {
        auto [ec, bytes] = co_await line_->socket.async_read_some(buffer, no_throw);
        if (ec)
            co_return;
    }
}

void admin_connection::close() noexcept
{
    error_code ignored;
    line_->socket.shutdown(tcp::socket::shutdown_both, ignored);
    line_->socket.close(ignored);
}

}  // namespace sluice::server
