#include <sluice/config/units.hpp>
#include <sluice/server/supervisor.hpp>

#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::server {
namespace {

constexpr seconds after_drain{15};

}  // namespace

supervisor::supervisor(const config::environment& environment)
{
    if (!environment.variable)
        return;
    where_ = environment.variable("NOTIFY_SOCKET").value_or("");
    if (where_.empty() || where_.size() >= sizeof(sockaddr_un::sun_path)
        || (where_.front() != '/' && where_.front() != '@'))
        return;
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const auto allowed = config::parse_count(environment.variable("WATCHDOG_USEC").value_or(""));
    if (socket_ >= 0 && allowed && *allowed > 0)
        every_ = std::chrono::microseconds(*allowed) / 2;
}

supervisor::~supervisor()
{
    if (socket_ >= 0)
        ::close(socket_);
}

void supervisor::ready()
{
    tell("READY=1");
}

void supervisor::reloading(time_point now)
{
    const auto at = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(at.count()));
}

void supervisor::stopping(milliseconds drain)
{
    const std::chrono::microseconds within = drain + after_drain;
    tell("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(within.count()));
}

void supervisor::replaced_by(std::int64_t pid)
{
    tell("MAINPID=" + std::to_string(pid));
}

void supervisor::alive()
{
    tell("WATCHDOG=1");
}

void supervisor::tell(std::string_view what) const
{
    if (socket_ < 0)
        return;
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, where_.data(), where_.size());
    // An abstract name begins with a zero and has no end of its own.
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + where_.size());
    (void)::sendto(
        socket_,
        what.data(),
        what.size(),
        MSG_NOSIGNAL,
        reinterpret_cast<const sockaddr*>(&to),
        size);
}

}  // namespace sluice::server
