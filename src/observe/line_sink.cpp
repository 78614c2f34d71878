#include "line_sink.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace sluice::observe {
namespace {

// A file takes any size. Larger writes make the page cache ask for larger runs of pages, which are
// often memory the machine has not used before.
constexpr std::size_t most_to_file = std::size_t{32} << 10U;

int open_standard_error()
{
    struct stat facts{};
    if (::fstat(STDERR_FILENO, &facts) == 0
        && (S_ISFIFO(facts.st_mode) || S_ISCHR(facts.st_mode))) {
        // An open file description of our own: non-blocking for us and for nobody else.
        const int own =
            ::open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (own >= 0)
            return own;
    }
    return ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
}

int open_named(const std::string& path)
{
    const int fd =
        path == "stderr"
            ? open_standard_error()
            : ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0640);
    if (fd < 0)
        throw std::system_error(errno, std::generic_category(), path);
    return fd;
}

}  // namespace

line_sink::line_sink(const std::string& path)
    : line_sink(open_named(path))
{
}

line_sink::line_sink(int fd)
    : fd_(fd)
{
    struct stat facts{};
    if (::fstat(fd_, &facts) == 0) {
        file_ = S_ISREG(facts.st_mode);
        socket_ = S_ISSOCK(facts.st_mode);
    }
}

line_sink::~line_sink()
{
    ::close(fd_);
}

// A pipe with room for PIPE_BUF bytes is writable, and takes that many without waiting (pipe(7)).
bool line_sink::ready() const noexcept
{
    pollfd asked{fd_, POLLOUT, 0};
    return file_ || ::poll(&asked, 1, 0) == 1;
}

bool line_sink::ends_within_a_line() const noexcept
{
    struct stat facts{};
    if (!file_ || ::fstat(fd_, &facts) != 0 || facts.st_size == 0)
        return false;
    // What is open is for writing only.
    std::array<char, 32> path{};
    (void)std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd_);
    const int own = ::open(path.data(), O_RDONLY | O_CLOEXEC);
    if (own < 0)
        return false;
    char last = '\n';
    [[maybe_unused]] const auto got = ::pread(own, &last, 1, facts.st_size - 1);
    ::close(own);
    return last != '\n';
}

line_sink::outcome line_sink::write(std::string_view lines) noexcept
{
    if (const std::size_t most = file_ ? most_to_file : PIPE_BUF; lines.size() > most) {
        const auto last = lines.substr(0, most).rfind('\n');
        lines = lines.substr(0, last == std::string_view::npos ? most : last + 1);
    }
    if (!ready())
        return {0, EAGAIN};
    ssize_t written = -1;
    do {
        written = socket_ ? ::send(fd_, lines.data(), lines.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                          : ::write(fd_, lines.data(), lines.size());
    } while (written < 0 && errno == EINTR);
    if (written < 0)
        return {0, errno};
    return {static_cast<std::size_t>(written), 0};
}

}  // namespace sluice::observe
