#pragma once
// What the access log tells about one request, or about one more attempt of it that was billed.
// Never a prompt, an answer, a key or a credential:
// there is no member to put one in.

#include <sluice/base/clock.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::observe {

// The views are read during access_log::write only. Empty views and unset durations are left out of
// the line. Names are configured ones or "other".
struct access_record {
    nanoseconds time{0};  // the system clock's, when the request began
    std::string_view request_id;
    std::string_view trace_id;  // of traceparent: 32 hex digits
    std::string_view client;    // address without port
    std::string_view method;
    std::string_view path;  // a label of the endpoint table, not what the client sent
    std::string_view model;
    std::string_view answered_by;  // the model whose target it is, where that is another
    std::string_view target;
    std::string_view arm;  // "stable" or "canary"
    std::string_view provider;
    std::string_view key_id;
    std::string_view tenant;
    std::string_view outcome;  // of the bill; without one the request cost nothing
    std::string_view tags;     // as read_tags() writes them
    unsigned status = 0;
    std::string_view error;   // the error table's label
    std::string_view end;     // why a stream ended
    std::string_view finish;  // the reason it gave for the end of its text
    bool stream = false;
    unsigned attempts = 0;
    std::uint64_t bytes_in = 0;  // of the bodies
    std::uint64_t bytes_out = 0;
    bool usage_known = false;  // without it the counts below are left out
    std::uint64_t input_tokens = 0;
    std::uint64_t cached_input_tokens = 0;
    std::uint64_t output_tokens = 0;
    std::uint64_t reasoning_tokens = 0;
    std::uint64_t cache_write_tokens = 0;
    bool estimated = false;                   // the counts are the gateway's
    std::optional<std::int64_t> nanodollars;  // unset: nobody knows the price or the counts
    std::string_view dollars;                 // the same, where it has been written already
    nanoseconds duration{0};
    std::optional<nanoseconds> first_token;
    std::optional<nanoseconds> queued;
    std::array<nanoseconds, 4> overhead{};  // by observe::phase
    std::uint64_t config_version = 0;
};

}  // namespace sluice::observe
