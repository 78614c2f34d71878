#pragma once
// One entry of LiteLLM's model_list: whose API it is, and which of its models.

#include "litellm_members.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace sluice {

// The providers met so far, by what tells one from another.
class litellm_providers {
public:
    // The name of the one at `base_url` with this key ("" for none) and these limits ("requests",
    // "tokens": a rate). A second one of the same `vendor` gets a number.
    [[nodiscard]] std::string name_of(
        const std::string& vendor,
        const std::string& base_url,
        const std::string& api_key,
        const std::map<std::string, std::string>& limits);

    [[nodiscard]] const YAML::Node& section() const noexcept { return section_; }

private:
    YAML::Node section_{YAML::NodeType::Map};
    std::map<std::string, std::string> names_;
};

// "os.environ/NAME" as "${NAME}", a dollar sign doubled.
[[nodiscard]] std::string litellm_secret(const std::string& text);

// None: nothing here speaks its dialect; `left` says so.
[[nodiscard]] std::optional<YAML::Node> litellm_target(
    const YAML::Node& entry, const std::string& path, litellm_providers& providers, left_out& left);

}  // namespace sluice
