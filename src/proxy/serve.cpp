#include <sluice/proxy/answer.hpp>
#include <sluice/proxy/forward.hpp>
#include <sluice/proxy/outcome.hpp>
#include <sluice/proxy/record.hpp>
#include <sluice/proxy/relay.hpp>
#include <sluice/proxy/routes.hpp>
#include <sluice/proxy/serve.hpp>
#include <sluice/proxy/steps.hpp>
#include <sluice/proxy/trace.hpp>

#include <algorithm>
#include <exception>

namespace sluice::proxy {
namespace {

std::string words_for(const read_failure& why, const http::head_limits& limits)
{
    std::string words(why.message);
    if (words.ends_with("head is larger than allowed"))
        words += ": limits.head_bytes is " + std::to_string(limits.head_bytes);
    else if (words.ends_with("line is longer than allowed"))
        words += ": " + std::to_string(limits.line_bytes) + " octets";
    else if (words.ends_with("fields than allowed"))
        words += ": " + std::to_string(limits.fields);
    return words;
}

net::task<result<void>> read_head(services& with, client& from, exchange& x)
{
    http::head_limits limits;
    limits.head_bytes = x.config->limits.head_bytes;
    limits.line_bytes = http::head_limits::longest_line;
    const auto until = x.began + x.config->timeouts.head;
    auto read = co_await from.read_head(x.head, limits, until);
    x.keep_alive = read && x.head.keep_alive();
    if (!read) {
        name_request(with, x);
        co_return x.fail(read.error().code, words_for(read.error(), limits));
    }
    x.method_label = method_label(x.head.method());
    if (auto known = identify(with, x); !known)
        co_return known.error();
    x.where = find_route(x.head.path());
    if (x.where == nullptr)
        co_return x.fail(errc::unknown_path);
    x.path_label = x.where->label;
    if (!allows(*x.where, x.head.method()))
        co_return x.fail(errc::method_not_allowed);
    co_return result<void>{};
}

// Whether there is nothing to wait for.
bool body_is_here(services& with, client& from, exchange& x) noexcept
{
    if (!with.buffers.ledger().fits(0) || !from.take_body(x.head, x.config->limits, x.body))
        return false;
    x.bytes_in = x.body.size();
    return true;
}

net::task<result<void>> read_body(services& with, client& from, exchange& x)
{
    if (!with.buffers.ledger().fits(0))
        co_return x.fail(errc::overloaded, "the gateway's buffers are full");
    const auto until = std::min(x.began + x.config->timeouts.body, x.due);
    auto read = co_await from.read_body(x.head, x.config->limits, until, x.body);
    x.bytes_in = x.body.size();
    if (read)
        co_return result<void>{};
    if (read.error().code == errc::request_too_large)
        co_return x.fail(
            errc::request_too_large,
            "the body is larger than this gateway takes: limits.body_bytes is "
                + std::to_string(x.config->limits.body_bytes));
    co_return x.fail(read.error().code, read.error().message);
}

// What the gateway answers by itself.
net::task<result<void>> answer_locally(services& with, client& from, exchange& x)
{
    constexpr std::string_view json = "application/json";
    if (x.where->action == action::healthz) {
        const bool draining = with.draining.load(std::memory_order_relaxed) && !with.succeeded;
        if (draining)
            co_return x.fail(errc::draining);
        co_await answer(with, from, x, 200, "text/plain", "ok\n");
        co_return result<void>{};
    }
    if (auto known = authenticate(with, from, x); !known)
        co_return known.error();
    if (x.where->action == action::models) {
        const auto body = list_models(x);
        co_await answer(with, from, x, 200, json, body);
        co_return result<void>{};
    }
    auto body = describe_model(model_in_path(x.head.path()), x);
    if (!body)
        co_return body.error();
    co_await answer(with, from, x, 200, json, *body);
    co_return result<void>{};
}

void client_left(void* context)
{
    static_cast<exchange*>(context)->end(exchange::stopped::client_gone);
}

// authenticate, read body, parse, admit, choose, forward, relay
net::task<result<void>> run(services& with, client& from, exchange& x)
{
    auto head = co_await read_head(with, from, x);
    if (!head)
        co_return head.error();
    if (x.where->action != action::relay) {
        auto answered = co_await answer_locally(with, from, x);
        co_return answered;
    }
    if (auto known = authenticate(with, from, x); !known)
        co_return known.error();
    if (!body_is_here(with, from, x)) {
        auto body = co_await read_body(with, from, x);
        if (!body)
            co_return body.error();
    }
    if (x.stop.fired())
        co_return x.fail(x.stopped_or(errc::client_closed_request));
    const auto arrived = steady::now();
    if (auto parsed = parse(with, *x.where->endpoint, x); !parsed)
        co_return parsed.error();
    const auto parsed_at = steady::now();
    x.took(observe::phase::read, parsed_at - arrived);
    x.now = parsed_at;
    // From here on there are waits in which the client may leave.
    from.watch(&client_left, &x);
    auto admitted = co_await admit(with, x);
    if (!admitted)
        co_return admitted.error();
    auto chosen = choose(with, x);
    if (!chosen)
        co_return chosen.error();
    x.now = steady::now();
    x.took(observe::phase::decide, x.now - parsed_at - x.queued);

    x.shadow = with.copies.begin(with, x);
    auto answered = co_await forward(with, x);
    if (!answered)
        co_return answered.error();
    auto relayed = co_await relay(with, from, x);
    co_return relayed;
}

// What the request held.
void give_back(services& with, exchange& x)
{
    settle(with, x);
    if (x.tried) {
        const auto what = relayed_outcome(x);
        if (x.trace.sampled)
            end_answer_span(with, x, what);
        tell(with, *x.tried, what, x.now);
        x.tried->release(x.now);
    }
}

}  // namespace

net::task<bool> serve(services& with, client& from, exchange& x)
{
    with.cells.in_flight_requests.add();
    result<void> outcome;
    try {
        outcome = co_await run(with, from, x);
    } catch (const std::exception& e) {
        with.log.error(
            "request_failed",
            "a request ended by an exception; this is a bug",
            {{"what", std::string_view(e.what())}});
        outcome = x.fail(errc::internal_error);
        x.keep_alive = false;
    }
    from.unwatch();
    give_back(with, x);
    bool alive = true;
    if (!outcome && !x.head_sent)
        alive = co_await answer_error(with, from, x);
    if (x.error)
        x.now = steady::now();
    record(with, from, x);
    with.cells.in_flight_requests.sub();
    if (x.shadow)
        with.copies.primary_ended(x);
    co_return alive&& x.keep_alive;
}

net::task<> turn_away(
    services& with, client& from, exchange& x, errc why, std::string_view words, bool can_be_told)
{
    name_request(with, x);
    x.status = describe(x.fail(why, words)).status;
    if (can_be_told)
        (void)co_await answer_error(with, from, x);
    record(with, from, x);
}

}  // namespace sluice::proxy
