#pragma once
// The inside of the gateway.

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
#include <sluice/server/handover.hpp>
#include <sluice/server/handover_places.hpp>
#include <sluice/server/jwks_fetcher.hpp>
#include <sluice/server/late_writes.hpp>
#include <sluice/server/listener.hpp>
#include <sluice/server/provider_trust.hpp>
#include <sluice/server/rollouts.hpp>
#include <sluice/server/shadow_reports.hpp>
#include <sluice/server/shared_store.hpp>
#include <sluice/server/spread.hpp>
#include <sluice/server/supervisor.hpp>
#include <sluice/server/tracer.hpp>
#include <sluice/server/webhook.hpp>
#include <sluice/server/worker.hpp>
#include <sluice/state/directory.hpp>
#include <sluice/state/key_store.hpp>
#include <sluice/state/overrides.hpp>
#include <sluice/state/spread_book.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sluice::server {

// For so long a connection is idle before a process that is to end closes it: a request that is on
// its way is answered, and who asked is told that the connection ends.
inline constexpr milliseconds idle_time{2'000};

// In the order in which they depend on each other; destroyed from the end.
class gateway::parts {
public:
    parts(gateway_options options, config::document file, observe::logger& log);
    ~parts();

    void run();
    void stop();
    void upgrade();
    [[nodiscard]] std::uint16_t admin_port() const { return admin_open_ ? admin_.port() : 0; }
    [[nodiscard]] const std::vector<address>& listening() const noexcept { return listening_; }

private:
    void publish(config::snapshot_ptr next);
    [[nodiscard]] bool in_force() const;  // with every worker
    void on_signal();
    change_report reload(const origin& by);
    void reload_by_signal();
    void begin_stop();
    void sample();
    void judge();
    void show_budgets();
    void compare_pairs();
    void run_worker(worker& one);
    void finish();
    void look_alive();
    void hear_others();

    // gateway_start.cpp
    void open_listeners();
    void open_admin();
    void refuse_unmatched();
    [[nodiscard]] std::vector<late_file> written_later();

    // gateway_handover.cpp
    void inherit();
    void listen_to_predecessor();
    void hear_predecessor();
    void take_money(std::string_view text);
    [[nodiscard]] handover::host handover_host();
    [[nodiscard]] std::optional<std::string> hold();
    void resume();
    [[nodiscard]] handover_offer offer();
    [[nodiscard]] std::string succeed(pid_t child);
    void forward_to(std::shared_ptr<handover_link> heir);
    void tell_places();
    [[nodiscard]] bool send_places();
    [[nodiscard]] std::size_t idle_connections() const;
    void ask_store(state::redis_spread::question what, net::redis_done done);
    [[nodiscard]] std::vector<const observe::worker_cells*> all_cells() const;

    gateway_options options_;
    observe::logger& log_;
    believed_time time_;
    boost::asio::io_context context_{1};
    std::atomic<bool> draining_{false};
    std::atomic<bool> frozen_{false};  // another process works in the state directory
    supervisor supervisor_;
    std::shared_ptr<inheritance> predecessor_;
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
    std::vector<config::listen_address> bound_;  // at the start; a reload changes only their TLS
    address_contexts contexts_;
    provider_trust trust_;
    observe::access_log access_log_;
    tracer tracer_;
    accounts accounts_;
    net::byte_ledger ledger_;
    shadow_reports shadows_;
    proxy::pair_inbox pairs_;
    worker_commons commons_;
    std::vector<given_socket> given_;    // not taken yet
    std::vector<given_socket> sockets_;  // what a successor gets; owned by the workers
    std::vector<address> listening_;
    observe::exposition exposition_;
    observe::recent_rates rates_;
    webhook_sender webhooks_;
    rollouts rollouts_;
    late_writes late_;
    std::unique_ptr<spread> spread_;  // none: this gateway is alone
    jwks_fetcher token_keys_;
    admin_server admin_;
    bool admin_open_ = false;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer sampling_;
    boost::asio::steady_timer judging_;
    heap_trimmer heap_;
    boost::asio::steady_timer living_;
    boost::asio::steady_timer leaving_;
    boost::asio::steady_timer counting_;
    std::optional<kept_places> kept_;      // once succeeded by one that counts them
    std::shared_ptr<handover_link> heir_;  // that they are told
    lent_places lent_;
    boost::asio::posix::stream_descriptor from_predecessor_;
    std::shared_ptr<handover_link> predecessor_link_;     // null: it has ended, or never was
    std::vector<std::function<void()>> asked_meanwhile_;  // of the store, while frozen
    handover handover_;
    bool succeeded_ = false;
    bool told_to_stop_ = false;  // once succeeded
    std::size_t running_ = 0;    // workers
    std::vector<std::jthread> threads_;
};

}  // namespace sluice::server
