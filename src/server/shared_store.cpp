#include <sluice/base/text.hpp>
#include <sluice/server/shared_limits.hpp>
#include <sluice/server/shared_store.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <utility>

namespace sluice::server {
namespace {

constexpr std::size_t identity_digits = 32;

bool is_identity(std::string_view text)
{
    return text.size() == identity_digits && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

net::redis_settings settings_of(const config::redis_address& where)
{
    net::redis_settings settings;
    settings.host = where.host;
    settings.port = where.port;
    settings.tls = where.tls;
    settings.user = where.user;
    settings.password = where.password;
    settings.database = where.database;
    settings.ca_file = where.ca_file;
    settings.operation = where.timeout;
    return settings;
}

state::redis_authority_settings authority_of(
    const config::redis_address& where, std::string identity)
{
    state::redis_authority_settings settings;
    settings.prefix = where.prefix;
    settings.gateway = std::move(identity);
    return settings;
}

state::share_settings shares_of(const config::redis_address& where, std::string identity)
{
    state::share_settings settings;
    settings.prefix = where.prefix;
    settings.gateway = std::move(identity);
    return settings;
}

}  // namespace

std::string gateway_identity(const state::directory& where)
{
    const auto path = where.file("gateway_id");
    std::string known;
    std::ifstream(path) >> known;
    if (is_identity(known))
        return known;
    auto fresh = random_name();
    const auto beside = path + ".new";
    std::ofstream(beside) << fresh << '\n';
    std::error_code ec;
    std::filesystem::rename(beside, path, ec);
    if (ec)
        throw std::runtime_error(path + " cannot be written: " + ec.message());
    return fresh;
}

shared_store::shared_store(
    const config::redis_address& where,
    std::string identity,
    observe::control_values& values,
    observe::logger& log)
    : host_(where.host),
      identity_(identity),
      values_(values),
      log_(log),
      client_(
          context_,
          settings_of(where),
          std::random_device{}(),
          [this](bool up, std::string_view why) { changed(up, why); }),
      authority_(context_, client_, authority_of(where, identity)),
      rates_(
          context_, client_, shares_of(where, identity), [this] { return authority_.counted(); }),
      places_(
          context_,
          client_,
          shares_of(where, std::move(identity)),
          [this] { return authority_.counted(); }),
      counting_(context_)
{
}

void shared_store::start()
{
    client_.start();
    authority_.start();
    rates_.start();
    places_.start();
    count();
    thread_ = std::jthread([this] { context_.run(); });
}

void shared_store::watch(const config::snapshot_ptr& config)
{
    boost::asio::post(context_, [this, config] {
        rates_.watch(shared_rates(*config));
        places_.watch(shared_places(*config));
    });
}

shared_store::~shared_store()
{
    context_.stop();
}

void shared_store::leave()
{
    context_.stop();
    if (thread_.joinable())
        thread_.join();
}

void shared_store::ask(
    state::redis_spread::question what, boost::asio::io_context& back, net::redis_done done)
{
    auto answered = [&back, done = std::move(done)](net::redis_answer answer) {
        boost::asio::post(
            back, [done, answer = std::move(answer)]() mutable { done(std::move(answer)); });
    };
    boost::asio::post(
        context_, [this, what = std::move(what), answered = std::move(answered)]() mutable {
            client_.run(*what.script, what.keys, what.arguments, std::move(answered));
        });
}

void shared_store::changed(bool up, std::string_view why)
{
    if (up) {
        log_.info("store_up", "Redis answers", {{"host", host_}});
        boost::asio::post(context_, [this] { authority_.speak(); });
    } else {
        log_.warn(
            "store_down",
            "going on with the last share of what Redis gave",
            {{"host", host_}, {"why", why}});
    }
    count();
}

void shared_store::count()
{
    const auto store = client_.read();
    const auto grants = authority_.read();
    const bool doubled = authority_.is_doubled();
    if (doubled && !std::exchange(told_of_double_, true))
        log_.error(
            "gateway_doubled",
            "another process says that it is this gateway: its state directory is a copy of this "
            "one's; limits are let through twice: stop one of them, and start it without",
            {{"gateway", identity_}});
    told_of_double_ = doubled;
    values_.shared_store(
        {.up = store.up,
         .gateways = authority_.gateways(),
         .operations = store.operations,
         .failures = store.failures,
         .lag_seconds = in_seconds(store.round_trip),
         .granted = grants.granted,
         .granted_alone = grants.granted_alone});
    counting_.expires_after(count_every);
    counting_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            count();
    });
}

}  // namespace sluice::server
