#include "connection.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace loopback {
namespace {

char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return lower(x) == lower(y);
    });
}

// Calls with each field's name and value until told to stop.
template <typename F>
void each_field(std::string_view fields, F&& call)
{
    while (!fields.empty()) {
        const auto end = std::min(fields.find("\r\n"), fields.size());
        const auto line = fields.substr(0, end);
        fields.remove_prefix(std::min(end + 2, fields.size()));
        const auto colon = line.find(':');
        if (colon == std::string_view::npos)
            continue;
        auto value = line.substr(colon + 1);
        while (value.starts_with(' '))
            value.remove_prefix(1);
        if (!call(line.substr(0, colon), value))
            return;
    }
}

}  // namespace

bool comes_to_hold(const std::function<bool()>& holds, milliseconds within)
{
    const auto until = clock::now() + within;
    while (!holds()) {
        if (clock::now() >= until)
            return false;
        // exception: what others do is asked for, they tell nobody
        std::this_thread::sleep_for(milliseconds(10));
    }
    return true;
}

unsigned message::status() const
{
    unsigned found = 0;
    if (start_line.size() > 12)
        std::from_chars(start_line.data() + 9, start_line.data() + 12, found);
    return found;
}

bool message::has(std::string_view name) const
{
    bool found = false;
    each_field(fields, [&](std::string_view n, std::string_view) {
        found = same(n, name);
        return !found;
    });
    return found;
}

std::string message::header(std::string_view name) const
{
    std::string found;
    each_field(fields, [&](std::string_view n, std::string_view value) {
        if (!same(n, name))
            return true;
        found = value;
        return false;
    });
    return found;
}

connection::connection(int descriptor)
    : descriptor_(descriptor)
{
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

connection::connection(connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      ssl_(std::move(other.ssl_)),
      input_(std::move(other.input_)),
      ended_(other.ended_)
{
}

connection& connection::operator=(connection&& other) noexcept
{
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
    ssl_ = std::move(other.ssl_);
    input_ = std::move(other.input_);
    ended_ = other.ended_;
    return *this;
}

connection::~connection()
{
    close();
}

connection connection::to(std::uint16_t port, int receive_buffer, int segment_bytes)
{
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0)
        ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (segment_bytes > 0)
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof segment_bytes);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(port);
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
        ::close(descriptor);
        throw failure("nobody listens on port " + std::to_string(port));
    }
    return connection(descriptor);
}

bool connection::wait(short events, clock::time_point until) const
{
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(until - clock::now()).count();
        pollfd ready{descriptor_, events, 0};
        const int count = ::poll(&ready, 1, static_cast<int>(std::max<long>(left, 0)));
        if (count > 0)
            return true;
        if (count == 0)
            return false;
    }
}

bool connection::encrypt(ssl_ptr ssl)
{
    const auto until = clock::now() + patience;
    ssl_ = std::move(ssl);
    SSL_set_fd(ssl_.get(), descriptor_);
    for (;;) {
        ERR_clear_error();
        const int returned = SSL_do_handshake(ssl_.get());
        if (returned == 1)
            return true;
        const int error = SSL_get_error(ssl_.get(), returned);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            return false;
        if (!wait(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until))
            throw failure("a TLS handshake took too long");
    }
}

bool connection::send(std::string_view bytes)
{
    return send_through(ssl_.get(), bytes);
}

bool connection::send_through(SSL* ssl, std::string_view bytes)
{
    const auto until = clock::now() + patience;
    while (!bytes.empty()) {
        ERR_clear_error();
        const auto sent = ssl != nullptr
                              ? SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size()))
                              : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        const bool again = ssl != nullptr
                               ? SSL_get_error(ssl, static_cast<int>(sent)) == SSL_ERROR_WANT_WRITE
                               : errno == EAGAIN;
        if (!again)
            return false;
        if (!wait(POLLOUT, until))
            throw failure("the peer does not read");
    }
    return true;
}

std::string connection::sealed(std::string_view bytes, std::size_t record)
{
    BIO* const wire = SSL_get_wbio(ssl_.get());
    BIO_up_ref(wire);
    BIO* const memory = BIO_new(BIO_s_mem());
    SSL_set0_wbio(ssl_.get(), memory);
    for (; !bytes.empty(); bytes.remove_prefix(std::min(record, bytes.size())))
        SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min(record, bytes.size())));
    char* data = nullptr;
    const auto size = BIO_get_mem_data(memory, &data);
    std::string made(data, static_cast<std::size_t>(size));
    SSL_set0_wbio(ssl_.get(), wire);
    return made;
}

bool connection::send_as_is(std::string_view bytes)
{
    return send_through(nullptr, bytes);
}

std::size_t connection::send_until_stuck(std::string_view bytes, milliseconds quiet)
{
    std::size_t taken = 0;
    while (taken < bytes.size()) {
        const auto rest = bytes.substr(taken);
        const auto sent = ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent > 0)
            taken += static_cast<std::size_t>(sent);
        else if (errno != EAGAIN || !wait(POLLOUT, clock::now() + quiet))
            break;
    }
    return taken;
}

// As recv; -1 with EAGAIN when there is nothing yet.
long connection::receive(char* into, std::size_t size, bool& wants_write)
{
    if (!ssl_)
        return ::recv(descriptor_, into, size, 0);
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), into, static_cast<int>(size));
    if (got > 0)
        return got;
    const int error = SSL_get_error(ssl_.get(), got);
    wants_write = error == SSL_ERROR_WANT_WRITE;
    if (wants_write || error == SSL_ERROR_WANT_READ) {
        errno = EAGAIN;
        return -1;
    }
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = ECONNRESET;
    return -1;
}

bool connection::read(clock::time_point until)
{
    std::array<char, 16384> memory;
    while (ended_ == ending::none) {
        bool wants_write = false;
        const auto got = receive(memory.data(), memory.size(), wants_write);
        if (got > 0) {
            input_.append(memory.data(), static_cast<std::size_t>(got));
            return true;
        }
        if (got == 0)
            ended_ = ending::fin;
        else if (errno != EAGAIN)
            ended_ = ending::reset;
        else if (!wait(wants_write ? POLLOUT : POLLIN, until))
            return false;
    }
    return false;
}

std::string connection::until(std::string_view mark)
{
    const auto deadline = clock::now() + patience;
    std::size_t from = 0;
    for (;;) {
        const auto at = input_.find(mark, from);
        if (at != std::string::npos) {
            auto part = input_.substr(0, at + mark.size());
            input_.erase(0, part.size());
            return part;
        }
        from = input_.size() - std::min(input_.size(), mark.size() - 1);
        if (!read(deadline))
            throw failure("\"" + std::string(mark) + "\" did not come, but: " + input_);
    }
}

bool connection::filled(std::size_t bytes)
{
    const auto deadline = clock::now() + patience;
    while (input_.size() < bytes)
        if (!read(deadline)) {
            if (ended_ == ending::none)
                throw failure("the rest did not come after: " + input_.substr(0, 1000));
            return false;
        }
    return true;
}

std::string connection::exactly(std::size_t bytes)
{
    if (!filled(bytes))
        throw failure("the peer ended after: " + input_);
    auto part = input_.substr(0, bytes);
    input_.erase(0, bytes);
    return part;
}

std::string connection::rest()
{
    if (!ends())
        throw failure("the peer does not end after: " + input_.substr(0, 1000));
    return std::exchange(input_, {});
}

bool connection::ends(milliseconds within)
{
    const auto deadline = clock::now() + within;
    while (read(deadline)) {
    }
    return ended_ != ending::none;
}

bool connection::stirs(milliseconds within)
{
    return read(clock::now() + within) || ended_ != ending::none;
}

message connection::head()
{
    message made;
    auto text = until("\r\n\r\n");
    const auto line = text.find("\r\n");
    made.start_line = text.substr(0, line);
    made.fields = text.substr(line + 2, text.size() - line - 4);
    return made;
}

// Without its line feed. False: the peer ended first.
bool connection::take_line(std::string& line)
{
    const auto deadline = clock::now() + patience;
    for (;;) {
        if (const auto at = input_.find("\r\n"); at != std::string::npos) {
            line = input_.substr(0, at);
            input_.erase(0, at + 2);
            return true;
        }
        if (!read(deadline)) {
            if (ended_ == ending::none)
                throw failure("a line did not come, but: " + input_);
            return false;
        }
    }
}

void connection::read_body(message& into, bool until_end)
{
    const auto take = [&](std::size_t bytes) {
        into.whole = filled(bytes);
        const auto part = std::min(bytes, input_.size());
        into.body += input_.substr(0, part);
        input_.erase(0, part);
        return into.whole;
    };
    if (into.has("transfer-encoding")) {
        std::string line;
        for (;;) {
            into.whole = take_line(line);
            if (!into.whole)
                return;
            const auto size = std::stoul(line, nullptr, 16);
            if (size > 0 && !take(size))
                return;
            into.whole = take_line(line);
            if (!into.whole || size == 0)
                return;
        }
    }
    if (into.has("content-length")) {
        (void)take(std::stoul(into.header("content-length")));
        return;
    }
    if (until_end)
        into.body = rest();
    into.whole = ended_ != ending::reset;
}

message connection::answer(bool to_head_request)
{
    auto made = head();
    const auto status = made.status();
    if (!to_head_request && status >= 200 && status != 204 && status != 304)
        read_body(made, true);
    return made;
}

message connection::request()
{
    auto made = head();
    read_body(made, false);
    return made;
}

unsigned connection::segments() const
{
    struct {
        tcp_info begin;  // what the C library knows of it, and how <linux/tcp.h> goes on
        std::array<std::uint64_t, 4> rates_and_bytes;
        std::array<std::uint32_t, 4> all_segments_and_more;
        std::uint32_t data_segments_in;
    } info{};
    socklen_t size = sizeof info;
    if (::getsockopt(descriptor_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        throw failure("the system does not tell of segments");
    return info.data_segments_in;
}

void connection::finish()
{
    if (ssl_)
        SSL_shutdown(ssl_.get());
    ::shutdown(descriptor_, SHUT_WR);
}

void connection::reset()
{
    const linger at_once{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ssl_.reset();
    ::close(std::exchange(descriptor_, -1));
}

void connection::close()
{
    if (descriptor_ < 0)
        return;
    if (ssl_ && SSL_is_init_finished(ssl_.get()) == 1) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());
    }
    ssl_.reset();
    ::close(std::exchange(descriptor_, -1));
}

}  // namespace loopback
