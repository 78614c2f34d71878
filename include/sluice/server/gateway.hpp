#pragma once
// The whole gateway in one object: configuration, workers, admin address, signals, drain.

#include <sluice/config/environment.hpp>
#include <sluice/config/load.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/server/own_command.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::server {

class inheritance;

struct gateway_options {
    std::string config_path;
    config::environment environment;
    // SIGTERM and SIGINT drain, SIGHUP reloads, SIGUSR2 hands over to a new process.
    bool handle_signals = true;
    // SIGHUP drains too: a terminal was closed. Not where it is ignored already, as by nohup.
    bool ends_with_terminal = false;
    own_command command = {};
    milliseconds upgrade_limit{30'000};  // for the new process to be ready
    // Of a process that takes over: received already. Null: there is none.
    std::shared_ptr<inheritance> predecessor = nullptr;
    // Called on the control thread once everything listens, with the real ports.
    std::function<void()> on_ready = [] {};
};

class gateway {
public:
    // `file` is the valid content of options.config_path. Binds every address; throws
    // std::runtime_error with a text for people when something cannot be had.
    gateway(gateway_options options, config::document file, observe::logger& log);
    ~gateway();
    gateway(const gateway&) = delete;
    gateway& operator=(const gateway&) = delete;

    // Serves on this thread (control) and the workers' until a drain is through.
    void run();

    // Any thread. The first call drains, a second one insists.
    void stop();
    // As SIGUSR2. Any thread.
    void upgrade();

    struct address {
        std::string host;
        std::uint16_t port = 0;
        bool tls = false;
    };
    [[nodiscard]] const std::vector<address>& listening() const noexcept;
    // 0: there is no admin address.
    [[nodiscard]] std::uint16_t admin_port() const;

private:
    class parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace sluice::server
