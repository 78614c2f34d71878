#include "accounts.hpp"

#include <sluice/config/time_zone.hpp>

#include <boost/asio/post.hpp>

#include <utility>

namespace sluice::server {

accounts::accounts(
    boost::asio::io_context& context,
    const state::directory& where,
    const config::snapshot& config,
    state::authority* shared,
    observe::logger& log,
    budget_news news)
    : context_(context),
      log_(log),
      news_(std::move(news)),
      book_(
          {.path = where.file("usage.db"),
           .ours = [&where] { return where.is_ours(); },
           .workers = config.workers},
          log),
      budgets_(
          {.path = where.file("budgets.db"),
           .usage_path = where.file("usage.db"),
           .ours = [&where] { return where.is_ours(); },
           .on_event =
               [this](const state::grants::event& what) {
                   boost::asio::post(context_, [this, what] { news_.tell(what); });
               }},
          book_,
          shared != nullptr ? *shared : alone_,
          log)
{
}

void accounts::serve(const config::snapshot_ptr& config)
{
    news_.serve(*config);
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

}  // namespace sluice::server
