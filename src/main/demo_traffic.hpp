#pragma once
// Gentle traffic for the demo: chat completions, some of them streamed, for three models, and the
// rollouts of two of them.

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <thread>

namespace sluice {

// A thread of its own from construction to destruction. Answers are read to their end and thrown
// away; failures are the gateway's to count.
class demo_traffic {
public:
    // To 127.0.0.1. `per_second` above 0.
    demo_traffic(std::uint16_t port, std::uint16_t admin_port, double per_second);
    ~demo_traffic();
    demo_traffic(const demo_traffic&) = delete;
    demo_traffic& operator=(const demo_traffic&) = delete;

private:
    boost::asio::io_context context_{1};
    std::size_t in_flight_ = 0;
    std::thread thread_;  // last: it uses everything above
};

}  // namespace sluice
