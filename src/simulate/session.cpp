#include <sluice/base/text.hpp>
#include <sluice/simulate/answer.hpp>
#include <sluice/simulate/session.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice::simulate {

namespace http = boost::beast::http;
namespace asio = boost::asio;

namespace {

std::optional<endpoint> endpoint_of(const http_request& request)
{
    std::string_view path{request.target().data(), request.target().size()};
    path = path.substr(0, path.find('?'));
    if (request.method() != http::verb::post)
        return std::nullopt;
    if (path == "/v1/chat/completions")
        return endpoint::chat;
    if (path == "/v1/completions")
        return endpoint::completions;
    if (path == "/v1/embeddings")
        return endpoint::embeddings;
    if (path == "/v1/responses")
        return endpoint::responses;
    return std::nullopt;
}

// What cannot be read as a request.
plain_reply unreadable(read_outcome how)
{
    refusal why;
    plain_reply reply;
    if (how == read_outcome::too_large) {
        reply.status = 413;
        why.code = "request_too_large";
        why.message = "The request body is too large.";
    } else {
        reply.status = 400;
        why.code = "bad_request";
        why.message = "The request is not valid HTTP/1.1.";
    }
    reply.body = error_body(why);
    return reply;
}

// The connection is counted and can be aborted for as long as this lives.
class registration {
public:
    registration(world& shared, peer& client)
        : shared_(shared),
          client_(client)
    {
        shared_.peers.insert(&client_);
        shared_.book.count([](counters& c) {
            ++c.connections;
            ++c.open_connections;
        });
    }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;
    ~registration()
    {
        shared_.peers.erase(&client_);
        shared_.book.count([](counters& c) { --c.open_connections; });
    }

private:
    world& shared_;
    peer& client_;
};

bool is_token(std::string_view text)
{
    return !text.empty() && text.size() <= 128
           && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

world::world(simulator_options given)
    : options(std::move(given)),
      book(options.seed, options.behaviour)
{
}

fields common_fields(
    const world& shared, const http_request& request, std::uint64_t number, duration took)
{
    const auto inbound = request["x-request-id"];
    const std::string_view wished{inbound.data(), inbound.size()};
    const auto ms = std::chrono::duration_cast<milliseconds>(took).count();
    fields lines;
    lines.add("date", http_date(std::chrono::system_clock::now()));
    lines.add(
        "x-request-id",
        is_token(wished) ? std::string(wished)
                         : "req_" + shared.options.name + '_' + std::to_string(number));
    lines.add("x-sim-name", shared.options.name);
    lines.add("openai-version", "2020-10-01");
    lines.add("openai-organization", "sluice-simulate");
    lines.add("openai-processing-ms", std::to_string(ms));
    lines.add("x-ratelimit-limit-requests", "10000");
    lines.add("x-ratelimit-remaining-requests", "9999");
    lines.add("x-ratelimit-reset-requests", "6ms");
    lines.add("x-ratelimit-limit-tokens", "2000000");
    lines.add("x-ratelimit-remaining-tokens", "1999900");
    lines.add("x-ratelimit-reset-tokens", "3ms");
    return lines;
}

std::string whole(
    const world& shared, const http_request& request, const plain_reply& reply, bool keep)
{
    auto lines = common_fields(shared, request, 0, {});
    lines.add("content-type", reply.content_type);
    lines.add("content-length", std::to_string(reply.body.size()));
    if (!reply.allow.empty())
        lines.add("allow", reply.allow);
    if (!keep)
        lines.add("connection", "close");
    std::string bytes = make_head(reply.status, lines);
    if (request.method() != http::verb::head)
        bytes += reply.body;
    return bytes;
}

asio::awaitable<void> serve_connection(std::shared_ptr<world> shared, asio::ip::tcp::socket socket)
{
    const peer_limits limits{
        shared->options.body_bytes, shared->options.idle, shared->options.write};
    const auto client = std::make_shared<peer>(std::move(socket), limits);
    const registration registered{*shared, *client};

    for (bool keep = true; keep && !shared->stopped;) {
        http_request request;
        const read_outcome got = co_await client->read(request);
        if (got == read_outcome::closed)
            break;
        if (got != read_outcome::request) {
            const std::string bytes = whole(*shared, request, unreadable(got), false);
            const bool sent = co_await client->send(bytes);
            if (sent)
                co_await client->linger();
            break;
        }
        keep = request.keep_alive();
        if (const auto where = endpoint_of(request)) {
            const bool standing = co_await serve_call(*shared, client, *where, request);
            keep = keep && standing;
        } else {
            const std::string bytes =
                whole(*shared, request, answer_simply(*shared, request), keep);
            const bool sent = co_await client->send(bytes);
            keep = keep && sent;
        }
    }
    client->abort();
}

}  // namespace sluice::simulate
