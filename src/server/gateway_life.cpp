// Signals, what is done every so often, and the end.
#include "gateway_parts.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <csignal>
#include <utility>

namespace sluice::server {
namespace {

constexpr milliseconds hear_limit{1'000};

bool is_ignored(int number)
{
    struct sigaction now{};
    return ::sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

change_report gateway::parts::reload(const origin& by)
{
    supervisor_.reloading(steady::now());
    auto report = control_.reload(by);
    // Whoever has moved the log away does not wait for a file that holds.
    access_log_.reopen(control_.current()->access_log.path);
    supervisor_.ready();
    return report;
}

void gateway::parts::reload_by_signal()
{
    if (frozen_) {
        log_.warn("reload_refused", "another process is taking over");
        access_log_.reopen(control_.current()->access_log.path);
        return;
    }
    (void)reload({"signal", "", "", {}});
}

void gateway::parts::on_signal()
{
    signals_.async_wait([this](const boost::system::error_code& ec, int number) {
        if (ec)
            return;
        if (number == SIGHUP && !options_.ends_with_terminal)
            reload_by_signal();
        else if (number == SIGUSR2)
            upgrade();
        else
            begin_stop();
        on_signal();
    });
}

void gateway::parts::begin_stop()
{
    handover_.cancel("this process was told to stop");
    if (!succeeded_)
        supervisor_.stopping(control_.current()->timeouts.drain);
    // Whoever stops a service tells all of its processes, and this one is about to end anyway.
    if (succeeded_ && !std::exchange(told_to_stop_, true)) {
        log_.info("draining", "another process has taken over; finishing what was begun here");
        return;
    }
    if (draining_.exchange(true)) {
        log_.warn("insisting", "told to stop again: ending every request now");
        for (const auto& each : commons_.all)
            each->insist();
        predecessor_link_.reset();
        if (running_ == 0)
            finish();
        return;
    }
    log_.info(
        "draining",
        "finishing what is in flight",
        {{"seconds",
          std::int64_t{
              std::chrono::duration_cast<seconds>(control_.current()->timeouts.drain).count()}}});
    const auto until = steady::now() + control_.current()->timeouts.drain;
    for (const auto& each : commons_.all)
        each->drain(until, idle_time);
}

void gateway::parts::stop()
{
    boost::asio::post(context_, [this] { begin_stop(); });
}

void gateway::parts::sample()
{
    rates_.sample(steady::now(), all_cells(), catalogue_.size().arms);
    heap_.look();
    (void)time_.now();
    shadows_.forget(*control_.current(), std::chrono::system_clock::now().time_since_epoch());
    sampling_.expires_after(observe::recent_rates::sample_every);
    sampling_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            sample();
    });
}

// Every rollouts::look_every, whatever a look takes.
void gateway::parts::judge()
{
    judging_.expires_after(rollouts::look_every);
    if (!frozen_) {
        rollouts_.look(steady::now());
        late_.look(steady::now());
    }
    show_budgets();
    std::uint64_t naming_new_keys = 0;
    for (const auto& each : commons_.all)
        naming_new_keys += each->tokens().naming_new_keys();
    token_keys_.look_for_new_keys(naming_new_keys, steady::now());
    judging_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            judge();
    });
}

void gateway::parts::show_budgets()
{
    std::vector<observe::control_values::budget> all;
    for (const auto& each : accounts_.budgets().list())
        all.push_back({.id = each.id, .limit = each.limit, .spent = each.spent});
    values_.budgets(std::move(all));
}

void gateway::parts::compare_pairs()
{
    for (const auto& pair : pairs_.take())
        shadows_.add(pair);
}

// Every half of what the service manager allows; not while a worker's loop stands still.
void gateway::parts::look_alive()
{
    const auto every = supervisor_.alive_every();
    if (!every)
        return;
    const auto since = (steady::now() - *every).time_since_epoch().count();
    const auto moves = [since](const auto& each) { return each->last_tick() >= since; };
    if (std::ranges::all_of(commons_.all, moves))
        supervisor_.alive();
    living_.expires_after(*every);
    living_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            look_alive();
    });
}

void gateway::parts::run_worker(worker& one)
{
    one.run();
    boost::asio::post(context_, [this] {
        if (--running_ == 0)
            finish();
    });
}

// After the last worker; a predecessor's bills are waited for.
void gateway::parts::finish()
{
    if (predecessor_link_)
        return;
    if (!succeeded_)
        (void)late_.settle();
    if (heir_)
        (void)send_places();
    admin_.stop();
    token_keys_.stop();
    signals_.cancel();
    sampling_.cancel();
    judging_.cancel();
    living_.cancel();
    leaving_.cancel();
    counting_.cancel();
    tracer_.finish([this] { context_.stop(); });
}

// A key that is revoked elsewhere is not to open a new gateway, if only for a moment; but Redis
// that does not answer keeps nobody waiting for long. Who takes over knows what the process before
// it knew, and clients wait.
void gateway::parts::hear_others()
{
    if (predecessor_link_)
        return;
    const auto until = steady::now() + hear_limit;
    while (spread_ && !spread_->asked() && steady::now() < until)
        context_.run_one_until(until);
}

void gateway::parts::run()
{
    // A write to a connection that is gone is an error of that connection only, and one beyond what
    // a file may hold of that file.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    if (options_.handle_signals) {
        for (const int number : {SIGTERM, SIGINT, SIGUSR2})
            signals_.add(number);
        if (!options_.ends_with_terminal || !is_ignored(SIGHUP))
            signals_.add(SIGHUP);
        on_signal();
    }
    inherit();
    sample();
    judge();
    token_keys_.start();
    hear_others();
    running_ = commons_.all.size();
    for (const auto& each : commons_.all)
        threads_.emplace_back([this, one = each.get()] { run_worker(*one); });
    options_.on_ready();
    supervisor_.ready();
    look_alive();
    context_.run();
    threads_.clear();
    accounts_.close();
    (void)access_log_.flush();
}

}  // namespace sluice::server
