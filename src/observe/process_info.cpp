#include "process_info.hpp"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace sluice::observe {
namespace {

double seconds_of(const timeval& time)
{
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double clock_seconds(clockid_t clock)
{
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Seconds after boot at which the process began: field 22 of /proc/self/stat, of which the second
// may hold blanks but ends with the last parenthesis.
double started_after_boot()
{
    std::ifstream in("/proc/self/stat");
    std::string text;
    std::getline(in, text);
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos)
        return 0;
    std::istringstream fields(text.substr(name_end + 1));
    std::string skipped;
    for (int field = 3; field < 22; ++field)
        fields >> skipped;
    double ticks = 0;
    fields >> ticks;
    return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

double process_start_time()
{
    const double age = clock_seconds(CLOCK_BOOTTIME) - started_after_boot();
    return clock_seconds(CLOCK_REALTIME) - age;
}

process_info read_process_info()
{
    process_info out;
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0)
        out.cpu_seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);

    std::ifstream memory("/proc/self/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    if (memory >> total >> resident)
        out.resident_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));

    std::error_code ec;
    std::filesystem::directory_iterator fds("/proc/self/fd", ec);
    if (!ec)
        out.open_fds = static_cast<std::uint64_t>(std::distance(begin(fds), end(fds))) - 1;
    return out;
}

}  // namespace sluice::observe
