#include <sluice/net/stream.hpp>

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace sluice::net {
namespace {

constexpr std::size_t tls_record = 16384;

io tls_verdict(SSL* ssl, int returned) noexcept
{
    switch (SSL_get_error(ssl, returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return io::again;
    case SSL_ERROR_ZERO_RETURN:
        return io::eof;
    default:
        return io::failed;
    }
}

// The first record's worth of the pieces in one run: one record instead of one per piece.
std::string_view one_record(
    const iovec* pieces, std::size_t count, std::span<char> scratch) noexcept
{
    if (count == 1)
        return {static_cast<const char*>(pieces[0].iov_base), pieces[0].iov_len};
    std::size_t used = 0;
    for (std::size_t i = 0; i < count && used < scratch.size(); ++i) {
        const auto bytes = std::min(pieces[i].iov_len, scratch.size() - used);
        std::memcpy(scratch.data() + used, pieces[i].iov_base, bytes);
        used += bytes;
    }
    return {scratch.data(), used};
}

}  // namespace

stream& stream::operator=(stream&& other) noexcept
{
    close();
    socket_ = std::move(other.socket_);
    ssl_ = std::move(other.ssl_);
    return *this;
}

io_result stream::receive(std::span<char> into) noexcept
{
    return ssl_ ? receive_tls(into) : socket_->receive(into);
}

io_result stream::receive_tls(std::span<char> into) noexcept
{
    ERR_clear_error();
    std::size_t bytes = 0;
    const int returned = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
    if (returned == 1) {
        socket_->probe();
        return {io::ok, bytes};
    }
    const auto verdict = tls_verdict(ssl_.get(), returned);
    socket_->drained(verdict == io::again);
    return {verdict, 0};
}

io_result stream::send(const iovec* pieces, std::size_t count) noexcept
{
    return ssl_ ? send_tls(pieces, count) : socket_->send(pieces, count);
}

io_result stream::send_tls(const iovec* pieces, std::size_t count) noexcept
{
    std::array<char, tls_record> scratch;
    const auto run = one_record(pieces, count, scratch);
    if (run.empty())
        return {};
    ERR_clear_error();
    std::size_t bytes = 0;
    const int returned = SSL_write_ex(ssl_.get(), run.data(), run.size(), &bytes);
    if (returned == 1)
        return {io::ok, bytes};
    return {tls_verdict(ssl_.get(), returned), 0};
}

stream::presence stream::look() noexcept
{
    char byte = 0;
    if (ssl_) {
        ERR_clear_error();
        std::size_t bytes = 0;
        const int returned = SSL_peek_ex(ssl_.get(), &byte, 1, &bytes);
        if (returned == 1) {
            socket_->announce();
            return presence::data;
        }
        return tls_verdict(ssl_.get(), returned) == io::again ? presence::quiet : presence::gone;
    }
    const auto got = ::recv(socket_->descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got > 0)
        return presence::data;
    const bool quiet = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    return quiet ? presence::quiet : presence::gone;
}

task<io> stream::handshake(time_point until, tls_refusal& refusal)
{
    for (;;) {
        ERR_clear_error();
        errno = 0;
        const int returned = SSL_do_handshake(ssl_.get());
        if (returned == 1)
            co_return io::ok;
        const int error = SSL_get_error(ssl_.get(), returned);
        io waited = io::failed;
        if (error == SSL_ERROR_WANT_READ) {
            socket_->drained(true);
            waited = co_await socket_->readable(until);
        } else if (error == SSL_ERROR_WANT_WRITE) {
            waited = co_await socket_->writable(until);
        } else {
            refusal = refusal_of(ssl_.get());
        }
        if (waited == io::timed_out)
            refusal.why = "it was not through in time";
        if (waited != io::ok)
            co_return waited;
    }
}

void stream::say_goodbye() noexcept
{
    if (!ssl_ || SSL_is_init_finished(ssl_.get()) != 1)
        return;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
}

void stream::finish() noexcept
{
    say_goodbye();
    ::shutdown(socket_->descriptor(), SHUT_WR);
}

void stream::close() noexcept
{
    if (!socket_)
        return;
    say_goodbye();
    ssl_.reset();
    socket_.reset();
}

void stream::abort() noexcept
{
    if (!socket_)
        return;
    const linger at_once{1, 0};
    ::setsockopt(socket_->descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ssl_.reset();
    socket_.reset();
}

unsent::unsent(stream& to, buffer_pool& pool, const gather& pieces, std::size_t sent)
    : to_(to),
      bytes_(pieces.bytes() - sent),
      copy_(pool.take(bytes_))
{
    std::size_t filled = 0;
    for (std::size_t i = 0; i < pieces.count(); ++i) {
        const auto& piece = pieces.data()[i];
        const auto skipped = std::min(sent, piece.iov_len);
        sent -= skipped;
        std::memcpy(
            copy_.data() + filled,
            static_cast<const char*>(piece.iov_base) + skipped,
            piece.iov_len - skipped);
        filled += piece.iov_len - skipped;
    }
}

io unsent::push() noexcept
{
    // TLS takes a record at a time: its socket may have room after one, and then no readiness
    // would be announced.
    while (done_ < bytes_) {
        const iovec piece{copy_.data() + done_, bytes_ - done_};
        const auto more = to_.send(&piece, 1);
        if (more.status == io::again)
            return io::again;
        if (more.status != io::ok)
            return io::failed;
        done_ += more.bytes;
    }
    return io::ok;
}

task<io> send_all::rest(
    stream& to, buffer_pool& pool, const gather& pieces, std::size_t sent, milliseconds patience)
{
    unsent left(to, pool, pieces, sent);
    // A plain socket that took a part is full.
    bool wait = !to.tls();
    for (;;) {
        if (wait) {
            const io waited = co_await to.socket().writable(steady::now() + patience);
            if (waited != io::ok)
                co_return waited;
        }
        const io pushed = left.push();
        if (pushed != io::again)
            co_return pushed;
        wait = true;
    }
}

}  // namespace sluice::net
