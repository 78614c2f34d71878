#include <sluice/state/aside.hpp>

#include <filesystem>
#include <system_error>

namespace sluice::state {
namespace {

constexpr int most_kept = 99;  // so that what fails at every start does not fill the disk

bool is_taken(const std::string& path)
{
    std::error_code ec;
    return std::filesystem::exists(std::filesystem::symlink_status(path, ec));
}

}  // namespace

std::string free_name(const std::string& path, std::string_view ending)
{
    const std::string first = path + std::string(ending);
    std::string name = first;
    for (int number = 2; number <= most_kept && (is_taken(name) || is_taken(name + "-wal"));
         ++number)
        name = first + '.' + std::to_string(number);
    return name;
}

}  // namespace sluice::state
