#pragma once
// What an attempt came to, and what follows from it. One row each, so that the breaker, the
// credentials, the retries and the fallbacks cannot disagree.

#include <sluice/policy/credential.hpp>

#include <cstdint>

namespace sluice::policy {

enum class cause : std::uint8_t {
    success,         // an answer for the client, or the beginning of one
    rate_limited,    // 429 of the rate
    quota,           // 402, 429 of the quota: the credential is paid out
    refused,         // 401: the credential is not accepted
    forbidden,       // 403: it is not accepted, or may not do this, or nobody may
    unreachable,     // no connection
    broken,          // reset, an early end, not HTTP, an answer that no client may get
    late,            // a limit of the gateway's own ran out
    server_error,    // 5xx, or an error inside a 200
    context_length,  // the request is longer than the model's window
    content_policy,  // the request or its answer was filtered
    rejected,        // any other 4xx: the client's making
    deadline,        // the client's own limit ran out
    stopped,         // the client left, the gateway drains, or another attempt won
    unaffordable,    // not sent: a budget has less than it may cost
};
inline constexpr std::size_t cause_count = 15;

// Which of a model's lists of fallbacks.
enum class chain : std::uint8_t { any, rate_limited, context_length, content_policy, none };
inline constexpr std::size_t chain_count = 4;

struct consequences {
    enum class health : std::uint8_t { good, bad, unknown };

    health target;               // for its breaker
    credential_trouble trouble;  // of the credential that was used; the next one is tried
    bool other_target;           // of the same model, at once
    bool repeat;                 // on the same target, after a while
    policy::chain fallback;
    bool fallback_first;  // before a repeat
    bool worth_a_retry;   // a client would try this again by itself
};

[[nodiscard]] const consequences& consequences_of(cause why) noexcept;

}  // namespace sluice::policy
