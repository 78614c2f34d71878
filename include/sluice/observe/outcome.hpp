#pragma once
// The closed sets metrics are labelled with. Every enumerator indexes the array of labels below it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::observe {

// How one attempt at one target ended, from the gateway's side.
enum class attempt_outcome : std::uint8_t {
    success,     // a whole 2xx answer, or a stream that reached its legal end
    status_4xx,  // other than 429
    status_429,
    status_5xx,
    connect_failed,
    tls_failed,
    timeout,  // connect, first byte, first token or between two pieces
    reset,
    eof,            // closed before the answer was whole
    invalid,        // not HTTP, or an answer no client may get
    cancelled,      // the client or the gateway's own end of it
    stale_retry,    // the pooled connection had died idle; the request was sent again
    in_band_error,  // an error inside a 200, before or behind the first token
    early_end,      // whole by its framing, but not by its dialect
    late_token,     // no first token in time
    hedge_lost,     // the other attempt of the pair was quicker
    credential,     // 401, 402, 403 or a quota: the key's making
};
// clang-format off
inline constexpr std::array<std::string_view, 17> attempt_outcome_labels{
    "success", "status_4xx", "status_429", "status_5xx", "connect_failed", "tls_failed",
    "timeout", "reset", "eof", "invalid", "cancelled", "stale_retry", "in_band_error", "early_end",
    "late_token", "hedge_lost", "credential"};
// clang-format on

// Why a stream whose head the client had received came to its end; one each.
enum class stream_end : std::uint8_t {
    done,
    upstream_eof,
    upstream_reset,
    idle,
    in_band_error,
    client_gone,
    drain,
};
// clang-format off
inline constexpr std::array<std::string_view, 7> stream_end_labels{
    "done", "upstream_eof", "upstream_reset", "idle", "in_band_error", "client_gone", "drain"};
// clang-format on

enum class token_kind : std::uint8_t { input, cached_input, output, reasoning };
// clang-format off
inline constexpr std::array<std::string_view, 4> token_kind_labels{
    "input", "cached_input", "output", "reasoning"};
// clang-format on

// What became of a second attempt beside a first; counted at the second's target, each once.
enum class hedge_outcome : std::uint8_t {
    won,            // it answered the client
    lost,           // cancelled: the first attempt did, or the client left
    failed,         // by itself
    denied_budget,  // it was due and not made
};
// clang-format off
inline constexpr std::array<std::string_view, 4> hedge_outcome_labels{
    "won", "lost", "failed", "denied_budget"};
// clang-format on

// Which of a model's lists of fallbacks took a request further.
enum class fallback_cause : std::uint8_t { any, rate_limited, context_length, content_policy };
// clang-format off
inline constexpr std::array<std::string_view, 4> fallback_cause_labels{
    "any", "rate_limited", "context_length", "content_policy"};
// clang-format on

enum class limit_reason : std::uint8_t { requests, tokens, concurrent, budget, queue_timeout };
// clang-format off
inline constexpr std::array<std::string_view, 5> limit_reason_labels{
    "requests", "tokens", "concurrent", "budget", "queue_timeout"};
// clang-format on

// What was set aside of limits and budgets for requests that have ended: all of it, what came back,
// and what they used beyond it. So reserved - refunded + exceeded is what was used.
enum class reservation : std::uint8_t { reserved, refunded, exceeded };
inline constexpr std::array<std::string_view, 3> reservation_labels{
    "reserved", "refunded", "exceeded"};

// The gateway's own time: reading and checking the request, deciding what to do with it, getting a
// connection, and handling what goes through. Waiting for a peer is in none of them but `connect`.
enum class phase : std::uint8_t { read, decide, connect, relay };
inline constexpr std::array<std::string_view, 4> phase_labels{"read", "decide", "connect", "relay"};

// Statuses with a series of their own; every other one goes by its class, the rest is "other".
// clang-format off
inline constexpr std::array<std::uint16_t, 25> counted_statuses{
    200, 201, 204, 400, 401, 403, 404, 405, 408, 409, 413, 415, 417,
    422, 429, 431, 499, 500, 501, 502, 503, 504, 505, 508, 529};
// clang-format on
inline constexpr std::size_t status_buckets = counted_statuses.size() + 5;

// Index below status_buckets of any status.
[[nodiscard]] std::size_t status_bucket(unsigned status) noexcept;
// The `code` label: "200", "5xx", "other".
[[nodiscard]] std::string_view status_label(std::size_t bucket) noexcept;
// 500 and above.
[[nodiscard]] bool is_server_error(std::size_t bucket) noexcept;

}  // namespace sluice::observe
