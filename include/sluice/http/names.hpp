#pragma once
// Methods and header names the gateway knows, recognised once while a head is parsed.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::http {

enum class method : std::uint8_t {
    get,
    head,
    post,
    put,
    patch,
    del,
    options,
    connect,
    trace,
    other
};

enum class header : std::uint8_t {
    // credentials
    authorization,
    x_api_key,
    x_goog_api_key,
    proxy_authenticate,
    proxy_authorization,
    www_authenticate,
    cookie,
    set_cookie,
    // message and connection
    host,
    connection,
    content_length,
    transfer_encoding,
    content_type,
    content_encoding,
    accept,
    accept_encoding,
    expect,
    te,
    trailer,
    upgrade,
    keep_alive,
    proxy_connection,
    via,
    forwarded,
    x_forwarded_for,
    user_agent,
    cache_control,
    // identity of a request
    x_request_id,
    request_id,
    traceparent,
    tracestate,
    idempotency_key,
    // the gateway's own
    x_sluice_target,
    x_sluice_timeout,
    x_sluice_tags,
    x_sluice_hops,
    x_sluice_provider,
    // clients' libraries and providers
    x_stainless_timeout,
    x_stainless_read_timeout,
    x_should_retry,
    anthropic_version,
    anthropic_beta,
    // answers
    retry_after,
    retry_after_ms,
    location,
    date,
    server,
    alt_svc,
    strict_transport_security,
    other,
};

inline constexpr std::size_t header_count = static_cast<std::size_t>(header::other);
static_assert(header_count < 64, "sets of headers are kept as bits of one word");

// One bit of a set of headers.
[[nodiscard]] constexpr std::uint64_t bit(header id) noexcept
{
    return std::uint64_t{1} << static_cast<unsigned>(id);
}

// Methods are case-sensitive (RFC 9110 9.1).
[[nodiscard]] method recognise_method(std::string_view text) noexcept;

// Any case; header::other when unknown. The name must be a token.
[[nodiscard]] header recognise_header(std::string_view name) noexcept;

// Lower case; empty for header::other.
[[nodiscard]] std::string_view name_of(header id) noexcept;

// Connection, Keep-Alive, Proxy-*, TE, Trailer, Transfer-Encoding, Upgrade (RFC 9110 7.6.1).
inline constexpr std::uint64_t hop_by_hop_headers =
    bit(header::connection) | bit(header::keep_alive) | bit(header::proxy_connection)
    | bit(header::proxy_authenticate) | bit(header::proxy_authorization) | bit(header::te)
    | bit(header::trailer) | bit(header::transfer_encoding) | bit(header::upgrade);

// What the gateway itself needs: a sender that names one of these in Connection does not strip it.
inline constexpr std::uint64_t never_nominated_headers =
    bit(header::authorization) | bit(header::x_api_key) | bit(header::x_goog_api_key)
    | bit(header::www_authenticate) | bit(header::host) | bit(header::content_length)
    | bit(header::content_type) | bit(header::content_encoding) | bit(header::expect)
    | bit(header::via) | bit(header::cache_control) | bit(header::x_request_id)
    | bit(header::request_id) | bit(header::traceparent) | bit(header::tracestate)
    | bit(header::idempotency_key) | bit(header::x_sluice_target) | bit(header::x_sluice_timeout)
    | bit(header::x_sluice_tags) | bit(header::x_sluice_hops) | bit(header::x_sluice_provider)
    | bit(header::x_stainless_timeout) | bit(header::x_stainless_read_timeout)
    | bit(header::x_should_retry) | bit(header::retry_after) | bit(header::retry_after_ms);

}  // namespace sluice::http
