#include "admin_api.hpp"
#include "admin_connection.hpp"
#include <sluice/base/no_throw.hpp>
#include <sluice/server/admin.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace sluice::server {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

// What a request that cannot be read is answered with; none: there is nobody to answer, or nothing
// was asked.
std::optional<admin_response> answer_to(boost::system::error_code ec, const admin_limits& limits)
{
    if (ec == http::error::end_of_stream || ec == http::error::partial_message
        || ec.category() != make_error_code(http::error::bad_method).category())
        return std::nullopt;
    admin_response response;
    if (ec == http::error::body_limit)
        response = error_answer(
            errc::request_too_large,
            "the admin API takes bodies of at most " + std::to_string(limits.body_bytes)
                + " bytes");
    else if (ec == http::error::header_limit)
        response = error_answer(errc::head_too_large);
    else
        response = error_answer(errc::bad_request, ec.message());
    response.keep_alive(false);
    response.content_length(response.body().size());
    return response;
}

}  // namespace

// An answer that somebody else is working on.
struct admin_server::waiting {
    explicit waiting(asio::io_context& context)
        : ready(context)
    {
    }

    asio::steady_timer ready;
    std::optional<admin_response> answer;
};

admin_server::admin_server(asio::io_context& context, admin_sources sources, admin_limits limits)
    : context_(context),
      log_(sources.log),
      in_force_(sources.in_force),
      limits_(limits),
      api_(std::make_unique<admin_api>(std::move(sources))),
      acceptor_(context),
      pause_(context)
{
}

admin_server::~admin_server() = default;

void admin_server::start(const config::admin_settings& settings, int given)
{
    boost::system::error_code ec;
    const auto address = asio::ip::make_address(settings.host, ec);
    const tcp::endpoint endpoint(address, settings.port);
    if (!ec && given >= 0) {
        acceptor_.assign(endpoint.protocol(), given, ec);
    } else {
        if (!ec)
            acceptor_.open(endpoint.protocol(), ec);
        if (!ec)
            acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
        if (!ec)
            acceptor_.bind(endpoint, ec);
        if (!ec)
            acceptor_.listen(tcp::acceptor::max_listen_connections, ec);
    }
    if (ec)
        throw std::runtime_error(
            "cannot listen on the admin address " + settings.host + " port "
            + std::to_string(settings.port) + ": " + ec.message());
    api_->bound(address.is_loopback());
    asio::co_spawn(context_, accept_connections(), [this](std::exception_ptr failure) {
        if (failure)
            log_.error("admin_listener_failed", "the admin API no longer accepts connections");
    });
}

// Not by acceptor::close(): while another process has the socket too, closing it alone leaves it in
// the set of what is waited for.
void admin_server::stop_listening()
{
    if (!acceptor_.is_open())
        return;
    boost::system::error_code ec;
    const int listener = acceptor_.release(ec);
    if (!ec)
        ::close(listener);
    pause_.cancel();
}

int admin_server::listener()
{
    return acceptor_.is_open() ? acceptor_.native_handle() : -1;
}

void admin_server::look()
{
    for (auto& one : connections_)
        one.in_force.cancel();
}

void admin_server::leave()
{
    leaving_ = true;
    stop_listening();
    for (auto& one : connections_)
        if (one.waiting)
            one.close();
}

void admin_server::stop()
{
    stopped_ = true;
    stop_listening();
    for (auto& one : connections_)
        one.close();
}

std::uint16_t admin_server::port() const
{
    return acceptor_.local_endpoint().port();
}

asio::awaitable<void> admin_server::accept_connections()
{
    while (!stopped_ && !leaving_) {
        tcp::socket socket(context_);
        auto [ec] = co_await acceptor_.async_accept(socket, no_throw);
        if (stopped_ || (leaving_ && ec))
            co_return;
        if (!ec) {
            admit(std::move(socket));
            continue;
        }
        log_.warn("admin_accept_failed", ec.message());
        pause_.expires_after(limits_.accept_pause);
        co_await pause_.async_wait(no_throw);
    }
}

void admin_server::admit(tcp::socket socket)
{
    boost::system::error_code ec;
    const auto peer = socket.remote_endpoint(ec);
    if (ec)
        return;
    if (connections_.size() >= limits_.connections) {
        const auto oldest = std::ranges::find(connections_, true, &admin_connection::waiting);
        if (oldest == connections_.end())
            return;
        oldest->waiting = false;  // leaves as soon as its coroutine has noticed
        oldest->close();
    }
    connections_.emplace_back(std::move(socket), peer.address().to_string());
    const auto which = std::prev(connections_.end());
    asio::co_spawn(context_, serve(which), [this, which](std::exception_ptr failure) {
        connections_.erase(which);
        if (failure)
            log_.error("admin_connection_failed", "an admin connection ended by an exception");
    });
}

// What api_ has left to be done, on a thread of its own.
asio::awaitable<void> admin_server::wait_for(std::shared_ptr<waiting> answer)
{
    auto work = api_->take_later();
    if (!work)
        co_return;
    answer->answer.reset();
    answer->ready.expires_after(limits_.later);
    // Whoever works on it may drop it on a thread of its own, where the timer must not end.
    asio::post(helper_, [this, waits = std::weak_ptr(answer), work = std::move(work)] {
        work([this, waits](admin_response done) {
            asio::post(context_, [waits, done = std::move(done)]() mutable {
                const auto still = waits.lock();
                if (!still)
                    return;
                done.content_length(done.body().size());
                still->answer = std::move(done);
                still->ready.cancel();
            });
        });
    });
    co_await answer->ready.async_wait(no_throw);
    if (!answer->answer) {
        answer->answer = error_answer(
            admin_error{.status = 503, .code = "too_slow", .message = "the answer takes too long"});
        answer->answer->content_length(answer->answer->body().size());
    }
}

asio::awaitable<void> admin_server::until_in_force(admin_connection& one)
{
    one.in_force.expires_after(limits_.in_force);
    while (!stopped_ && !in_force_()) {
        auto [cancelled] = co_await one.in_force.async_wait(no_throw);
        if (!cancelled) {
            log_.warn("config_late", "a change is answered before every worker has taken it up");
            co_return;
        }
    }
}

asio::awaitable<void> admin_server::serve(std::list<admin_connection>::iterator which)
{
    for (bool keep_alive = true; keep_alive && !stopped_;) {
        admin_parser parser;
        parser.header_limit(static_cast<std::uint32_t>(limits_.head_bytes));
        parser.body_limit(limits_.body_bytes);
        which->waiting = true;
        const auto ec = co_await which->read(parser, limits_.read);
        which->waiting = false;

        std::optional<admin_response> response;
        if (ec) {
            response = answer_to(ec, limits_);
            keep_alive = false;
        } else {
            const auto request = parser.release();
            keep_alive = request.keep_alive() && !leaving_;
            const auto answer = std::make_shared<waiting>(context_);
            answer->answer = api_->answer(request, which->remote);
            co_await wait_for(answer);
            if (request.method() != http::verb::get)
                co_await until_in_force(*which);
            keep_alive = keep_alive && !leaving_;
            response = std::move(answer->answer);
            if (request.method() == http::verb::head)
                response->body().clear();
            response->version(request.version());
            response->keep_alive(keep_alive);
        }
        if (!response)
            break;
        const bool sent = co_await which->write(*response, limits_.write);
        if (!sent)
            break;
        if (ec)
            co_await which->linger();
    }
    which->close();
}

}  // namespace sluice::server
