#include "demo_traffic.hpp"

#include <sluice/base/clock.hpp>
#include <sluice/base/no_throw.hpp>
#include <sluice/server/http_call.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <exception>
#include <string>
#include <utility>

namespace sluice {
namespace {

namespace asio = boost::asio;

constexpr std::size_t max_in_flight = 64;
constexpr seconds answer_limit{30};

constexpr std::array<const char*, 3> models{"demo", "rising", "faulty"};

server::http_ask call_to(std::uint16_t port, std::string path)
{
    server::http_ask call;
    call.where.host = "127.0.0.1";
    call.where.port = port;
    call.where.authority = "127.0.0.1:" + std::to_string(port);
    call.where.path = std::move(path);
    call.limit = answer_limit;
    return call;
}

server::http_ask completion(std::uint16_t port, std::uint64_t number)
{
    const bool stream = number / models.size() % 3 == 0;
    auto call = call_to(port, "/v1/chat/completions");
    call.method = "POST";
    call.body = R"({"model":")" + std::string(models[number % models.size()]) + R"(","user":"user-)"
                + std::to_string(number % 40)
                + R"(","messages":[{"role":"user","content":"hello"}])"
                + (stream ? R"(,"stream":true})" : "}");
    return call;
}

server::http_ask rollout(std::uint16_t admin_port, const std::string& model)
{
    auto call = call_to(admin_port, "/admin/v1/models/" + model + "/rollout");
    call.method = "PUT";
    call.body = "{}";
    return call;
}

// Sends it and reads the answer to its end, whatever it is.
asio::awaitable<void> ask(server::http_ask call)
{
    co_await server::call_http(call);
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
                context, ask(completion(port, number)), [&in_flight](std::exception_ptr) {
                    --in_flight;
                });
        }
        next.expires_at(next.expiry() + pause);
        co_await next.async_wait(no_throw);
    }
}

}  // namespace

demo_traffic::demo_traffic(std::uint16_t port, std::uint16_t admin_port, double per_second)
{
    for (const auto* const model : {"rising", "faulty"})
        asio::co_spawn(context_, ask(rollout(admin_port, model)), [](std::exception_ptr) {});
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
