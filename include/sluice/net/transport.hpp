#pragma once
// A connection to a server of somebody else's, with TLS or without, for what is not between a
// request and its answer: Redis, webhooks, keys, traces, `ctl`.

#include <sluice/net/tls.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::net {

// One thread. Whoever connects, reads or writes holds it, so that it outlives what is under way.
class transport {
public:
    explicit transport(const boost::asio::any_io_executor& executor);

    // Looks the host up, an IP literal without brackets taken as it is, and tries its addresses in
    // turn. Empty, or why there is no connection; so with encrypt(), that talks only to a peer with
    // a certificate for `host`.
    boost::asio::awaitable<std::string> connect(std::string host, std::uint16_t port);
    boost::asio::awaitable<std::string> encrypt(std::string ca_file, std::string host);

    // What came, empty when nothing more comes: failure() says why. The view holds until the next
    // read.
    boost::asio::awaitable<std::string_view> read();
    // Goes out behind everything sent before; a failure ends the connection for read() too.
    static void send(const std::shared_ptr<transport>& self, std::string_view bytes);
    // Of what failed last. `eof` is an honest end: with TLS only if the peer said so (RFC
    // 8446 6.1).
    [[nodiscard]] const boost::system::error_code& failure() const noexcept { return failure_; }

    // Ends everything that is under way.
    void close() noexcept;

private:
    static void write(const std::shared_ptr<transport>& self);

    boost::asio::ip::tcp::resolver resolver_;
    boost::asio::ip::tcp::socket socket_;
    std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
    std::array<char, 16'384> input_{};
    std::string pending_;
    std::string writing_;
    boost::system::error_code failure_;
    bool closed_ = false;
};

}  // namespace sluice::net
