#include "admin_client.hpp"

#include <sluice/config/units.hpp>
#include <sluice/server/http_call.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cctype>
#include <exception>
#include <utility>

namespace sluice {
namespace {

namespace asio = boost::asio;
using reply = ctl_result<admin_reply>;

constexpr std::size_t max_reply_bytes = std::size_t{64} << 20U;

std::string named(const admin_address& where)
{
    const bool v6 = where.host.find(':') != std::string::npos;
    return (v6 ? '[' + where.host + ']' : where.host) + ':' + std::to_string(where.port);
}

ctl_failure unreachable(const admin_address& where, boost::system::error_code ec)
{
    std::string text = "cannot reach the admin API at " + named(where) + ": " + ec.message();
    if (ec == boost::system::errc::connection_refused)
        text += ". Is `sluice serve` running? Its address is `admin.address` in the configuration; "
                "another one is named with --admin http://HOST:PORT";
    return {1, std::move(text)};
}

server::http_ask call_for(
    const admin_address& where, const std::string& token, const admin_ask& ask)
{
    server::http_ask call;
    call.where.host = where.host;
    call.where.port = where.port;
    call.where.authority = named(where);
    call.where.path = ask.path;
    call.method = ask.method;
    call.body = ask.body;
    call.content_type = ask.content_type;
    call.program = "sluice-ctl";
    call.answer_bytes = max_reply_bytes;
    if (!token.empty())
        call.headers.emplace_back("authorization", "Bearer " + token);
    if (!ask.if_match.empty())
        call.headers.emplace_back("if-match", ask.if_match);
    if (!ask.idempotency_key.empty())
        call.headers.emplace_back("idempotency-key", ask.idempotency_key);
    return call;
}

server::http_end outcome_of(const server::http_ask& call)
{
    asio::io_context context;
    server::http_end end;
    std::exception_ptr bug;
    const auto keep = [&](const std::exception_ptr& thrown, server::http_end got) {
        bug = thrown;
        end = std::move(got);
    };
    asio::co_spawn(context, server::call_http(call), keep);
    context.run();
    if (bug)
        std::rethrow_exception(bug);
    return end;
}

}  // namespace

ctl_result<admin_address> parse_admin_url(std::string_view url)
{
    constexpr std::string_view scheme = "http://";
    const std::string all(url);
    if (url.starts_with("https://"))
        return ctl_failure(
            2, "the admin API speaks plain HTTP: write http://HOST:PORT instead of " + all);
    if (url.starts_with(scheme))
        url.remove_prefix(scheme.size());
    if (url.ends_with('/'))
        url.remove_suffix(1);
    admin_address where;
    std::string_view port = "9090";
    if (url.starts_with('[')) {
        const auto end = std::min(url.find(']'), url.size());
        where.host = url.substr(1, end - 1);
        const auto rest = url.substr(end);
        if (rest != "]")
            port = rest.starts_with("]:") ? rest.substr(2) : "";
    } else {
        const auto colon = std::min(url.rfind(':'), url.size());
        where.host = url.substr(0, colon);
        if (colon < url.size())
            port = url.substr(colon + 1);
    }
    // The resolver would take 65537 for 1, and show the token to whoever is there.
    const auto number = config::parse_count(port);
    if (where.host.empty() || where.host.find_first_of("/@") != std::string::npos || !number
        || *number < 1 || *number > 65'535)
        return ctl_failure(2, "'" + all + "' is no address: write http://HOST:PORT");
    where.port = static_cast<std::uint16_t>(*number);
    return where;
}

reply call_admin(
    const admin_address& where, const std::string& token, const admin_ask& ask, milliseconds limit)
{
    auto call = call_for(where, token, ask);
    call.limit = limit;
    auto end = outcome_of(call);
    if (end.unreachable)
        return unreachable(where, end.unreachable);
    if (!end.why.empty())
        return ctl_failure(1, "the admin API at " + named(where) + ": " + end.why);
    return admin_reply{.status = end.status, .body = std::move(end.body)};
}

std::string percent_encoded(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr std::string_view unreserved = "-._~";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80
            && (std::isalnum(byte) != 0 || unreserved.find(c) != std::string_view::npos)) {
            out += c;
            continue;
        }
        out += '%';
        out += digits[byte >> 4U];
        out += digits[byte & 15U];
    }
    return out;
}

}  // namespace sluice
