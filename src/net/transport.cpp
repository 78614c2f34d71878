#include <sluice/base/no_throw.hpp>
#include <sluice/net/transport.hpp>

#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>

#include <utility>
#include <vector>

namespace sluice::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

transport::transport(const asio::any_io_executor& executor)
    : resolver_(executor),
      socket_(executor)
{
}

asio::awaitable<std::string> transport::connect(std::string host, std::uint16_t port)
{
    boost::system::error_code no_literal;
    const auto literal = asio::ip::make_address(host, no_literal);
    std::vector<tcp::endpoint> peers;
    if (no_literal) {
        const auto service = std::to_string(port);
        auto [ec, found] = co_await resolver_.async_resolve(host, service, no_throw);
        failure_ = ec;
        if (ec)
            co_return "its name is not known: " + ec.message();
        for (const auto& one : found)
            peers.push_back(one.endpoint());
    } else {
        peers.emplace_back(literal, port);
    }
    if (closed_)
        co_return "it is not waited for any more";
    auto [ec, peer] = co_await asio::async_connect(socket_, peers, no_throw);
    failure_ = ec;
    if (ec)
        co_return "it cannot be reached: " + ec.message();
    boost::system::error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    co_return std::string();
}

asio::awaitable<std::string> transport::encrypt(std::string ca_file, std::string host)
{
    const auto trust = make_client_context(ca_file);
    if (!trust.context)
        co_return trust.error;
    constexpr int no_descriptor = -1;  // Asio puts its own buffers under it
    auto session = make_client_ssl(trust.context, no_descriptor, host);
    if (!session || SSL_set_alpn_protos(session.get(), nullptr, 0) != 0)
        co_return "TLS cannot be set up";
    tls_.emplace(socket_, session.release());
    auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::client, no_throw);
    failure_ = ec;
    if (!ec)
        co_return std::string();
    co_return "TLS: " + certificate_words(tls_->native_handle(), ec.message());
}

asio::awaitable<std::string_view> transport::read()
{
    std::size_t size = 0;
    if (tls_) {
        auto [ec, count] = co_await tls_->async_read_some(asio::buffer(input_), no_throw);
        failure_ = ec;
        size = count;
    } else {
        auto [ec, count] = co_await socket_.async_read_some(asio::buffer(input_), no_throw);
        failure_ = ec;
        size = count;
    }
    co_return std::string_view(input_.data(), failure_ ? 0 : size);
}

void transport::send(const std::shared_ptr<transport>& self, std::string_view bytes)
{
    self->pending_ += bytes;
    if (self->writing_.empty())
        write(self);
}

void transport::write(const std::shared_ptr<transport>& self)
{
    self->writing_ = std::exchange(self->pending_, {});
    if (self->writing_.empty())
        return;
    // What cannot be sent is not lost in silence: nothing can be read from such a connection
    // either, but for what the peer said before it left, such as why it takes no more.
    const auto written = [self](const boost::system::error_code& ec, std::size_t) {
        self->writing_.clear();
        if (!ec)
            write(self);
    };
    const auto bytes = asio::buffer(self->writing_);
    if (self->tls_)
        asio::async_write(*self->tls_, bytes, written);
    else
        asio::async_write(self->socket_, bytes, written);
}

void transport::close() noexcept
{
    boost::system::error_code ignored;
    closed_ = true;
    resolver_.cancel();
    socket_.close(ignored);
}

}  // namespace sluice::net
