#pragma once
// A YAML file as a tree with positions. yaml-cpp's events build it, not its nodes: those hide
// positions of keys, share aliases and grow without bound.

#include <sluice/config/load.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

inline constexpr std::size_t max_depth = 32;

struct member;

struct node {
    enum class kind : std::uint8_t { null, scalar, sequence, map };

    kind is = kind::null;
    bool plain = false;    // a scalar without quotes
    bool hidden = false;   // came out of ${...}: no complaint shows it
    bool refused = false;  // already complained about: nobody looks at it again
    std::size_t line = 1;
    std::size_t column = 1;
    std::string text;             // of a scalar
    std::vector<member> members;  // of a map, names unique; of a sequence, names empty
};

struct member {
    std::string name;
    std::size_t line = 1;
    std::size_t column = 1;
    node value;
};

struct yaml_tree {
    node root;
    std::vector<complaint> complaints;  // none: the text is YAML, one document, no name twice
};

// Aliases are expanded and `<<` merged; ${NAME} is text like any other. `file_name` is only for
// the complaints.
[[nodiscard]] yaml_tree read_yaml(std::string_view text, std::string_view file_name);

}  // namespace sluice::config
