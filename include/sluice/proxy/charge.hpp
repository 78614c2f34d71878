#pragma once
// What a request will use, before it is sent, and what it did use, afterwards: tokens and money.

#include <sluice/config/snapshot.hpp>
#include <sluice/policy/estimate.hpp>
#include <sluice/policy/price.hpp>
#include <sluice/policy/reconcile.hpp>
#include <sluice/wire/usage.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace sluice::proxy {

class exchange;

// What is owed for the answer a client got, or for the part of it.
struct charge {
    policy::token_counts tokens;
    policy::discrepancies odd;     // in what the provider told
    std::int64_t nanodollars = 0;  // 0 without a price
    std::int64_t price_from = 0;   // since when the price holds, Unix seconds; 0: always
    bool due = false;              // there is something to pay for; all else is 0 without
    bool estimated = false;        // by what was relayed: the provider told no usage, or early
    bool priced = false;           // the target has a price
};

[[nodiscard]] std::chrono::sys_seconds date_of(nanoseconds system_time) noexcept;

// Of one answer of the target. Unknown usage: `ours`, estimated.
[[nodiscard]] charge charge_of(
    const config::target& target,
    const wire::usage& said,
    const policy::token_estimate& ours,
    std::chrono::sys_seconds at) noexcept;

// Of the whole request. A provider's refusal and a failure before anything was relayed cost
// nothing; a client that leaves, or whose own limit runs out, pays for its prompt, once a provider
// has it, and for what was relayed.
[[nodiscard]] charge charge_of(const exchange& x) noexcept;

// Before it is sent. Nothing is generated for embeddings.
[[nodiscard]] policy::token_estimate expected_of(const exchange& x) noexcept;

// What so many tokens cost at the target at most. Nano-dollars; 0 without a price.
[[nodiscard]] std::int64_t most_expensive(
    const config::target& target,
    const policy::token_estimate& tokens,
    std::chrono::sys_seconds at) noexcept;

// What so many tokens cost at the dearest of the model's targets, so that a budget holds wherever
// the request goes. Nano-dollars; 0 where no target has a price.
[[nodiscard]] std::int64_t most_expensive(
    const config::model& model,
    const policy::token_estimate& tokens,
    std::chrono::sys_seconds at) noexcept;

// Teaches the model's estimator what an answer used.
void learn(const exchange& x) noexcept;

}  // namespace sluice::proxy
