#include "accounts.hpp"
#include "believed_time.hpp"
#include "heap_trimmer.hpp"
#include "scratch_directory.hpp"
#include <sluice/observe/access_log.hpp>
#include <sluice/observe/audit_log.hpp>
#include <sluice/observe/exposition.hpp>
#include <sluice/observe/recent_rates.hpp>
#include <sluice/server/admin.hpp>
#include <sluice/server/control.hpp>
#include <sluice/server/gateway.hpp>
#include <sluice/server/jwks_fetcher.hpp>
#include <sluice/server/listener.hpp>
#include <sluice/server/rollouts.hpp>
#include <sluice/server/shadow_reports.hpp>
#include <sluice/server/shared_store.hpp>
#include <sluice/server/spread.hpp>
#include <sluice/server/tracer.hpp>
#include <sluice/server/webhook.hpp>
#include <sluice/server/worker.hpp>
#include <sluice/state/directory.hpp>
#include <sluice/state/key_store.hpp>
#include <sluice/state/overrides.hpp>
#include <sluice/state/spread_book.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <malloc.h>
#include <stdexcept>
#include <stdlib.h>
#include <thread>
#include <utility>

namespace sluice::server {
// In the order in which they depend on each other; destroyed from the end.
class gateway::parts {
public:
    parts(gateway_options options, config::document file, observe::logger& log);
    ~parts();

    void run();
    void stop();
    [[nodiscard]] std::uint16_t admin_port() const { return admin_open_ ? admin_.port() : 0; }
    [[nodiscard]] const std::vector<address>& listening() const noexcept { return listening_; }

private:
    void publish(config::snapshot_ptr next);
    void on_signal();
    void reload();
    void begin_stop();
    void sample();
    void judge();
    void show_budgets();
    void compare_pairs();
    void run_worker(worker& one);
    [[nodiscard]] std::vector<const observe::worker_cells*> all_cells() const;

    gateway_options options_;
    observe::logger& log_;
    believed_time time_;
    boost::asio::io_context context_{1};
    std::atomic<bool> draining_{false};
    scratch_directory scratch_;
    state::directory directory_;
    state::override_store overrides_;
    state::key_store key_store_;
    std::unique_ptr<state::spread_book> book_;  // none: this gateway is alone and always was
    observe::audit_log audit_;
    observe::catalogue catalogue_;
    observe::control_values values_;
    control control_;
    std::unique_ptr<shared_store> store_;        // none: this gateway is alone
    std::vector<config::listen_address> bound_;  // what was bound at the start; a reload moves none
    std::vector<net::tls_context> contexts_;
    observe::access_log access_log_;
    tracer tracer_;
    accounts accounts_;
    net::byte_ledger ledger_;
    shadow_reports shadows_;
    proxy::pair_inbox pairs_;
    worker_commons commons_;
    std::vector<address> listening_;
    observe::exposition exposition_;
    observe::recent_rates rates_;
    webhook_sender webhooks_;
    rollouts rollouts_;
    std::unique_ptr<spread> spread_;  // none: this gateway is alone
    jwks_fetcher token_keys_;
    admin_server admin_;
    bool admin_open_ = false;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer sampling_;
    boost::asio::steady_timer judging_;
    heap_trimmer heap_;
    std::size_t running_ = 0;  // workers
    std::vector<std::jthread> threads_;
};

gateway::parts::parts(gateway_options options, config::document file, observe::logger& log)
    : options_(std::move(options)),
      log_(log),
      scratch_(file.settings.state_directory.empty()),
      directory_(
          file.settings.state_directory.empty() ? scratch_.path() : file.settings.state_directory),
      overrides_(directory_),
      key_store_(directory_),
      book_(spread_book_of(directory_, file.settings)),
      audit_(directory_.file("audit.log")),
      control_(
          {options_.config_path, options_.environment},
          std::move(file),
          {catalogue_, overrides_, key_store_, audit_, values_, log_, book_.get()},
          [this](config::snapshot_ptr next) { publish(std::move(next)); }),
      store_([this] {
          const auto& redis = control_.current()->redis;
          return redis ? std::make_unique<shared_store>(
                             *redis, gateway_identity(directory_), values_, log_)
                       : nullptr;
      }()),
      bound_(control_.current()->listen),
      contexts_(contexts_for(bound_)),
      access_log_({control_.current()->access_log.path, control_.current()->workers}),
      tracer_({context_, control_, values_, log_}, control_.current()->workers),
      accounts_(
          context_,
          directory_,
          *control_.current(),
          store_ ? &store_->authority() : nullptr,
          log_,
          [this](const config::webhook& where, std::string body) {
              webhooks_.send(where, std::move(body));
          }),
      ledger_(control_.current()->limits.buffered_bytes),
      pairs_([this] { boost::asio::post(context_, [this] { compare_pairs(); }); }),
      commons_{
          access_log_, tracer_.rings(), accounts_.book(), log_, draining_, ledger_, pairs_, {}},
      exposition_([this] {
          const auto count = control_.current()->workers;
          auto addresses = bind_all(bound_, count);
          for (const auto& each : addresses)
              listening_.push_back({each.host, each.port, each.tls});
          for (std::size_t i = 0; i < count; ++i) {
              std::vector<int> mine;
              for (const auto& each : addresses)
                  mine.push_back(each.descriptors[i]);
              commons_.all.push_back(std::make_unique<worker>(
                  i,
                  commons_,
                  std::move(mine),
                  installed{control_.current(), catalogue_.size(), contexts_}));
          }
          return observe::exposition::sources{
              &catalogue_, all_cells(), &values_, &access_log_, [this] {
                  return accounts_.numbers();
              }};
      }()),
      webhooks_(context_, values_, log_),
      rollouts_(
          {control_,
           audit_,
           values_,
           log_,
           all_cells(),
           directory_.file("rollouts.json"),
           [this](const config::webhook& where, std::string body) {
               webhooks_.send(where, std::move(body));
           },
           book_.get(),
           [this] { return !spread_ || spread_->leads(); },
           [this] { return store_ ? store_->authority().gateways() : 1U; }}),
      spread_([this] {
          return store_ ? std::make_unique<spread>(spread_parts{
                              context_,
                              control_,
                              rollouts_,
                              *book_,
                              values_,
                              log_,
                              control_.current()->redis->prefix,
                              [this](state::redis_spread::question what, net::redis_done done) {
                                  store_->ask(std::move(what), context_, std::move(done));
                              }})
                        : nullptr;
      }()),
      token_keys_(context_, control_, log_),
      admin_(
          context_,
          {control_,
           rollouts_,
           audit_,
           log_,
           exposition_,
           rates_,
           all_cells(),
           draining_,
           shadows_,
           accounts_.book(),
           accounts_.budgets(),
           [this] { return time_.now(); }}),
      signals_(context_),
      sampling_(context_),
      judging_(context_)
{
    if (const auto& settings = control_.current()->admin) {
        admin_.start(*settings);
        admin_open_ = true;
    }
    if (store_) {
        store_->watch(control_.current());
        store_->start();
        spread_->start();
    }
    accounts_.serve(control_.current());
    // Whoever comes first is not to find an empty purse.
    accounts_.fill();
    if (control_.current()->open())
        log_.warn(
            "open_gateway", "no keys are configured: everyone who reaches this gateway may use it");
}

gateway::parts::~parts() = default;

std::vector<const observe::worker_cells*> gateway::parts::all_cells() const
{
    std::vector<const observe::worker_cells*> all;
    for (const auto& each : commons_.all)
        all.push_back(&each->cells());
    return all;
}

// For every worker. Certificates are read again; ones that do not hold leave the old ones in place.
void gateway::parts::publish(config::snapshot_ptr next)
{
    try {
        contexts_ = contexts_for(bound_);
    } catch (const std::runtime_error& e) {
        log_.error("certificates_kept", e.what());
    }
    accounts_.serve(next);
    if (store_)
        store_->watch(next);
    ledger_.limit(next->limits.buffered_bytes);
    for (const auto& each : commons_.all)
        each->install({next, catalogue_.size(), contexts_});
    token_keys_.look();
    tracer_.look();
}

void gateway::parts::reload()
{
    const origin by{"signal", "", "", {}};
    const auto report = control_.reload(by);
    if (report.refused == refusal::none)
        access_log_.reopen(control_.current()->access_log.path);
}

void gateway::parts::on_signal()
{
    signals_.async_wait([this](const boost::system::error_code& ec, int number) {
        if (ec)
            return;
        if (number == SIGHUP)
            reload();
        else
            begin_stop();
        on_signal();
    });
}

void gateway::parts::begin_stop()
{
    if (draining_.exchange(true)) {
        log_.warn("insisting", "told to stop again: ending every request now");
        for (const auto& each : commons_.all)
            each->insist();
        return;
    }
    const auto grace = control_.current()->timeouts.drain;
    const std::int64_t told = std::chrono::duration_cast<seconds>(grace).count();
    log_.info("draining", "finishing what is in flight", {{"seconds", told}});
    const auto until = steady::now() + grace;
    for (const auto& each : commons_.all)
        each->drain(until);
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
    rollouts_.look(steady::now());
    show_budgets();
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

void gateway::parts::run_worker(worker& one)
{
    one.run();
    boost::asio::post(context_, [this] {
        if (--running_ > 0)
            return;
        admin_.stop();
        token_keys_.stop();
        signals_.cancel();
        sampling_.cancel();
        judging_.cancel();
        tracer_.finish([this] { context_.stop(); });
    });
}

void gateway::parts::run()
{
    // Writing to a peer that is gone, or more than a file may hold, fails where it is done.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    if (options_.handle_signals) {
        for (const int number : {SIGTERM, SIGINT, SIGHUP})
            signals_.add(number);
        on_signal();
    }
    sample();
    judge();
    token_keys_.start();
    running_ = commons_.all.size();
    for (const auto& each : commons_.all)
        threads_.emplace_back([this, one = each.get()] { run_worker(*one); });
    options_.on_ready();
    context_.run();
    threads_.clear();
    accounts_.close();
    (void)access_log_.flush();
}

gateway::gateway(gateway_options options, config::document file, observe::logger& log)
    : parts_(std::make_unique<parts>(std::move(options), std::move(file), log))
{
}

gateway::~gateway() = default;

void gateway::run()
{
    parts_->run();
}

void gateway::stop()
{
    parts_->stop();
}

const std::vector<gateway::address>& gateway::listening() const noexcept
{
    return parts_->listening();
}

std::uint16_t gateway::admin_port() const
{
    return parts_->admin_port();
}

}  // namespace sluice::server
