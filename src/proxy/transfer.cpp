#include "held_back.hpp"
#include <sluice/http/writer.hpp>
#include <sluice/proxy/shadow_pair.hpp>
#include <sluice/proxy/transfer.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::proxy {
namespace {

constexpr std::string_view crlf = "\r\n";
constexpr std::string_view beat = ": heartbeat\n\n";
constexpr wire::usage unknown_usage{};

// More are joined: a gathered write has room for the head, two chunks of ours and an error event.
constexpr std::size_t most_pieces = 4;

transfer::framing framing_for(const transfer::settings& how, bool passes) noexcept
{
    if (how.from == http::framing::none)
        return transfer::framing::none;
    if (how.from == http::framing::length && passes)
        return transfer::framing::length;
    return how.client_is_old ? transfer::framing::until_close : transfer::framing::chunked;
}

bool may_pass(const transfer::settings& how) noexcept
{
    if (how.remove_usage)
        return false;
    // A body of the promised length would look whole although its stream broke.
    if (how.events && how.readable && how.from == http::framing::length)
        return false;
    if (how.from == http::framing::chunked)
        return !how.client_is_old;
    return how.from != http::framing::until_close;
}

}  // namespace

transfer::transfer(const settings& how, std::vector<std::string_view>& pieces) noexcept
    : how_(how),
      to_(framing_for(how, may_pass(how))),
      passes_(may_pass(how)),
      left_(how.length),
      redactor_(how.secrets),
      pieces_(pieces)
{
    if (!how.readable)
        return;
    if (!how.events)
        body_tap_.emplace(how.where);
    else
        tap_.emplace(how.where);
    if (how.events && how.remove_usage)
        filter_.emplace();
    if (how.json_by_close)
        json_.emplace();
}

transfer::step transfer::feed(
    std::span<char> raw, time_point now, net::gather& out, more_input then)
{
    if (how_.from == http::framing::none)
        return {0, progress::end};
    if (how_.from == http::framing::chunked) {
        // A key holds no line feed: none begins in a line that is here whole.
        const auto payload = chunks_.lone_chunk(raw);
        if (!payload.empty() && payload.back() == '\n')
            return pass_lone(raw, payload, now, out);
    }
    const auto sure = then == more_input::none ? raw : raw.first(raw.size() - suspicious(raw));
    step done;
    if (!passes_)
        done = reframe(sure, now, out);
    else if (how_.from == http::framing::chunked)
        done = pass_chunks(sure, now, out);
    else
        done = pass_plain(sure, now, out);
    done.stuck = done.state == progress::more && done.consumed == sure.size();
    return done;
}

std::size_t transfer::suspicious(std::span<char> raw) const
{
    const bool ends = how_.from == http::framing::length && left_ <= raw.size();
    if (ends)
        return 0;
    const auto* chunks = how_.from == http::framing::chunked ? &chunks_ : nullptr;
    return held_back(raw, chunks, redactor_, how_.secrets);
}

void transfer::look(std::span<char> payload, time_point now)
{
    if (!how_.secrets.empty())
        if (const auto held = redactor_.process(payload); held > 0)
            redactor_.released(held);
    if (how_.copy != nullptr && how_.readable)
        how_.copy->add(payload);
    if (tap_)
        tap_->feed(payload, now);
    else if (body_tap_)
        body_tap_->feed(payload);
    if (json_)
        json_->pass({payload.data(), payload.size()});
}

// One whole chunk, which is how nearly every event comes: it may keep its framing although others
// do not.
transfer::step transfer::pass_lone(
    std::span<char> raw, std::span<char> payload, time_point now, net::gather& out)
{
    look(payload, now);
    if (filter_ && filtering()) {
        filter_->process({payload.data(), payload.size()}, pieces_);
        emit_pieces(size_lines_[0], out);
    } else {
        const auto sent = to_ == framing::chunked ? raw : payload;
        out.add({sent.data(), sent.size()});
    }
    return {raw.size(), progress::more, true};
}

transfer::step transfer::pass_chunks(std::span<char> raw, time_point now, net::gather& out)
{
    const auto before = chunks_;
    const auto look_at = [&](std::span<char> payload) {
        look(payload, now);
        // A key may lie in several chunks, none of which has been sent.
        if (redactor_.behind() > 0)
            mask_end(
                raw.first(static_cast<std::size_t>(payload.data() - raw.data())),
                before,
                redactor_.behind());
    };
    step done;
    // Four pieces a call at the most.
    while (done.consumed < raw.size() && out.room() >= 4) {
        const auto fed = chunks_.feed(raw.subspan(done.consumed), look_at);
        for (std::size_t i = 0; i < fed.count; ++i)
            out.add(fed.pieces[i]);
        done.consumed += fed.consumed;
        if (fed.state == http::chunk_output::progress::error)
            done.state = progress::broken;
        if (fed.state == http::chunk_output::progress::end)
            done.state = progress::end;
        // A second literal would overwrite the first before it is sent.
        if (done.state != progress::more || fed.count > 1)
            break;
    }
    const bool goes_on = done.state == progress::more && done.consumed < raw.size();
    if (goes_on && redactor_.front_bytes() >= wire::redactor::min_secret_bytes)
        masked_ahead_ |= mask_begun(raw, before, done.consumed, chunks_, redactor_);
    return done;
}

transfer::step transfer::pass_plain(std::span<char> raw, time_point now, net::gather& out)
{
    step done;
    done.consumed = static_cast<std::size_t>(std::min<std::uint64_t>(left_, raw.size()));
    const auto payload = raw.first(done.consumed);
    look(payload, now);
    out.add({payload.data(), payload.size()});
    left_ -= done.consumed;
    if (left_ == 0)
        done.state = progress::end;
    return done;
}

// Without the provider's framing, with ours.
transfer::step transfer::reframe(std::span<char> raw, time_point now, net::gather& out)
{
    step done;
    std::size_t filled = raw.size();
    done.consumed = raw.size();
    if (how_.from == http::framing::chunked) {
        filled = 0;
        const auto decoded = chunks_.decode(raw, [&](std::span<char> run) {
            std::memmove(raw.data() + filled, run.data(), run.size());
            filled += run.size();
        });
        done.consumed = decoded.consumed;
        if (decoded.state == http::chunk_output::progress::error)
            done.state = progress::broken;
        if (decoded.state == http::chunk_output::progress::end)
            done.state = progress::end;
    } else if (how_.from == http::framing::length) {
        filled = done.consumed =
            static_cast<std::size_t>(std::min<std::uint64_t>(left_, raw.size()));
        left_ -= filled;
        if (left_ == 0)
            done.state = progress::end;
    }
    const auto payload = raw.first(filled);
    look(payload, now);
    pieces_.clear();
    if (filter_ && filtering())
        filter_->process({payload.data(), payload.size()}, pieces_);
    else
        pieces_.emplace_back(payload.data(), payload.size());
    emit_pieces(size_lines_[0], out);
    if (done.state == progress::end)
        finish(out);
    return done;
}

// Before a finish_reason has come there is nothing to take out: the tap knows, and is there anyway.
bool transfer::filtering()
{
    if (!filters_ && tap_->finish_reason() != wire::finish::none) {
        filters_ = true;
        filter_->expect_usage();
    }
    return filters_;
}

// The body is whole: what the filter still holds, and the end.
void transfer::finish(net::gather& out)
{
    if (filter_) {
        pieces_.clear();
        filter_->finish(pieces_);
        emit_pieces(size_lines_[1], out);
    }
    if (to_ == framing::chunked)
        out.add(http::last_chunk);
}

void transfer::emit_pieces(size_line& line, net::gather& out)
{
    std::size_t bytes = 0;
    for (const auto piece : pieces_)
        bytes += piece.size();
    if (bytes == 0)
        return;
    if (pieces_.size() > most_pieces) {
        std::string all;
        for (const auto piece : pieces_)
            all += piece;
        joined_ = std::move(all);
        pieces_.assign(1, joined_);
    }
    open_chunk(line, bytes, out);
    for (const auto piece : pieces_)
        out.add(piece);
    if (to_ == framing::chunked)
        out.add(crlf);
}

void transfer::open_chunk(size_line& line, std::size_t bytes, net::gather& out) const
{
    if (to_ == framing::chunked)
        out.add(http::chunk_size_line(line, bytes));
}

transfer::progress transfer::closed(net::gather& out)
{
    if (how_.from != http::framing::until_close)
        return progress::broken;
    finish(out);
    return progress::end;
}

bool transfer::legal_end() const noexcept
{
    if (json_)
        return json_->depth() == 0;
    return !tap_ || tap_->legal_end() || tap_->in_band_error();
}

void transfer::without_end(net::gather& out) const noexcept
{
    if (to_ == framing::chunked)
        out.trim(http::last_chunk.size());
}

bool transfer::said_all() const noexcept
{
    return tap_ && tap_->said_all() && nothing_held();
}

bool transfer::end_here(net::gather& out)
{
    if (!between_events())
        return false;
    finish(out);
    return true;
}

bool transfer::nothing_held() const noexcept
{
    return !filter_ || filter_->held_bytes() == 0;
}

// What the filter holds begins with its event.
const wire::sse_tap* transfer::seen() const noexcept
{
    return nothing_held() ? tap() : nullptr;
}

bool transfer::between_events() const noexcept
{
    const bool between_chunks = !passes_ || chunks_.at_chunk_boundary();
    return tap_ && tap_->at_event_boundary() && between_chunks && nothing_held()
           && to_ != framing::length && to_ != framing::none;
}

void transfer::heartbeat(net::gather& out)
{
    open_chunk(size_lines_[0], beat.size(), out);
    out.add(beat);
    if (to_ == framing::chunked)
        out.add(crlf);
}

void transfer::error_event(net::gather& out, std::string_view event)
{
    if (to_ == framing::length) {
        // The length was promised: the event fits into what is still owed, or is left out.
        if (event.size() <= left_)
            out.add(event);
        return;
    }
    if (to_ == framing::until_close) {
        out.add(event);
        return;
    }
    // The provider's chunk may still be open towards the client: the event fills it first.
    const auto open = passes_ ? chunks_.remaining() : 0;
    const auto inside = static_cast<std::size_t>(std::min<std::uint64_t>(open, event.size()));
    out.add(event.substr(0, inside));
    if (inside == event.size())
        return;
    if (passes_ && !chunks_.at_chunk_boundary() && !chunks_.ended())
        out.add(chunks_.inside_line_end() ? crlf.substr(1) : crlf);
    out.add(http::chunk_size_line(size_lines_[2], event.size() - inside));
    out.add(event.substr(inside));
    out.add(crlf);
}

const wire::usage& transfer::usage() const noexcept
{
    if (tap_)
        return tap_->tokens();
    return body_tap_ ? body_tap_->tokens() : unknown_usage;
}

}  // namespace sluice::proxy
