#pragma once
// Top-ups that were booked in a period, by the names their askers gave them: one that is told again
// is booked no second time. A text of lines "\nNAME NANODOLLARS", as it stands in the database and
// in Redis; a bound on it forgets the oldest.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::state {

// More money for a budget.
struct extra {
    std::int64_t amount = 0;  // above 0
    std::string operation;    // its name: is_operation()
};

// What became of it.
enum class booking : std::uint8_t {
    none,     // it is not booked
    booked,   // now
    before,   // it was, and is not booked again
    differs,  // not: an operation of that name was booked with another amount
    unknown,  // it may be booked: whoever tells it again will know
};

constexpr std::size_t longest_operation = 128;
constexpr std::size_t longest_operations = 4'096;  // some 30 of the longest names

// 1 to 128 visible ASCII characters.
[[nodiscard]] bool is_operation(std::string_view name) noexcept;

// Of what was booked: before, differs or none.
[[nodiscard]] booking booking_of(std::string_view operations, const extra& what);

void book(std::string& operations, const extra& what);

}  // namespace sluice::state
