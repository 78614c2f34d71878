#pragma once
// A connection, plain or TLS, with one face: receive and send never block, waits have a deadline.

#include <sluice/net/buffer.hpp>
#include <sluice/net/socket.hpp>
#include <sluice/net/task.hpp>
#include <sluice/net/tls.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <sys/uio.h>

namespace sluice::net {

// What is sent together: a short list of views.
class gather {
public:
    static constexpr std::size_t most = 16;

    void add(std::string_view piece) noexcept
    {
        if (piece.empty() || count_ == most)
            return;
        pieces_[count_++] = {const_cast<char*>(piece.data()), piece.size()};
        bytes_ += piece.size();
    }
    // Of an empty one: room for a piece in front of those that follow.
    void leave_first() noexcept { pieces_[count_++] = {}; }
    void set_first(std::string_view piece) noexcept
    {
        pieces_[0] = {const_cast<char*>(piece.data()), piece.size()};
        bytes_ += piece.size();
    }
    // Takes octets off the end again; there are that many.
    void trim(std::size_t bytes) noexcept
    {
        bytes_ -= bytes;
        while (bytes > 0) {
            auto& last = pieces_[count_ - 1];
            const auto part = bytes < last.iov_len ? bytes : last.iov_len;
            last.iov_len -= part;
            bytes -= part;
            if (last.iov_len == 0)
                --count_;
        }
    }
    void clear() noexcept { count_ = bytes_ = 0; }
    [[nodiscard]] std::size_t room() const noexcept { return most - count_; }
    [[nodiscard]] const iovec* data() const noexcept { return pieces_.data(); }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    std::array<iovec, most> pieces_;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
};

class stream {
public:
    explicit stream(socket_ptr s, ssl_ptr ssl = nullptr) noexcept
        : socket_(std::move(s)),
          ssl_(std::move(ssl))
    {
    }
    stream(stream&&) noexcept = default;
    stream& operator=(stream&& other) noexcept;
    ~stream() { close(); }

    // The same connection, to be encrypted from here on; a handshake() follows.
    void encrypt(ssl_ptr ssl) noexcept { ssl_ = std::move(ssl); }

    [[nodiscard]] bool open() const noexcept { return socket_ != nullptr; }
    [[nodiscard]] bool tls() const noexcept { return ssl_ != nullptr; }
    [[nodiscard]] net::socket& socket() noexcept { return *socket_; }

    [[nodiscard]] io_result receive(std::span<char> into) noexcept;
    [[nodiscard]] io_result send(const iovec* pieces, std::size_t count) noexcept;

    // May say `ok` although nothing is there: receive() then says `again`. What TLS holds after
    // that is a part of a record, for which the socket has to be waited for.
    [[nodiscard]] socket::wait readable(time_point until) noexcept
    {
        return socket_->readable(until);
    }

    // Whether the peer has left. Looks without taking anything from whoever reads.
    enum class presence : std::uint8_t { quiet, data, gone };
    [[nodiscard]] presence look() noexcept;

    // Both sides; `until` bounds all of it. A failed verification is `failed`. `refusal` says why
    // where it is not `ok`.
    task<io> handshake(time_point until, tls_refusal& refusal);
    // From here on without TLS, for a peer that never spoke it.
    void speak_plainly() noexcept { ssl_.reset(); }

    // Nothing more will be sent, which the peer is told: TLS says goodbye if it can at once (RFC
    // 8446 6.1). What it sends is still there to be read.
    void finish() noexcept;
    // Ends the connection, after the same goodbye.
    void close() noexcept;
    // Ends it with a reset, so that a peer cannot take it for a proper end.
    void abort() noexcept;

private:
    // Apart, so that what is not encrypted does without their memory.
    [[gnu::noinline]] io_result receive_tls(std::span<char> into) noexcept;
    [[gnu::noinline]] io_result send_tls(const iovec* pieces, std::size_t count) noexcept;
    void say_goodbye() noexcept;

    socket_ptr socket_;
    ssl_ptr ssl_;
};

// What a connection did not take at once of what is sent together, copied: the pieces may lie in
// memory that others use after a wait.
class unsent {
public:
    // `sent` octets of the pieces are gone already.
    unsent(stream& to, buffer_pool& pool, const gather& pieces, std::size_t sent);

    // As much as it takes. `ok`: all of it; `again`: more when the socket is writable.
    [[nodiscard]] io push() noexcept;

    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_ - done_; }

private:
    stream& to_;
    std::size_t bytes_;
    std::size_t done_ = 0;
    buffer copy_;
};

// `co_await send_all(...)`: everything, or what went wrong. The pieces may lie in memory that
// others use after the first wait: what the socket does not take at once is copied first.
// `patience` is how long the peer may take nothing at all.
class [[nodiscard]] send_all {
public:
    send_all(stream& to, buffer_pool& pool, const gather& pieces, milliseconds patience) noexcept
        : to_(to),
          pool_(pool),
          pieces_(pieces),
          patience_(patience)
    {
    }
    send_all(const send_all&) = delete;
    send_all& operator=(const send_all&) = delete;

    bool await_ready() noexcept
    {
        const auto sent = to_.send(pieces_.data(), pieces_.count());
        sent_ = sent.bytes;
        verdict_ = sent.status;
        return verdict_ == io::failed || sent_ == pieces_.bytes();
    }
    bool await_suspend(std::coroutine_handle<> waiter)
    {
        slow_.emplace(rest(to_, pool_, pieces_, sent_, patience_));
        return slow_->await_suspend(waiter);
    }
    io await_resume() { return slow_ ? slow_->await_resume() : verdict_; }

    [[nodiscard]] bool waited() const noexcept { return slow_.has_value(); }

private:
    static task<io> rest(
        stream& to,
        buffer_pool& pool,
        const gather& pieces,
        std::size_t sent,
        milliseconds patience);

    stream& to_;
    buffer_pool& pool_;
    const gather& pieces_;
    milliseconds patience_;
    std::size_t sent_ = 0;
    io verdict_ = io::ok;
    std::optional<task<io>> slow_;
};

}  // namespace sluice::net
