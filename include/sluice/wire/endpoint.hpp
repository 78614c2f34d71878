#pragma once
// The OpenAI endpoints that are routed by the body's `model`.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::wire {

enum class endpoint : std::uint8_t { chat_completions, completions, embeddings, responses };

inline constexpr std::array<std::string_view, 4> endpoint_labels{
    "chat_completions", "completions", "embeddings", "responses"};

// What stands after a provider's base URL, which holds the "/v1".
inline constexpr std::array<std::string_view, 4> endpoint_paths{
    "/chat/completions", "/completions", "/embeddings", "/responses"};

[[nodiscard]] constexpr std::string_view label_of(endpoint where) noexcept
{
    return endpoint_labels[static_cast<std::size_t>(where)];
}

[[nodiscard]] constexpr std::string_view path_of(endpoint where) noexcept
{
    return endpoint_paths[static_cast<std::size_t>(where)];
}

// `path` is the request target's path without a query: "/v1/chat/completions". One slash at its
// end is forgiven.
[[nodiscard]] constexpr std::optional<endpoint> endpoint_of(std::string_view path) noexcept
{
    if (!path.starts_with("/v1/"))
        return std::nullopt;
    path.remove_prefix(3);
    if (path.ends_with('/'))
        path.remove_suffix(1);
    for (std::size_t i = 0; i < endpoint_paths.size(); ++i)
        if (path == endpoint_paths[i])
            return static_cast<endpoint>(i);
    return std::nullopt;
}

}  // namespace sluice::wire
