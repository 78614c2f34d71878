// The copy's own way: asked and heard to the end, with the client nowhere in it.

#include "shadow_cost.hpp"
#include <sluice/base/text.hpp>
#include <sluice/proxy/bills.hpp>
#include <sluice/proxy/outcome.hpp>
#include <sluice/proxy/prelude.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/shadow.hpp>
#include <sluice/proxy/trace.hpp>
#include <sluice/proxy/transfer.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::proxy {
namespace {

// Roughly, of text and of JSON.
constexpr std::size_t bytes_per_token = 4;

// Hears an answer that nobody gets.
class listening {
public:
    listening(services& with, shadow_run& run, attempt& from, time_point until)
        : with_(with),
          run_(run),
          from_(from),
          until_(until),
          how_(settings_for(run, from)),
          body_(how_, with.pieces),
          began_(from.now),
          last_piece_(from.now)
    {
    }

    net::task<result<void>> hear();
    void note() noexcept;

private:
    static transfer::settings settings_for(shadow_run& run, const attempt& from) noexcept;
    [[nodiscard]] time_point stalled_at() const noexcept;
    net::task<result<std::span<char>>> receive();
    [[nodiscard]] result<void> closed();

    services& with_;
    shadow_run& run_;
    attempt& from_;
    time_point until_;
    transfer::settings how_;
    transfer body_;
    net::buffer rest_;  // input that has to come again, in front of what is read next
    std::size_t rest_bytes_ = 0;
    time_point began_;
    time_point last_piece_;
};

transfer::settings listening::settings_for(shadow_run& run, const attempt& from) noexcept
{
    const auto encoding = from.response.find(http::header::content_encoding);
    transfer::settings how;
    how.from = from.response.framing();
    how.length = from.response.content_length();
    how.events = is_event_stream(from.response);
    how.readable = encoding.empty() || iequals(encoding, "identity");
    how.where = run.facts.where;
    how.secrets = from.provider->api_keys;
    how.copy = &run.copy.payload;
    return how;
}

time_point listening::stalled_at() const noexcept
{
    const bool before_token = body_.tap() != nullptr && !body_.tap()->first_token_at();
    const auto idle = run_.served_by->config->timeouts.stream_idle;
    return std::min(
        until_, before_token ? began_ + run_.to_model->first_token : last_piece_ + idle);
}

net::task<result<std::span<char>>> listening::receive()
{
    auto& upstream = *from_.upstream;
    upstream.socket().probe();
    for (;;) {
        if (run_.stop.fired())
            co_return errc::client_closed_request;
        run_.stop.on(upstream.socket());
        const net::io waited = co_await upstream.readable(stalled_at());
        run_.stop.off();
        if (waited != net::io::ok)
            co_return waited == net::io::timed_out ? errc::stream_idle : lost(waited);
        const std::span<char> scratch(with_.in);
        if (rest_bytes_ > 0)
            std::memcpy(scratch.data(), rest_.data(), rest_bytes_);
        const auto got = upstream.receive(scratch.subspan(rest_bytes_));
        if (got.status == net::io::again)
            continue;
        if (got.status != net::io::ok)
            co_return lost(got.status);
        last_piece_ = steady::now();
        co_return scratch.first(rest_bytes_ + got.bytes);
    }
}

// The provider's connection ended: the end of the message, where that is how it ends.
result<void> listening::closed()
{
    net::gather out;
    if (rest_bytes_ > 0)
        (void)body_.feed({rest_.data(), rest_bytes_}, last_piece_, out, transfer::more_input::none);
    const bool whole = body_.closed(out) == transfer::progress::end && body_.legal_end();
    if (!whole)
        return errc::upstream_eof;
    return {};
}

net::task<result<void>> listening::hear()
{
    std::span<char> input = from_.rest;
    for (;;) {
        net::gather out;
        const auto step = body_.feed(input, last_piece_, out, transfer::more_input::may_come);
        input = input.subspan(step.consumed);
        if (step.state == transfer::progress::broken)
            co_return errc::upstream_invalid;
        if (step.state == transfer::progress::end)
            break;
        if (!step.stuck)
            continue;
        rest_bytes_ = input.size();
        rest_ = rest_bytes_ > 0 ? with_.buffers.take(rest_bytes_) : net::buffer{};
        if (rest_bytes_ > 0)
            std::memcpy(rest_.data(), input.data(), rest_bytes_);
        const auto received = co_await receive();
        if (!received && received.error() == errc::upstream_eof)
            co_return closed();
        if (!received)
            co_return received.error();
        input = *received;
    }
    from_.complete = input.empty() && !from_.cut && from_.response.keep_alive();
    if (!body_.legal_end())
        co_return errc::upstream_eof;
    co_return result<void>{};
}

void listening::note() noexcept
{
    auto& side = run_.copy;
    side.stream = how_.events;
    side.usage = body_.usage();
    if (const auto* tap = body_.tap()) {
        run_.copy_events = tap->content_events();
        if (tap->first_token_at())
            side.first_token = *tap->first_token_at() - from_.began;
        if (tap->in_band_error())
            side.error = in_band_error;
    }
}

// Tokens that cannot be known are guessed, so that a cap holds against a provider that tells no
// usage and against answers that broke off.
wire::usage estimated_usage(const shadow_run& run) noexcept
{
    wire::usage guess;
    guess.known = true;
    guess.input = run.body.size() / bytes_per_token;
    guess.output = run.copy_events.value_or(run.copy.payload.text().size() / bytes_per_token);
    return guess;
}

void pay(services& with, shadow_run& run, attempt& one, policy::cause why)
{
    auto& side = run.copy;
    side.cost = cost_of(*run.to, side.usage, date_of(run.system_time));
    const bool billed = one.sent > 0 && side.status < 300 && why != policy::cause::unreachable;
    const bool estimated = !side.usage.known && billed;
    const auto used = estimated ? estimated_usage(run) : side.usage;
    const auto due = cost_of(*run.to, used, date_of(run.system_time)).value_or(0);
    one.used = policy::total_of(charge_of(*run.to, used, {}, date_of(run.system_time)).tokens);
    one.holds.settle(one.used, 0, one.now);
    const auto system_now = with.system_ahead + one.now.time_since_epoch();
    run.how->state->spent.add(due, system_now);
    run.how->numbers->nanodollars.fetch_add(
        static_cast<std::uint64_t>(due), std::memory_order_relaxed);
    if (one.sent > 0)
        bill_shadow(with, run, one, used, estimated, due);
}

void tell_breaker(const shadow_run& run, policy::cause why, time_point now) noexcept
{
    using enum policy::consequences::health;
    auto& breaker = run.how->state->breaker;
    const auto health = policy::consequences_of(why).target;
    if (health == unknown)
        breaker.abandon(run.given);
    else
        breaker.report(run.to_model->breaker, health == bad, run.given, now);
}

// What became of it before it could be heard.
void note_failure(shadow_side& side, const attempt& one, const outcome& what)
{
    if (!one.head.empty())
        side.status = one.response.status();
    if (what.label == observe::attempt_outcome::in_band_error)
        side.error = in_band_error;
    else if (!one.refused())
        side.error = describe(what.error).label;
}

void aim(const shadow_run& run, attempt& one)
{
    one.model = run.to_model;
    one.target = run.to;
    one.provider = &run.served_by->config->providers[run.to->provider];
    one.home = run.served_by->shadow_pools[run.to->provider].get();
    one.credential = run.credential;
    one.called = run.to_model->name;
    one.model_json = run.to->model_json;
    one.ask_usage = one.provider->ask_usage && run.facts.edit != wire::usage_edit::none;
}

}  // namespace

net::task<> shadows::carry_out(services& with, shadow_run_ptr run)
{
    // The client's request goes first.
    net::event turn(with.loop.deadlines());
    boost::asio::post(with.loop.context(), [&turn] { turn.set(); });
    co_await turn.wait(time_point::max());

    const auto began = steady::now();
    const auto due = began + run->served_by->config->timeouts.request;
    const question asked{
        run->head, run->body, run->facts, run->request_id, *run->served_by, due, false};
    const attempt_ptr tried = with.borrow_attempt();
    auto& one = *tried;
    aim(*run, one);
    one.began = one.now = began;
    if (!run->stop.fired() && try_limits(with, one, run->expected)) {
        run->dropped = true;
        run->how->state->breaker.abandon(run->given);
        copy_ended(run);
        co_return;
    }
    begin_span(with, one, run->trace, observe::span_kind::shadow, run->facts.where);
    outcome what = outcome_of(errc::client_closed_request);
    if (!run->stop.fired())
        what = co_await ask(with, one, asked, run->stop);
    if (what.why == policy::cause::success) {
        run->copy.status = one.response.status();
        listening answer(with, *run, one, due);
        const auto heard = co_await answer.hear();
        answer.note();
        if (!heard) {
            what = outcome_of(heard.error());
            run->copy.error = describe(what.error).label;
        } else if (run->copy.error == in_band_error) {
            what.why = policy::cause::server_error;
        }
    } else {
        note_failure(run->copy, one, what);
    }
    one.now = steady::now();
    run->copy.target = run->to_model->name + '/' + run->to->name;
    run->copy.duration = one.now - began;
    end_copy_span(with, one, what, *run);
    pay(with, *run, one, what.why);
    tell_breaker(*run, what.why, one.now);
    one.release(one.now);
    copy_ended(run);
}

void shadows::copy_ended(const shadow_run_ptr& run)
{
    std::erase(running_, run);
    run->memory.reset();
    run->body = {};
    run->copy_done = true;
    if (run->primary_done)
        report(*run);
}

}  // namespace sluice::proxy
