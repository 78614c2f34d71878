#pragma once
// Spans as OTLP's JSON: ids in lower-case hex, 64-bit integers as texts, enumerations as numbers.
// Names of attributes are OpenTelemetry's, for HTTP and for generative AI, and `sluice.*`.

#include <sluice/config/tracing.hpp>
#include <sluice/observe/span.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::server {

// One element of `spans`.
[[nodiscard]] std::string otlp_span(const observe::span& one);

// A whole ExportTraceServiceRequest of such elements.
[[nodiscard]] std::string otlp_request(
    const config::tracing_settings& how, std::span<const std::string> spans);

// What an answer says was not taken: the number, and why where it is told. 0 of anything else.
struct otlp_partial {
    std::uint64_t rejected = 0;
    std::string message;
};
[[nodiscard]] otlp_partial read_otlp_answer(std::string_view body);

}  // namespace sluice::server
