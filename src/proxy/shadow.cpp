#include "shadow_cost.hpp"
#include <sluice/http/writer.hpp>
#include <sluice/proxy/exchange.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/shadow.hpp>

#include <algorithm>
#include <utility>

namespace sluice::proxy {
namespace {

using observe::shadow_outcome;

// What no provider gets of a client, and what would make a copy the same request as the first.
constexpr std::uint64_t not_copied =
    http::bit(http::header::authorization) | http::bit(http::header::x_api_key)
    | http::bit(http::header::x_goog_api_key) | http::bit(http::header::cookie)
    | http::bit(http::header::idempotency_key);

// One of the provider's keys that is well. A copy takes nobody's trial of one that is not.
std::optional<std::size_t> usable_credential(
    const config::provider& provider, std::uint64_t start, time_point now) noexcept
{
    const auto& all = provider.credentials;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto at = static_cast<std::size_t>((start + i) % all.size());
        if (all[at]->usable(now) && all[at]->trouble(now) == policy::credential_trouble::none)
            return at;
    }
    return {};
}

shadow_outcome shadow_outcome_of(const shadow_run& run) noexcept
{
    if (run.primary_left)
        return shadow_outcome::client_left;
    if (!run.primary.whole())
        return shadow_outcome::primary_failed;
    return run.copy.whole() ? shadow_outcome::compared : shadow_outcome::failed;
}

// The head without what is not copied, in `memory`, which has room for it.
std::string_view copy_head(const http::request_head& head, std::span<char> memory)
{
    http::head_writer to(memory);
    to.request_line(head.method_text(), head.target(), head.minor_version());
    for (const auto field : head.fields()) {
        const bool known = field.id != http::header::other;
        if (field.hop_by_hop || (known && (not_copied & http::bit(field.id)) != 0))
            continue;
        to.copy(field);
    }
    return to.finish();
}

std::size_t head_bytes(const http::request_head& head) noexcept
{
    std::size_t bytes = head.method_text().size() + head.target().size() + 16;
    for (const auto field : head.fields())
        bytes += field.name.size() + field.value.size() + 4;
    return bytes;
}

}  // namespace

shadows::shadows(pair_inbox& pairs, net::gate::failure_handler on_failure)
    : pairs_(pairs),
      gate_(std::move(on_failure))
{
}

// Before anything is copied: the cheap reasons not to.
bool shadows::may_begin(services& with, const exchange& x, const config::shadow_settings& how) const
{
    const auto& to = x.config->models[how.model].targets[how.target];
    if (stopped_ || with.draining.load(std::memory_order_relaxed) || with.loaded()
        || gate_.count() >= most_in_flight || x.body.size() > most_body_bytes) {
        how.numbers->count(shadow_outcome::dropped_load);
        return false;
    }
    const auto system_now = with.system_ahead + x.now.time_since_epoch();
    if (how.budget && !how.state->spent.below(*how.budget, system_now)) {
        how.numbers->count(shadow_outcome::dropped_budget);
        return false;
    }
    const auto& breaker = x.config->models[how.model].breaker;
    if (to.state->breaker.at(breaker, x.now) == policy::breaker::position::open) {
        how.numbers->count(shadow_outcome::dropped_breaker);
        return false;
    }
    return true;
}

bool shadows::copy_request(services& with, const exchange& x, shadow_run& run)
{
    const auto head_room = head_bytes(x.head);
    run.memory = with.buffers.take(head_room + x.body.size());
    const auto head = copy_head(x.head, run.memory.from(0).first(head_room));
    http::head_limits limits;
    limits.head_bytes = limits.line_bytes = 65535;
    if (head.empty() || http::parse(head, limits, run.head))
        return false;
    const auto body = run.memory.from(head_room);
    x.body.copy(body.data(), x.body.size());
    run.body = {body.data(), x.body.size()};
    run.facts = *x.facts;
    run.facts.model = run.facts.user = {};
    run.expected = x.expected.input + x.expected.output;
    run.request_id = x.request_id.view();
    run.tags = x.tags.view();
    run.trace = x.trace;
    run.system_time = x.system_time;
    run.asked = x.now;
    return true;
}

shadow_run_ptr shadows::begin(services& with, const exchange& x)
{
    const auto& how = x.model->shadow;
    if (!how || with.random.uniform() >= how->share)
        return {};
    const auto& of = x.config->models[how->model];
    const auto& to = of.targets[how->target];
    // A copy beside the same would tell nothing.
    if (x.target == &to || !may_begin(with, x, *how))
        return {};
    const auto& provider = x.config->providers[to.provider];
    const auto credential = usable_credential(provider, with.random(), x.now);
    const auto given = credential
                           ? how->state->breaker.ask(of.breaker, x.now, with.random.uniform())
                           : policy::permission{};
    if (!given.granted()) {
        how->numbers->count(shadow_outcome::dropped_breaker);
        return {};
    }
    auto run = std::make_shared<shadow_run>(with.buffers.ledger());
    run->served_by = x.served_by;
    run->model = x.model;
    run->key = x.key;
    run->how = &*how;
    run->to_model = &of;
    run->to = &to;
    run->credential = *credential;
    run->given = given;
    if (!copy_request(with, x, *run)) {
        how->state->breaker.abandon(given);
        how->numbers->count(shadow_outcome::dropped_load);
        return {};
    }
    running_.push_back(run);
    gate_.spawn(carry_out(with, run));
    return run;
}

void shadows::primary_ended(const exchange& x)
{
    auto& run = *x.shadow;
    auto& side = run.primary;
    const auto& of = x.tried && x.tried->model != nullptr ? *x.tried->model : *x.model;
    if (x.target != nullptr)
        side.target = of.name + '/' + x.target->name;
    side.status = x.status;
    side.stream = x.stream_end.has_value();
    if (x.error)
        side.error = describe(*x.error).label;
    else if (x.stream_end == observe::stream_end::in_band_error)
        side.error = in_band_error;
    side.duration = x.now - run.asked;
    if (x.first_token_at)
        side.first_token = *x.first_token_at - run.asked;
    side.usage = x.usage;
    if (x.target != nullptr)
        side.cost = cost_of(*x.target, x.usage, date_of(x.system_time));
    run.primary_done = true;
    run.primary_left = x.error == errc::client_closed_request;
    if (run.copy_done)
        report(run);
    else if (run.primary_left || x.error == errc::draining)
        run.stop.fire();  // nothing is left to compare it with
}

void shadows::stop_all()
{
    stopped_ = true;
    const auto all = running_;
    for (const auto& run : all) {
        run->dropped = true;
        run->stop.fire();
    }
}

// Both have ended.
void shadows::report(shadow_run& run)
{
    auto& numbers = *run.how->numbers;
    const auto outcome = run.dropped ? shadow_outcome::dropped_load : shadow_outcome_of(run);
    if (outcome != shadow_outcome::compared && outcome != shadow_outcome::failed) {
        numbers.count(outcome);
        return;
    }
    shadow_pair pair{
        .model = run.model->name,
        .request_id = std::move(run.request_id),
        .system_time = run.system_time,
        .where = run.facts.where,
        .capture = run.how->capture,
        .outcome = outcome,
        .numbers = run.how->numbers,
        .primary = std::move(run.primary),
        .shadow = std::move(run.copy)};
    const bool taken = pairs_.put(std::move(pair));
    numbers.count(taken ? outcome : shadow_outcome::dropped_load);
}

}  // namespace sluice::proxy
