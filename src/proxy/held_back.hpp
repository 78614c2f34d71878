#pragma once
// What of an answer must not be sent yet, because a provider's key may have begun in it.

#include <sluice/http/chunked.hpp>
#include <sluice/wire/redact.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace sluice::proxy {

// How many octets at the end of `raw` have to come again, in front of what is read next; never more
// than 16 KiB. `chunks` is null where raw is all payload; it and `before` stand as after everything
// in front of raw.
[[nodiscard]] std::size_t held_back(
    std::span<char> raw,
    const http::chunked* chunks,
    const wire::redactor& before,
    std::span<const std::string> secrets);

// Masks the last octets of the payload in `raw`, as many as there are. `chunks` stands as in front
// of raw.
void mask_end(std::span<char> raw, const http::chunked& chunks, std::size_t octets);

}  // namespace sluice::proxy
