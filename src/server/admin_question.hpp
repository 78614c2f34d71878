#pragma once
// The body of POST /admin/v1/explain.

#include "admin_http.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::server {

// What is asked: a request, as the gateway would get it.
struct question {
    std::string request;  // the body, byte for byte
    std::string key_id{};
    std::map<std::string, std::string, std::less<>> headers{};  // names in lower case
};

// {"key_id", "headers", "request"}, or the request itself. An answer: the body is neither.
[[nodiscard]] std::optional<admin_response> read_question(std::string_view body, question& out);

}  // namespace sluice::server
