#include "redis_transport.hpp"

#include <sluice/base/no_throw.hpp>

#include <boost/asio/write.hpp>

#include <utility>

namespace sluice::net {
namespace {

namespace asio = boost::asio;

}  // namespace

redis_transport::redis_transport(asio::io_context& context)
    : socket_(context)
{
}

asio::awaitable<std::string> redis_transport::encrypt(
    const std::string& ca_file, const std::string& host)
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
    if (!ec)
        co_return std::string();
    co_return "TLS: " + certificate_words(tls_->native_handle(), ec.message());
}

asio::awaitable<std::string_view> redis_transport::read()
{
    boost::system::error_code failed;
    std::size_t size = 0;
    if (tls_) {
        auto [ec, count] = co_await tls_->async_read_some(asio::buffer(input_), no_throw);
        failed = ec;
        size = count;
    } else {
        auto [ec, count] = co_await socket_.async_read_some(asio::buffer(input_), no_throw);
        failed = ec;
        size = count;
    }
    co_return failed ? std::string_view() : std::string_view(input_.data(), size);
}

void redis_transport::send(const std::shared_ptr<redis_transport>& self, std::string_view bytes)
{
    self->pending_ += bytes;
    if (self->writing_.empty())
        write(self);
}

void redis_transport::write(const std::shared_ptr<redis_transport>& self)
{
    self->writing_ = std::exchange(self->pending_, {});
    if (self->writing_.empty())
        return;
    const auto written = [self](const boost::system::error_code& ec, std::size_t) {
        self->writing_.clear();
        if (ec)
            self->close();
        else
            write(self);
    };
    const auto bytes = asio::buffer(self->writing_);
    if (self->tls_)
        asio::async_write(*self->tls_, bytes, written);
    else
        asio::async_write(self->socket_, bytes, written);
}

void redis_transport::close() noexcept
{
    boost::system::error_code ignored;
    socket_.close(ignored);
}

}  // namespace sluice::net
