#pragma once
// How the tree of a file is made.

#include "complaints.hpp"
#include <sluice/config/environment.hpp>
#include <sluice/config/yaml_tree.hpp>

#include <string_view>

namespace sluice::config {

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
