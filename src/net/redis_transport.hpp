#pragma once
// The socket under a link, with TLS or without.

#include <sluice/net/tls.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::net {

// One thread. Whoever reads or writes holds it, so that it outlives what is under way.
class redis_transport {
public:
    using socket = boost::asio::ip::tcp::socket;

    explicit redis_transport(boost::asio::io_context& context);

    [[nodiscard]] socket& plain() noexcept { return socket_; }

    // After the connection: only a peer with a certificate for `host` is talked to. Empty, or why
    // not.
    boost::asio::awaitable<std::string> encrypt(
        const std::string& ca_file, const std::string& host);

    // What came, empty at the end of the connection. The view holds until the next read.
    boost::asio::awaitable<std::string_view> read();

    // Goes out behind everything sent before; a failure closes.
    static void send(const std::shared_ptr<redis_transport>& self, std::string_view bytes);

    void close() noexcept;

private:
    static void write(const std::shared_ptr<redis_transport>& self);

    socket socket_;
    std::optional<boost::asio::ssl::stream<socket&>> tls_;
    std::array<char, 16'384> input_{};
    std::string pending_;
    std::string writing_;
};

}  // namespace sluice::net
