#pragma once
// What a request costs, exactly: integers from the price list to the sum.

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace sluice::policy {

// Micro-dollars per million tokens: 0.21 USD per million is 210'000. Each in [0, 10^15].
struct price {
    std::int64_t input = 0;
    std::optional<std::int64_t> cached_input = std::nullopt;  // none: as input
    std::optional<std::int64_t> cache_write = std::nullopt;   // none: as input
    std::int64_t output = 0;
    std::optional<std::int64_t> reasoning = std::nullopt;  // none: as output

    friend bool operator==(const price&, const price&) = default;
};

// As providers report them: input includes cached_input and cache_write, output includes reasoning.
// A part that is greater than what is left of its whole was counted beside it, and is paid beside
// it.
struct token_counts {
    std::uint64_t input = 0;
    std::uint64_t cached_input = 0;
    std::uint64_t cache_write = 0;
    std::uint64_t output = 0;
    std::uint64_t reasoning = 0;
    bool reasoning_apart = false;  // output does not include reasoning (xAI)

    friend bool operator==(const token_counts&, const token_counts&) = default;
};

// All of them, each once: what a limit of tokens counts.
[[nodiscard]] std::uint64_t total_of(const token_counts& tokens) noexcept;

inline constexpr std::int64_t nanodollars_per_dollar = 1'000'000'000;

// Nano-dollars. The sum is exact and rounded once, to the nearest, half a nano-dollar up. At most
// INT64_MAX (9.2 thousand million dollars).
[[nodiscard]] std::int64_t cost(const price& price, const token_counts& tokens) noexcept;

// The same, of so many tokens of which it is not known yet which are cached or reasoned: all of
// them as the dearest.
[[nodiscard]] std::int64_t most_for(
    const price& price, std::uint64_t input, std::uint64_t output) noexcept;

// One price from an instant on (seconds since 1970, UTC), until the next one's.
struct dated_price {
    std::chrono::sys_seconds from = std::chrono::sys_seconds::min();
    policy::price price;

    friend bool operator==(const dated_price&, const dated_price&) = default;
};

// Sorted by `from`, each only once.
struct price_list {
    std::vector<dated_price> versions;

    // The one that holds at `now`; null before the first. Lives as long as the list.
    [[nodiscard]] const dated_price* at(std::chrono::sys_seconds now) const noexcept;

    friend bool operator==(const price_list&, const price_list&) = default;
};

}  // namespace sluice::policy
