#pragma once
// Words of the schema's rows.

#include <sluice/config/schema.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::config::schema_units {

inline constexpr std::uint64_t second = 1000;
inline constexpr std::uint64_t hour = 3600 * second;
inline constexpr std::uint64_t day = 24 * hour;
inline constexpr std::uint64_t kib = std::uint64_t{1} << 10U;
inline constexpr std::uint64_t mib = std::uint64_t{1} << 20U;
inline constexpr std::uint64_t gib = std::uint64_t{1} << 30U;
inline constexpr std::uint64_t dollar = 1'000'000;  // micro-dollars
inline constexpr std::uint64_t most_budget = 1'000'000 * dollar;
inline constexpr std::uint64_t most_price = 1'000'000 * dollar;
inline constexpr std::array<std::string_view, 3> store_failures = {"keep_share", "refuse", "local"};
inline constexpr std::string_view name_rule = "1 to 64 of A-Z a-z 0-9 . _ -";

}  // namespace sluice::config::schema_units
