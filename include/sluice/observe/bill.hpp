#pragma once
// What one attempt at a provider was, and what it cost: what the ledger and the access log keep.
// Never a prompt, an answer, a key or a credential: there is no member to put one in.

#include <sluice/base/clock.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::observe {

// What became of it. A request is billed once, as one of the first three; its other attempts only
// where they cost something of their own.
enum class bill_outcome : std::uint8_t {
    answered,   // the client got its answer whole
    failed,     // it got an error, or a broken answer
    cancelled,  // the client left, its own limit ran out, or the gateway ended it
    hedge,      // the slower attempt of a pair
    shadow,     // a copy nobody waits for
};
// clang-format off
inline constexpr std::array<std::string_view, 5> bill_outcome_labels{
    "answered", "failed", "cancelled", "hedge", "shadow"};
// clang-format on

[[nodiscard]] constexpr std::string_view label_of(bill_outcome what) noexcept
{
    return bill_outcome_labels[static_cast<std::size_t>(what)];
}

[[nodiscard]] constexpr std::optional<bill_outcome> bill_outcome_of(std::string_view label) noexcept
{
    for (std::size_t i = 0; i < bill_outcome_labels.size(); ++i)
        if (bill_outcome_labels[i] == label)
            return static_cast<bill_outcome>(i);
    return std::nullopt;
}

// Names that many bills have, cut and packed beforehand as they go into a bill: its own stay what
// they are.
struct packed_place {
    std::string text;                        // model, target and arm one behind the other
    std::array<std::uint16_t, 3> lengths{};  // of them
};

// The views are read during the call it is handed to only. Names are configured ones; `model` is
// the one whose target answered.
struct bill {
    nanoseconds time{0};  // the system clock's, when the request began
    std::string_view key;
    std::string_view tenant;
    std::string_view model;
    std::string_view target;
    std::string_view arm;                 // "stable", "canary" or empty
    std::string_view tags;                // as read_tags() writes them
    const packed_place* place = nullptr;  // instead of model, target and arm, where it is there
    bill_outcome outcome = bill_outcome::answered;

    bool usage_known = false;  // by the provider, or estimated; without it the counts are 0
    bool estimated = false;    // the counts are the gateway's
    bool priced = false;       // without a price the cost is 0 and means nothing
    // As providers report them: input includes what was cached, output what was reasoned.
    std::uint64_t input = 0;
    std::uint64_t cached_input = 0;
    std::uint64_t cache_write = 0;
    std::uint64_t output = 0;
    std::uint64_t reasoning = 0;
    std::int64_t nanodollars = 0;
    std::int64_t price_from = 0;  // since when the price holds, Unix seconds; 0: always
};

}  // namespace sluice::observe
