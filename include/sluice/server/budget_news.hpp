#pragma once
// Who is told when a budget is nearly or wholly spent: the log of each gateway that sees it, and
// the webhook by one of those that share the budget.

#include <sluice/config/snapshot.hpp>
#include <sluice/net/redis_link.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/state/grants.hpp>
#include <sluice/state/redis_spread.hpp>

#include <functional>
#include <optional>
#include <string>

namespace sluice::server {

// Control thread.
class budget_news {
public:
    using send_function = std::function<void(const config::webhook&, std::string)>;
    // As spread_parts::ask; empty: the budgets are this gateway's alone.
    using ask_function = std::function<void(state::redis_spread::question, net::redis_done)>;

    // `log` outlives this, which outlives what is asked.
    budget_news(observe::logger& log, send_function send, ask_function ask);

    void serve(const config::snapshot& config);
    void tell(const state::grants::event& what);

private:
    observe::logger& log_;
    send_function send_;
    ask_function ask_;
    std::optional<config::webhook> webhook_;
    std::string prefix_;  // of the keys in Redis
};

}  // namespace sluice::server
