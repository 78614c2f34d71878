#pragma once
// One call to the admin API, waited for.

#include <sluice/base/clock.hpp>

#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

// A sentence for the person at the terminal and the program's exit code.
struct ctl_failure {
    ctl_failure() = default;
    ctl_failure(int exit_code, std::string message)
        : code(exit_code),
          what(std::move(message))
    {
    }

    int code = 1;
    std::string what;
};
template <class T>
using ctl_result = boost::system::result<T, ctl_failure>;

struct admin_address {
    std::string host;  // IPv6 without brackets
    std::uint16_t port = 0;
};

// "http://host:port", "http://host", "host:port"; a slash behind it is
// forgiven. The error says
// what is wrong.
[[nodiscard]] ctl_result<admin_address> parse_admin_url(std::string_view url);

struct admin_ask {
    std::string method;
    std::string path;
    std::string body{};
    std::string content_type = "application/json";
    std::string if_match{};         // empty: none
    std::string idempotency_key{};  // likewise
};

struct admin_reply {
    unsigned status = 0;
    std::string body;
};

// Answers above 64 MiB are failures.
[[nodiscard]] ctl_result<admin_reply> call_admin(
    const admin_address& where,
    const std::string& token,
    const admin_ask& ask,
    milliseconds limit = milliseconds{30'000});

// A path segment: everything but unreserved characters percent-encoded.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace sluice
