#pragma once
// Tells the service manager how it goes, as sd_notify(3) does: datagrams to $NOTIFY_SOCKET. Without
// one nothing is told.

#include <sluice/base/clock.hpp>
#include <sluice/config/environment.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::server {

// One thread. What cannot be sent is not: nobody waits for it.
class supervisor {
public:
    // By NOTIFY_SOCKET, a path or with '@' in front an abstract name, and WATCHDOG_USEC.
    explicit supervisor(const config::environment& environment);
    ~supervisor();
    supervisor(const supervisor&) = delete;
    supervisor& operator=(const supervisor&) = delete;

    void ready();
    // A reload begins; ready() ends it.
    void reloading(time_point now);
    // After `drain` at the latest, and what is left then: no unit has to know what that is.
    void stopping(milliseconds drain);
    // Another process is the service from now on.
    void replaced_by(std::int64_t pid);
    // All is well.
    void alive();

    // How often it wants alive(): half of what it allows; none: not at all.
    [[nodiscard]] std::optional<nanoseconds> alive_every() const noexcept { return every_; }

private:
    void tell(std::string_view what) const;

    std::string where_;
    int socket_ = -1;
    std::optional<nanoseconds> every_;
};

}  // namespace sluice::server
