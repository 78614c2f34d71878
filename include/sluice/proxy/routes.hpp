#pragma once
// What the data plane answers to: the endpoint table.

#include <sluice/http/names.hpp>
#include <sluice/wire/endpoint.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace sluice::proxy {

enum class action : std::uint8_t { relay, models, model, healthz };

struct route {
    proxy::action action;
    std::string_view label;                  // metrics and access log
    std::string_view allow;                  // the methods it takes, as in the Allow header
    std::optional<wire::endpoint> endpoint;  // for action::relay
};

// nullptr: nothing is at this path. Paths are compared as they were sent: nothing is decoded or
// normalised, so a disguised path is an unknown one.
[[nodiscard]] const route* find_route(std::string_view path) noexcept;

[[nodiscard]] bool allows(const route& where, http::method method) noexcept;

// The method as a literal, for the access log; "other" for those nobody uses.
[[nodiscard]] std::string_view method_label(http::method method) noexcept;

// The {id} of /v1/models/{id}, which may have a slash; clients send it percent-encoded.
[[nodiscard]] std::string model_in_path(std::string_view path);

}  // namespace sluice::proxy
