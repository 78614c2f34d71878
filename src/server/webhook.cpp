#include <sluice/base/no_throw.hpp>
#include <sluice/server/http_call.hpp>
#include <sluice/server/webhook.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <exception>
#include <utility>

namespace sluice::server {
namespace {

namespace asio = boost::asio;

bool worth_sending_again(const http_end& end)
{
    return end.status == 0 || end.status >= 500 || end.status == 408 || end.status == 429;
}

}  // namespace

webhook_sender::webhook_sender(
    asio::io_context& context,
    observe::control_values& values,
    observe::logger& log,
    webhook_limits limits)
    : context_(context),
      values_(values),
      log_(log),
      limits_(std::move(limits))
{
}

void webhook_sender::send(const config::webhook& where, std::string body)
{
    if (under_way_ >= limits_.waiting)
        return fail(where.host, "too many messages are under way");
    ++under_way_;
    message what{.where = where, .body = std::move(body)};
    asio::co_spawn(context_, deliver(std::move(what)), [this](std::exception_ptr failure) {
        --under_way_;
        if (failure)
            fail("", "a message ended by an exception; this is a bug");
    });
}

asio::awaitable<void> webhook_sender::deliver(message what)
{
    http_ask ask;
    ask.where = what.where;
    ask.method = "POST";
    ask.status_only = true;
    ask.body = std::move(what.body);
    ask.limit = limits_.attempt;
    ask.answer_bytes = limits_.answer_bytes;
    ask.ca_file = limits_.ca_file;
    auto pause = limits_.pause;
    http_end end;
    for (unsigned i = 0; i < limits_.attempts; ++i) {
        if (i > 0) {
            asio::steady_timer timer(context_);
            timer.expires_after(pause);
            auto [ec] = co_await timer.async_wait(no_throw);
            if (ec)
                co_return;
            pause *= 4;
        }
        end = co_await call_http(ask);
        if (end.status >= 200 && end.status < 300)
            co_return;
        if (!worth_sending_again(end))
            break;
    }
    fail(what.where.host, words_of(end));
}

void webhook_sender::fail(const std::string& host, std::string_view why)
{
    values_.webhook_failed();
    log_.error("webhook_failed", why, {{"host", host}});
}

}  // namespace sluice::server
