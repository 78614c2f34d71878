// How an answer ends, and how it does not.
#include "relaying.hpp"
#include <sluice/wire/error_body.hpp>

namespace sluice::proxy {

void relaying::note_tokens() noexcept
{
    x_.usage = body_.usage();
    if (body_.masked())
        with_.cells.redactions.add();
    if (const auto* tap = body_.tap()) {
        x_.first_token_at = tap->first_token_at();
        x_.last_token_at = tap->last_token_at();
        x_.output_events = tap->content_events();
        x_.reasoning_shown = tap->reasoning_shown();
        x_.finish = tap->finish_reason();
    }
}

// A body that ends with its connection looks whole unless the connection is reset.
void relaying::note_break() noexcept
{
    x_.reset_client =
        x_.error.has_value() && x_.head_sent && body_.to() == transfer::framing::until_close;
}

// The provider's message is whole, or its framing is wrong. A stream that ends where its dialect
// does not allow it is not ended towards the client.
void relaying::note_end(transfer::progress how, net::gather& out)
{
    const bool whole = how == transfer::progress::end;
    const bool legal = whole && body_.legal_end();
    from_.complete = whole && !from_.cut && from_.response.keep_alive();
    if (how_.events) {
        x_.stream_end = legal ? told_end() : observe::stream_end::upstream_eof;
    }
    if (legal)
        return;
    x_.error = whole ? errc::upstream_eof : errc::upstream_invalid;
    x_.keep_alive = false;
    if (whole)
        body_.without_end(out);
    if (how_.events) {
        wire::append_error_event(error_event_, *x_.error, {}, body_.seen());
        body_.error_event(out, error_event_);
    }
}

observe::stream_end relaying::told_end() const noexcept
{
    using enum observe::stream_end;
    return body_.tap() != nullptr && body_.tap()->in_band_error() ? in_band_error : done;
}

// The provider's connection ended: the end of the message, where that is how it ends. Elsewhere
// nobody gets what was held back.
net::task<result<void>> relaying::provider_closed()
{
    net::gather out;
    if (rest_bytes_ > 0 && how_.from == http::framing::until_close)
        (void)body_.feed({rest_.data(), rest_bytes_}, last_piece_, out, transfer::more_input::none);
    x_.body_bytes += rest_bytes_;
    const auto how = body_.closed(out);
    if (how != transfer::progress::end)
        co_return co_await break_off(errc::upstream_eof);
    note_end(how, out);
    const net::io sent = co_await send(out);
    (void)note_sent(sent, out, false);
    co_return result<void>{};
}

// The answer cannot be finished: the client is told in the stream, and by an end that is none.
net::task<result<void>> relaying::break_off(errc why)
{
    if (told_)
        co_return co_await end_as_told(why);
    x_.error = why;
    x_.keep_alive = false;
    if (!how_.events)
        co_return result<void>{};
    using enum observe::stream_end;
    switch (why) {
    case errc::client_closed_request:
        x_.stream_end = client_gone;
        co_return result<void>{};
    case errc::draining:
        x_.stream_end = drain;
        break;
    case errc::stream_idle:
    case errc::upstream_timeout:
        x_.stream_end = x_.out_of_time ? client_gone : idle;
        break;
    default:
        x_.stream_end = why == errc::upstream_eof ? upstream_eof : upstream_reset;
    }
    net::gather out;
    wire::append_error_event(error_event_, why, {}, body_.seen());
    body_.error_event(out, error_event_);
    const net::io sent = co_await send(out);
    (void)note_sent(sent, out, false);
    co_return result<void>{};
}

// For its connection's sake, which would have to be opened anew for the next request. The client
// has gone: nobody waits.
net::task<> relaying::take_last_chunk()
{
    constexpr milliseconds moment{250};
    const auto until = steady::now() + moment;
    upstream_->socket().probe();
    while (how_.from == http::framing::chunked && rest_bytes_ == 0 && !from_.complete) {
        const net::io waited = co_await upstream_->readable(until);
        if (waited != net::io::ok)
            co_return;
        const auto got = upstream_->receive(with_.in);
        if (got.status == net::io::again)
            continue;
        if (got.status != net::io::ok)
            co_return;
        net::gather unsent;
        const std::span<char> input(with_.in.data(), got.bytes);
        const auto step = body_.feed(input, steady::now(), unsent, transfer::more_input::none);
        const bool whole = step.consumed == got.bytes && step.state != transfer::progress::broken;
        from_.complete = whole && step.state == transfer::progress::end && !from_.cut
                         && from_.response.keep_alive();
        if (!whole)
            co_return;
    }
}

// The client has the stream's last word, at which SDKs leave, and only the framing's end is
// missing: whoever went, nothing broke.
net::task<result<void>> relaying::end_as_told(errc why)
{
    x_.stream_end = told_end();
    x_.out_of_time = false;
    net::gather out;
    const bool there = why != errc::client_closed_request;
    const bool ended = there && body_.end_here(out);
    if (!ended || why == errc::draining)
        x_.keep_alive = false;
    if (!there)
        co_await take_last_chunk();
    if (ended) {
        const net::io sent = co_await send(out);
        (void)note_sent(sent, out, false);
    }
    co_return result<void>{};
}

}  // namespace sluice::proxy
