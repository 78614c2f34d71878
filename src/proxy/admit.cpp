#include <sluice/config/units.hpp>
#include <sluice/proxy/pause.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/steps.hpp>
#include <sluice/state/ledger.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace sluice::proxy {
namespace {

using observe::limit_reason;

// A purse that is empty for the moment is asked again after this, which doubles from look to look.
// It is given up after that: a grant takes a commit to disk, and disks stall; sooner where nothing
// is granted without Redis, which is found out in less.
constexpr milliseconds purse_look{5};
constexpr milliseconds longest_purse_look{40};
constexpr milliseconds purse_patience{1'500};
constexpr milliseconds strict_patience{250};

struct limit_of {
    const config::quota* quota;
    const config::turn* who;
    std::string_view whose;
};

const config::tenant* tenant_of(const exchange& x) noexcept
{
    return x.key->tenant_at ? &x.config->tenants[*x.key->tenant_at] : nullptr;
}

void count(services& with, const exchange& x, limit_reason why, bool shadow) noexcept
{
    auto& cells = with.cells.key(x.key->metric);
    (shadow ? cells.shadow_limited : cells.limited)[why].add();
}

std::string words_for(const limit_of& limit, limit_reason why)
{
    std::string words = "the limit of ";
    words += limit.whose;
    switch (why) {
    case limit_reason::concurrent:
        return words + " is reached: " + std::to_string(limit.quota->limits.concurrent.value_or(0))
               + " requests in flight";
    case limit_reason::tokens:
        return words + " is reached: "
               + (limit.quota->limits.tokens ? config::format_rate(*limit.quota->limits.tokens)
                                             : std::string())
               + " tokens";
    default:
        return words + " is used up";
    }
}

errc refuse(exchange& x, const limit_of& limit, const holdings::refusal& why)
{
    x.retry_after = why.wait;
    return x.fail(errc::rate_limit_exceeded, words_for(limit, why.why));
}

// The limits of the key, its tenant and the model, in this order; none of them if one refuses or
// has its turn only when the answer is due.
result<void> take_limits(services& with, exchange& x)
{
    const auto* tenant = tenant_of(x);
    const std::array<limit_of, holdings::most_limits> all{
        {{x.key, &x.key->at_tenant, "this key"},
         {tenant, &x.key->at_tenant, "this key's tenant"},
         {x.model, &x.key->at_models, "this model"}}};
    const auto tokens = x.expected.input + x.expected.output;
    for (const auto& limit : all) {
        if (limit.quota == nullptr || !limit.quota->state)
            continue;
        auto refused = x.holds.take(*limit.quota, *limit.who, tokens, x.now);
        const auto wait = x.holds.wait();
        if (!refused && wait.count() > 0 && x.now + wait >= x.answer_due())
            refused = {.why = limit_reason::queue_timeout, .wait = wait};
        if (!refused)
            continue;
        count(with, x, refused->why, limit.quota->limits.shadow);
        if (limit.quota->limits.shadow)
            continue;
        x.holds.undo(x.now);
        return refuse(x, limit, *refused);
    }
    return {};
}

// All budgets the request is paid from; answers the one that could not pay, and gives the others
// back.
struct payment {
    const config::budget* refused = nullptr;
    policy::purse::answer why = policy::purse::answer::taken;
};

payment pay(exchange& x, std::int64_t amount) noexcept
{
    payment out;
    const auto from = [&](std::size_t at) {
        const auto& budget = x.config->budgets[at];
        out.why = x.holds.pay(*budget.purse, amount);
        out.refused = out.why == policy::purse::answer::taken ? nullptr : &budget;
        return out.refused == nullptr;
    };
    const auto all_of = [&](const config::quota* quota) {
        return quota == nullptr || std::ranges::all_of(quota->budgets, from);
    };
    const auto model = static_cast<std::size_t>(x.model - x.config->models.data());
    const auto for_model = [&](const config::key::model_budget& one) {
        return one.model_at != model || from(one.budget_at);
    };
    const bool paid = all_of(x.key) && std::ranges::all_of(x.key->model_budgets, for_model)
                      && all_of(tenant_of(x)) && all_of(x.model);
    if (!paid)
        x.holds.refund();
    return out;
}

bool has_budgets(const exchange& x) noexcept
{
    const auto* tenant = tenant_of(x);
    return !x.key->budgets.empty() || !x.key->model_budgets.empty() || !x.model->budgets.empty()
           || (tenant != nullptr && !tenant->budgets.empty());
}

errc refuse(exchange& x, const payment& refused)
{
    const auto& budget = *refused.refused;
    if (refused.why == policy::purse::answer::dry) {
        x.retry_after = seconds(1);
        return x.fail(
            errc::rate_limit_exceeded, "more of the budget " + budget.id + " is on its way");
    }
    x.exhausted = true;
    const nanoseconds ends = budget.purse->ends().time_since_epoch();
    x.retry_after = std::max<nanoseconds>(ends - x.system_time, seconds(1));
    return x.fail(
        errc::insufficient_quota,
        "the budget " + budget.id + " of "
            + config::format_money(budget.limit / config::nanos_per_micro)
            + (refused.why == policy::purse::answer::beyond
                   ? " has less left than this request may cost"
                   : " is spent"));
}

// A purse that is empty for the moment is asked again after `look`, which grows. False: stopped
// meanwhile.
net::task<bool> wait_for_grant(services& with, exchange& x, milliseconds& look)
{
    with.ledger.hurry();
    const bool waited = co_await pause(with, x.stop, look);
    look = std::min(2 * look, longest_purse_look);
    x.now = steady::now();
    co_return waited;
}

time_point patient_until(const exchange& x, milliseconds patience) noexcept
{
    return std::min(
        x.now + std::max<nanoseconds>(x.key->limits.max_wait, patience), x.answer_due());
}

milliseconds patience_with(const config::budget& budget) noexcept
{
    const bool strict = budget.on_store_failure == config::store_failure::refuse;
    return strict ? strict_patience : purse_patience;
}

// After `paid`, which was refused: a purse that waits for a grant is waited for.
net::task<result<void>> wait_for_money(
    services& with, exchange& x, std::int64_t amount, payment paid)
{
    const auto began = x.now;
    const auto until = patient_until(x, patience_with(*paid.refused));
    auto look = purse_look;
    for (;;) {
        if (paid.why != policy::purse::answer::dry || x.now >= until) {
            count(with, x, limit_reason::budget, false);
            co_return refuse(x, paid);
        }
        const bool waited = co_await wait_for_grant(with, x, look);
        x.queued = x.now - began;
        if (!waited)
            co_return x.fail(x.stopped_or(errc::client_closed_request));
        paid = pay(x, amount);
        if (paid.refused == nullptr)
            co_return result<void>{};
    }
}

}  // namespace

net::task<result<void>> admit(services& with, exchange& x)
{
    with.cells.key(x.key->metric).requests.add();
    x.expected = expected_of(x);
    if (has_budgets(x)) {
        // The dearest way the request can go.
        const auto amount = most_expensive(*x.model, x.expected, date_of(x.system_time));
        const auto paid = pay(x, amount);
        if (paid.refused != nullptr) {
            auto waited = co_await wait_for_money(with, x, amount, paid);
            if (!waited)
                co_return waited.error();
        }
    }
    if (auto taken = take_limits(with, x); !taken)
        co_return taken.error();
    if (const auto wait = x.holds.wait(); wait.count() > 0) {
        const auto began = x.now;
        const bool due = co_await pause(with, x.stop, wait);
        x.now = steady::now();
        const auto waited = x.now - began;  // less where the client left
        x.queued += waited;
        with.cells.queue.observe(waited);
        if (!due)
            co_return x.fail(x.stopped_or(errc::client_closed_request));
    }
    co_return result<void>{};
}

net::task<result<bool>> afford(
    services& with, exchange& x, const config::model& model, const config::target& target)
{
    using answer = policy::purse::answer;
    const auto at = date_of(x.system_time);
    // A hedge may go to another target of the model.
    const auto amount = model.hedge.enabled ? most_expensive(model, x.expected, at)
                                            : most_expensive(target, x.expected, at);
    const auto until = patient_until(x, purse_patience);
    auto look = purse_look;
    auto got = x.holds.raise(amount);
    while (got == answer::dry && x.now < until) {
        const bool waited = co_await wait_for_grant(with, x, look);
        if (!waited)
            co_return x.fail(x.stopped_or(errc::client_closed_request));
        got = x.holds.raise(amount);
    }
    co_return got == answer::taken;
}

void settle(services& with, exchange& x) noexcept
{
    x.owed = charge_of(x);
    const auto used = policy::total_of(x.owed.tokens);
    if (const auto held = x.holds.reserved(); held.tokens > 0 || held.nanodollars > 0) {
        auto& cells = with.cells.key(x.key->metric);
        if (held.tokens > 0)
            cells.tokens.ended(held.tokens, used);
        if (held.nanodollars > 0)
            cells.money.ended(held.nanodollars, static_cast<std::uint64_t>(x.owed.nanodollars));
    }
    x.holds.settle(used, x.owed.nanodollars, x.now);
    if (x.tried)
        x.tried->used = used;
    learn(x);
}

}  // namespace sluice::proxy
