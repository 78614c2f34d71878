#pragma once
// A redis-server of one test: on 127.0.0.1 with a port of its own and a directory that goes with
// it.

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace loopback {

class redis_server {
public:
    // Whether the program is there; the tests that need it say that they skip.
    [[nodiscard]] static bool installed();

    // Answers PING when this returns. `options` as on its command line.
    explicit redis_server(std::vector<std::string> options = {});
    ~redis_server();
    redis_server(const redis_server&) = delete;
    redis_server& operator=(const redis_server&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    // Of options that ask for TLS, with `--tls-port` added: the port that speaks it.
    [[nodiscard]] std::uint16_t tls_port() const noexcept { return tls_port_; }

    void freeze() const;  // SIGSTOP
    void thaw() const;
    void kill();   // SIGKILL; nothing is kept
    void start();  // after kill(), on the same port

    // A command over a connection of its own; the reply as it came, without the last line end.
    std::string tell(const std::vector<std::string>& words) const;

private:
    [[nodiscard]] bool run();
    [[nodiscard]] bool answers() const;

    std::vector<std::string> options_;
    std::string directory_;
    std::uint16_t port_ = 0;
    std::uint16_t tls_port_ = 0;
    pid_t pid_ = -1;
};

}  // namespace loopback
