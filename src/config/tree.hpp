#pragma once
// The file as a tree with positions. yaml-cpp's events build it, not its nodes: those hide
// positions of keys, share aliases and grow without bound.

#include "complaints.hpp"
#include <sluice/config/environment.hpp>

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

// Aliases are expanded, `<<` merged, duplicates complained about. A null node when the text is not
// YAML or not one document.
[[nodiscard]] node parse_tree(std::string_view text, complaints& complaints);

// The second of two equal names goes, with a complaint.
void refuse_duplicates(node& map, complaints& complaints);

// `<<: *defaults`: adds what the map does not say itself.
void merge(node& map, complaints& complaints);

// ${NAME}, ${file:/path} and $$ in every scalar that is a value.
void substitute(node& root, const environment& environment, complaints& complaints);

}  // namespace sluice::config
