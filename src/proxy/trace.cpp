#include <sluice/proxy/bills.hpp>
#include <sluice/proxy/routes.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/shadow.hpp>
#include <sluice/proxy/trace.hpp>

namespace sluice::proxy {
namespace {

using observe::attempt_outcome;

// OpenTelemetry's names.
std::string_view operation_of(wire::endpoint where) noexcept
{
    switch (where) {
    case wire::endpoint::completions:
        return "text_completion";
    case wire::endpoint::embeddings:
        return "embeddings";
    case wire::endpoint::chat_completions:
    case wire::endpoint::responses:
        break;
    }
    return "chat";
}

std::uint64_t new_id(services& with) noexcept
{
    const auto id = with.random();
    return id != 0 ? id : 1;
}

// That is nobody's failure.
bool harmless(attempt_outcome what) noexcept
{
    return what == attempt_outcome::success || what == attempt_outcome::cancelled
           || what == attempt_outcome::hedge_lost;
}

void add_usage(observe::span_numbers& to, const wire::usage& from) noexcept
{
    to.usage_known = from.known;
    to.input = from.input;
    to.cached_input = from.cached_input;
    to.output = from.output;
    to.reasoning = from.reasoning;
}

// An attempt that ends now; it has no span any more.
observe::span close(attempt& one, const outcome& what, time_point now) noexcept
{
    using enum observe::span_text;
    const auto& trace = *one.trace.of;
    observe::span all;
    auto& numbers = all.numbers;
    numbers.trace_high = trace.own.trace_high;
    numbers.trace_low = trace.own.trace_low;
    numbers.flags = trace.own.flags;
    numbers.id = one.trace.id;
    numbers.parent = trace.own.span;
    numbers.begin = one.began.time_since_epoch() + trace.system_ahead;
    numbers.duration = now - one.began;
    numbers.kind = one.trace.kind;
    numbers.attempts = one.trace.number;
    numbers.resent = one.sent > 1 ? one.sent - 1 : 0;
    numbers.failed = !harmless(what.label);
    numbers.arm = static_cast<std::uint32_t>(one.target->arm);
    numbers.port = one.provider->port;
    if (!one.head.empty())
        numbers.status = one.response.status();
    const auto label = observe::attempt_outcome_labels[static_cast<std::size_t>(what.label)];
    all[operation] = one.trace.operation;
    all[method] = "POST";
    all[prefix] = one.provider->path_prefix;
    all[path] = one.trace.path;
    all[model] = one.target->model.empty() ? one.model->name : one.target->model;
    all[target] = one.target->name;
    all[arm] = arm_of(*one.model, *one.target);
    all[provider] = one.provider->name;
    all[host] = one.provider->host;
    all[ended] = label;
    if (numbers.failed)
        all[error] = label;
    one.trace = {};
    return all;
}

}  // namespace

std::optional<http::traceparent> parent_of(const http::request_head& head) noexcept
{
    if (!head.has(http::header::traceparent) || head.repeated(http::header::traceparent))
        return {};
    return http::parse_traceparent(head.find(http::header::traceparent));
}

void begin_trace(services& with, exchange& x) noexcept
{
    const auto caller = parent_of(x.head);
    auto& trace = x.trace;
    trace.sampled = caller ? caller->sampled() : with.random.uniform() < x.config->tracing->sample;
    if (!trace.sampled)
        return;
    trace.begun_here = !caller;
    if (caller)
        trace.own = *caller;
    else
        trace.own = {
            .trace_high = new_id(with),
            .trace_low = new_id(with),
            .flags = http::traceparent::sampled_flag | http::traceparent::random_flag};
    trace.parent = trace.own.span;
    trace.own.span = new_id(with);
    trace.system_ahead = x.system_time - x.began.time_since_epoch();
    trace.attempts = 0;
    std::array<char, 32> id;
    http::write_hex(trace.own.trace_high, std::span(id).first<16>());
    http::write_hex(trace.own.trace_low, std::span(id).last<16>());
    x.trace_id.assign({id.data(), id.size()});
}

void begin_span(
    services& with,
    attempt& one,
    observe::trace& of,
    observe::span_kind kind,
    wire::endpoint where) noexcept
{
    if (!of.sampled)
        return;
    one.trace = {
        .of = &of,
        .id = new_id(with),
        .number = ++of.attempts,
        .kind = kind,
        .operation = operation_of(where),
        .path = wire::path_of(where)};
}

void end_span(services& with, attempt& one, const outcome& what, time_point now) noexcept
{
    if (one.trace.of != nullptr)
        with.spans.write(with.worker, close(one, what, now));
}

void end_answer_span(services& with, exchange& x, const outcome& what) noexcept
{
    auto& one = *x.tried;
    if (one.told || one.trace.of == nullptr)
        return;
    auto all = close(one, what, x.now);
    auto& numbers = all.numbers;
    numbers.status = one.response.status();
    numbers.stream = x.facts->stream;
    add_usage(numbers, x.usage);
    if (x.first_token_at)
        numbers.first_token = *x.first_token_at - one.began;
    if (x.owed.due && x.owed.priced) {
        numbers.priced = true;
        numbers.nanodollars = x.owed.nanodollars;
    }
    if (x.finish != wire::finish::none)
        all[observe::span_text::finish] = wire::label_of(x.finish);
    with.spans.write(with.worker, all);
}

void end_copy_span(
    services& with, attempt& copy, const outcome& what, const shadow_run& run) noexcept
{
    if (copy.trace.of == nullptr)
        return;
    auto all = close(copy, what, copy.now);
    auto& numbers = all.numbers;
    numbers.status = run.copy.status;
    numbers.stream = run.copy.stream;
    numbers.failed = !run.copy.whole() && what.why != policy::cause::stopped;
    all[observe::span_text::error] = numbers.failed ? run.copy.error : std::string_view();
    add_usage(numbers, run.copy.usage);
    if (run.copy.first_token)
        numbers.first_token = *run.copy.first_token;
    with.spans.write(with.worker, all);
}

void end_trace(services& with, const exchange& x, const observe::access_record& line) noexcept
{
    if (!x.trace.sampled || (x.where != nullptr && x.where->action == action::healthz))
        return;
    using enum observe::span_text;
    const auto& own = x.trace.own;
    observe::span all;
    auto& numbers = all.numbers;
    numbers.trace_high = own.trace_high;
    numbers.trace_low = own.trace_low;
    numbers.flags = own.flags;
    numbers.id = own.span;
    numbers.parent = x.trace.parent;
    numbers.begin = line.time;
    numbers.duration = line.duration;
    numbers.first_token = line.first_token.value_or(nanoseconds(-1));
    numbers.status = line.status;
    numbers.attempts = line.attempts;
    numbers.stream = line.stream;
    // A client that asks for what is not there, or that leaves, is no failure of the server's.
    numbers.failed = line.status >= 500 || (line.outcome == "failed" && line.status < 400);
    if (x.target != nullptr || x.model != nullptr)
        numbers.arm =
            static_cast<std::uint32_t>(x.target != nullptr ? x.target->arm : x.model->arm);
    numbers.usage_known = line.usage_known;
    numbers.input = line.input_tokens;
    numbers.cached_input = line.cached_input_tokens;
    numbers.output = line.output_tokens;
    numbers.reasoning = line.reasoning_tokens;
    numbers.priced = line.nanodollars.has_value();
    numbers.nanodollars = line.nanodollars.value_or(0);
    if (x.where != nullptr && x.where->endpoint)
        all[operation] = operation_of(*x.where->endpoint);
    all[method] = x.head.method() == http::method::other ? "_OTHER" : line.method;
    if (x.where != nullptr)
        all[path] = line.path;
    if (x.model != nullptr)
        all[model] = line.model;
    all[answered] = line.answered_by;
    all[target] = line.target;
    all[arm] = line.arm;
    all[provider] = line.provider;
    all[key] = line.key_id;
    all[tenant] = line.tenant;
    all[error] = line.error;
    if (line.error.empty() && numbers.failed)
        all[error] = line.end;
    all[ended] = line.outcome;
    all[end] = line.end;
    all[finish] = line.finish;
    all[request_id] = line.request_id;
    with.spans.write(with.worker, all);
}

}  // namespace sluice::proxy
