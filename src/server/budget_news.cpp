#include <sluice/server/budget_news.hpp>
#include <sluice/server/json_writer.hpp>

#include <memory>
#include <utility>

namespace sluice::server {
namespace {

using state::grants;

std::string_view event_name(const grants::event& what)
{
    return what.what == grants::event::kind::spent ? "budget_spent" : "budget_soft";
}

std::string body_of(const grants::event& what)
{
    constexpr double nanos = 1e9;
    const auto& budget = what.budget;
    json_writer body;
    body.begin_object().key("event").text(event_name(what)).key("budget").text(budget.id);
    body.key("period").text(budget.period == config::period::day ? "day" : "month");
    body.key("spent_usd").number(static_cast<double>(budget.spent) / nanos);
    body.key("limit_usd").number(static_cast<double>(budget.limit) / nanos);
    return body.end_object().str();
}

// Answered 1 to the first who asks of this event. After a top-up it may come about again.
state::redis_spread::question first_of(const std::string& prefix, const grants::event& what)
{
    static constexpr auto script =
        "return redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) and 1 or 0";
    constexpr std::chrono::days day{2};
    constexpr std::chrono::days month{40};
    const auto& budget = what.budget;
    const auto ends = std::to_string(budget.ends.time_since_epoch().count());
    const std::chrono::seconds life = budget.period == config::period::day ? day : month;
    return {
        std::make_shared<net::redis_script>(script),
        {prefix + ":told:{" + budget.id + "}:" + ends + ':' + std::string(event_name(what)) + ':'
         + std::to_string(budget.topped_up)},
        {std::to_string(life.count())}};
}

}  // namespace

budget_news::budget_news(observe::logger& log, send_function send, ask_function ask)
    : log_(log),
      send_(std::move(send)),
      ask_(std::move(ask))
{
}

void budget_news::serve(const config::snapshot& config)
{
    webhook_ = config.budget_webhook;
    prefix_ = config.redis ? config.redis->prefix : std::string();
}

void budget_news::tell(const state::grants::event& what)
{
    const auto& budget = what.budget;
    const bool spent = what.what == state::grants::event::kind::spent;
    log_.warn(
        event_name(what),
        spent ? "a budget is spent: its requests are refused" : "a budget is nearly spent",
        {{"budget", std::string_view(budget.id)},
         {"spent_cents", budget.spent / 10'000'000},
         {"limit_cents", budget.limit / 10'000'000}});
    if (!webhook_)
        return;
    if (!ask_)
        return send_(*webhook_, body_of(what));
    auto told = [this, to = *webhook_, body = body_of(what)](const net::redis_answer& heard) {
        // Rather twice than never.
        const bool another = heard.ok() && heard.reply.is == net::redis_reply::kind::integer
                             && heard.reply.number == 0;
        if (!another)
            send_(to, body);
    };
    ask_(first_of(prefix_, what), std::move(told));
}

}  // namespace sluice::server
