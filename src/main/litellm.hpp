#pragma once
// A LiteLLM proxy's config.yaml, as documented for `litellm --config`, in this gateway's words.

#include "litellm_target.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

// What is left out here is left out of the file.
struct litellm_model {
    std::string name;
    std::vector<litellm_target> targets;
    std::vector<std::string> aliases;
    std::string balance{};
    std::optional<std::uint64_t> attempts{};
    std::optional<std::uint64_t> breaker_failures{};
    std::string breaker_cooldown{};
    std::map<std::string, std::vector<std::string>> fallbacks{};  // by why, as "any"
};

struct from_litellm {
    std::vector<litellm_provider> providers;
    std::vector<litellm_model> models;
    std::string request_timeout{};
    std::string redis{};
    std::string admin_token{};
    std::string master_hash{};  // of the only key there is
    left_out left{};            // what is in the file and not here, and why
};

[[nodiscard]] from_litellm read_litellm(const config::node& file);

// For `sluice check` and `serve`.
[[nodiscard]] std::string to_yaml(const from_litellm& made);

}  // namespace sluice
