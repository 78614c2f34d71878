#include "admin_client.hpp"

#include <sluice/base/build_info.hpp>
#include <sluice/base/no_throw.hpp>
#include <sluice/config/units.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <cctype>
#include <exception>

namespace sluice {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using reply = ctl_result<admin_reply>;

constexpr std::size_t max_reply_bytes = std::size_t{64} << 20U;

std::string named(const admin_address& where)
{
    const bool v6 = where.host.find(':') != std::string::npos;
    return (v6 ? '[' + where.host + ']' : where.host) + ':' + where.port;
}

ctl_failure unreachable(const admin_address& where, boost::system::error_code ec)
{
    std::string text = "cannot reach the admin API at " + named(where) + ": " + ec.message();
    if (ec == boost::system::errc::connection_refused)
        text += ". Is `sluice serve` running? Its address is `admin.address` in the configuration; "
                "another one is named with --admin http://HOST:PORT";
    return {1, std::move(text)};
}

http::request<http::string_body> request_of(
    const admin_address& where, const std::string& token, const admin_ask& ask)
{
    http::request<http::string_body> request;
    request.method_string(ask.method);
    request.target(ask.path);
    request.set(http::field::host, named(where));
    request.set(http::field::user_agent, "sluice-ctl/" + std::string(this_build().version));
    request.set(http::field::connection, "close");
    if (!token.empty())
        request.set(http::field::authorization, "Bearer " + token);
    if (!ask.if_match.empty())
        request.set(http::field::if_match, ask.if_match);
    if (!ask.idempotency_key.empty())
        request.set("idempotency-key", ask.idempotency_key);
    if (!ask.body.empty())
        request.set(http::field::content_type, ask.content_type);
    request.body() = ask.body;
    request.prepare_payload();
    return request;
}

// Everything by reference: call_admin waits for it.
asio::awaitable<void> exchange_with(
    const admin_address& where,
    const http::request<http::string_body>& request,
    milliseconds limit,
    reply& answer)
{
    const auto executor = co_await asio::this_coro::executor;
    tcp::resolver resolver(executor);
    auto [resolve_ec, found] = co_await resolver.async_resolve(where.host, where.port, no_throw);
    if (resolve_ec) {
        answer = unreachable(where, resolve_ec);
        co_return;
    }
    beast::tcp_stream stream(executor);
    stream.expires_after(limit);
    auto [connect_ec, peer] = co_await stream.async_connect(found, no_throw);
    if (connect_ec) {
        answer = unreachable(where, connect_ec);
        co_return;
    }
    // Whether or not all could be written: it may have been refused before its end.
    co_await http::async_write(stream, request, no_throw);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(max_reply_bytes);
    auto [read_ec, bytes] = co_await http::async_read(stream, buffer, parser, no_throw);
    if (read_ec) {
        answer = ctl_failure(
            1, "the admin API at " + named(where) + " did not answer: " + read_ec.message());
        co_return;
    }
    auto response = parser.release();
    answer = admin_reply{.status = response.result_int(), .body = std::move(response.body())};
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
    where.port = port;
    // The resolver would take 65537 for 1, and show the token to whoever is there.
    const auto number = config::parse_count(port);
    if (where.host.empty() || where.host.find_first_of("/@") != std::string::npos || !number
        || *number < 1 || *number > 65'535)
        return ctl_failure(2, "'" + all + "' is no address: write http://HOST:PORT");
    return where;
}

reply call_admin(
    const admin_address& where, const std::string& token, const admin_ask& ask, milliseconds limit)
{
    asio::io_context context;
    const auto request = request_of(where, token, ask);
    reply answer = ctl_failure(1, "the admin API did not answer");
    std::exception_ptr bug;
    asio::co_spawn(
        context, exchange_with(where, request, limit, answer), [&](std::exception_ptr thrown) {
            bug = std::move(thrown);
        });
    context.run();
    if (bug)
        std::rethrow_exception(bug);
    return answer;
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
