#include <sluice/base/text.hpp>
#include <sluice/proxy/outcome.hpp>
#include <sluice/proxy/prelude.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/wire/json_watch.hpp>
#include <sluice/wire/redact.hpp>
#include <sluice/wire/reported_error.hpp>

#include <algorithm>
#include <utility>

namespace sluice::proxy {
namespace {

constexpr std::size_t most_of_an_error = std::size_t{64} << 10U;

// `wanted` in lower case; parameters do not matter.
bool has_media_type(const http::response_head& head, std::string_view wanted) noexcept
{
    const auto type = head.find(http::header::content_type);
    if (type == wanted)
        return true;
    if (type.size() <= wanted.size())
        return iequals(type, wanted);
    return iequals(trim(type.substr(0, type.find(';'))), wanted);
}

bool is_readable(const http::response_head& head) noexcept
{
    const auto encoding = head.find(http::header::content_encoding);
    return encoding.empty() || iequals(encoding, "identity");
}

// Nothing but the text tells of a body that ends with its connection whether that is the end.
bool is_cut_json(std::string_view text) noexcept
{
    wire::json_watch watch;
    watch.pass(text);
    return watch.depth() > 0;
}

// Whole by its framing or not: `label` tells.
outcome early_end(observe::attempt_outcome label) noexcept
{
    auto made = outcome_of(errc::upstream_eof);
    made.label = label;
    return made;
}

outcome late(bool stream) noexcept
{
    auto made = outcome_of(errc::upstream_timeout);
    if (stream)
        made.label = observe::attempt_outcome::late_token;
    made.words = stream ? "the provider did not send a first token in time"
                        : "the provider's answer stalled";
    return made;
}

outcome broken_off(attempt& one, outcome why) noexcept
{
    one.broken = true;
    one.now = steady::now();
    return why;
}

}  // namespace

bool is_event_stream(const http::response_head& head) noexcept
{
    return head.status() < 300 && has_media_type(head, "text/event-stream");
}

std::string held_payload(const attempt& one)
{
    if (one.response.framing() != http::framing::chunked)
        return {one.rest.data(), one.rest.size()};
    std::string text;
    http::chunked chunks;
    (void)chunks.decode(
        one.rest, [&](std::span<char> run) { text.append(run.data(), run.size()); });
    return text;
}

bool is_json_answer(const http::response_head& head) noexcept
{
    return head.status() == 200 && is_readable(head) && has_media_type(head, "application/json");
}

prelude::prelude(const attempt& one, const question& asked)
    : what_(kind::other),
      most_(one.model->precommit.bytes),
      left_(one.response.content_length()),
      tap_(asked.facts.where)
{
    const auto& head = one.response;
    if (head.status() >= 400) {
        what_ = kind::error;
        most_ = most_of_an_error;
    } else if (most_ == 0) {
        return;
    } else if (is_event_stream(head)) {
        what_ = is_readable(head) ? kind::stream : kind::opaque;
    } else if (is_json_answer(head)) {
        what_ = kind::json;
    }
}

void prelude::see(std::span<char> payload, time_point now)
{
    seen_ += payload.size();
    if (what_ == kind::stream)
        tap_.feed(payload, now);
    if (what_ != kind::json || suspicious_)
        return;
    const char* p = payload.data();
    suspicious_ = finder_.next(p, p + payload.size());
}

std::optional<outcome> prelude::look(attempt& one, time_point now)
{
    if (what_ == kind::other)
        return outcome{};
    const auto fresh = one.rest.subspan(looked_);
    looked_ = one.rest.size();
    bool surplus = false;
    switch (one.response.framing()) {
    case http::framing::none:
        ended_ = true;
        surplus = !fresh.empty();
        break;
    case http::framing::length: {
        const auto part = std::min<std::uint64_t>(left_, fresh.size());
        see(fresh.first(static_cast<std::size_t>(part)), now);
        left_ -= part;
        ended_ = left_ == 0;
        surplus = part < fresh.size();
        break;
    }
    case http::framing::chunked: {
        const auto fed = chunks_.decode(fresh, [&](std::span<char> run) { see(run, now); });
        ended_ = fed.state == http::chunk_output::progress::end;
        surplus = fed.consumed < fresh.size();
        broken_ = fed.state == http::chunk_output::progress::error;
        break;
    }
    case http::framing::until_close:
        see(fresh, now);
        break;
    }
    // Nothing is left to come, so its connection may be used again.
    one.broken = broken_;
    one.complete = ended_ && !surplus && !one.cut && one.response.keep_alive();
    return judge(one);
}

std::optional<outcome> prelude::judge(attempt& one) const
{
    if (what_ == kind::opaque && (seen_ > 0 || ended_))
        return outcome{};
    if (what_ == kind::stream && tap_.first_token_at())
        return outcome{};
    if (what_ == kind::stream && tap_.in_band_error())
        return in_band(one);
    if (broken_ && what_ != kind::error)
        return outcome_of(errc::upstream_invalid);
    if (ended_ || broken_)
        return judge_whole(one);
    if (one.rest.size() < most_)
        return std::nullopt;
    return what_ == kind::error ? judge_whole(one) : outcome{};
}

// With the provider's words, because its answer cannot be passed on as what it says it is.
outcome prelude::in_band(attempt& one)
{
    const auto text = held_payload(one);
    const auto said = wire::read_error(text);
    if (!said.message.empty()) {
        one.message = wire::plain_words(said.message);
        wire::redact(std::span<char>(one.message), one.provider->api_keys);
        one.message.insert(0, "the provider reported: ");
    }
    return in_band_outcome(said);
}

outcome prelude::judge_whole(attempt& one) const
{
    switch (what_) {
    case kind::error:
        return outcome_of(one.response.status(), held_payload(one));
    case kind::stream:
        return tap_.legal_end() ? outcome{} : early_end(observe::attempt_outcome::early_end);
    case kind::json:
        if (seen_ == 0) {
            auto empty = outcome_of(errc::upstream_invalid);
            empty.words = "the provider's answer is empty";
            return empty;
        }
        if (suspicious_)
            if (wire::is_error_body(held_payload(one)))
                return in_band(one);
        return {};
    case kind::opaque:
    case kind::other:
        break;
    }
    return {};
}

outcome prelude::ended(attempt& one)
{
    ended_ = true;
    const bool by_close = one.response.framing() == http::framing::until_close;
    if (by_close && !(what_ == kind::json && is_cut_json(held_payload(one))))
        return judge_whole(one);
    one.broken = true;
    return what_ == kind::error ? judge_whole(one) : early_end(observe::attempt_outcome::eof);
}

net::task<outcome> hold_back(
    services& with, attempt& one, const question& asked, prelude& so_far, net::interrupter& stop)
{
    const auto& rules = one.model->precommit;
    const auto& limits = *asked.serving.config;
    const bool stream = is_event_stream(one.response);
    // An instant at which the client gets what there is.
    auto commit_at = time_point::max();
    if (rules.wait && one.response.status() < 400)
        commit_at = one.head_at + *rules.wait;
    if (stream && rules.heartbeat && limits.heartbeat.count() > 0)
        commit_at = std::min(commit_at, one.head_at + limits.heartbeat);
    for (bool looked = false;;) {
        if (stop.fired())
            co_return broken_off(one, outcome_of(errc::client_closed_request));
        one.keep(with.buffers);
        const auto late_at = std::min(
            asked.due,
            stream ? one.head_at + one.model->first_token
                   : one.now + nanoseconds(limits.timeouts.stream_idle));
        const auto look_at = looked ? time_point::max() : one.now + silence;
        stop.on(one.upstream->socket());
        const auto until = std::min(late_at, std::min(commit_at, look_at));
        const net::io waited = co_await one.upstream->readable(until);
        stop.off();
        if (waited == net::io::timed_out) {
            one.now = steady::now();
            if (one.now >= commit_at)
                co_return outcome{};
            if (one.now >= late_at)
                co_return broken_off(one, late(stream));
            looked = true;
            one.upstream->socket().probe();
            continue;
        }
        if (waited != net::io::ok)
            co_return broken_off(one, outcome_of(lost(waited)));
        const auto got = one.take(with.in);
        if (got.status == net::io::again)
            continue;
        one.now = steady::now();
        if (got.status == net::io::eof)
            co_return so_far.ended(one);
        if (got.status != net::io::ok)
            co_return broken_off(one, outcome_of(lost(got.status)));
        looked = false;
        if (auto known = so_far.look(one, one.now))
            co_return *known;
        // Nobody else's answer may suffer from what is held here.
        if (one.response.status() < 400 && !with.buffers.ledger().fits(one.rest.size()))
            co_return outcome{};
    }
}

}  // namespace sluice::proxy
