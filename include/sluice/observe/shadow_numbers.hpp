#pragma once
// What is counted of one model's shadow. Lives as long as the process.

#include <sluice/observe/bounds.hpp>
#include <sluice/observe/cell.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::observe {

// What became of a request that was drawn to be copied; one each.
enum class shadow_outcome : std::uint8_t {
    compared,         // both answered whole
    failed,           // the client got a whole answer, the copy did not
    primary_failed,   // the client got an error, or a broken answer
    client_left,      // before its answer was whole
    dropped_load,     // the gateway is loaded or drains, the request too large, limits used up
    dropped_budget,   // the day's money is spent
    dropped_breaker,  // the shadow target fails, or its keys rest
};
// clang-format off
inline constexpr std::array<std::string_view, 7> shadow_outcome_labels{
    "compared", "failed", "primary_failed", "client_left",
    "dropped_load", "dropped_budget", "dropped_breaker"};
// clang-format on

struct shadow_numbers {
    shadow_numbers(std::string of, std::string to)
        : model(std::move(of)),
          target(std::move(to))
    {
    }

    const std::string model;   // as labels
    const std::string target;  // "model/target" where it is another model's

    // Any thread.
    void count(shadow_outcome what) noexcept
    {
        pairs[static_cast<std::size_t>(what)].fetch_add(1, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t counted(shadow_outcome what) const noexcept
    {
        return pairs[static_cast<std::size_t>(what)].load(std::memory_order_relaxed);
    }
    std::array<std::atomic<std::uint64_t>, shadow_outcome_labels.size()> pairs{};
    std::atomic<std::uint64_t> nanodollars{0};

    // Written by the control thread alone, of compared pairs; billionths, shadow by primary.
    histogram<bounds::ratio> duration;
    histogram<bounds::ratio> first_token;
    histogram<bounds::ratio> cost;
    histogram<bounds::share> likeness;
    counter calls_equal;  // of pairs in which at least one called a tool
    counter calls_different;
    counter finish_different;
};

// A ratio as the histograms take it; what is no number is 0.
[[nodiscard]] constexpr nanoseconds billionths(double ratio) noexcept
{
    if (!(ratio > 0))
        return nanoseconds{0};
    return nanoseconds{static_cast<std::int64_t>((ratio < 1e6 ? ratio : 1e6) * 1e9)};
}

// The value below which `share` of the observations lie, within its bucket evenly; the last bound
// for what lies above it, 0 when there is none.
[[nodiscard]] double quantile_of(const histogram_totals& totals, double share) noexcept;

}  // namespace sluice::observe
