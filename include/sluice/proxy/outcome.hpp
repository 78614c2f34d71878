#pragma once
// What became of an attempt, and telling it to everybody who has to know.

#include <sluice/observe/outcome.hpp>
#include <sluice/policy/cause.hpp>
#include <sluice/proxy/attempt.hpp>
#include <sluice/wire/reported_error.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::proxy {

// A failure before there was an answer, or in the middle of one.
[[nodiscard]] outcome outcome_of(errc failure) noexcept;

// An answer by its status and, from 400 on, what its body says. `payload` is without framing.
[[nodiscard]] outcome outcome_of(unsigned status, std::string_view payload);

// An error inside a 200.
[[nodiscard]] outcome in_band_outcome(const wire::reported_error& said) noexcept;

// So many tokens and a request of its provider's limits, for the key it is aimed at; tell() settles
// them. A refusal: they are used up.
[[nodiscard]] std::optional<holdings::refusal> try_limits(
    services& with, attempt& one, std::uint64_t tokens) noexcept;

// The same. False: they are used up, and that key rests until they are not.
[[nodiscard]] bool take_limits(services& with, attempt& one, std::uint64_t tokens) noexcept;

// Counted as begun: in metrics and in what all workers know of its target.
void begin(services& with, attempt& one) noexcept;

// Once per attempt that has begun; later calls do nothing. Tells breaker, credential and metrics.
void tell(services& with, attempt& one, const outcome& what, time_point now) noexcept;

// Its answer is the one the client gets.
void tell_committed(attempt& one) noexcept;

}  // namespace sluice::proxy
