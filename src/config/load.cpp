#include "read.hpp"
#include <sluice/config/load.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice::config {
namespace {

std::vector<complaint> in_order(complaints& found)
{
    // What another file says comes behind.
    const auto order = [&found](const complaint& one) {
        return std::tuple(one.file != found.file, one.line, one.column, one.key, one.what);
    };
    std::sort(
        found.list.begin(), found.list.end(), [&order](const complaint& a, const complaint& b) {
            return order(a) < order(b);
        });
    if (found.left_out > 0)
        found.list.push_back(
            {.file = found.file,
             .key = {},
             .what = "and " + std::to_string(found.left_out) + " more complaints"});
    return std::move(found.list);
}

}  // namespace

std::string to_string(const complaint& complaint)
{
    std::string text = complaint.file;
    if (complaint.line > 0)
        text += ':' + std::to_string(complaint.line) + ':' + std::to_string(complaint.column);
    if (!complaint.key.empty())
        text += ": " + complaint.key;
    return text + ": " + complaint.what;
}

yaml_tree read_yaml(std::string_view text, std::string_view file_name)
{
    complaints found{.file = std::string(file_name), .list = {}};
    node root = parse_tree(text, found);
    return {.root = std::move(root), .complaints = in_order(found)};
}

load_result load(std::string_view text, std::string_view file_name, const environment& environment)
{
    complaints found{.file = std::string(file_name), .list = {}};
    node tree = parse_tree(text, found);
    // A file that is not YAML has one complaint, not one for every key that could not be read.
    if (tree.is == node::kind::null && !found.list.empty())
        return {.document = {}, .complaints = in_order(found)};

    substitute(tree, environment, found);
    check_shape(tree, found);
    snapshot settings;
    const place root(tree, found);
    read_process(root, environment, settings);
    read_providers(root, environment, settings);
    read_prices(root["prices"], environment, found, settings);
    read_models(root, settings);
    settings.index();
    read_links(root, settings);
    read_tenants(root, settings);
    read_jwt(root, environment, settings);
    read_tracing(root, settings);
    read_keys(root, settings);
    if (!found.list.empty())
        return {.document = {}, .complaints = in_order(found)};
    return {.document = document{std::string(file_name), std::move(settings)}, .complaints = {}};
}

std::string unreadable(std::string_view why)
{
    return "cannot be read, it has to be a readable file of at most 4MiB: " + std::string(why);
}

load_result load_file(const std::string& path, const environment& environment)
{
    complaints found{.file = path, .list = {}};
    std::string why;
    const auto text = read_file(path, max_file_bytes, why);
    if (text)
        return load(*text, path, environment);
    found.add(0, 0, "", unreadable(why));
    return {.document = {}, .complaints = std::move(found.list)};
}

}  // namespace sluice::config
