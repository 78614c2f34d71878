#include <sluice/base/no_throw.hpp>
#include <sluice/simulate/session.hpp>
#include <sluice/simulate/simulator.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <exception>
#include <utility>
#include <vector>

namespace sluice::simulate {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

// What escapes a task is a bug of ours: it ends that task, and the count shows it.
auto counted(const std::shared_ptr<world>& shared)
{
    return [shared](std::exception_ptr failure) {
        if (failure)
            shared->book.count([](counters& c) { ++c.failures; });
    };
}

asio::awaitable<void> accept_all(std::shared_ptr<world> shared)
{
    asio::steady_timer pause{shared->acceptor->get_executor()};
    while (!shared->stopped) {
        auto [ec, socket] = co_await shared->acceptor->async_accept(no_throw);
        if (shared->stopped)
            break;
        if (ec) {
            // Out of descriptors, most likely: others close, then it goes on.
            pause.expires_after(milliseconds{100});
            (void)co_await pause.async_wait(no_throw);
            continue;
        }
        auto session = serve_connection(shared, std::move(socket));
        asio::co_spawn(shared->acceptor->get_executor(), std::move(session), counted(shared));
    }
}

// One look a second at all deadlines instead of a timer for each.
asio::awaitable<void> close_late(std::shared_ptr<world> shared)
{
    while (!shared->stopped) {
        shared->sweep->expires_after(seconds{1});
        (void)co_await shared->sweep->async_wait(no_throw);
        const auto now = steady::now();
        for (peer* const each : shared->peers)
            if (each->late(now))
                each->abort();
    }
}

void end_all(world& shared)
{
    error_code ignored;
    shared.stopped = true;
    shared.acceptor->close(ignored);
    shared.sweep->cancel();
    for (peer* const each : shared.peers)
        each->abort();
}

boost::system::result<void> listen(world& shared, asio::io_context& context)
{
    error_code ec;
    const auto host = asio::ip::make_address(shared.options.host, ec);
    if (ec || !parse_behaviour(shared.options.behaviour))
        return error_code{boost::system::errc::invalid_argument, boost::system::generic_category()};
    const tcp::endpoint wanted{host, shared.options.port};
    shared.acceptor.emplace(context);
    shared.sweep.emplace(context);
    shared.acceptor->open(wanted.protocol(), ec);
    if (!ec)
        shared.acceptor->set_option(tcp::acceptor::reuse_address{true}, ec);
    if (!ec)
        shared.acceptor->bind(wanted, ec);
    if (!ec)
        shared.acceptor->listen(4096, ec);
    if (!ec)
        shared.bound = shared.acceptor->local_endpoint(ec);
    if (ec)
        return ec;
    return {};
}

}  // namespace

simulator::simulator(simulator_options options)
    : world_(std::make_shared<world>(std::move(options)))
{
}

simulator::~simulator()
{
    stop();
    if (own_) {
        // The thread is joined; what lives on its context goes before it does.
        world_->acceptor.reset();
        world_->sweep.reset();
    }
}

boost::system::result<void> simulator::start()
{
    own_ = std::make_unique<asio::io_context>(1);
    if (auto started = start(*own_); !started)
        return started;
    thread_ = std::thread{[this] { own_->run(); }};
    return {};
}

boost::system::result<void> simulator::start(asio::io_context& context)
{
    if (auto listening = listen(*world_, context); !listening)
        return listening;
    asio::co_spawn(context, accept_all(world_), counted(world_));
    asio::co_spawn(context, close_late(world_), counted(world_));
    return {};
}

void simulator::stop()
{
    if (!world_->acceptor || stopping_)
        return;
    stopping_ = true;
    auto end = [shared = world_] { end_all(*shared); };
    asio::post(world_->acceptor->get_executor(), std::move(end));
    if (thread_.joinable())
        thread_.join();
}

std::uint16_t simulator::port() const noexcept
{
    return world_->bound.port();
}

std::string simulator::address() const
{
    const auto host = world_->bound.address();
    const std::string text = host.is_v6() ? '[' + host.to_string() + ']' : host.to_string();
    return text + ':' + std::to_string(world_->bound.port());
}

ledger& simulator::book() noexcept
{
    return world_->book;
}

}  // namespace sluice::simulate
