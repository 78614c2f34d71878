#pragma once
// What is wrong so far.

#include <sluice/config/load.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

struct complaints {
    std::string file;
    std::vector<complaint> list;
    std::size_t left_out = 0;

    [[nodiscard]] bool full() const;

    // Beyond max_complaints only counted.
    void add(std::size_t line, std::size_t column, std::string key, std::string what);
};
inline constexpr std::size_t max_complaints = 1000;

// A name of the file as complaints show it: escaped, and cut if it is long.
[[nodiscard]] std::string shown_name(std::string_view name);

}  // namespace sluice::config
