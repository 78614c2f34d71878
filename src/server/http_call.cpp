#include <sluice/base/build_info.hpp>
#include <sluice/http/writer.hpp>
#include <sluice/net/transport.hpp>
#include <sluice/server/http_call.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace web = beast::http;
using answer_parser = web::response_parser<web::string_body>;
using boost::system::error_code;

constexpr std::size_t most_head_bytes = 65'536;
constexpr unsigned most_forewords = 16;

// Empty: it cannot be sent, for something in its head would be more than it says.
std::string request_for(const http_ask& ask)
{
    std::vector<char> memory(most_head_bytes);
    sluice::http::head_writer head(memory);
    head.request_line(ask.method, ask.where.path);
    head.field("host", ask.where.authority);
    head.field("user-agent", std::string(ask.program) + '/' + std::string(this_build().version));
    head.field("accept", "application/json");
    head.field("connection", "close");
    if (!ask.body.empty() || ask.method == "POST" || ask.method == "PUT") {
        head.field("content-type", ask.content_type);
        head.field("content-length", ask.body.size());
    }
    for (const auto& [name, value] : ask.headers)
        head.field(name, value);
    std::string text(head.finish());
    if (!text.empty())
        text += ask.body;
    return text;
}

// Takes an answer as it comes, without what may be said before it (RFC 9110 15.2).
class answer_reader {
public:
    explicit answer_reader(const http_ask& ask)
        : head_only_(ask.status_only),
          most_bytes_(ask.answer_bytes)
    {
        begin();
    }

    [[nodiscard]] bool done() const
    {
        return head_only_ ? parser_->is_header_done() : parser_->is_done();
    }

    // What has come, or that nothing more comes.
    error_code take(std::string_view bytes, error_code read_ec)
    {
        error_code ec;
        unread_.commit(asio::buffer_copy(unread_.prepare(bytes.size()), asio::buffer(bytes)));
        if (read_ec == asio::error::eof && parser_->got_some())
            parser_->put_eof(ec);
        else if (read_ec)
            return read_ec;
        else
            unread_.consume(parser_->put(unread_.data(), ec));
        while (!ec && parser_->is_done() && is_foreword() && forewords_++ < most_forewords) {
            begin();
            unread_.consume(parser_->put(unread_.data(), ec));
        }
        return ec == web::error::need_more ? error_code{} : ec;
    }

    // `failure`: what it broke off with. Its status counts all the same.
    http_end result(error_code failure)
    {
        const bool begun = parser_->is_header_done() || failure == web::error::body_limit;
        http_end end;
        if (failure)
            end.why = (begun ? "its answer broke off: " : "no answer: ") + failure.message();
        if (!begun)
            return end;
        auto answer = parser_->release();
        end.status = answer.result_int();
        end.retry_after = std::string(answer[web::field::retry_after]);
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
    beast::flat_buffer unread_;
    std::optional<answer_parser> parser_;
};

// All of them outlive the call.
asio::awaitable<http_end> ask_over(
    const std::shared_ptr<net::transport>& line, const std::string& request, const http_ask& ask)
{
    http_end end;
    end.why = co_await line->connect(ask.where.host, ask.where.port);
    if (!end.why.empty()) {
        end.unreachable = line->failure();
        co_return end;
    }
    if (ask.where.tls)
        end.why = co_await line->encrypt(ask.ca_file, ask.where.host);
    if (!end.why.empty())
        co_return end;
    net::transport::send(line, request);
    answer_reader answer(ask);
    error_code failure;
    while (!failure && !answer.done()) {
        const auto bytes = co_await line->read();
        failure = answer.take(bytes, line->failure());
    }
    co_return answer.result(failure);
}

}  // namespace

std::string words_of(const http_end& end)
{
    const bool refused = end.status >= 300;
    return refused || end.why.empty() ? "it answered " + std::to_string(end.status) : end.why;
}

asio::awaitable<http_end> call_http(const http_ask& ask)
{
    http_end end;
    const auto request = request_for(ask);
    if (request.empty()) {
        end.why = "its address or a header holds what no request may";
        co_return end;
    }
    const auto executor = co_await asio::this_coro::executor;
    const auto line = std::make_shared<net::transport>(executor);
    asio::steady_timer late(executor, steady::now() + ask.limit);
    late.async_wait([line](const error_code& ec) {
        if (!ec)
            line->close();
    });
    end = co_await ask_over(line, request, ask);
    if (!end.why.empty() && steady::now() >= late.expiry()) {
        end.why = end.status == 0 ? "no answer" : "not the whole answer";
        end.why += " within " + std::to_string(ask.limit.count()) + " ms";
        end.unreachable = {};
    }
    line->close();
    co_return end;
}

}  // namespace sluice::server
