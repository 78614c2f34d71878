#pragma once
// Spans of a request and of its attempts. Whatever is called for a request that is not sampled does
// nothing; nothing here allocates, locks or waits.

#include <sluice/http/traceparent.hpp>
#include <sluice/observe/access_record.hpp>
#include <sluice/proxy/exchange.hpp>

#include <optional>

namespace sluice::proxy {

// What the caller's traceparent says. None: not there, more than once or not valid.
[[nodiscard]] std::optional<http::traceparent> parent_of(const http::request_head& head) noexcept;

// Whether the request is traced: as its caller's traceparent says, else as the share has it.
void begin_trace(services& with, exchange& x) noexcept;

// An attempt that is about to begin, one of `of`'s.
void begin_span(
    services& with,
    attempt& one,
    observe::trace& of,
    observe::span_kind kind,
    wire::endpoint where) noexcept;

// It has ended so; later calls do nothing. Told by tell().
void end_span(services& with, attempt& one, const outcome& what, time_point now) noexcept;

// The same for the one whose answer the client got: with its usage.
void end_answer_span(services& with, exchange& x, const outcome& what) noexcept;

// The same for a copy.
void end_copy_span(
    services& with, attempt& copy, const outcome& what, const shadow_run& run) noexcept;

// The request itself, as the access log tells it.
void end_trace(services& with, const exchange& x, const observe::access_record& line) noexcept;

}  // namespace sluice::proxy
