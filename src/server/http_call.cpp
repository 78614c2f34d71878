#include <sluice/base/build_info.hpp>
#include <sluice/base/no_throw.hpp>
#include <sluice/net/tls.hpp>
#include <sluice/server/http_call.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <memory>
#include <optional>
#include <sstream>
#include <utility>

namespace sluice::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using tcp = asio::ip::tcp;
using answer_parser = http::response_parser<http::string_body>;
using boost::system::error_code;

constexpr std::size_t read_bytes = 16'384;
constexpr unsigned most_forewords = 16;

std::string request_for(const http_ask& ask)
{
    const auto verb = ask.post ? http::verb::post : http::verb::get;
    http::request<http::string_body> request{verb, ask.where.path, 11};
    request.set(http::field::host, ask.where.authority);
    request.set(http::field::user_agent, "sluice/" + std::string(this_build().version));
    request.set(http::field::connection, "close");
    request.set(ask.post ? http::field::content_type : http::field::accept, "application/json");
    for (const auto& [name, value] : ask.headers)
        request.set(name, value);
    request.body() = ask.body;
    request.prepare_payload();
    std::ostringstream text;
    text << request;
    return std::move(text).str();
}

// Takes an answer as it comes, without what may be said before it (RFC 9110 15.2).
class answer_reader {
public:
    explicit answer_reader(const http_ask& ask)
        : head_only_(ask.post && !ask.whole_answer),
          most_bytes_(ask.answer_bytes)
    {
        begin();
    }

    [[nodiscard]] bool done() const
    {
        return head_only_ ? parser_->is_header_done() : parser_->is_done();
    }

    // What has come, or that nothing more comes.
    error_code take(beast::flat_buffer& buffer, error_code read_ec)
    {
        error_code ec;
        if (read_ec == asio::error::eof && parser_->got_some())
            parser_->put_eof(ec);
        else if (read_ec)
            return read_ec;
        else
            buffer.consume(parser_->put(buffer.data(), ec));
        while (!ec && parser_->is_done() && is_foreword() && forewords_++ < most_forewords) {
            begin();
            buffer.consume(parser_->put(buffer.data(), ec));
        }
        return ec == http::error::need_more ? error_code{} : ec;
    }

    // `failure`: what it broke off with. Its status counts all the same.
    http_end result(error_code failure)
    {
        const bool begun = parser_->is_header_done() || failure == http::error::body_limit;
        http_end end;
        if (failure)
            end.why = (begun ? "its answer broke off: " : "no answer: ") + failure.message();
        if (!begun)
            return end;
        auto answer = parser_->release();
        end.status = answer.result_int();
        end.retry_after = std::string(answer[http::field::retry_after]);
        if (!failure)
            end.body = std::move(answer.body());
        return end;
    }

private:
    void begin()
    {
        parser_.emplace();
        parser_->body_limit(most_bytes_);
        parser_->eager(!head_only_);
    }
    [[nodiscard]] bool is_foreword() const
    {
        const auto status = parser_->get().result_int();
        return status >= 100 && status < 200 && status != 101;
    }

    bool head_only_;
    std::size_t most_bytes_;
    unsigned forewords_ = 0;
    std::optional<answer_parser> parser_;
};

// Over a connected stream. All of them outlive the call. Beast parses; its own operations would be
// compiled for each kind of stream, and are most of what this file takes to compile.
template <class Stream>
asio::awaitable<http_end> ask_over(Stream& stream, const std::string& request, const http_ask& ask)
{
    auto [write_ec, written] = co_await asio::async_write(stream, asio::buffer(request), no_throw);
    if (write_ec)
        co_return http_end{0, "cannot be sent: " + write_ec.message(), {}, {}};
    beast::flat_buffer buffer;
    answer_reader answer(ask);
    error_code failure;
    while (!failure && !answer.done()) {
        auto [read_ec, bytes] =
            co_await stream.async_read_some(buffer.prepare(read_bytes), no_throw);
        buffer.commit(bytes);
        failure = answer.take(buffer, read_ec);
    }
    co_return answer.result(failure);
}

http_end refused_by(const SSL* ssl, const error_code& ec)
{
    http_end end;
    end.why = "TLS: " + net::certificate_words(ssl, ec.message());
    return end;
}

// Takes the place of `plain` once there is a connection. The arguments outlive the call.
asio::awaitable<http_end> ask_with_tls(
    beast::tcp_stream plain, const http_ask& ask, const std::string& request)
{
    const auto trust = net::make_client_context(ask.ca_file);
    if (!trust.context)
        co_return http_end{0, trust.error, {}, {}};
    SSL_CTX_up_ref(trust.context.get());
    ssl::context context(trust.context.get());
    beast::ssl_stream<beast::tcp_stream> stream(std::move(plain), context);
    if (!net::expect_peer(stream.native_handle(), ask.where.host))
        co_return http_end{0, "TLS cannot be set up", {}, {}};
    auto [ec] = co_await stream.async_handshake(ssl::stream_base::client, no_throw);
    if (ec)
        co_return refused_by(stream.native_handle(), ec);
    auto end = co_await ask_over(stream, request, ask);
    co_return end;
}

}  // namespace

std::string words_of(const http_end& end)
{
    const bool refused = end.status >= 300;
    return refused || end.why.empty() ? "it answered " + std::to_string(end.status) : end.why;
}

asio::awaitable<http_end> call_http(const http_ask& ask)
{
    const auto request = request_for(ask);
    const auto executor = co_await asio::this_coro::executor;
    const auto until = steady::now() + ask.limit;
    const auto resolver = std::make_shared<tcp::resolver>(executor);
    asio::steady_timer late(executor);
    late.expires_at(until);
    late.async_wait([resolver](const error_code& ec) {
        if (!ec)
            resolver->cancel();
    });
    const auto port = std::to_string(ask.where.port);
    auto [resolve_ec, found] = co_await resolver->async_resolve(ask.where.host, port, no_throw);
    late.cancel();
    if (resolve_ec)
        co_return http_end{0, "its name is not known: " + resolve_ec.message(), {}, {}};
    beast::tcp_stream stream(executor);
    stream.expires_at(until);
    auto [connect_ec, peer] = co_await stream.async_connect(found, no_throw);
    if (connect_ec)
        co_return http_end{0, "cannot be reached: " + connect_ec.message(), {}, {}};
    http_end end;
    if (ask.where.tls)
        end = co_await ask_with_tls(std::move(stream), ask, request);
    else
        end = co_await ask_over(stream, request, ask);
    co_return end;
}

}  // namespace sluice::server
