#pragma once
// One HTTP call of the control thread, bounded in time and size. Cold code.

#include <sluice/base/clock.hpp>
#include <sluice/config/model.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace sluice::server {

struct http_ask {
    config::webhook where;
    bool post = false;  // JSON; else GET
    std::string body{};
    milliseconds limit{10'000};  // from the name to the end of the answer
    std::size_t answer_bytes = std::size_t{64} << 10U;
    std::string ca_file{};                                       // empty: the system's trust store
    std::vector<std::pair<std::string, std::string>> headers{};  // besides its own
    bool whole_answer = false;  // of a POST too, not only its status
};

// The status of the answer, or 0; and why there is none, or not the whole of it.
struct http_end {
    unsigned status = 0;
    std::string why;
    std::string body;         // of the answer to a GET, or where the whole one was asked for
    std::string retry_after;  // of its head; may be empty
};

// What went wrong, for a log.
[[nodiscard]] std::string words_of(const http_end& end);

// Over https only a peer whose certificate holds for the host is told anything. Redirects are not
// followed. `ask` outlives the call.
boost::asio::awaitable<http_end> call_http(const http_ask& ask);

}  // namespace sluice::server
