#include <sluice/proxy/routes.hpp>

#include <array>
#include <charconv>
#include <cstddef>

namespace sluice::proxy {
namespace {

using wire::endpoint;

// clang-format off
constexpr std::array relays{
    route{action::relay, "/v1/chat/completions", "POST", endpoint::chat_completions},
    route{action::relay, "/v1/completions",      "POST", endpoint::completions},
    route{action::relay, "/v1/embeddings",       "POST", endpoint::embeddings},
    route{action::relay, "/v1/responses",        "POST", endpoint::responses},
};
constexpr route models{action::models, "/v1/models", "GET, HEAD", {}};
constexpr route model{action::model, "/v1/models/{id}", "GET, HEAD", {}};
constexpr route healthz{action::healthz, "/healthz", "GET, HEAD", {}};
// clang-format on

constexpr std::string_view models_prefix = "/v1/models/";

}  // namespace

const route* find_route(std::string_view path) noexcept
{
    if (const auto where = wire::endpoint_of(path))
        return &relays[static_cast<std::size_t>(*where)];
    if (path == models.label || path == models_prefix)
        return &models;
    if (path.starts_with(models_prefix))
        return &model;
    return path == healthz.label ? &healthz : nullptr;
}

bool allows(const route& where, http::method method) noexcept
{
    if (where.action == action::relay)
        return method == http::method::post;
    return method == http::method::get || method == http::method::head;
}

std::string_view method_label(http::method method) noexcept
{
    constexpr std::array<std::string_view, 10> labels{
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "other"};
    return labels[static_cast<std::size_t>(method)];
}

std::string model_in_path(std::string_view path)
{
    path.remove_prefix(models_prefix.size());
    std::string id;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] != '%' || path.size() - i < 3) {
            id += path[i];
            continue;
        }
        // Two digits: the head would have been refused otherwise.
        unsigned octet = 0;
        std::from_chars(&path[i] + 1, &path[i] + 3, octet, 16);
        id += static_cast<char>(octet);
        i += 2;
    }
    return id;
}

}  // namespace sluice::proxy
