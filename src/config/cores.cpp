#include <sluice/base/text.hpp>
#include <sluice/config/cores.hpp>
#include <sluice/config/environment.hpp>
#include <sluice/config/units.hpp>

#include <algorithm>
#include <sched.h>
#include <string_view>
#include <unistd.h>

namespace sluice::config {

namespace {

constexpr std::string_view mounted = "/sys/fs/cgroup";

std::size_t cores_by_affinity()
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return static_cast<std::size_t>(std::max(CPU_COUNT(&set), 1));
    return static_cast<std::size_t>(std::max<long>(sysconf(_SC_NPROCESSORS_ONLN), 1));
}

// No number: no quota.
std::optional<std::size_t> cores_of(std::string_view quota, std::string_view period)
{
    const auto per = parse_count(trim(period));
    const auto micros = parse_count(trim(quota));
    if (!micros || !per || *per == 0)
        return {};
    return std::max<std::size_t>(1, *micros / *per + (*micros % *per != 0 ? 1 : 0));
}

// cpu.max is "QUOTA PERIOD", or "max PERIOD".
std::optional<std::size_t> cores_of(const std::optional<std::string>& cpu_max)
{
    const auto space = cpu_max ? cpu_max->find(' ') : std::string::npos;
    if (space == std::string::npos)
        return {};
    return cores_of(
        std::string_view(*cpu_max).substr(0, space), std::string_view(*cpu_max).substr(space));
}

// "0::/system.slice/sluice.service" is this process's place below where the groups are mounted. In
// a container that is "/", or a place that is not to be seen there.
std::string own_group(const std::string& groups)
{
    constexpr std::string_view version_2 = "0::/";
    std::string_view rest = groups;
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (line.starts_with(version_2) && line.find("/..") == std::string_view::npos)
            return std::string(line.substr(version_2.size() - 1));
    }
    return "/";
}

}  // namespace

std::optional<std::size_t> cores_by_quota(
    const std::function<std::optional<std::string>(const std::string& path)>& file)
{
    std::optional<std::size_t> least;
    const auto heed = [&least](std::optional<std::size_t> cores) {
        if (cores)
            least = std::min(*cores, least.value_or(*cores));
    };
    auto group = own_group(file("/proc/self/cgroup").value_or(""));
    while (group.size() > 1) {
        heed(cores_of(file(std::string(mounted) + group + "/cpu.max")));
        group.resize(group.rfind('/'));
    }
    heed(cores_of(file(std::string(mounted) + "/cpu.max")));
    const auto quota = file(std::string(mounted) + "/cpu/cpu.cfs_quota_us");
    const auto period = file(std::string(mounted) + "/cpu/cpu.cfs_period_us");
    if (quota && period)
        heed(cores_of(*quota, *period));
    return least;
}

std::size_t usable_cores()
{
    const auto cores = cores_by_affinity();
    const auto quota = cores_by_quota([](const std::string& path) {
        constexpr std::size_t enough = 65'536;
        return read_file(path, enough);
    });
    return std::min(cores, quota.value_or(cores));
}

}  // namespace sluice::config
