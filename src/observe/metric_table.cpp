#include <sluice/observe/metric_table.hpp>

namespace sluice::observe {
namespace table {
namespace {

using enum metric;
using enum metric_type;

// clang-format off
constexpr std::array<metric_row, metric_count> rows{{
    {requests, "sluice_requests_total", counter, "model, target, code, stream",
     "Requests answered, by status code and by whether a stream was asked for."},
    {request_duration, "sluice_request_duration_seconds", histogram, "model, target",
     "From the first byte of a request to the last byte of its answer."},
    {overhead, "sluice_overhead_seconds", histogram, "phase",
     "The gateway's own time per request; phase is read, decide, connect or relay."},
    {first_token, "sluice_time_to_first_token_seconds", histogram, "model, target",
     "From the first byte of a request to the first token of its stream."},
    {per_token, "sluice_time_per_output_token_seconds", histogram, "model, target",
     "Mean time between the output tokens of a stream."},
    {attempts, "sluice_attempts_total", counter, "model, target, outcome",
     "Attempts at a target, by how they ended."},
    {stream_ends, "sluice_stream_ends_total", counter, "model, target, cause",
     "Streams that reached a client, by why they ended."},
    {tokens, "sluice_tokens_total", counter, "model, target, kind",
     "Tokens as providers report them at the end of an answer; kind is input, cached_input, output or reasoning."},
    {usage_unknown, "sluice_usage_unknown_total", counter, "model, target",
     "Answers, and losers of hedges, whose provider reported no usage, or only before their end."},
    {key_requests, "sluice_key_requests_total", counter, "key",
     "Requests for a model by key, admitted or not."},
    {limited, "sluice_limited_total", counter, "key, reason",
     "Requests refused by a limit; reason is requests, tokens, concurrent, budget or queue_timeout."},
    {limited_shadow, "sluice_limited_shadow_total", counter, "key, reason",
     "Requests that a limit in shadow mode would have refused; reasons as above."},
    {reservation_tokens, "sluice_reservation_tokens_total", counter, "key, what",
     "Tokens of limits, of requests that have ended; what is reserved, refunded or exceeded (used beyond the estimate)."},
    {reservation_money, "sluice_reservation_usd_total", counter, "key, what",
     "The same of budgets, in dollars."},
    {queue, "sluice_queue_seconds", histogram, "",
     "Waits for a limiter, of the requests that had to wait."},
    {target_weight, "sluice_target_weight", gauge, "model, target",
     "The weight in force, from the file or changed live."},
    {breaker_state, "sluice_breaker_state", gauge, "model, target",
     "0 closed, 1 half-open, 2 open; by hand or by itself."},
    {retry_budget, "sluice_retry_budget_remaining", gauge, "model, target",
     "Repeated attempts that could be made now; absent where `retry.budget` is 0%."},
    {credential_state, "sluice_credential_state", gauge, "provider, credential, state",
     "1 for what a provider's key is: usable, rate_limited, refused or quota; keys are numbered from 0."},
    {provider_limited, "sluice_provider_limited_total", counter, "provider, mode",
     "Attempts that the limits of a provider's keys held back, or with mode shadow would have; else mode is enforced."},
    {fallbacks, "sluice_fallbacks_total", counter, "model, to, cause",
     "Requests taken to another model; cause is any, rate_limited, context_length or content_policy."},
    {hedges, "sluice_hedges_total", counter, "model, target, outcome",
     "Second attempts beside a late first; outcome is won, lost, failed or denied_budget."},
    {hedge_cost, "sluice_hedge_cost_usd_total", counter, "model, target",
     "What the losers of hedges cost, as far as it is known."},
    {cost, "sluice_cost_usd_total", counter, "model, target, key",
     "What answers cost, by their usage and the price; estimated where no usage was told."},
    {cost_estimated, "sluice_cost_estimated_usd_total", counter, "model, target",
     "The estimated part of it: streams that broke or were left, and providers that tell no usage."},
    {price_unknown, "sluice_price_unknown_total", counter, "model, target",
     "Answers whose target has no price: what they cost is not known."},
    {usage_discrepancies, "sluice_usage_discrepancies_total", counter, "model, target, kind",
     "Contradictions in reported usage; kind is cached_above_input, reasoning_above_output, total_differs or absurd."},
    {budget_limit, "sluice_budget_limit_usd", gauge, "budget",
     "What may be spent in the period at hand, top-ups included."},
    {budget_spent, "sluice_budget_spent_usd", gauge, "budget",
     "What is spent of it or reserved by requests in flight."},
    {rollout_step, "sluice_rollout_step", gauge, "model, target",
     "The step of its schedule a canary is on, from 1; 0 after a rollback."},
    {rollout_state, "sluice_rollout_state", gauge, "model, state",
     "1 for the state a rollout is in: running, frozen, paused, done, rolled_back or stopped."},
    {rollbacks, "sluice_rollbacks_total", counter, "model, reason",
     "Canaries sent back to 0; reason is the guard, manual or kill."},
    {webhook_failures, "sluice_webhook_failures_total", counter, "",
     "Events of rollouts and budgets that no webhook took in three attempts."},
    {store_up, "sluice_store_up", gauge, "",
     "1 while Redis answers and takes what it is told; absent without `state.redis`."},
    {store_gateways, "sluice_store_gateways", gauge, "",
     "Gateways that share Redis with this one, this one included, when it was last heard of."},
    {store_operations, "sluice_store_operations_total", counter, "result",
     "Operations of Redis; result is ok, or failed for what it answered late, never or with an error."},
    {store_lag, "sluice_store_lag_seconds", gauge, "",
     "How long Redis took for the last operation it answered."},
    {store_grants, "sluice_store_grants_total", counter, "by",
     "Slices of budgets granted; by is redis, or share for the gateway's part of what was left while Redis was away."},
    {spread_pending, "sluice_store_spread_pending", gauge, "",
     "Live changes made here that the other gateways cannot know yet."},
    {spread_unfit, "sluice_store_spread_unfit", gauge, "",
     "Live changes of other gateways that fit nothing in this one's file, or could not be written here: kept, not in force."},
    {spread_taken, "sluice_store_spread_taken_total", counter, "",
     "Live changes of other gateways that came into force here."},
    {spread_conflicts, "sluice_store_spread_conflicts_total", counter, "result",
     "Changes of the same made here and at another gateway, neither knowing of the other; result is won or lost by this one's."},
    {spread_lag, "sluice_store_spread_lag_seconds", gauge, "",
     "For how long this gateway may have missed what others changed; 0 while it knows all."},
    {store_leads, "sluice_store_leads", gauge, "",
     "1 at the gateway that moves rollouts on."},
    {shadow_pairs, "sluice_shadow_pairs_total", counter, "model, target, outcome",
     "Requests drawn to be copied; outcome is compared, failed, primary_failed, client_left, dropped_load, dropped_budget or dropped_breaker."},
    {shadow_duration, "sluice_shadow_duration_ratio", histogram, "model, target",
     "Duration of the copy by that of the client's answer, of compared pairs."},
    {shadow_first_token, "sluice_shadow_first_token_ratio", histogram, "model, target",
     "Time to first token of the copy by that of the client's stream, of compared pairs."},
    {shadow_cost_ratio, "sluice_shadow_cost_ratio", histogram, "model, target",
     "Cost of the copy by that of the client's answer, of compared pairs with prices and usage."},
    {shadow_likeness, "sluice_shadow_likeness", histogram, "model, target",
     "How much the two texts have in common, from 0 to 1, of compared pairs."},
    {shadow_calls, "sluice_shadow_calls_total", counter, "model, target, calls",
     "Compared pairs with tool calls; calls is equal or different, as JSON."},
    {shadow_cost, "sluice_shadow_cost_usd_total", counter, "model, target",
     "What copies cost by the target's price, estimated where no usage was reported."},
    {in_flight, "sluice_in_flight_requests", gauge, "worker",
     "Requests begun and not yet recorded."},
    {open_streams, "sluice_open_streams", gauge, "worker",
     "Streams being relayed."},
    {client_connections, "sluice_client_connections", gauge, "worker",
     "Open client connections."},
    {upstream_connections, "sluice_upstream_connections", gauge, "worker, provider, state",
     "Open upstream connections; state is idle or busy."},
    {upstream_connects, "sluice_upstream_connects_total", counter, "provider",
     "Upstream connections opened, successful or not."},
    {buffered_bytes, "sluice_buffered_bytes", gauge, "worker",
     "Memory held for requests and streams."},
    {loop_lag, "sluice_event_loop_lag_seconds", histogram, "worker",
     "How late a worker's tick came."},
    {accept_errors, "sluice_accept_errors_total", counter, "worker",
     "Failed accepts, such as for lack of file descriptors."},
    {client_tls_failures, "sluice_client_tls_failures_total", counter, "worker",
     "TLS handshakes of clients that failed, or took longer than `timeouts.head`."},
    {handed_over, "sluice_handed_over_connections_total", counter, "worker",
     "Accepted connections given to a less busy worker."},
    {redactions, "sluice_redactions_total", counter, "",
     "Provider keys taken out of upstream error bodies."},
    {access_log_dropped, "sluice_access_log_dropped_total", counter, "",
     "Access log lines lost to a full ring or a failing file."},
    {spans_exported, "sluice_spans_exported_total", counter, "",
     "Spans of traced requests that the collector took."},
    {spans_dropped, "sluice_spans_dropped_total", counter, "reason",
     "Spans that it did not get; reason is ring_full, queue_full, refused, rejected, unreachable or off."},
    {ledger_up, "sluice_ledger_up", gauge, "",
     "1 while usage and what is spent of budgets can be written to the state directory, else 0."},
    {ledger_bills, "sluice_ledger_bills_total", counter, "",
     "Billed attempts that were added up: one a request, and one for each copy and each loser of a hedge."},
    {ledger_lost, "sluice_ledger_lost_bills_total", counter, "",
     "Billed attempts missing in the ledger: too many at once, or too long without a disk to write to."},
    {ledger_waiting, "sluice_ledger_waiting_bills", gauge, "",
     "Billed attempts that are in memory only."},
    {ledger_failures, "sluice_ledger_failures_total", counter, "",
     "Failed attempts to write usage or what is spent of budgets; they are made again."},
    {lease_dollars, "sluice_lease_usd_total", counter, "what",
     "Slices of all budgets; what is granted to this gateway, returned by it (or lapsed with its period), or spent."},
    {lease_held, "sluice_lease_held_usd", gauge, "",
     "What this gateway holds of all budgets and has not spent."},
    {config_version, "sluice_config_version", gauge, "",
     "Version of the snapshot in force."},
    {reload_failures, "sluice_config_reload_failures_total", counter, "",
     "Reloads refused; the snapshot before them stayed in force."},
    {upgrade_failures, "sluice_upgrade_failures_total", counter, "",
     "Programs started by SIGUSR2 that did not take over; this one went on."},
    {state_unwritten, "sluice_state_unwritten", gauge, "",
     "Files of the state directory without some of what is in force, as when the disk was full; written again until they have it."},
    {build_info, "sluice_build_info", gauge, "version, commit, compiler",
     "Always 1."},
    {resident_memory, "process_resident_memory_bytes", gauge, "",
     "Resident memory size in bytes."},
    {open_fds, "process_open_fds", gauge, "",
     "Number of open file descriptors."},
    {cpu_seconds, "process_cpu_seconds_total", counter, "",
     "User and system CPU time in seconds."},
    {start_time, "process_start_time_seconds", gauge, "",
     "Start of the process in seconds since the Unix epoch."},
}};
// clang-format on

constexpr bool in_order()
{
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (static_cast<std::size_t>(rows[i].id) != i)
            return false;
    return true;
}
static_assert(in_order());

constexpr std::array<std::string_view, 3> type_names{"counter", "gauge", "histogram"};

}  // namespace
}  // namespace table

const std::array<metric_row, metric_count>& metric_catalogue() noexcept
{
    return table::rows;
}

const metric_row& describe(metric id) noexcept
{
    return table::rows[static_cast<std::size_t>(id)];
}

std::string metric_table_markdown()
{
    std::string out = "| name | type | labels | meaning |\n|---|---|---|---|\n";
    for (const metric_row& row : table::rows) {
        out += "| `";
        out += row.name;
        out += "` | ";
        out += table::type_names[static_cast<std::size_t>(row.type)];
        out += " | ";
        out += row.labels;
        out += row.labels.empty() ? "| " : " | ";
        out += row.help;
        out += " |\n";
    }
    return out;
}

}  // namespace sluice::observe
