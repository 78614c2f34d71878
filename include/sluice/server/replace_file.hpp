#pragma once
// A file exchanged whole: readers see the old content or the new one.

#include <string>
#include <string_view>
#include <system_error>

namespace sluice::server {

// Writes beside the file, then renames over it; owner (where allowed) and mode stay. A symbolic
// link is followed, so that it goes on pointing at the file. On the disk when it returns without an
// error; with one, the old file is still there.
[[nodiscard]] std::error_code replace_file(const std::string& path, std::string_view text);

}  // namespace sluice::server
