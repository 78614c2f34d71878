#include <sluice/policy/attempt_plan.hpp>
#include <sluice/proxy/forward.hpp>
#include <sluice/proxy/hedge.hpp>
#include <sluice/proxy/outcome.hpp>
#include <sluice/proxy/pause.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/steps.hpp>
#include <sluice/proxy/trace.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace sluice::proxy {
namespace {

question question_of(const exchange& x) noexcept
{
    const auto due = x.answer_due();
    const bool shorter = due < x.began + x.config->timeouts.request;
    return {x.head, x.body, *x.facts, x.request_id.view(), *x.served_by, due, shorter};
}

policy::step first_step(services& with, const exchange& x, policy::attempt_plan& plan)
{
    const auto preferred = static_cast<std::size_t>(x.target - x.model->targets.data());
    const auto how = x.asked_for_target ? policy::attempt_plan::choice::only
                                        : policy::attempt_plan::choice::preferred;
    return plan.first(preferred, how, x.now, with.random);
}

observe::span_kind kind_of(const exchange& x, const policy::step& to) noexcept
{
    if (to.by != policy::chain::none)
        return observe::span_kind::fallback;
    return x.trace.attempts == 0 ? observe::span_kind::first : observe::span_kind::retry;
}

// The attempt's object is used again. False: its provider's limits hold it back.
bool start_attempt(services& with, exchange& x, const question& asked, const policy::step& to)
{
    if (x.tried) {
        x.tried->release(x.now);
        x.tried->reset();
    } else {
        x.tried = with.borrow_attempt();
    }
    auto& one = *x.tried;
    one.aim(asked, to);
    one.began = one.now = x.now;
    x.answers_by(one);
    if (!take_limits(with, one, x.expected.input + x.expected.output)) {
        one.target->state->breaker.abandon(one.given);
        return false;
    }
    begin(with, one);
    if (x.trace.sampled)
        begin_span(with, one, x.trace, kind_of(x, to), asked.facts.where);
    if (to.by != policy::chain::none) {
        auto& way = with.cells.fallback(way_of(x.served_by->routes, to));
        way.taken[static_cast<observe::fallback_cause>(to.by)].add();
    }
    return true;
}

// While nobody is asked, a whole answer is kept, its connection is not.
void rest(services& with, exchange& x)
{
    if (!x.tried)
        return;
    if (x.tried->complete)
        x.tried->keep(with.buffers);
    else
        x.tried->head = {};
    x.tried->release(x.now);
}

// Whether it is a fallback that may cost more than what the request's budgets have paid.
bool needs_money(const exchange& x, const policy::step& to) noexcept
{
    return x.holds.has_paid() && x.served_by->routes.links[to.stage].model != x.model;
}

// A step that is not taken.
void decline(const exchange& x, const policy::step& to) noexcept
{
    const auto& stage = x.served_by->routes.stages[to.stage];
    stage.candidates[to.target].state->breaker.abandon(to.given);
}

// Whether its model cannot take the request for certain. A list of texts may fit one by one.
bool too_long(const exchange& x, const policy::step& to) noexcept
{
    const auto& window = x.served_by->routes.links[to.stage].model->context_window;
    const bool conversation = x.facts->where == wire::endpoint::chat_completions
                              || x.facts->where == wire::endpoint::responses;
    return conversation && window && policy::certainly_longer(x.body, *window);
}

// Keys of one provider that were forbidden what was asked. That is no fault of theirs unless
// another one may have it, else any client could put them all to rest.
class doubted_keys {
public:
    void add(const attempt& one) noexcept
    {
        if (std::exchange(target_, one.target) != one.target)
            count_ = 0;
        if (count_ < keys_.size())
            keys_[count_++] = static_cast<std::uint16_t>(one.credential);
    }
    void another_may(const attempt& one) const noexcept
    {
        if (one.target != target_)
            return;
        constexpr auto why = policy::credential_trouble::refused;
        const auto until = one.now + policy::rest_of(one.provider->credential_rules, why, {});
        for (const auto key : std::span(keys_).first(count_))
            one.provider->credentials[key]->rest(why, until);
    }

private:
    const config::target* target_ = nullptr;
    std::array<std::uint16_t, 8> keys_{};  // a provider has at most a thousand
    std::uint16_t count_ = 0;
};

// A step that would lead to nothing: nobody is asked.
policy::step pass_over(
    services& with,
    exchange& x,
    policy::attempt_plan& plan,
    const policy::step& to,
    const outcome& why,
    outcome& what)
{
    decline(x, to);
    // Where somebody was asked, the client is told what came of that.
    if (!x.tried)
        what = why;
    return plan.after(why.why, x.now, with.random);
}

constexpr outcome unaffordable{
    policy::cause::unaffordable,
    {},
    errc::no_healthy_upstream,
    "what could stand in costs more than a budget has left"};
constexpr outcome beyond_window{policy::cause::context_length, {}, errc::context_length_exceeded};

// What the client gets when nothing is left to try. Success: the answer of the last attempt.
result<void> give_up(
    exchange& x, const policy::step& last, const outcome& what, std::uint32_t attempts)
{
    using reason = policy::step::reason;
    const bool worth = policy::consequences_of(what.why).worth_a_retry;
    x.out_of_time = what.why == policy::cause::deadline;
    // One that may not try again leaves that to its clients; not one that would have and must not.
    const bool tries_again = attempts > 1 || (x.tried && x.tried->model->retry.attempts > 1);
    x.exhausted = (tries_again && worth) || last.why == reason::credentials;
    if (attempts == 0)
        x.target = nullptr;
    if (last.wait.count() > 0)
        x.retry_after = last.wait;
    if (last.why == reason::credentials)
        return x.fail(errc::upstream_credentials_exhausted);
    if (x.tried && x.tried->refused() && !x.tried->broken)
        return {};
    if (last.why == reason::unhealthy)
        return x.fail(errc::no_healthy_upstream);
    if (last.why == reason::rate_limited)
        return x.fail(errc::upstream_rate_limited);
    if (what.why == policy::cause::stopped)
        return x.fail(x.stopped_or(what.error));
    const std::string_view message = x.tried ? x.tried->message : std::string_view{};
    return x.fail(what.error, message.empty() ? what.words : message);
}

}  // namespace

net::task<result<void>> forward(services& with, exchange& x)
{
    const question asked = question_of(x);
    const auto model = static_cast<std::size_t>(x.model - x.config->models.data());
    policy::attempt_plan plan(x.served_by->routes.stages, model, asked.due);
    auto next = first_step(with, x, plan);
    outcome what;
    doubted_keys doubted;
    while (next.what != policy::step::kind::give_up) {
        if (next.what == policy::step::kind::wait) {
            rest(with, x);
            const bool waited = co_await pause(with, x.stop, next.wait);
            if (!waited)
                co_return x.fail(x.stopped_or(errc::client_closed_request));
            x.now = steady::now();
            next = plan.resume(x.now, with.random);
            continue;
        }
        if (too_long(x, next)) {
            next = pass_over(with, x, plan, next, beyond_window, what);
            continue;
        }
        if (needs_money(x, next)) {
            const auto& link = x.served_by->routes.links[next.stage];
            rest(with, x);
            const auto paid =
                co_await afford(with, x, *link.model, link.model->targets[next.target]);
            if (!paid) {
                decline(x, next);
                co_return paid.error();
            }
            if (!*paid) {
                next = pass_over(with, x, plan, next, unaffordable, what);
                continue;
            }
        }
        if (!start_attempt(with, x, asked, next)) {
            what = {policy::cause::rate_limited, {}, errc::upstream_rate_limited, {}};
            next = plan.after(what.why, x.now, with.random);
            continue;
        }
        if (plan.attempts() == 1 && x.tried->model->hedge.enabled)
            what = co_await ask_hedged(with, x, asked, plan, next);
        else
            what = co_await ask(with, *x.tried, asked, x.stop);
        auto& one = *x.tried;
        x.attempts += one.sent;
        x.took(observe::phase::connect, one.connect);
        x.now = one.now;
        if (what.why == policy::cause::success) {
            doubted.another_may(one);
            tell_committed(one);
            co_return result<void>{};
        }
        tell(with, one, what, x.now);
        if (what.why == policy::cause::forbidden)
            doubted.add(one);
        next = plan.after(what.why, x.now, with.random);
    }
    co_return give_up(x, next, what, x.tried ? plan.attempts() : 0);
}

}  // namespace sluice::proxy
