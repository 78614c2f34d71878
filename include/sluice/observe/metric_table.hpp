#pragma once
// Every metric family, one row each. The exposition takes names, types and help from here, and the
// README's table is printed from it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::observe {

enum class metric : std::uint8_t {
    requests,
    request_duration,
    overhead,
    first_token,
    per_token,
    attempts,
    stream_ends,
    tokens,
    usage_unknown,
    key_requests,
    limited,
    limited_shadow,
    reservation_tokens,
    reservation_money,
    queue,
    target_weight,
    breaker_state,
    retry_budget,
    credential_state,
    provider_limited,
    fallbacks,
    hedges,
    hedge_cost,
    cost,
    cost_estimated,
    price_unknown,
    usage_discrepancies,
    budget_limit,
    budget_spent,
    rollout_step,
    rollout_state,
    rollbacks,
    webhook_failures,
    store_up,
    store_gateways,
    store_operations,
    store_lag,
    store_grants,
    spread_pending,
    spread_unfit,
    spread_taken,
    spread_conflicts,
    spread_lag,
    store_leads,
    shadow_pairs,
    shadow_duration,
    shadow_first_token,
    shadow_cost_ratio,
    shadow_likeness,
    shadow_calls,
    shadow_cost,
    in_flight,
    open_streams,
    client_connections,
    upstream_connections,
    upstream_connects,
    buffered_bytes,
    loop_lag,
    accept_errors,
    client_tls_failures,
    handed_over,
    redactions,
    access_log_dropped,
    spans_exported,
    spans_dropped,
    ledger_up,
    ledger_bills,
    ledger_lost,
    ledger_waiting,
    ledger_failures,
    lease_dollars,
    lease_held,
    config_version,
    reload_failures,
    upgrade_failures,
    state_unwritten,
    build_info,
    resident_memory,
    open_fds,
    cpu_seconds,
    start_time,
};

enum class metric_type : std::uint8_t { counter, gauge, histogram };

struct metric_row {
    metric id;
    std::string_view name;
    metric_type type;
    std::string_view labels;  // "model, target"
    std::string_view help;
};

inline constexpr std::size_t metric_count = static_cast<std::size_t>(metric::start_time) + 1;

// In the order of the enum.
[[nodiscard]] const std::array<metric_row, metric_count>& metric_catalogue() noexcept;

[[nodiscard]] const metric_row& describe(metric id) noexcept;

// The README's table, header included; ends with a line feed.
[[nodiscard]] std::string metric_table_markdown();

}  // namespace sluice::observe
