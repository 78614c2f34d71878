#include <sluice/base/text.hpp>
#include <sluice/config/environment.hpp>
#include <sluice/config/units.hpp>
#include <sluice/net/tls.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace sluice::config {
namespace {

constexpr std::size_t max_secret_file = std::size_t{1} << 20U;

class descriptor {
public:
    explicit descriptor(int fd)
        : fd_(fd)
    {
    }
    ~descriptor()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

std::size_t cores_by_affinity()
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return static_cast<std::size_t>(std::max(CPU_COUNT(&set), 1));
    return static_cast<std::size_t>(std::max<long>(sysconf(_SC_NPROCESSORS_ONLN), 1));
}

// Whole cores of a quota, rounded up; none: no quota.
std::optional<std::size_t> cores_of(std::string_view quota, std::string_view period)
{
    const auto per = parse_count(trim(period));
    const auto micros = parse_count(trim(quota));
    if (!micros || !per || *per == 0)
        return {};
    return std::max<std::size_t>(1, *micros / *per + (*micros % *per != 0 ? 1 : 0));
}

// What a container may use: cgroup v2's cpu.max is "QUOTA PERIOD", or "max PERIOD".
std::optional<std::size_t> cores_by_quota()
{
    if (const auto v2 = read_file("/sys/fs/cgroup/cpu.max", 4096)) {
        const auto space = v2->find(' ');
        if (space != std::string::npos)
            return cores_of(
                std::string_view(*v2).substr(0, space), std::string_view(*v2).substr(space));
    }
    const auto quota = read_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", 4096);
    const auto period = read_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", 4096);
    if (quota && period)
        return cores_of(*quota, *period);
    return {};
}

// As open(2) would say it, but a file that is not there is not made.
std::string append_fault(const std::string& path)
{
    const auto said = [](int error) { return std::generic_category().message(error); };
    const auto allows = [](const std::string& file, int what) {
        return ::faccessat(AT_FDCWD, file.c_str(), what, AT_EACCESS) == 0;
    };
    struct stat about{};
    if (::stat(path.c_str(), &about) == 0) {
        if (S_ISDIR(about.st_mode))
            return said(EISDIR);
        return allows(path, W_OK) ? "" : said(errno);
    }
    if (errno != ENOENT)
        return said(errno);
    const auto slash = path.rfind('/');
    const auto directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    return allows(directory, W_OK | X_OK) ? "" : said(errno);
}

}  // namespace

std::optional<std::string> read_file(const std::string& path, std::size_t max_bytes)
{
    std::string why;
    return read_file(path, max_bytes, why);
}

std::optional<std::string> read_file(
    const std::string& path, std::size_t max_bytes, std::string& why)
{
    const auto failed = [&why](int error) {
        why = std::generic_category().message(error);
        return std::nullopt;
    };
    // Not blocking: a pipe without a writer must not hold up a reload.
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat about{};
    if (file.get() < 0 || ::fstat(file.get(), &about) != 0)
        return failed(errno);
    if (S_ISDIR(about.st_mode))
        return failed(EISDIR);
    if (!S_ISREG(about.st_mode)) {
        why = "it is no regular file";
        return std::nullopt;
    }
    std::string content;
    std::array<char, 16'384> piece;
    while (true) {
        const auto count = ::read(file.get(), piece.data(), piece.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return failed(errno);
        if (count == 0)
            return content;
        content.append(piece.data(), static_cast<std::size_t>(count));
        if (content.size() > max_bytes) {
            why = "it is larger";
            return std::nullopt;
        }
    }
}

environment process_environment()
{
    environment real;
    real.variable = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
    real.file = [](const std::string& path) { return read_file(path, max_secret_file); };
    real.certificate_fault = net::certificate_fault;
    real.private_key_fault = net::private_key_fault;
    real.append_fault = append_fault;
    real.authorities_fault = net::authorities_fault;
    const auto cores = cores_by_affinity();
    real.cores = std::min(cores, cores_by_quota().value_or(cores));
    return real;
}

}  // namespace sluice::config
