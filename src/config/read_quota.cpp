// Limits and budgets, of whatever has them.
#include "read.hpp"

#include <algorithm>

namespace sluice::config {
namespace {

// The longest time a burst may take to come back; keeps the limiter's arithmetic within 64 bits.
constexpr auto longest_refill = std::chrono::duration_cast<seconds>(std::chrono::hours(24 * 3650));

// What the rate gives in one second, rounded down, at least 1.
std::uint64_t one_second_of(const policy::rate& rate)
{
    const auto period = std::chrono::duration_cast<seconds>(rate.period).count();
    return std::max<std::uint64_t>(1, rate.count / static_cast<std::uint64_t>(period));
}

void check_refill(const place& at, const policy::rate& rate, std::uint64_t burst)
{
    const double refill = static_cast<double>(burst)
                          * std::chrono::duration<double>(rate.period).count()
                          / static_cast<double>(rate.count);
    if (refill > static_cast<double>(longest_refill.count()))
        at.complain("at this rate the burst would not come back within 3650d");
}

void read_burst(
    const place& at,
    const place& rate_at,
    const std::optional<policy::rate>& rate,
    std::uint64_t usual,
    std::uint64_t& burst)
{
    if (rate) {
        burst = at.given() ? at.count() : usual;
        check_refill(at, *rate, burst);
    } else if (!rate_at.present() && at.present()) {
        const auto name = rate_at.name();
        at.complain("means nothing without " + name + ", set that too");
    }
}

std::optional<std::int64_t> nano_dollars(const place& at)
{
    const auto micros = at.maybe_micros();
    return micros ? std::optional(*micros * nanos_per_micro) : std::nullopt;
}

store_failure read_store_failure(const place& at)
{
    const auto text = at.text();
    if (text == "refuse")
        return store_failure::refuse;
    return text == "local" ? store_failure::local : store_failure::keep_share;
}

}  // namespace

void read_rates(const place& at, policy::limit_settings& limits)
{
    const auto requests = at["requests"];
    const auto tokens = at["tokens"];
    limits.requests = requests.rate();
    limits.tokens = tokens.rate();
    read_burst(
        at["burst"],
        requests,
        limits.requests,
        limits.requests ? one_second_of(*limits.requests) : 1,
        limits.burst);
    read_burst(
        at["token_burst"],
        tokens,
        limits.tokens,
        limits.tokens ? policy::default_token_burst(*limits.tokens) : 1,
        limits.token_burst);
    if (at["concurrent"].given())
        limits.concurrent = static_cast<std::uint32_t>(at["concurrent"].count());
    limits.shadow = at["shadow"].boolean();
}

void read_limits(const place& at, quota& of)
{
    auto& limits = of.limits;
    read_rates(at, limits);
    of.on_store_failure = read_store_failure(at["on_store_failure"]);
    const auto wait = at["max_wait"];
    limits.max_wait = wait.duration();
    if (wait.present() && !at["requests"].present() && !at["tokens"].present())
        wait.complain("means nothing without requests or tokens, set one of them too");
}

void read_budget(const place& at, budget_settings& budget)
{
    budget.daily = nano_dollars(at["daily"]);
    budget.monthly = nano_dollars(at["monthly"]);
    budget.soft = at["soft"].percent() / 100;
}

void read_model_budgets(const place& at, const snapshot& settings, key& key)
{
    for (const auto& [name, one] : at.entries()) {
        const auto money = nano_dollars(one);
        const auto* model = settings.find_model(name);
        if (model == nullptr) {
            one.complain("is not one of models, no budget can be kept for it");
            continue;
        }
        const auto same = [&](const key::model_budget& other) {
            return other.model == model->name;
        };
        const auto& known = key.model_budgets;
        if (std::any_of(known.begin(), known.end(), same))
            one.complain("another name of a model that stands here already");
        check_priced(one, *model);
        if (money)
            key.model_budgets.push_back({.model = model->name, .daily = *money});
    }
}

void check_priced(const place& at, const model& model)
{
    const auto bare = [](const target& one) { return one.prices.versions.empty(); };
    if (std::any_of(model.targets.begin(), model.targets.end(), bare))
        at.complain("cannot be kept to: a target of the model has no price, set its price or the "
                    "model's");
}

void read_tenants(const place& root, snapshot& settings)
{
    for (const auto& [name, at] : root["tenants"].entries()) {
        check_name(at, name);
        tenant one;
        one.name = name;
        one.weight = at["weight"].decimal();
        read_limits(at["limits"], one);
        read_budget(at["budget"], one.budget);
        settings.tenants.push_back(std::move(one));
    }
}

}  // namespace sluice::config
