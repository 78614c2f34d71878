#pragma once
// The schema's rows of tracing.

#include "schema_units.hpp"

namespace sluice::config::schema_rows {

// clang-format off
inline constexpr schema_row of_tracing[] = {
    {.path = "tracing.otlp", .limit = "`http://` or `https://`, host, port, path, query",
     .required = true,
     .meaning = "Where spans are sent, OTLP as JSON over HTTP; without a path to `/v1/traces`. No `tracing`, no spans."},
    {.path = "tracing.headers.*", .kind = value_kind::secret,
     .limit = "at most 16, named like a header and not one the gateway writes itself; visible ASCII and blanks",
     .meaning = "Sent with them, as for a vendor's key."},
    {.path = "tracing.sample", .kind = value_kind::percent, .fallback = "1%", .max = 100,
     .meaning = "Of the requests that are traced; where a client's `traceparent` has decided, that holds."},
    {.path = "tracing.service_name", .fallback = "sluice", .limit = "1 to 256 characters",
     .meaning = "The resource's `service.name`."},
    {.path = "tracing.resource.*", .limit = "at most 64 names of 1 to 128 visible ASCII characters; not `service.name`",
     .meaning = "Further attributes of the resource, as `deployment.environment.name`."},
    {.path = "tracing.timeout", .kind = value_kind::duration, .fallback = "10s", .min = 100,
     .max = 60 * schema_units::second, .meaning = "For one export."},
};
// clang-format on

}  // namespace sluice::config::schema_rows
