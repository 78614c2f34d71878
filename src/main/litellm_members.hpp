#pragma once
// A mapping of a LiteLLM file, of which every member is either taken or named as left out.

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <yaml-cpp/yaml.h>

namespace sluice {

// "router_settings.timeout (line 7): why", in the file's order within a mapping.
using left_out = std::vector<std::string>;

class litellm_members {
public:
    // `of` may be absent or null. `into` outlives this.
    litellm_members(YAML::Node of, std::string path, left_out& into)
        : node_(std::move(of)),
          path_(std::move(path)),
          left_(into)
    {
        if (node_ && !node_.IsNull() && !node_.IsMap())
            left_.push_back(path_ + ": is not a mapping");
    }

    // Undefined where it is not there or null.
    [[nodiscard]] YAML::Node take(const std::string& name)
    {
        taken_.insert(name);
        const auto& here = node_;
        if (!here || !here.IsMap() || !here[name] || here[name].IsNull())
            return YAML::Node(YAML::NodeType::Undefined);
        return here[name];
    }

    // Of one that was taken and cannot be used after all.
    void leave(const std::string& name, std::string_view why)
    {
        const auto line = std::as_const(node_)[name].Mark().line + 1;
        left_.push_back(
            (path_.empty() ? "" : path_ + '.') + name + " (line " + std::to_string(line)
            + "): " + std::string(why));
    }

    // All that nobody took.
    void finish()
    {
        if (!node_ || !node_.IsMap())
            return;
        for (const auto& member : node_)
            if (const auto name = member.first.Scalar(); !taken_.contains(name))
                leave(name, "has no counterpart");
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    YAML::Node node_;
    std::string path_;
    left_out& left_;
    std::set<std::string> taken_;
};

}  // namespace sluice
