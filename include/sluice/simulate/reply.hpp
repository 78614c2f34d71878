#pragma once
// Heads and chunks as the simulated provider writes them.

#include <sluice/base/clock.hpp>
#include <sluice/simulate/behaviour.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::simulate {

// "name: value\r\n" lines in the making.
class fields {
public:
    fields& add(std::string_view name, std::string_view value);
    fields& add_all(const fields& others);
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
};

// Status line, `lines` and the blank line.
[[nodiscard]] std::string make_head(unsigned status, const fields& lines);

// One chunk with its size line. `bytes` is not empty.
[[nodiscard]] std::string chunk(std::string_view bytes);

inline constexpr std::string_view last_chunk = "0\r\n\r\n";

// The value of retry-after for what is left of a 429 window, never early; empty: no field.
[[nodiscard]] std::string retry_after_value(
    retry_after_form form, duration left, std::chrono::system_clock::time_point now);

// `bytes` up to and from inside its first multi-byte character; the second is empty if it has none.
[[nodiscard]] std::pair<std::string_view, std::string_view> split_character(std::string_view bytes);

}  // namespace sluice::simulate
