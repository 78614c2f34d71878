#pragma once
// As much of an HTTP request as the mock needs to know.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::bench {

struct mock_request {
    enum class state : std::uint8_t {
        partial,  // more bytes are needed: `bytes` in all, or an unknown number when it is 0
        whole,    // it is the first `bytes` bytes
        refused,  // a body without Content-Length, or a bad one
    };

    state found = state::partial;
    std::size_t bytes = 0;
    bool post = false;
    bool close = false;   // the client wants the connection closed
    bool stream = false;  // "stream":true within the body's first or last 1,024 bytes
    bool usage = false;   // and so "include_usage":true
};

[[nodiscard]] mock_request read_request(std::string_view bytes);

}  // namespace sluice::bench
