#pragma once
// What is told of a traced request and of each of its attempts, on its way from a worker to the
// exporter. Never a prompt, an answer, a header or a credential: there is no member to put one in.

#include <sluice/base/clock.hpp>
#include <sluice/http/traceparent.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::observe {

enum class span_kind : std::uint8_t { request, first, retry, fallback, hedge, shadow };
// Of attempts; a request's is empty.
// clang-format off
inline constexpr std::array<std::string_view, 6> span_kind_labels{
    "", "first", "retry", "fallback", "hedge", "shadow"};
// clang-format on

enum class span_text : std::uint8_t {
    operation,  // as OpenTelemetry names it; empty: not known
    method,
    prefix,    // of the provider's paths; a request's is empty
    path,      // a label of the endpoint table; of an attempt, behind the prefix
    model,     // that was asked for; of an attempt, what the provider is asked for
    answered,  // the model whose target it is, where that is another
    target,
    arm,
    provider,
    host,
    key,
    tenant,
    error,  // of the error table, or what became of an attempt
    ended,  // the outcome of the bill, or of an attempt
    end,    // why a stream ended
    finish,
    request_id,
};
inline constexpr std::size_t span_texts = 17;

struct span_numbers {
    std::uint64_t trace_high = 0;
    std::uint64_t trace_low = 0;
    std::uint64_t id = 0;
    std::uint64_t parent = 0;  // 0: none
    nanoseconds begin{0};      // the system clock's
    nanoseconds duration{0};
    nanoseconds first_token{-1};  // from `begin`; negative: there was none
    std::uint64_t input = 0;
    std::uint64_t cached_input = 0;
    std::uint64_t output = 0;
    std::uint64_t reasoning = 0;
    std::int64_t nanodollars = 0;
    std::uint32_t status = 0;    // of HTTP; 0: none
    std::uint32_t attempts = 0;  // of a request; of an attempt, which it is, from 1
    std::uint32_t resent = 0;    // on a new connection, because a kept one was dead
    std::uint32_t arm = 0;       // the catalogue's id
    std::uint16_t port = 0;
    span_kind kind = span_kind::request;
    std::uint8_t flags = 0;  // of traceparent
    bool failed = false;
    bool stream = false;
    bool usage_known = false;
    bool priced = false;
};

struct span {
    span_numbers numbers;
    std::array<std::string_view, span_texts> texts;

    std::string_view& operator[](span_text which) noexcept
    {
        return texts[static_cast<std::size_t>(which)];
    }
    std::string_view operator[](span_text which) const noexcept
    {
        return texts[static_cast<std::size_t>(which)];
    }
};

inline constexpr std::size_t most_span_text = 256;  // longer ones are cut
inline constexpr std::size_t most_span_bytes =
    sizeof(span_numbers) + span_texts * (sizeof(std::uint16_t) + most_span_text);

// As one record, in `memory`.
[[nodiscard]] std::string_view pack(
    const span& from, std::span<char, most_span_bytes> memory) noexcept;

// Takes the first of several records off `from`. The texts refer to it. False: there is no whole
// one.
[[nodiscard]] bool unpack(std::string_view& from, span& into) noexcept;

// Which trace a request is part of, and its own span in it.
struct trace {
    bool sampled = false;  // all else is only set with it
    bool begun_here = false;
    http::traceparent own;
    std::uint64_t parent = 0;     // the caller's span; 0 where it was begun here
    nanoseconds system_ahead{0};  // of the steady clock, as long as the request runs
    std::uint32_t attempts = 0;   // begun so far
};

// An attempt's span, from its beginning to its end. `of` null: it has none.
struct attempt_trace {
    const trace* of = nullptr;  // outlives the attempt
    std::uint64_t id = 0;
    std::uint32_t number = 0;
    span_kind kind = span_kind::first;
    std::string_view operation;  // a literal
    std::string_view path;       // a literal, behind the provider's prefix
};

}  // namespace sluice::observe
