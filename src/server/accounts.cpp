#include "accounts.hpp"

#include <sluice/config/time_zone.hpp>
#include <sluice/server/json_writer.hpp>

#include <boost/asio/post.hpp>

#include <utility>

namespace sluice::server {

accounts::accounts(
    boost::asio::io_context& context,
    const state::directory& where,
    const config::snapshot& config,
    state::authority* shared,
    observe::logger& log,
    send_function send)
    : context_(context),
      log_(log),
      send_(std::move(send)),
      book_({.path = where.file("usage.db"), .workers = config.workers}, log),
      budgets_(
          {.path = where.file("budgets.db"),
           .usage_path = where.file("usage.db"),
           .on_event =
               [this](const state::grants::event& what) {
                   boost::asio::post(context_, [this, what] { tell(what); });
               }},
          book_,
          shared != nullptr ? *shared : alone_,
          log)
{
}

void accounts::serve(const config::snapshot_ptr& config)
{
    webhook_ = config->budget_webhook;
    const auto zone = config::find_time_zone(config->time_zone);
    if (!zone)
        log_.error(
            "time_zone",
            "is not known: days are UTC's",
            {{"name", std::string_view(config->time_zone)}});
    budgets_.watch(config, zone.value_or(policy::time_zone{}));
}

observe::ledger_numbers accounts::numbers() const
{
    auto now = book_.read();
    const auto of_budgets = budgets_.read();
    now.up = now.up && of_budgets.up;
    now.failures += of_budgets.failures;
    now.lease_granted = of_budgets.lease_granted;
    now.lease_returned = of_budgets.lease_returned;
    now.lease_spent = of_budgets.lease_spent;
    now.lease_held = of_budgets.lease_held;
    return now;
}

void accounts::tell(const state::grants::event& what)
{
    const auto& budget = what.budget;
    const bool spent = what.what == state::grants::event::kind::spent;
    const std::string_view event = spent ? "budget_spent" : "budget_soft";
    log_.warn(
        event,
        spent ? "a budget is spent: its requests are refused" : "a budget is nearly spent",
        {{"budget", std::string_view(budget.id)},
         {"spent_cents", budget.spent / 10'000'000},
         {"limit_cents", budget.limit / 10'000'000}});
    if (!webhook_)
        return;
    constexpr double nanos = 1e9;
    json_writer body;
    body.begin_object().key("event").text(event).key("budget").text(budget.id);
    body.key("period").text(budget.period == config::period::day ? "day" : "month");
    body.key("spent_usd").number(static_cast<double>(budget.spent) / nanos);
    body.key("limit_usd").number(static_cast<double>(budget.limit) / nanos);
    send_(*webhook_, body.end_object().str());
}

}  // namespace sluice::server
