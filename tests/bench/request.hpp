#pragma once
// Requests as the official OpenAI client for node sends them: the same fields in the same order.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::bench {

struct request_settings {
    std::uint16_t port = 0;
    std::string path = "/v1/chat/completions";
    std::string key = "sk-bench";
    std::string model = "bench-model";
    std::size_t body_bytes = 1024;          // of the whole JSON document; never less than it needs
    std::string body_file;                  // sent as it is, instead of a made one
    std::vector<std::string> extra_fields;  // "name: value"
};

// Head and body in one piece. Throws std::runtime_error when the file cannot be read.
[[nodiscard]] std::string make_request(const request_settings& settings, bool stream);

}  // namespace sluice::bench
