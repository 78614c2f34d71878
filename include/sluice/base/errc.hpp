#pragma once
// Everything that can go wrong while a request is served, one row each.

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <cstddef>
#include <string_view>

namespace sluice {

// Starts at 1: an error_code holding 0 reads as success.
enum class errc {
    // the client's head or framing
    bad_request = 1,
    head_too_large,
    unsupported_version,
    unsupported_transfer_coding,
    expectation_failed,
    request_timeout,
    request_too_large,
    client_closed_request,
    // routing
    unknown_path,
    method_not_allowed,
    unsupported_media_type,
    loop_detected,
    // the body
    invalid_json,
    missing_required_parameter,
    invalid_type,
    duplicate_parameter,
    // rights and limits
    invalid_api_key,
    token_keys_unknown,
    model_not_allowed,
    model_not_found,
    target_not_found,
    rate_limit_exceeded,
    insufficient_quota,
    // the upstream
    bad_gateway,
    connect_failed,
    tls_failed,
    upstream_reset,
    upstream_eof,
    upstream_invalid,
    upstream_timeout,
    stream_idle,
    upstream_error,
    upstream_rate_limited,
    upstream_credentials_exhausted,
    context_length_exceeded,
    content_filter,
    // the gateway itself
    no_healthy_upstream,
    overloaded,
    draining,
    internal_error,
};

inline constexpr std::size_t errc_count = static_cast<std::size_t>(errc::internal_error);

enum class fault { client, upstream, gateway };

// The HTTP answer, the metrics label and the decision to try again all read this
// row, so they cannot disagree.
struct error_row {
    errc code;
    std::string_view label;     // metrics and access log
    unsigned status;            // the client's HTTP status; 499 is never sent
    std::string_view api_code;  // error.code of the OpenAI error object
    std::string_view type;      // error.type of it
    fault whose;
    bool worth_another_target;  // as long as no byte of an answer reached the client
    std::string_view message;   // when nothing more exact is known
};

[[nodiscard]] const error_row& describe(errc code) noexcept;

[[nodiscard]] const boost::system::error_category& gateway_category() noexcept;

[[nodiscard]] inline boost::system::error_code make_error_code(errc code) noexcept
{
    return {static_cast<int>(code), gateway_category()};
}

// A value, or which of the above happened. A library's own error_code is logged
// where it is translated and goes no further.
template <class T>
using result = boost::system::result<T, errc>;

}  // namespace sluice

template <>
struct boost::system::is_error_code_enum<sluice::errc> : std::true_type {};
