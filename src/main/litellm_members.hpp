#pragma once
// A mapping of a LiteLLM file, of which every member is either taken or named as left out.

#include <sluice/config/yaml_tree.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// "router_settings.timeout (line 7): why", in the file's order within a mapping.
using left_out = std::vector<std::string>;

class litellm_members {
public:
    // `of` may be null, for one that is absent. It and `into` outlive this.
    litellm_members(const config::node* of, std::string path, left_out& into);

    // Null where it is not there, says nothing, or is not of that kind, which is told.
    [[nodiscard]] const config::node* list(const std::string& name);
    [[nodiscard]] const config::node* map(const std::string& name);
    [[nodiscard]] std::optional<std::string> text(const std::string& name);
    // A number, as digits: 600, 6e2 and 1_000 are. None also where it is not `least` to `most`,
    // which is told.
    [[nodiscard]] std::optional<double> number(const std::string& name, double least, double most);
    [[nodiscard]] std::optional<std::uint64_t> count(
        const std::string& name, std::uint64_t least, std::uint64_t most);

    // Nobody needs to know that it is not carried over.
    void ignore(const std::string& name) { taken_.insert(name); }

    // Of one that was taken and cannot be used after all.
    void leave(const std::string& name, std::string_view why);

    // All that nobody took.
    void finish();

private:
    [[nodiscard]] const config::member* find(const std::string& name) const;
    [[nodiscard]] const config::node* take(
        const std::string& name, config::node::kind is, std::string_view what);

    const config::node* node_;
    std::string path_;
    left_out& left_;
    std::set<std::string> taken_;
};

}  // namespace sluice
