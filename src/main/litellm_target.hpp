#pragma once
// One entry of LiteLLM's model_list: whose API it is, and which of its models.

#include "litellm_members.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

struct litellm_provider {
    std::string name;
    std::string base_url;
    std::string api_key;                        // "" for none
    std::map<std::string, std::string> limits;  // "requests", "tokens": a rate
};

struct litellm_target {
    std::string provider;
    std::string name{};   // "": the provider's
    std::string model{};  // "": as it is asked for
    std::optional<double> weight{};
    std::map<std::string, std::string> price{};  // "input": dollars a million
};

// The providers met so far, by what tells one from another.
class litellm_providers {
public:
    // The name of the one like this. A second one of the same `vendor` gets a number.
    [[nodiscard]] std::string name_of(const std::string& vendor, litellm_provider like);

    [[nodiscard]] const std::vector<litellm_provider>& list() const noexcept { return list_; }

private:
    std::vector<litellm_provider> list_;
    std::map<std::string, std::string> names_;  // by all the rest
    std::map<std::string, unsigned> used_;      // by vendor
};

// As the file has it: a dollar sign doubled where it would mean something.
[[nodiscard]] std::string litellm_text(const std::string& text);
// The same, and "os.environ/NAME" as "${NAME}".
[[nodiscard]] std::string litellm_secret(const std::string& text);

// Whether a model may be called so; `left` says if not.
[[nodiscard]] bool is_litellm_name(
    const std::string& name, const std::string& path, left_out& left);

// The model_name of an entry that has one.
struct litellm_entry {
    std::string model_name;
    litellm_target target;
};

// None: it cannot be carried over; `left` says why.
[[nodiscard]] std::optional<litellm_entry> read_litellm_entry(
    const config::node& entry,
    const std::string& path,
    litellm_providers& providers,
    left_out& left);

}  // namespace sluice
