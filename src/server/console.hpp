#pragma once
// The console: a page that the admin address serves from memory. It has no right of its own; it
// calls the admin API with the token that its reader gives it.

#include "admin_http.hpp"

#include <optional>
#include <string_view>

namespace sluice::server {

// What `path`, without its query, is answered with by GET and HEAD; none: it is not the console's.
// Every reference is relative, so that it works behind a proxy that puts a prefix before the paths.
[[nodiscard]] std::optional<admin_response> console_answer(std::string_view path);

}  // namespace sluice::server
