#pragma once
// `sluice demo`: the gateway, two simulated providers and gentle traffic in one process.

#include <cstdint>
#include <iosfwd>
#include <string>

namespace sluice {

struct demo_options {
    std::uint16_t port = 8080;
    std::uint16_t admin_port = 9090;
    double requests_per_second = 9;  // 0: no traffic of its own
    std::string program = "sluice";  // as it was called
};

// Until SIGINT or SIGTERM. Exit code: 0; 1 an address cannot be bound; 2 bad options.
[[nodiscard]] int run_demo(const demo_options& options, std::ostream& out, std::ostream& err);

}  // namespace sluice
