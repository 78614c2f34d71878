#pragma once
// Reads a usage object and finds its end in one go.

#include <sluice/wire/usage.hpp>

namespace sluice::wire {

// `p` stands at a '{'. Answers the place behind the bracket that closes it, which is where
// object_end stops too, or null if that is not before `end`. `found` is known as for read_usage().
[[nodiscard]] const char* scan_usage(const char* p, const char* end, usage& found);

}  // namespace sluice::wire
