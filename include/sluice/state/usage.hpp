#pragma once
// What was used and spent, asked by any of its dimensions.

#include <sluice/base/clock.hpp>
#include <sluice/policy/time_zone.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::state {

// A sum of bills.
struct usage_totals {
    std::uint64_t bills = 0;      // attempts that were billed; each request once, see bill_outcome
    std::uint64_t estimated = 0;  // of them, with counts of the gateway's own
    std::uint64_t unknown = 0;    // of them, without any counts
    std::uint64_t unpriced = 0;   // of them, with counts, at a target without a price
    std::uint64_t input = 0;
    std::uint64_t cached_input = 0;
    std::uint64_t cache_write = 0;
    std::uint64_t output = 0;
    std::uint64_t reasoning = 0;
    std::int64_t nanodollars = 0;

    friend bool operator==(const usage_totals&, const usage_totals&) = default;
};

struct usage_question {
    // "day", "hour", "tenant", "key", "model", "target", "arm", "outcome", "tags" or "tag:NAME", in
    // the order in which the rows are grouped and sorted. Empty: one row of everything.
    std::vector<std::string> by;
    // Unix seconds; whole hours count, `until` excluded.
    std::optional<std::int64_t> since;
    std::optional<std::int64_t> until;
    struct condition {
        std::string dimension;  // as in `by`, but neither day nor hour
        std::string value;
    };
    std::vector<condition> only;  // of each dimension among them, one of its values
    policy::time_zone zone;       // in which days begin, to the hour of UTC
};

struct usage_row {
    std::vector<std::string> group;  // a value for each of `by`
    usage_totals totals;
};

struct usage_answer {
    std::string complaint;  // not empty: there is no answer, and why
    bool too_long = false;  // the complaint: it took longer than it may
    std::vector<usage_row> rows;
    usage_totals total;  // of all rows, those that were cut off too
    bool cut = false;    // there are more rows than most_rows
    static constexpr std::size_t most_rows = 10'000;
};

// Whether the question can be asked of: "day", ..., "tag:NAME".
[[nodiscard]] bool is_usage_dimension(std::string_view name) noexcept;

// SQLite sorts in files what takes more than two megabytes. Where the system has no place for them,
// as on a root that may only be read, they are made in `directory`. Once, before SQLite is used.
void sort_in(const std::string& directory);

}  // namespace sluice::state
