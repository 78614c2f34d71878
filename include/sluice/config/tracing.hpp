#pragma once
// Where spans of requests go, and of which requests.

#include <sluice/base/clock.hpp>
#include <sluice/config/model.hpp>

#include <string>
#include <utility>
#include <vector>

namespace sluice::config {

struct tracing_settings {
    using pairs = std::vector<std::pair<std::string, std::string>>;

    webhook otlp;          // with the path of traces
    pairs headers;         // of every export; values may be secrets
    double sample = 0.01;  // of the requests whose caller has not decided; in [0, 1]
    std::string service_name = "sluice";
    pairs resource;                // further attributes of it
    milliseconds timeout{10'000};  // of one export
};

}  // namespace sluice::config
