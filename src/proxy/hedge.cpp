#include <sluice/proxy/bills.hpp>
#include <sluice/proxy/charge.hpp>
#include <sluice/proxy/hedge.hpp>
#include <sluice/proxy/outcome.hpp>
#include <sluice/proxy/prelude.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/trace.hpp>
#include <sluice/wire/body_tap.hpp>

#include <exception>
#include <utility>

namespace sluice::proxy {
namespace {

using policy::cause;

// Nobody else could do better: an answer, or a request that is wrong everywhere.
bool decides(cause why) noexcept
{
    const auto& then = policy::consequences_of(why);
    return why != cause::stopped && !then.other_target
           && then.trouble == policy::credential_trouble::none;
}

bool failed_by_itself(const outcome& what) noexcept
{
    return what.why != cause::stopped && !decides(what.why);
}

// What a loser cost. Nothing is known of one that was cancelled before its usage came.
void bill(services& with, const exchange& x, const attempt& one)
{
    if (!one.upstream)
        return;
    auto& arm = with.cells.arm(one.target->arm);
    wire::body_tap tap(x.facts->where);
    tap.feed(std::string_view(held_payload(one)));
    const auto& used = tap.tokens();
    const auto owed = charge_of(*one.target, used, {}, date_of(x.system_time));
    bill_hedge(with, x, one, used);
    if (!used.known)
        arm.usage_unknown.add();
    else if (!owed.priced)
        arm.price_unknown.add();
    else
        arm.hedge_cost.add(static_cast<std::uint64_t>(owed.nanodollars));
}

void dismiss(services& with, attempt& one, const outcome& what)
{
    tell(with, one, what, one.now);
    one.release(one.now);
}

// As the loser, unless it had failed by itself.
void dismiss_loser(services& with, const exchange& x, attempt& one, outcome what)
{
    if (!failed_by_itself(what)) {
        what.label = observe::attempt_outcome::hedge_lost;
        bill(with, x, one);
    }
    dismiss(with, one, what);
}

// The two attempts of one request. Lives in the frame of ask_hedged(), which waits for both.
class pair : private alarm {
public:
    pair(
        services& shared,
        exchange& whole,
        const question& request,
        policy::attempt_plan& rules,
        const policy::step& to)
        : alarm(&pair::late),
          with(shared),
          x(whole),
          asked(request),
          plan(rules),
          first_step(to),
          second_ended(shared.loop.deadlines())
    {
    }

    void set_out();
    void end_first(const outcome& what);
    void end_second(const outcome& what);
    void give_up() noexcept;
    [[nodiscard]] outcome settle(const outcome& of_first);

    [[nodiscard]] bool second_is_to_end() const noexcept { return other && !second_over; }

    services& with;
    exchange& x;  // x.tried is the first
    const question& asked;
    policy::attempt_plan& plan;
    policy::step first_step;
    net::interrupter stop_first;
    net::interrupter stop_second;
    attempt_ptr other;  // the second
    net::event second_ended;

private:
    enum class second : std::uint8_t {
        not_begun,
        runs,
        failed,  // before the first ended
        ended,   // after it
        won,
    };

    static void late(alarm& self, time_point now) noexcept;
    void begin_second(time_point now);
    void count(observe::hedge_outcome what)
    {
        with.cells.arm(other->target->arm).hedges[what].add();
    }
    // What is counted of a second that did not win.
    [[nodiscard]] static observe::hedge_outcome unless_won(const outcome& what) noexcept
    {
        return failed_by_itself(what) ? observe::hedge_outcome::failed
                                      : observe::hedge_outcome::lost;
    }

    second state = second::not_begun;
    bool first_ended = false;
    bool second_over = false;
    outcome of_second;
};

net::task<> run_second(pair& both)
{
    outcome what = outcome_of(errc::internal_error);
    try {
        what = co_await ask(both.with, *both.other, both.asked, both.stop_second);
        // Its answer leaves the worker's scratch: the first has yet to end.
        if (!both.other->head.empty())
            both.other->keep(both.with.buffers);
    } catch (const std::exception& e) {
        both.with.log.error(
            "hedge_failed",
            "a second attempt ended by an exception; this is a bug",
            {{"what", std::string_view(e.what())}});
        what = outcome_of(errc::internal_error);
    }
    both.end_second(what);
}

void pair::set_out()
{
    const auto& first = *x.tried;
    const auto& how = first.model->hedge;
    first.target->state->hedges.deposit(how.budget, first.began);
    if (x.stop.fired())
        stop_first.fire();
    x.stop.on(stop_first);
    const auto delay = with.hedges.times(first.target->arm, asked.facts.stream).delay(how);
    if (delay && first.began + *delay < asked.due)
        with.hedges.alarms.set(*this, first.began + *delay);
}

void pair::late(alarm& self, time_point now) noexcept
{
    auto& both = static_cast<pair&>(self);
    try {
        both.begin_second(now);
    } catch (const std::exception&) {
        // No memory for it: the first goes on alone.
        both.other.reset();
        both.state = second::not_begun;
        both.plan.ended_last(both.first_step);
    }
}

void pair::begin_second(time_point now)
{
    const auto& ledger = with.buffers.ledger();
    const bool half_full = !ledger.fits(ledger.held());
    if (half_full || with.draining.load(std::memory_order_relaxed))
        return;
    const auto before = plan;
    const auto to = plan.beside(now, with.random);
    if (!to)
        return;
    other = with.borrow_attempt();
    other->aim(asked, *to);
    other->began = other->now = now;
    const auto& first = *x.tried;
    if (!first.target->state->hedges.withdraw(first.model->hedge.budget, now)) {
        other->target->state->breaker.abandon(other->given);
        count(observe::hedge_outcome::denied_budget);
        other.reset();
        plan = before;
        return;
    }
    if (!take_limits(with, *other, x.expected.input + x.expected.output)) {
        other->target->state->breaker.abandon(other->given);
        other.reset();
        plan = before;
        return;
    }
    begin(with, *other);
    begin_span(with, *other, x.trace, observe::span_kind::hedge, asked.facts.where);
    state = second::runs;
    with.hedges.attempts.spawn(run_second(*this));
}

// The last use of this object by the second attempt: it may be gone when this returns.
void pair::end_second(const outcome& what)
{
    of_second = what;
    if (first_ended) {
        state = second::ended;
    } else if (decides(what.why)) {
        state = second::won;
        stop_first.fire();
    } else {
        state = second::failed;
        count(observe::hedge_outcome::failed);
        dismiss(with, *other, what);
    }
    second_over = true;
    second_ended.set();
}

void pair::end_first(const outcome& what)
{
    first_ended = true;
    take_back();
    auto& first = *x.tried;
    const bool lost = state == second::won;
    if (lost) {
        first.now = steady::now();
        first.target->state->latency.sample(first.now - first.began, first.now);
    }
    if (lost || what.why == cause::success)
        with.hedges.times(first.target->arm, asked.facts.stream)
            .sample(first.now - first.began, first.now);
    if (state != second::runs)
        return;
    if (decides(what.why)) {
        if (!first.head.empty())
            first.keep(with.buffers);
        stop_second.fire();
    } else if (what.why == cause::stopped) {
        stop_second.fire();
    } else {
        dismiss(with, first, what);
    }
}

// After an exception: the second is stopped, and still has to be waited for.
void pair::give_up() noexcept
{
    first_ended = true;
    take_back();
    if (state == second::runs)
        stop_second.fire();
}

outcome pair::settle(const outcome& of_first)
{
    if (!other)
        return of_first;
    const bool client_left = of_first.why == cause::stopped && state != second::won;
    const bool first_counts =
        state == second::failed || (state != second::won && decides(of_first.why));
    if (client_left || first_counts) {
        if (state == second::ended)
            count(unless_won(of_second));
        if (state == second::ended && client_left) {
            if (!failed_by_itself(of_second))
                bill(with, x, *other);
            dismiss(with, *other, of_second);
        } else if (state == second::ended) {
            dismiss_loser(with, x, *other, of_second);
        }
        x.attempts += other->sent;
        plan.ended_last(first_step);
        return of_first;
    }
    count(decides(of_second.why) ? observe::hedge_outcome::won : unless_won(of_second));
    if (!x.tried->told)
        dismiss_loser(with, x, *x.tried, of_first);
    x.attempts += x.tried->sent;
    std::swap(x.tried, other);
    x.answers_by(*x.tried);
    return of_second;
}

}  // namespace

net::task<outcome> ask_hedged(
    services& with,
    exchange& x,
    const question& asked,
    policy::attempt_plan& plan,
    const policy::step& first)
{
    pair both(with, x, asked, plan, first);
    both.set_out();
    outcome what = outcome_of(errc::internal_error);
    std::exception_ptr bug;
    try {
        what = co_await ask(with, *x.tried, asked, both.stop_first);
        both.end_first(what);
    } catch (...) {
        bug = std::current_exception();
        both.give_up();
    }
    x.stop.off();
    if (both.second_is_to_end()) {
        x.stop.on(both.stop_second);
        (void)co_await both.second_ended.wait(time_point::max());
        x.stop.off();
    }
    if (bug)
        std::rethrow_exception(bug);
    co_return both.settle(what);
}

}  // namespace sluice::proxy
