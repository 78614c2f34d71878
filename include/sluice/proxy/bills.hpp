#pragma once
// What attempts cost, told to the ledger and the access log.

#include <sluice/observe/access_record.hpp>
#include <sluice/observe/bill.hpp>
#include <sluice/proxy/exchange.hpp>

#include <string_view>

namespace sluice::proxy {

struct services;
struct shadow_run;

// The bill of the request itself goes to the ledger, and into its line. None where nobody was
// asked.
void bill_request(
    services& with, const exchange& x, unsigned status, observe::access_record& line) noexcept;

// Of a pair's slower attempt; `used` may be unknown.
void bill_hedge(
    services& with, const exchange& x, const attempt& loser, const wire::usage& used) noexcept;

// Of a copy. `nanodollars` is what it cost by `used` or, where that is unknown, by estimate.
void bill_shadow(
    services& with,
    const shadow_run& run,
    const attempt& copy,
    const wire::usage& used,
    bool estimated,
    std::int64_t nanodollars) noexcept;

}  // namespace sluice::proxy
