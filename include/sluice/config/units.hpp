#pragma once
// The spellings of quantities in the configuration, the admin API and ctl. None means: not one.

#include <sluice/base/clock.hpp>
#include <sluice/policy/limit.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

// A whole number, digits only.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);

// A finite decimal number >= 0: 95, 0.5.
[[nodiscard]] std::optional<double> parse_decimal(std::string_view text);

// The same as YAML and JSON may write it too, who like 1e+06 and 1e-06.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);
// A whole one of them, exactly.
[[nodiscard]] std::optional<std::uint64_t> parse_whole_number(std::string_view text);

// 250ms 30s 5m 24h 7d, and plain 0; at most 3650d.
[[nodiscard]] std::optional<milliseconds> parse_duration(std::string_view text);
[[nodiscard]] std::string format_duration(milliseconds value);

// 16KiB 32MiB 1GiB, and plain bytes; below 2^63.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
[[nodiscard]] std::string format_size(std::uint64_t bytes);

// 50/s 3000/min 100/h; the count is 1 to 1'000'000'000.
[[nodiscard]] std::optional<policy::rate> parse_rate(std::string_view text);
[[nodiscard]] std::string format_rate(const policy::rate& rate);

// 12.5% or 12.5: 0 to 100, or to `most`.
[[nodiscard]] std::optional<double> parse_percent(std::string_view text, double most = 100);

// "0.21", at most 6 decimals and 10^12: in millionths, exactly.
[[nodiscard]] std::optional<std::int64_t> parse_micros(std::string_view text);
[[nodiscard]] std::string format_micros(std::int64_t value);

inline constexpr std::int64_t nanos_per_micro = 1000;  // nanodollars in a micro-dollar

// "50 USD": micro-dollars.
[[nodiscard]] std::optional<std::int64_t> parse_money(std::string_view text);
[[nodiscard]] std::string format_money(std::int64_t micro_dollars);

// 2027-01-31 (its 00:00 UTC), 2027-01-31T18:00:00Z or with +02:00; years 1970 to 9999.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_time(std::string_view text);
[[nodiscard]] std::string format_time(std::chrono::sys_seconds time);

// Shortest spelling that reads back as the same number.
[[nodiscard]] std::string format_decimal(double value);

}  // namespace sluice::config
