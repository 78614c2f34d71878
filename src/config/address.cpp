#include "address.hpp"

#include <sluice/base/text.hpp>
#include <sluice/config/units.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <type_traits>

namespace sluice::config {
namespace {

using ipv6 = std::array<std::uint8_t, 16>;

std::optional<std::uint32_t> parse_ipv4(std::string_view text)
{
    in_addr address{};
    if (inet_pton(AF_INET, std::string(text).c_str(), &address) != 1)
        return {};
    return ntohl(address.s_addr);
}

std::optional<ipv6> parse_ipv6(std::string_view text)
{
    ipv6 address{};
    if (inet_pton(AF_INET6, std::string(text).c_str(), address.data()) != 1)
        return {};
    return address;
}

std::optional<std::uint16_t> parse_port(std::string_view text)
{
    const auto port = parse_count(text);
    if (!port || *port > 65'535 || text.size() > 5)
        return {};
    return static_cast<std::uint16_t>(*port);
}

// "host", "host:port", "[v6]", "[v6]:port".
struct authority_parts {
    std::string_view host;
    std::string_view port;
    bool has_port = false;
    bool brackets = false;
};

std::optional<authority_parts> split_authority(std::string_view text)
{
    authority_parts parts;
    std::size_t after = 0;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos)
            return {};
        parts.brackets = true;
        parts.host = text.substr(1, close - 1);
        after = close + 1;
    } else {
        after = std::min(text.find(':'), text.size());
        parts.host = text.substr(0, after);
    }
    if (after < text.size()) {
        if (text[after] != ':')
            return {};
        parts.has_port = true;
        parts.port = text.substr(after + 1);
    }
    return parts;
}

constexpr std::string_view letters_and_digits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool only(std::string_view text, std::string_view more)
{
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return letters_and_digits.find(c) != std::string_view::npos
               || more.find(c) != std::string_view::npos;
    });
}

// What inet_aton and browsers would read as an address: the last label is a number in some base.
bool ends_in_a_number(std::string_view host)
{
    const auto dot = host.rfind('.');
    const auto last = dot == std::string_view::npos ? host : host.substr(dot + 1);
    const bool digits =
        std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
    return digits || last.starts_with("0x");
}

bool forbidden_ipv4(std::uint32_t ip)
{
    return (ip >> 16U) == 0xa9fe;  // 169.254.0.0/16: link-local, where clouds keep their metadata
}

bool forbidden_ipv6(const ipv6& ip)
{
    constexpr ipv6 mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    constexpr ipv6 metadata = {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
    const bool link_local = ip[0] == 0xfe && (ip[1] & 0xc0U) == 0x80U;
    const bool maps_link_local = std::equal(mapped.begin(), mapped.begin() + 12, ip.begin())
                                 && ip[12] == 169 && ip[13] == 254;
    return link_local || maps_link_local || ip == metadata;
}

std::string wrong_host(const authority_parts& parts, std::string_view host)
{
    constexpr std::string_view forbidden = "a link-local or metadata address is not allowed";
    if (parts.brackets) {
        const auto ip = parse_ipv6(host);
        if (!ip)
            return "what stands in [] is no IPv6 address";
        return forbidden_ipv6(*ip) ? std::string(forbidden) : std::string();
    }
    if (host.empty())
        return "there is no host";
    if (host == "metadata" || host == "metadata.google.internal")
        return std::string(forbidden);
    if (ends_in_a_number(host)) {
        const auto ip = parse_ipv4(host);
        if (!ip)
            return "an IPv4 address has to be four decimal numbers";
        return forbidden_ipv4(*ip) ? std::string(forbidden) : std::string();
    }
    if (host.size() > 253 || !only(host, ".-_") || host.front() == '.' || host.back() == '.'
        || host.find("..") != std::string_view::npos)
        return "that is no host name";
    return {};
}

std::string wrong_path(std::string_view path)
{
    if (path.find_first_of("?#") != std::string_view::npos)
        return "a query or fragment is not allowed";
    if (!only(path, "/-._~!$&'()*+,;=:@%"))
        return "the path has characters that do not belong there";
    const std::string closed = std::string(path) + '/';
    if (closed.find("/./") != std::string::npos || closed.find("/../") != std::string::npos)
        return "the path may not go up";
    return {};
}

}  // namespace

std::optional<host_port> parse_address(std::string_view text)
{
    const auto parts = split_authority(text);
    if (!parts || !parts->has_port)
        return {};
    const auto port = parse_port(parts->port);
    if (!port)
        return {};
    if (parts->brackets)
        return parse_ipv6(parts->host) ? std::optional(host_port{std::string(parts->host), *port})
                                       : std::nullopt;
    if (parts->host.empty())
        return host_port{"0.0.0.0", *port};
    if (iequals(parts->host, "localhost"))
        return host_port{"127.0.0.1", *port};
    if (!parse_ipv4(parts->host))
        return {};
    return host_port{std::string(parts->host), *port};
}

bool overlap(const host_port& a, const host_port& b)
{
    const auto meet = [](const auto& one, const auto& other) {
        const auto all = std::decay_t<decltype(*one)>{};
        return one && other && (*one == *other || *one == all || *other == all);
    };
    return a.port != 0 && a.port == b.port
           && (meet(parse_ipv4(a.host), parse_ipv4(b.host))
               || meet(parse_ipv6(a.host), parse_ipv6(b.host)));
}

bool is_loopback(std::string_view ip)
{
    if (const auto v4 = parse_ipv4(ip))
        return (*v4 >> 24U) == 127;
    constexpr ipv6 one = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return parse_ipv6(ip) == one;
}

base_url_result parse_base_url(std::string_view text, std::string_view key_belongs)
{
    const auto colon = text.find("://");
    if (colon == std::string_view::npos)
        return {.url = {}, .wrong = "it has to begin with http:// or https://"};
    const auto scheme = text.substr(0, colon);
    base_url url;
    url.tls = iequals(scheme, "https");
    if (!url.tls && !iequals(scheme, "http"))
        return {.url = {}, .wrong = "it has to begin with http:// or https://"};

    const auto rest = text.substr(colon + 3);
    const auto end = std::min(rest.find_first_of("/?#"), rest.size());
    const auto authority = rest.substr(0, end);
    auto path = rest.substr(end);
    if (authority.find('@') != std::string_view::npos)
        return {
            .url = {},
            .wrong = "a user or password is not allowed"
                     + (key_belongs.empty() ? std::string()
                                            : "; the key belongs in " + std::string(key_belongs))};
    const auto parts = split_authority(authority);
    if (!parts)
        return {.url = {}, .wrong = "that is no host and port"};
    url.host = std::string(parts->host);
    std::transform(url.host.begin(), url.host.end(), url.host.begin(), lower);
    if (auto wrong = wrong_host(*parts, url.host); !wrong.empty())
        return {.url = {}, .wrong = std::move(wrong)};
    if (auto wrong = wrong_path(path); !wrong.empty())
        return {.url = {}, .wrong = std::move(wrong)};

    const std::uint16_t usual = url.tls ? 443 : 80;
    const auto port = parts->has_port ? parse_port(parts->port) : usual;
    if (!port || *port == 0)
        return {.url = {}, .wrong = "the port has to be 1 to 65535"};
    url.port = *port;
    url.authority = parts->brackets ? '[' + url.host + ']' : url.host;
    if (url.port != usual)
        url.authority += ':' + std::to_string(url.port);
    while (path.ends_with('/'))
        path.remove_suffix(1);
    url.path_prefix = std::string(path);
    return {.url = std::move(url), .wrong = {}};
}

webhook_result parse_webhook(std::string_view text, std::string_view key_belongs)
{
    const auto question = std::min(text.find('?'), text.size());
    const auto query = text.substr(question);
    auto [url, wrong] = parse_base_url(text.substr(0, question), key_belongs);
    if (!url)
        return {.hook = {}, .wrong = std::move(wrong)};
    if (!only(query, "/-._~!$&'()*+,;=:@%?"))
        return {.hook = {}, .wrong = "the query has characters that do not belong there"};
    // The path as it was written: a slash at its end can matter to whoever is called.
    const auto authority = text.find("://") + 3;
    const auto path = text.substr(std::min(text.find_first_of("/?", authority), text.size()));
    webhook hook;
    hook.url = std::string(text);
    hook.tls = url->tls;
    hook.host = std::move(url->host);
    hook.port = url->port;
    hook.authority = std::move(url->authority);
    hook.path = (path.starts_with('/') ? "" : "/") + std::string(path);
    return {.hook = std::move(hook), .wrong = {}};
}

}  // namespace sluice::config
