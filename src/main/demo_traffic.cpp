#include "demo_traffic.hpp"

#include <sluice/base/clock.hpp>
#include <sluice/base/no_throw.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include <array>
#include <exception>
#include <string>

namespace sluice {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

constexpr std::size_t max_in_flight = 64;
constexpr seconds answer_limit{30};

constexpr std::array<const char*, 3> models{"demo", "rising", "faulty"};

std::string request_text(std::uint64_t number)
{
    const bool stream = number / models.size() % 3 == 0;
    const std::string body = R"({"model":")" + std::string(models[number % models.size()])
                             + R"(","user":"user-)" + std::to_string(number % 40)
                             + R"(","messages":[{"role":"user","content":"hello"}])"
                             + (stream ? R"(,"stream":true})" : "}");
    return "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
           "content-type: application/json\r\ncontent-length: "
           + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string rollout_of(const char* model)
{
    return "PUT /admin/v1/models/" + std::string(model)
           + "/rollout HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
             "content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
}

// Sends it and reads the answer to its end.
asio::awaitable<void> ask(asio::io_context& context, std::uint16_t port, std::string request)
{
    boost::beast::tcp_stream stream(context);
    stream.expires_after(answer_limit);
    const tcp::endpoint gateway(asio::ip::address_v4::loopback(), port);
    auto [connect_ec] = co_await stream.async_connect(gateway, no_throw);
    if (connect_ec)
        co_return;
    auto [write_ec, written] = co_await asio::async_write(stream, asio::buffer(request), no_throw);
    if (write_ec)
        co_return;
    std::array<char, 4'096> answer;
    for (;;) {
        auto [ec, bytes] = co_await stream.async_read_some(asio::buffer(answer), no_throw);
        if (ec)
            co_return;
    }
}

// The references outlive the context's run.
asio::awaitable<void> ask_steadily(
    asio::io_context& context, std::size_t& in_flight, std::uint16_t port, double per_second)
{
    const auto pause =
        std::chrono::duration_cast<duration>(std::chrono::duration<double>(1 / per_second));
    asio::steady_timer next(context, steady::now());
    for (std::uint64_t number = 0;; ++number) {
        if (in_flight < max_in_flight) {
            ++in_flight;
            asio::co_spawn(
                context,
                ask(context, port, request_text(number)),
                [&in_flight](std::exception_ptr) { --in_flight; });
        }
        next.expires_at(next.expiry() + pause);
        co_await next.async_wait(no_throw);
    }
}

}  // namespace

demo_traffic::demo_traffic(std::uint16_t port, std::uint16_t admin_port, double per_second)
{
    for (const auto* const model : {"rising", "faulty"})
        asio::co_spawn(
            context_, ask(context_, admin_port, rollout_of(model)), [](std::exception_ptr) {});
    asio::co_spawn(
        context_, ask_steadily(context_, in_flight_, port, per_second), [](std::exception_ptr) {});
    thread_ = std::thread([this] { context_.run(); });
}

demo_traffic::~demo_traffic()
{
    context_.stop();
    thread_.join();
}

}  // namespace sluice
