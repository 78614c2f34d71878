#include <sluice/config/time_zone.hpp>

#include <fstream>
#include <iterator>
#include <string>

namespace sluice::config {
namespace {

// "Europe/Berlin", "Etc/GMT+5", "America/Port-au-Prince": no way out of the directory.
bool is_zone_name(std::string_view text)
{
    constexpr std::string_view allowed =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/";
    return !text.empty() && text.size() <= 64 && !text.starts_with('/') && !text.ends_with('/')
           && text.find_first_not_of(allowed) == std::string_view::npos;
}

}  // namespace

std::optional<policy::time_zone> find_time_zone(
    std::string_view name, const std::filesystem::path& directory)
{
    if (name == "UTC")
        return policy::time_zone();
    if (!is_zone_name(name))
        return std::nullopt;
    std::error_code failed;
    const auto file = directory / name;
    if (!std::filesystem::is_regular_file(file, failed))
        return std::nullopt;
    std::ifstream in(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    return policy::time_zone::parse(bytes);
}

}  // namespace sluice::config
