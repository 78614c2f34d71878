#include <sluice/proxy/bills.hpp>
#include <sluice/proxy/client.hpp>
#include <sluice/proxy/outcome.hpp>
#include <sluice/proxy/record.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/trace.hpp>

#include <algorithm>

namespace sluice::proxy {
namespace {

// An aborted request counts as 499 whatever was sent before.
unsigned status_of(const exchange& x) noexcept
{
    return x.error == errc::client_closed_request ? describe(*x.error).status : x.status;
}

// What a provider told before the end of its answer is no count of it, and may be planted.
bool told_at_the_end(const exchange& x) noexcept
{
    using enum observe::stream_end;
    return x.usage.known && !x.usage.early && x.stream_end.value_or(done) == done;
}

void count_tokens(observe::arm_cells& arm, const exchange& x) noexcept
{
    using enum observe::token_kind;
    if (!told_at_the_end(x)) {
        arm.usage_unknown.add();
        return;
    }
    arm.tokens[input].add(x.usage.input);
    arm.tokens[cached_input].add(x.usage.cached_input);
    arm.tokens[output].add(x.usage.output);
    arm.tokens[reasoning].add(x.usage.reasoning);
}

void count_charge(services& with, const exchange& x)
{
    if (!x.owed.due)
        return;
    auto& arm = with.cells.arm(x.target->arm);
    for (std::size_t i = 0; x.owed.odd.any() && i < policy::discrepancy_count; ++i)
        if (x.owed.odd.has(static_cast<policy::discrepancy>(i)))
            arm.discrepancies[i].add();
    if (!x.owed.priced) {
        arm.price_unknown.add();
        return;
    }
    const auto cost = static_cast<std::uint64_t>(x.owed.nanodollars);
    with.cells.spent.add(x.target->arm, x.key->metric, cost);
    if (x.owed.estimated) {
        arm.cost_estimated.add(cost);
        return;
    }
    arm.priced_tokens.add(policy::total_of(x.owed.tokens));
    arm.priced_cost.add(cost);
}

// Those that a stream's events brought, by the provider's count where it is known. Reasoning that
// was kept back had been generated before the first of them.
std::uint64_t relayed_tokens_of(const exchange& x) noexcept
{
    if (!told_at_the_end(x))
        return x.output_events.value_or(0);
    const auto& told = x.owed.tokens;
    return told.output - (x.reasoning_shown ? 0 : std::min(told.reasoning, told.output));
}

void count_stream(observe::arm_cells& arm, const exchange& x) noexcept
{
    arm.stream_ends[*x.stream_end].add();
    if (!x.first_token_at)
        return;
    arm.first_token.observe(*x.first_token_at - x.began);
    arm.token_times.observe(*x.first_token_at - x.tried->began);
    if (const auto tokens = relayed_tokens_of(x); tokens > 1)
        arm.per_token.observe(
            (*x.last_token_at - *x.first_token_at) / static_cast<std::int64_t>(tokens - 1));
}

void count(services& with, const exchange& x, nanoseconds took)
{
    const auto none = x.model != nullptr ? x.model->arm : observe::other_id;
    auto& arm = with.cells.arm(x.target != nullptr ? x.target->arm : none);
    arm.request(status_of(x), x.facts && x.facts->stream, took);
    if (x.attempts == 0)
        return;
    if (!x.error && x.status < 300)
        arm.answer_times.observe(x.now - x.tried->began);
    if (x.status >= 200 && x.status < 300)
        count_tokens(arm, x);
    count_charge(with, x);
    if (x.stream_end)
        count_stream(arm, x);
    for (const auto phase :
         {observe::phase::read,
          observe::phase::decide,
          observe::phase::connect,
          observe::phase::relay})
        with.cells.overhead_took(phase, x.overhead[static_cast<std::size_t>(phase)]);
}

observe::access_record line_for(const client& from, const exchange& x, nanoseconds took) noexcept
{
    observe::access_record line;
    line.time = x.system_time;
    line.request_id = x.request_id.view();
    line.trace_id = x.trace_id.view();
    line.client = from.address();
    line.method = x.method_label;
    line.path = x.path_label;
    line.model = x.model != nullptr ? std::string_view(x.model->name) : observe::other_name;
    if (x.target != nullptr) {
        line.arm = arm_of(*x.answered_by, *x.target);
        line.target = x.target->name;
        line.provider = x.provider->name;
    }
    if (x.key != nullptr) {
        line.key_id = x.key->id;
        line.tenant = x.key->tenant;
    }
    line.status = status_of(x);
    if (x.error)
        line.error = describe(*x.error).label;
    if (x.stream_end)
        line.end = observe::stream_end_labels[static_cast<std::size_t>(*x.stream_end)];
    if (x.finish != wire::finish::none)
        line.finish = wire::label_of(x.finish);
    line.stream = x.facts && x.facts->stream;
    line.attempts = x.attempts;
    line.bytes_in = x.bytes_in;
    line.bytes_out = x.bytes_out;
    line.usage_known = x.usage.known;
    line.input_tokens = x.usage.input;
    line.cached_input_tokens = x.usage.cached_input;
    line.output_tokens = x.usage.output;
    line.reasoning_tokens = x.usage.reasoning;
    line.duration = took;
    if (x.first_token_at)
        line.first_token = *x.first_token_at - x.began;
    if (x.queued.count() > 0)
        line.queued = x.queued;
    line.overhead = x.overhead;
    line.config_version = x.config->version;
    return line;
}

}  // namespace

outcome relayed_outcome(const exchange& x) noexcept
{
    using enum observe::attempt_outcome;
    if (x.out_of_time)
        return {policy::cause::deadline, cancelled, x.error.value_or(errc::upstream_timeout)};
    if (x.error)
        return outcome_of(*x.error);
    if (x.stream_end == observe::stream_end::in_band_error)
        return {policy::cause::server_error, in_band_error, errc::upstream_error};
    return {};
}

void record(services& with, const client& from, const exchange& x) noexcept
{
    const auto took = x.now - x.began;
    count(with, x, took);
    auto line = line_for(from, x, took);
    bill_request(with, x, line.status, line);
    with.access_log.write(with.worker, line);
    if (x.trace.sampled)
        end_trace(with, x, line);
}

}  // namespace sluice::proxy
