#include <sluice/http/chunked.hpp>
#include <sluice/proxy/client.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace sluice::proxy {
namespace {

constexpr std::size_t first_buffer = 4096;
constexpr std::size_t first_body_buffer = 65536;
constexpr std::size_t linger_bytes = std::size_t{256} << 10U;
constexpr seconds linger_time{2};
constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

// In a time that depends on the lengths only.
bool same_text(std::string_view a, std::string_view b) noexcept
{
    if (a.size() != b.size())
        return false;
    std::uint64_t different = 0;
    std::size_t at = 0;
    for (; at + 8 <= a.size(); at += 8) {
        std::uint64_t left = 0;
        std::uint64_t right = 0;
        std::memcpy(&left, a.data() + at, 8);
        std::memcpy(&right, b.data() + at, 8);
        different |= left ^ right;
    }
    for (; at < a.size(); ++at)
        different |= static_cast<unsigned char>(a[at] ^ b[at]);
    return different == 0;
}

read_failure failure_of(net::io status, std::string_view late)
{
    if (status == net::io::timed_out)
        return {errc::request_timeout, late};
    return {errc::client_closed_request, {}};
}

}  // namespace

void throw_exception_from_error(const read_failure& why, const boost::source_location&)
{
    throw std::runtime_error(std::string(describe(why.code).label));
}

client::client(net::stream connection, net::buffer_pool& buffers, std::string address) noexcept
    : connection_(std::move(connection)),
      buffers_(buffers),
      address_(std::move(address)),
      usual_(first_buffer)
{
}

// Waits for more octets and puts them behind what is there. The buffer has room.
net::task<net::io> client::fill(time_point until)
{
    for (;;) {
        const net::io waited = co_await connection_.readable(until);
        if (waited != net::io::ok)
            co_return waited;
        const auto got = connection_.receive(input_.from(end_));
        if (got.status == net::io::again)
            continue;
        end_ += got.bytes;
        co_return got.status;
    }
}

net::task<bool> client::wait_for_request(time_point now, time_point until)
{
    if (begin_ != end_)
        co_return true;
    // An end that came together with the last request is not announced again: look once.
    const auto look_at = now + seconds(1);
    bool looked = false;
    for (;;) {
        const auto wait_until = looked ? until : std::min(until, look_at);
        const net::io waited = co_await connection_.readable(wait_until);
        if (waited == net::io::timed_out && !looked) {
            looked = true;
            connection_.socket().probe();
            continue;
        }
        if (waited != net::io::ok)
            co_return false;
        input_ = buffers_.take(buffers_.ledger().fits(usual_) ? usual_ : first_buffer);
        begin_ = end_ = 0;
        const auto got = connection_.receive(input_.from(0));
        if (got.status == net::io::ok) {
            end_ = got.bytes;
            drop_empty_line();
            if (begin_ != end_)
                co_return true;
        }
        input_.reset();
        if (got.status != net::io::again && got.status != net::io::ok)
            co_return false;
    }
}

// One behind a request is nothing to wait for (RFC 9112 2.2).
void client::drop_empty_line() noexcept
{
    if (unread() == "\r\n")
        end_ = begin_;
}

net::task<read_result> client::read_head(
    http::request_head& head, const http::head_limits& limits, time_point until)
{
    http::head_scanner scanner(http::message_kind::request, limits);
    complete_ = false;
    for (;;) {
        const auto found = scanner.scan(unread());
        if (found.state == http::head_scanner::progress::refused)
            co_return read_failure{found.why.code, found.why.message};
        if (found.state == http::head_scanner::progress::complete) {
            const auto text = unread().substr(found.begin, found.size);
            begin_ += found.begin + found.size;
            if (const auto why = http::parse(text, limits, head))
                co_return read_failure{why->code, why->message};
            complete_ = head.framing() == http::framing::none;
            co_return read_result{};
        }
        if (end_ == input_.capacity()) {
            auto larger = buffers_.take(2 * input_.capacity());
            std::memcpy(larger.data(), input_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
            input_ = std::move(larger);
        }
        connection_.socket().probe();
        const net::io filled = co_await fill(until);
        if (filled == net::io::eof)
            co_return read_failure{errc::bad_request, "the head ended early"};
        if (filled != net::io::ok)
            co_return failure_of(filled, "the request's head took too long");
    }
}

bool client::take_body(
    const http::request_head& head,
    const config::process_limits& limits,
    std::string_view& body) noexcept
{
    const auto bytes = head.content_length();
    if (head.framing() != http::framing::length || bytes > limits.body_bytes
        || bytes > end_ - begin_ || head.expect_continue())
        return false;
    take_sized(static_cast<std::size_t>(bytes), body);
    return true;
}

// All of it lies behind the head.
void client::take_sized(std::size_t bytes, std::string_view& body) noexcept
{
    const std::size_t whole = begin_ + bytes;
    usual_ = whole <= first_body_buffer ? std::max(whole, first_buffer) : first_buffer;
    body = unread().substr(0, bytes);
    begin_ = whole;
    complete_ = true;
}

net::task<read_result> client::read_body(
    const http::request_head& head,
    const config::process_limits& limits,
    time_point until,
    std::string_view& body)
{
    if (head.framing() == http::framing::none)
        co_return read_result{};
    const bool sized = head.framing() == http::framing::length;
    if (sized && head.content_length() > limits.body_bytes)
        co_return read_failure{errc::request_too_large, {}};
    if (head.expect_continue() && begin_ == end_) {
        net::gather interim;
        interim.add(go_on);
        const net::io sent = co_await net::send_all(connection_, buffers_, interim, seconds(5));
        if (sent != net::io::ok)
            co_return read_failure{errc::client_closed_request, {}};
    }
    if (sized)
        co_return co_await read_sized(static_cast<std::size_t>(head.content_length()), until, body);
    co_return co_await read_chunked(limits.body_bytes, until, body);
}

// Room for at least one octet more. Grows with what has come, not with what was announced.
bool client::grow_body(std::size_t filled, std::size_t wanted)
{
    if (body_ && filled < body_.capacity())
        return true;
    const std::size_t larger =
        std::min(wanted, std::max({first_body_buffer, 2 * body_.capacity(), 2 * filled}));
    if (!buffers_.ledger().fits(larger))
        return false;
    auto next = buffers_.take(larger);
    if (body_)
        std::memcpy(next.data(), body_.data(), filled);
    body_ = std::move(next);
    return true;
}

net::task<read_result> client::read_sized(
    std::size_t bytes, time_point until, std::string_view& body)
{
    const std::size_t whole = begin_ + bytes;
    if (whole <= input_.capacity()) {
        while (end_ < whole) {
            connection_.socket().probe();
            const net::io filled = co_await fill(until);
            if (filled == net::io::eof)
                co_return read_failure{errc::bad_request, "the body ended early"};
            if (filled != net::io::ok)
                co_return failure_of(filled, "the request's body took too long");
        }
        take_sized(bytes, body);
        co_return read_result{};
    }
    usual_ = whole <= first_body_buffer ? std::max(whole, first_buffer) : first_buffer;
    std::size_t filled = end_ - begin_;
    if (!grow_body(filled, bytes))
        co_return read_failure{errc::overloaded, {}};
    std::memcpy(body_.data(), input_.data() + begin_, filled);
    begin_ = end_;
    while (filled < bytes) {
        if (!grow_body(filled, bytes))
            co_return read_failure{errc::overloaded, {}};
        const auto room = std::min(body_.capacity(), bytes) - filled;
        const auto got = connection_.receive({body_.data() + filled, room});
        if (got.status == net::io::again) {
            const net::io waited = co_await connection_.readable(until);
            if (waited != net::io::ok)
                co_return failure_of(waited, "the request's body took too long");
            continue;
        }
        if (got.status == net::io::eof)
            co_return read_failure{errc::bad_request, "the body ended early"};
        if (got.status != net::io::ok)
            co_return read_failure{errc::client_closed_request, {}};
        filled += got.bytes;
    }
    body = {body_.data(), bytes};
    complete_ = true;
    co_return read_result{};
}

net::task<read_result> client::read_chunked(
    std::size_t limit, time_point until, std::string_view& body)
{
    http::chunked decoder;
    std::size_t filled = 0;
    for (;;) {
        errc refused{};
        const auto out =
            decoder.decode({input_.data() + begin_, end_ - begin_}, [&](std::span<char> run) {
                if (refused != errc{})
                    return;
                if (run.size() > limit - filled) {
                    refused = errc::request_too_large;
                    return;
                }
                while (body_.capacity() - filled < run.size()) {
                    const auto wanted = std::max(filled + run.size(), 2 * body_.capacity());
                    if (!buffers_.ledger().fits(wanted)) {
                        refused = errc::overloaded;
                        return;
                    }
                    auto next = buffers_.take(std::max(wanted, first_body_buffer));
                    if (filled > 0)
                        std::memcpy(next.data(), body_.data(), filled);
                    body_ = std::move(next);
                }
                std::memcpy(body_.data() + filled, run.data(), run.size());
                filled += run.size();
            });
        begin_ += out.consumed;
        // Also what a chunk has announced and not yet sent.
        if (refused == errc{} && decoder.remaining() > limit - filled)
            refused = errc::request_too_large;
        if (refused != errc{})
            co_return read_failure{refused, {}};
        if (out.state == http::chunk_output::progress::error)
            co_return read_failure{errc::bad_request, out.message};
        if (out.state == http::chunk_output::progress::end)
            break;
        // The head lies in front of begin_ and is still needed: octets of the body go behind it, or
        // over what was decoded before.
        if (end_ == input_.capacity()) {
            if (!spill_) {
                spill_ = std::move(input_);
                input_ = buffers_.take(first_body_buffer);
            }
            begin_ = end_ = 0;
        }
        connection_.socket().probe();
        const net::io filling = co_await fill(until);
        if (filling == net::io::eof)
            co_return read_failure{errc::bad_request, "the body ended early"};
        if (filling != net::io::ok)
            co_return failure_of(filling, "the request's body took too long");
    }
    body = {body_.data(), filled};
    complete_ = true;
    co_return read_result{};
}

void client::release()
{
    body_.reset();
    spill_.reset();
    drop_empty_line();
    if (begin_ == end_) {
        input_.reset();
        begin_ = end_ = 0;
    } else if (begin_ > 0) {
        std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
}

const config::digest& client::digest_of(std::string_view credential)
{
    // A balancer may send several clients' requests over one connection: the comparison must not
    // tell one of them how much of another's key it has guessed.
    if (credential_.empty() || !same_text(credential, credential_)) {
        digest_ = config::sha256(credential);
        credential_.assign(credential);
    }
    return digest_;
}

void client::watch(void (*gone)(void*), void* context) noexcept
{
    gone_ = gone;
    gone_context_ = context;
    drop_empty_line();
    if (begin_ == end_)
        connection_.socket().watch(&client::spoke, this);
}

void client::unwatch() noexcept
{
    gone_ = nullptr;
    connection_.socket().unwatch();
}

void client::spoke(void* self) noexcept
{
    auto& mine = *static_cast<client*>(self);
    switch (mine.connection_.look()) {
    case net::stream::presence::quiet:
        mine.connection_.socket().watch(&client::spoke, self);
        break;
    case net::stream::presence::data:
        break;
    case net::stream::presence::gone:
        if (mine.gone_ != nullptr)
            std::exchange(mine.gone_, nullptr)(mine.gone_context_);
        break;
    }
}

net::task<> client::linger()
{
    connection_.finish();
    const auto until = steady::now() + linger_time;
    std::array<char, 4096> sink;
    std::size_t taken = 0;
    connection_.socket().probe();
    while (taken < linger_bytes) {
        const auto got = connection_.socket().receive(sink);
        if (got.status == net::io::again) {
            const net::io waited = co_await connection_.readable(until);
            if (waited != net::io::ok)
                co_return;
            continue;
        }
        if (got.status != net::io::ok)
            co_return;
        taken += got.bytes;
    }
}

}  // namespace sluice::proxy
