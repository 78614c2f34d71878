#pragma once
// Text for terminals: aligned columns, and JSON with line feeds.

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// Rows of the same length; the first one is the heading. Columns are as wide as their widest cell;
// a cell that looks like a number is aligned to the right.
[[nodiscard]] std::string table_text(const std::vector<std::vector<std::string>>& rows);

// The same JSON, indented by two. `json` is valid.
[[nodiscard]] std::string indented(std::string_view json);

}  // namespace sluice
