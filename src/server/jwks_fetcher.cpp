#include <sluice/base/no_throw.hpp>
#include <sluice/server/http_call.hpp>
#include <sluice/server/jwks_fetcher.hpp>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace sluice::server {
namespace {

namespace asio = boost::asio;

// Without a URL to ask: until the next snapshot.
constexpr auto idle = std::chrono::hours(24);

}  // namespace

jwks_fetcher::jwks_fetcher(asio::io_context& context, control& plane, observe::logger& log)
    : context_(context),
      plane_(plane),
      log_(log),
      timer_(context)
{
}

void jwks_fetcher::begin_with(const answer& fetched)
{
    const auto& jwt = plane_.current()->jwt;
    if (!jwt || !jwt->url || jwt->url->url != fetched.url)
        return;
    auto [keys, wrong] = config::jwt_keys::from_jwks(fetched.text);
    const origin by{.actor = "jwks", .remote = jwt->url->host, .path = {}};
    if (!keys)
        tell(jwt->url->host, "what was fetched before " + wrong);
    else if (plane_.set_fetched_keys({fetched.url, std::move(keys)}, by).refused == refusal::none)
        last_ = fetched;
}

void jwks_fetcher::start()
{
    asio::co_spawn(context_, run(), [this](std::exception_ptr failure) {
        if (failure)
            log_.error("jwks_failed", "fetching token keys ended by an exception; this is a bug");
    });
}

jwks_fetcher::source jwks_fetcher::configured() const
{
    const auto& jwt = plane_.current()->jwt;
    return jwt && jwt->url ? source{jwt->url->url, jwt->refresh} : source{};
}

void jwks_fetcher::look()
{
    if (configured() != asked_)
        timer_.cancel();
}

void jwks_fetcher::look_for_new_keys(std::uint64_t tokens, time_point now)
{
    if (tokens == tokens_ || now < new_keys_after_)
        return;
    // None waits: keys are being fetched, perhaps from before the new one.
    if (timer_.cancel() == 0)
        return;
    tokens_ = tokens;
    new_keys_after_ = now + between_new_keys;
}

void jwks_fetcher::stop()
{
    stopped_ = true;
    timer_.cancel();
}

asio::awaitable<void> jwks_fetcher::run()
{
    while (!stopped_) {
        const auto before = std::exchange(asked_, configured());
        if (before.url != asked_.url) {
            failing_ = false;
            pause_ = soon;
        }
        milliseconds wait = idle;
        if (!asked_.url.empty()) {
            const config::webhook where = *plane_.current()->jwt->url;
            const bool fetched = co_await fetch(where);
            wait = fetched ? asked_.refresh : std::min(pause_, asked_.refresh);
            pause_ = fetched ? soon : std::min(2 * pause_, at_last);
        }
        // Others came while these were asked.
        if (stopped_ || configured() != asked_)
            continue;
        timer_.expires_after(wait);
        co_await timer_.async_wait(no_throw);
    }
}

asio::awaitable<bool> jwks_fetcher::fetch(const config::webhook& where)
{
    http_ask ask;
    ask.where = where;
    ask.answer_bytes = config::max_jwks_bytes;
    auto end = co_await call_http(ask);
    if (stopped_)
        co_return false;
    if (end.status != 200 || !end.why.empty()) {
        tell(ask.where.host, words_of(end));
        co_return false;
    }
    auto [keys, wrong] = config::jwt_keys::from_jwks(end.body);
    if (!keys) {
        tell(ask.where.host, "its answer " + wrong);
        co_return false;
    }
    if (std::exchange(failing_, false))
        log_.info(
            "jwks_fetched", "the token keys can be fetched again", {{"host", ask.where.host}});
    const origin by{.actor = "jwks", .remote = ask.where.host, .path = {}};
    const auto report = plane_.set_fetched_keys({ask.where.url, std::move(keys)}, by);
    if (report.refused == refusal::none) {
        last_.url = ask.where.url;
        last_.text = std::move(end.body);
    }
    co_return report.refused == refusal::none;
}

void jwks_fetcher::tell(const std::string& host, std::string_view wrong)
{
    if (!std::exchange(failing_, true))
        log_.error("jwks_not_fetched", wrong, {{"host", host}});
}

}  // namespace sluice::server
