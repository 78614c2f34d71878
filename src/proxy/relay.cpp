#include "relaying.hpp"
#include <sluice/base/put.hpp>
#include <sluice/base/text.hpp>
#include <sluice/proxy/prelude.hpp>
#include <sluice/proxy/relay.hpp>
#include <sluice/proxy/upstream_head.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace sluice::proxy {
namespace {

transfer::settings settings_for(const exchange& x) noexcept
{
    const auto& answer = x.tried->response;
    const auto encoding = answer.find(http::header::content_encoding);
    transfer::settings how;
    how.from = answer.framing();
    how.length = answer.content_length();
    how.client_is_old = x.head.minor_version() == 0;
    how.events = is_event_stream(answer);
    how.readable = encoding.empty() || iequals(encoding, "identity");
    how.json_by_close = how.from == http::framing::until_close && is_json_answer(answer);
    how.remove_usage = x.tried->ask_usage && how.events && how.readable;
    how.where = x.facts->where;
    how.secrets = x.tried->provider->api_keys;
    if (x.shadow)
        how.copy = &x.shadow->primary.payload;
    return how;
}

}  // namespace

relaying::relaying(services& with, client& to, exchange& x) noexcept
    : prefetcher{&relaying::fetch_all},
      with_(with),
      to_(to),
      x_(x),
      from_(*x.tried),
      upstream_(from_.upstream.get()),
      client_socket_(to.connection().open() ? &to.connection().socket() : nullptr),
      config_(*x.config),
      began_(x.now),
      last_piece_(began_),
      last_sent_(began_),
      how_(settings_for(x)),
      body_(how_, with.pieces)
{
}

// Until when the provider may stay silent.
time_point relaying::stalled_at() const noexcept
{
    const auto& limits = config_.timeouts;
    const bool before_token = body_.tap() != nullptr && !body_.tap()->first_token_at();
    const auto until =
        before_token ? from_.head_at + from_.model->first_token : last_piece_ + limits.stream_idle;
    return std::min(until, x_.due);
}

// Before the body is sent. Of an answer that is here as a whole, and that there is no price.
charge relaying::known_cost(bool whole) noexcept
{
    const auto status = from_.response.status();
    if (status < 200 || status >= 300)
        return {};
    auto owed = charge_of(*x_.target, body_.usage(), {}, date_of(x_.system_time));
    using enum observe::stream_end;
    const bool counted = !body_.usage().early && x_.stream_end.value_or(done) == done;
    const bool certain = whole && counted && !owed.estimated;
    if (certain)
        x_.counted = owed;
    if (certain && owed.priced) {
        std::array<char, 24> text;
        const auto* end = put_billionths(text.data(), static_cast<std::uint64_t>(owed.nanodollars));
        x_.dollars.assign({text.data(), end});
    }
    owed.due = certain || !owed.priced;
    return owed;
}

time_point relaying::beat_at() const noexcept
{
    const auto every = config_.heartbeat;
    const bool may = x_.head_sent && every.count() > 0 && body_.between_events();
    return may ? last_sent_ + every : time_point::max();
}

// Before a wait: the octets lie in memory that others use meanwhile. Answers the buffer that was
// kept before; what is being sent may lie in it.
net::buffer relaying::keep_rest(std::span<const char> left)
{
    net::buffer kept;
    if (left.empty() && !rest_)
        return kept;
    if (!left.empty()) {
        kept = with_.buffers.take(left.size());
        std::memcpy(kept.data(), left.data(), left.size());
    }
    std::swap(kept, rest_);
    rest_bytes_ = left.size();
    return kept;
}

// From here on the answer cannot be taken back, and the request will not be needed again.
void relaying::commit() noexcept
{
    x_.head_sent = true;
    x_.status = from_.response.status();
    from_.spill.reset();
    x_.body = {};
    to_.release();
    if (how_.events)
        with_.cells.open_streams.add();
}

net::send_all relaying::send(const net::gather& out) noexcept
{
    return {to_.connection(), with_.buffers, out, config_.timeouts.write};
}

// Whether the client is still there.
bool relaying::note_sent(net::io how, const net::gather& out, bool with_head)
{
    if (with_head)
        commit();
    if (how == net::io::ok) {
        x_.bytes_out += out.bytes();
        told_ = body_.said_all();
        // An event is on its way within microseconds of its arrival, or its client is slow anyway.
        if (with_head || !how_.events)
            x_.now = steady::now();
        last_sent_ = x_.now;
        return true;
    }
    x_.end(exchange::stopped::client_gone);
    return false;
}

net::task<relaying::turn> relaying::beat()
{
    net::gather out;
    body_.heartbeat(out);
    const net::io sent = co_await send(out);
    co_return note_sent(sent, out, false) ? turn::wait : lose(x_.lost(net::io::interrupted));
}

relaying::turn relaying::lose(errc why) noexcept
{
    lost_ = why;
    return turn::lost;
}

// The request's time is over, by the client's own limit or by the configuration's.
relaying::turn relaying::run_out() noexcept
{
    x_.out_of_time = x_.due < x_.began + config_.timeouts.request;
    return lose(errc::upstream_timeout);
}

// An end that came together with the last octets is not announced. A stream's pieces are apart: it
// is looked at only when it has been silent for a moment, which saves a call per event.
void relaying::begin_wait()
{
    looked_ = !how_.events;
    if (looked_)
        upstream_->socket().probe();
}

// What a piece of the answer needs, in the order of use.
void relaying::fetch_all(const prefetcher& self) noexcept
{
    const auto& one = static_cast<const relaying&>(self);
    prefetch(one.upstream_);
    prefetch(&one.x_.stop, sizeof one.x_.stop);
    prefetch(&one, sizeof one - sizeof one.body_);
    prefetch(&one.x_.head_sent);
    one.body_.fetch();
    prefetch(&one.to_.connection());
    prefetch(one.client_socket_);
    prefetch(&one.x_.bytes_out);
    prefetch(&one.x_.now);
    prefetch(&one.config_.timeouts, sizeof one.config_.timeouts);
    prefetch(&one.config_.heartbeat);
}

net::socket::wait relaying::readable()
{
    stalled_ = stalled_at();
    x_.stop.on(upstream_->socket());
    upstream_->socket().about_to_use(this);
    const auto look_at = looked_ ? time_point::max() : x_.now + silence;
    return upstream_->readable(std::min({stalled_, beat_at(), look_at}));
}

// Takes the provider's octets, behind those that had to wait for them.
relaying::turn relaying::after_wait(net::io waited)
{
    x_.stop.off();
    upstream_->socket().about_to_use(nullptr);
    if (waited == net::io::timed_out) {
        if (!std::exchange(looked_, true)) {
            upstream_->socket().probe();
            return turn::wait;
        }
        if (steady::now() < stalled_)
            return turn::beat;
        return stalled_ == x_.due ? run_out() : lose(errc::stream_idle);
    }
    if (waited != net::io::ok)
        return lose(x_.lost(waited));
    const std::span<char> scratch(with_.in);
    if (rest_bytes_ > 0)
        std::memcpy(scratch.data(), rest_.data(), rest_bytes_);
    const auto got = upstream_->receive(scratch.subspan(rest_bytes_));
    if (got.status == net::io::again)
        return turn::wait;
    if (got.status != net::io::ok)
        return lose(x_.lost(got.status));
    x_.now = last_piece_ = steady::now();
    if (last_piece_ >= x_.due)
        return run_out();
    input_ = scratch.first(rest_bytes_ + got.bytes);
    return turn::input;
}

net::task<result<void>> relaying::run(std::span<char> input)
{
    if (body_.to() == transfer::framing::until_close
        || with_.draining.load(std::memory_order_relaxed))
        x_.keep_alive = false;
    for (;;) {
        net::gather out;
        if (!x_.head_sent)
            out.leave_first();
        const auto step = body_.feed(input, last_piece_, out, transfer::more_input::may_come);
        x_.body_bytes += step.consumed;
        const auto left = input.subspan(step.consumed);
        const bool finished = step.state != transfer::progress::more;
        if (finished)
            note_end(step.state, out);
        if (finished && !left.empty())
            from_.complete = false;  // it sent more than it announced
        const net::buffer being_sent = keep_rest(finished ? std::span<char>{} : left);
        const bool first = !x_.head_sent;
        if (first) {
            const auto head = write_answer_head(with_, x_, body_, known_cost(finished));
            if (head.empty()) {
                x_.stream_end.reset();
                co_return x_.fail(
                    errc::upstream_invalid, "the provider's answer has too large a head");
            }
            out.set_first(head);
        }
        const net::io sent = co_await send(out);
        const bool there = note_sent(sent, out, first);
        if (first)
            x_.took(observe::phase::relay, last_sent_ - began_);
        if (!there)
            co_return co_await break_off(errc::client_closed_request);
        if (finished)
            break;
        if (!step.stuck) {
            input = {rest_.data(), rest_bytes_};
            continue;
        }
        begin_wait();
        for (auto next = turn::wait; next != turn::input;) {
            if (next == turn::wait && x_.stop.fired())
                next = lose(x_.lost(net::io::interrupted));
            if (next == turn::lost && lost_ == errc::upstream_eof)
                co_return co_await provider_closed();
            if (next == turn::lost)
                co_return co_await break_off(lost_);
            if (next == turn::beat) {
                next = co_await beat();
                continue;
            }
            const net::io waited = co_await readable();
            next = after_wait(waited);
        }
        input = input_;
    }
    co_return result<void>{};
}

net::task<result<void>> relay(services& with, client& to, exchange& x)
{
    relaying one(with, to, x);
    auto outcome = co_await one.run(x.tried->rest);
    one.note_tokens();
    one.note_break();
    if (x.stream_end)
        with.cells.open_streams.sub();
    co_return outcome;
}

}  // namespace sluice::proxy
