#include "tree.hpp"
#include <sluice/base/text.hpp>

#include <algorithm>

namespace sluice::config {
namespace {

constexpr std::string_view file_prefix = "file:";

bool is_variable_name(std::string_view name)
{
    const auto letter = [](char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_'; };
    return !name.empty() && letter(name.front())
           && std::all_of(name.begin(), name.end(), [&](char c) {
                  return letter(c) || (c >= '0' && c <= '9');
              });
}

// What one reference (the inside of ${...}) stands for; on failure says why in `wrong`.
std::optional<std::string> resolve(
    std::string_view reference, const environment& environment, std::string& wrong)
{
    if (reference.starts_with(file_prefix)) {
        const std::string path(reference.substr(file_prefix.size()));
        auto content = environment.file(path);
        if (content)
            return std::string(trim(*content));
        wrong =
            "cannot read " + shown_name(path) + ", it has to be a readable file of at most 1MiB";
        return {};
    }
    if (!is_variable_name(reference)) {
        wrong = "${" + shown_name(reference)
                + "} is neither ${NAME} nor ${file:/path}; a dollar sign itself is written $$";
        return {};
    }
    auto value = environment.variable(std::string(reference));
    if (!value)
        wrong = "environment variable " + shown_name(reference) + " is not set";
    return value;
}

// False, and the reason in `wrong`, when a reference cannot be resolved.
bool expand(node& scalar, const environment& environment, std::string& wrong)
{
    std::string_view rest = scalar.text;
    std::string out;
    while (true) {
        const auto dollar = rest.find('$');
        out += rest.substr(0, dollar);
        if (dollar == std::string_view::npos)
            break;
        rest.remove_prefix(dollar + 1);
        if (rest.starts_with('$')) {
            out += '$';
            rest.remove_prefix(1);
        } else if (rest.starts_with('{')) {
            const auto close = rest.find('}');
            if (close == std::string_view::npos) {
                wrong = "${ is never closed; a dollar sign itself is written $$";
                return false;
            }
            const auto value = resolve(rest.substr(1, close - 1), environment, wrong);
            if (!value)
                return false;
            out += *value;
            scalar.hidden = true;
            rest.remove_prefix(close + 1);
        } else {
            out += '$';
        }
    }
    scalar.text = std::move(out);
    return true;
}

void substitute_below(
    node& at, const std::string& path, const environment& environment, complaints& complaints)
{
    if (at.is == node::kind::scalar && at.text.find('$') != std::string::npos) {
        std::string wrong;
        if (!expand(at, environment, wrong)) {
            at.refused = true;
            complaints.add(at.line, at.column, path, wrong);
        }
    }
    std::size_t index = 0;
    for (auto& member : at.members) {
        std::string below = path;
        if (at.is == node::kind::sequence)
            below += '[' + std::to_string(index++) + ']';
        else
            below += (path.empty() ? "" : ".") + shown_name(member.name);
        substitute_below(member.value, below, environment, complaints);
    }
}

}  // namespace

void substitute(node& root, const environment& environment, complaints& complaints)
{
    substitute_below(root, "", environment, complaints);
}

}  // namespace sluice::config
