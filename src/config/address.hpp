#pragma once
// Spellings of where things are.

#include <sluice/config/snapshot.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

struct host_port {
    std::string host;  // an IP literal; IPv6 without brackets
    std::uint16_t port = 0;
};

// host:port, [v6]:port, :port (every IPv4 address). `localhost` is 127.0.0.1, other names are none.
[[nodiscard]] std::optional<host_port> parse_address(std::string_view text);

// Whether two sockets cannot listen there at once: 0.0.0.0 is every IPv4 address, :: every IPv6
// one. Port 0 is any free one.
[[nodiscard]] bool overlap(const host_port& a, const host_port& b);

// 127.0.0.0/8 or ::1.
[[nodiscard]] bool is_loopback(std::string_view ip);

struct base_url {
    bool tls = false;
    std::string host;  // lower case, IPv6 without brackets
    std::uint16_t port = 0;
    std::string authority;    // for Host: brackets, and the port unless it is the scheme's
    std::string path_prefix;  // without trailing slash
};

// What is wrong with a base URL in words, or the URL. RFC 3986; stricter where a lax reading has
// led requests to another host: no user, no percent sign or number tricks in the host, no
// link-local or metadata address.
struct base_url_result {
    std::optional<base_url> url;
    std::string wrong;
};
// `key_belongs`: the setting that has what somebody may have taken the user and password for.
[[nodiscard]] base_url_result parse_base_url(
    std::string_view text, std::string_view key_belongs = {});

// The same for a URL that is called as it stands, with a query if it has one.
struct webhook_result {
    std::optional<webhook> hook;
    std::string wrong;
};
[[nodiscard]] webhook_result parse_webhook(
    std::string_view text, std::string_view key_belongs = {});

// redis://, rediss://; user and password may have percent signs for what does not belong there.
struct redis_result {
    std::optional<redis_address> address;
    std::string wrong;  // shows nothing of the text
};
[[nodiscard]] redis_result parse_redis(std::string_view text);

}  // namespace sluice::config
