#pragma once
// A LiteLLM proxy's config.yaml, as documented for `litellm --config`, in this gateway's words.

#include "litellm_members.hpp"

namespace sluice {

struct from_litellm {
    YAML::Node document;  // for `sluice check` and `serve`
    left_out left;        // what is in the file and not in the document, and why
};

[[nodiscard]] from_litellm read_litellm(const YAML::Node& file);

}  // namespace sluice
