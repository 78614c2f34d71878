#pragma once
// One client connection: reads requests from it, knows when the client has left.

#include <sluice/base/errc.hpp>
#include <sluice/config/key.hpp>
#include <sluice/config/snapshot.hpp>
#include <sluice/http/scanner.hpp>
#include <sluice/net/stream.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::proxy {

// Why a request could not be read. Errors that leave nobody to answer are client_closed_request.
struct read_failure {
    errc code;
    std::string_view message;  // static, or empty for the error's own
};
using read_result = boost::system::result<void, read_failure>;

[[noreturn]] void throw_exception_from_error(
    const read_failure& why, const boost::source_location& where);

class client {
public:
    client(net::stream connection, net::buffer_pool& buffers, std::string address) noexcept;

    [[nodiscard]] net::stream& connection() noexcept { return connection_; }
    // Of the peer, without the port.
    [[nodiscard]] const std::string& address() const noexcept { return address_; }

    // Until the first octet of a request is here. Holds no buffer meanwhile. False: the client left
    // or stayed silent until then.
    net::task<bool> wait_for_request(time_point now, time_point until);

    // The whole head, parsed. `head` refers to this client's memory until forget_head().
    net::task<read_result> read_head(
        http::request_head& head, const http::head_limits& limits, time_point until);

    // As read_body(), where the whole body has come with its head. False: there is more to do.
    [[nodiscard]] bool take_body(
        const http::request_head& head,
        const config::process_limits& limits,
        std::string_view& body) noexcept;

    // The body without its framing. `body` is a view into this client's memory until
    // forget_body(). Bounded by limits.body_bytes and what the process may still buffer.
    net::task<read_result> read_body(
        const http::request_head& head,
        const config::process_limits& limits,
        time_point until,
        std::string_view& body);

    // Whether nothing of this request is left to be read.
    [[nodiscard]] bool request_complete() const noexcept { return complete_; }

    // Nothing the client has sent is left unread, as far as is known.
    [[nodiscard]] bool all_read() const noexcept { return complete_ && begin_ == end_; }

    // The request's memory goes back; what was pipelined behind it stays.
    void release();

    // SHA-256 of a credential. The last one is remembered, for as long as the connection lives.
    [[nodiscard]] const config::digest& digest_of(std::string_view credential);

    // Calls once when the client leaves. Pipelined octets end the watch: they are read later.
    void watch(void (*gone)(void*), void* context) noexcept;
    void unwatch() noexcept;

    // After an answer that ends the connection early: takes what the client still sends, a bounded
    // while, so that the answer is not lost to a reset (RFC 9112 9.6).
    net::task<> linger();

private:
    net::task<net::io> fill(time_point until);
    net::task<read_result> read_sized(std::size_t bytes, time_point until, std::string_view& body);
    net::task<read_result> read_chunked(
        std::size_t limit, time_point until, std::string_view& body);
    void take_sized(std::size_t bytes, std::string_view& body) noexcept;
    [[nodiscard]] bool grow_body(std::size_t filled, std::size_t wanted);
    static void spoke(void* self) noexcept;
    void drop_empty_line() noexcept;

    [[nodiscard]] std::string_view unread() const noexcept
    {
        return {input_.data() + begin_, end_ - begin_};
    }

    net::stream connection_;
    net::buffer_pool& buffers_;
    std::string address_;
    net::buffer input_;      // octets as they came; empty between requests
    std::size_t usual_;      // room for a request like the last one, in one buffer
    std::size_t begin_ = 0;  // of what is not yet taken
    std::size_t end_ = 0;
    net::buffer spill_;  // where the head lies while a chunked body is read into further input
    net::buffer body_;   // only for a body that did not arrive together with its head
    bool complete_ = true;
    std::string credential_;
    config::digest digest_{};
    void (*gone_)(void*) = nullptr;
    void* gone_context_ = nullptr;
};

}  // namespace sluice::proxy
