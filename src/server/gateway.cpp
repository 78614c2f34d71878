#include "gateway_parts.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sluice::server {

gateway::parts::parts(gateway_options options, config::document file, observe::logger& log)
    : options_(std::move(options)),
      log_(log),
      supervisor_(options_.environment),
      predecessor_(options_.predecessor),
      scratch_(file.settings.state_directory.empty(), predecessor_ ? predecessor_->scratch() : ""),
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
      trust_(options_.environment, log_),
      access_log_({control_.current()->access_log.path, control_.current()->workers}),
      tracer_({context_, control_, values_, log_}, control_.current()->workers),
      accounts_(
          context_,
          directory_,
          *control_.current(),
          store_ ? &store_->authority() : nullptr,
          log_,
          budget_news(
              log_,
              [this](const config::webhook& where, std::string body) {
                  webhooks_.send(where, std::move(body));
              },
              store_ ? [this](auto what, auto done) { ask_store(std::move(what), std::move(done)); }
                     : budget_news::ask_function())),
      ledger_(control_.current()->limits.buffered_bytes),
      pairs_([this] { boost::asio::post(context_, [this] { compare_pairs(); }); }),
      commons_{
          access_log_,
          tracer_.rings(),
          accounts_.book(),
          log_,
          draining_,
          ledger_,
          pairs_,
          [this] { boost::asio::post(context_, [this] { admin_.look(); }); },
          {}},
      given_(
          predecessor_ ? predecessor_->take_listeners() : given_by_manager(options_.environment)),
      exposition_([this] {
          open_listeners();
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
           store_ ? std::function([this] { return spread_ && spread_->leads(); }) : nullptr,
           [this] { return store_ ? store_->authority().gateways() : 1U; }}),
      late_(written_later(), values_, log_),
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
                                  ask_store(std::move(what), std::move(done));
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
           [this] { return time_.now(); },
           [this] { return in_force(); },
           [this](const origin& by) { return reload(by); },
           &frozen_}),
      signals_(context_),
      sampling_(context_),
      judging_(context_),
      living_(context_),
      leaving_(context_),
      counting_(context_),
      from_predecessor_(context_),
      handover_(context_, options_.command, options_.upgrade_limit, handover_host(), log_)
{
    open_admin();
    refuse_unmatched();
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

// A new snapshot for every worker. Certificates that have changed are read again, from where it
// says they are; ones that do not hold leave the old ones in place.
void gateway::parts::publish(config::snapshot_ptr next)
{
    try {
        auto bound = bound_;
        renew_tls(bound, next->listen);
        contexts_ = contexts_for(bound, contexts_);
        bound_ = std::move(bound);
    } catch (const std::runtime_error& e) {
        log_.error("certificates_kept", e.what());
    }
    accounts_.serve(next);
    if (store_)
        store_->watch(next);
    if (next->access_log.path != access_log_.path())
        access_log_.reopen(next->access_log.path);
    ledger_.limit(next->limits.buffered_bytes);
    const auto trust = trust_.of(*next);
    for (const auto& each : commons_.all)
        each->install({next, catalogue_.size(), contexts_.tls, trust});
    token_keys_.look();
    tracer_.look();
}

bool gateway::parts::in_force() const
{
    return std::ranges::all_of(commons_.all, [this](const auto& each) {
        return each->serves() >= control_.current()->version;
    });
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

void gateway::upgrade()
{
    parts_->upgrade();
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
