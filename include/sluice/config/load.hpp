#pragma once
// From the text of a configuration file to a document, or to everything that is wrong with it.

#include <sluice/config/environment.hpp>
#include <sluice/config/snapshot.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

// Larger files are refused, and so is one that anchors multiply beyond max_nodes.
inline constexpr std::size_t max_file_bytes = std::size_t{4} << 20U;
inline constexpr std::size_t max_nodes = 400'000;

// The complaint of a file that is none of that size, with what read_file() says of it.
[[nodiscard]] std::string unreadable(std::string_view why);

// One thing that is wrong, and what would be allowed. Holds no secret and nothing that came out of
// ${...}.
struct complaint {
    std::string file;
    std::size_t line = 0;    // 1-based; 0: about the file as a whole
    std::size_t column = 0;  // 1-based
    std::string key;         // "models.gpt-4o.targets[0].weight"; empty: about the file's syntax
    std::string what;
};

// `file:line:column: key: what`, without the parts that are empty.
[[nodiscard]] std::string to_string(const complaint& complaint);

// What the file says: valid, secrets resolved, defaults filled in.
struct document {
    std::string file;
    snapshot settings;  // without what only build() knows: version, catalogue ids, limit states
};

struct load_result {
    std::optional<config::document> document;  // there exactly when there is no complaint
    std::vector<complaint> complaints;         // in the order of the file
};

// What complaints call a text that somebody sent, instead of a file.
inline constexpr std::string_view sent_text = "body";

// Any bytes; never throws but for lack of memory. `file_name` is only for the complaints.
[[nodiscard]] load_result load(
    std::string_view text, std::string_view file_name, const environment& environment);

// The same for a file; one that cannot be read is a complaint.
[[nodiscard]] load_result load_file(const std::string& path, const environment& environment);

}  // namespace sluice::config
