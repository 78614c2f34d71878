#pragma once
// One HTTP call to somebody else's server, or of `ctl` to ours, bounded in time and size. Cold
// code.

#include <sluice/base/clock.hpp>
#include <sluice/config/model.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::server {

struct http_ask {
    config::webhook where;
    std::string method = "GET";
    std::string body{};
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers{};  // besides its own
    std::string_view program = "sluice";                         // what it says that it is
    std::string ca_file{};                                       // empty: the system's trust store
    milliseconds limit{10'000};  // from the name to the end of the answer
    std::size_t answer_bytes = std::size_t{64} << 10U;
    bool status_only = false;  // what comes behind the head is not waited for
};

// The status of the answer, or 0; and why there is none, or not the whole of it.
struct http_end {
    unsigned status = 0;
    std::string why{};
    std::string body{};                       // unless only the status was asked for
    std::string retry_after{};                // of its head; may be empty
    boost::system::error_code unreachable{};  // why there was no connection
};

// What went wrong, for a log.
[[nodiscard]] std::string words_of(const http_end& end);

// Over https only a peer whose certificate holds for the host is told anything. Redirects are not
// followed; an answer that comes before all is sent counts. `ask` outlives the call.
boost::asio::awaitable<http_end> call_http(const http_ask& ask);

}  // namespace sluice::server
