#include "request.hpp"
#include "sse_load.hpp"
#include "unary_load.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>

namespace bench = sluice::bench;

namespace {

// Answers every connection's first bytes with the same text and closes.
class parrot {
public:
    explicit parrot(std::string text)
        : text_(std::move(text)),
          listener_(bench::listen_on(0)),
          thread_([this] { run(); })
    {
    }
    ~parrot()
    {
        stop_ = true;
        thread_.join();
    }
    [[nodiscard]] std::uint16_t port() const { return bench::port_of(listener_); }

private:
    static bool readable(const bench::unique_fd& fd, int patience_ms)
    {
        pollfd waiting{.fd = fd.get(), .events = POLLIN, .revents = 0};
        return poll(&waiting, 1, patience_ms) > 0;
    }

    void run()
    {
        while (!stop_) {
            if (!readable(listener_, 10))
                continue;
            const bench::unique_fd client = bench::accept_from(listener_);
            char request[4096];
            if (!client || !readable(client, 1000)
                || recv(client.get(), request, sizeof request, 0) <= 0)
                continue;
            send(client.get(), text_.data(), text_.size(), MSG_NOSIGNAL);
            shutdown(client.get(), SHUT_WR);
        }
    }

    std::string text_;
    bench::unique_fd listener_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

bool says(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

std::string unary_result(std::string answer, std::uint64_t count)
{
    const parrot server(std::move(answer));
    bench::request_settings request;
    request.port = server.port();
    bench::unary_settings settings;
    settings.port = server.port();
    settings.request = bench::make_request(request, false);
    settings.count = count;
    settings.connections = 1;
    settings.expect_bytes = 5;
    bench::unary_load load(settings);
    load.run();
    BOOST_TEST(load.clean() == says(load.result().text(), "\"total\":0"));
    return load.result().text();
}

std::string stream_result(std::string answer)
{
    const parrot server(std::move(answer));
    bench::request_settings request;
    request.port = server.port();
    bench::sse_settings settings;
    settings.port = server.port();
    settings.request = bench::make_request(request, true);
    settings.ramp_ns = 0;
    settings.expect_events = 1;
    bench::sse_load load(settings);
    load.run();
    return load.result().text();
}

const std::string stream_head =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const std::string event = "25\r\ndata: {\"c\":\"@0000000000000000001;\"}\n\n\r\n";
const std::string done = "e\r\ndata: [DONE]\n\n\r\n";
const std::string last = "0\r\n\r\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(bench_load)

BOOST_AUTO_TEST_CASE(good_answers_are_counted_as_such)
{
    const std::string text =
        unary_result("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello", 3);
    BOOST_TEST(says(text, "\"answered\":3"));
    BOOST_TEST(says(text, "\"reconnects\":2"));
}

BOOST_AUTO_TEST_CASE(an_error_status_is_counted_under_its_number)
{
    const std::string text =
        unary_result("HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello", 2);
    BOOST_TEST(says(text, "\"answered\":0"));
    BOOST_TEST(says(text, "\"statuses\":{\"503\":2}"));
}

BOOST_AUTO_TEST_CASE(a_body_of_the_wrong_size_is_a_failure)
{
    const std::string text =
        unary_result("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nhell", 2);
    BOOST_TEST(says(text, "\"lengths\":2"));
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_cut_is_a_failure)
{
    const std::string text = unary_result("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel", 2);
    BOOST_TEST(says(text, "\"transport\":2"));
}

BOOST_AUTO_TEST_CASE(nobody_listening_is_a_failure)
{
    std::uint16_t port = 0;
    {
        const bench::unique_fd taken = bench::listen_on(0);
        port = bench::port_of(taken);
    }
    bench::unary_settings settings;
    settings.port = port;
    settings.count = 2;
    settings.connections = 1;
    bench::unary_load load(settings);
    load.run();
    BOOST_TEST(!load.clean());
    BOOST_TEST(says(load.result().text(), "\"answered\":0"));
}

BOOST_AUTO_TEST_CASE(a_whole_stream_is_complete)
{
    const std::string text = stream_result(stream_head + event + done + last);
    BOOST_TEST(says(text, "\"completed\":1"));
    BOOST_TEST(says(text, "\"events\":1"));
}

BOOST_AUTO_TEST_CASE(a_stream_without_done_or_without_its_last_chunk_is_truncated)
{
    BOOST_TEST(says(stream_result(stream_head + event + last), "\"truncated\":1"));
    BOOST_TEST(says(stream_result(stream_head + event + done), "\"truncated\":1"));
    BOOST_TEST(says(stream_result(stream_head + event + "ff\r\ndata"), "\"truncated\":1"));
}

BOOST_AUTO_TEST_CASE(a_stream_with_too_few_or_too_many_events_is_miscounted)
{
    BOOST_TEST(says(stream_result(stream_head + done + last), "\"miscounted\":1"));
    BOOST_TEST(says(stream_result(stream_head + event + event + done + last), "\"miscounted\":1"));
}

BOOST_AUTO_TEST_CASE(a_refused_stream_is_counted_under_its_status)
{
    const std::string text = stream_result("HTTP/1.1 429 Slow\r\ncontent-length: 2\r\n\r\n{}");
    BOOST_TEST(says(text, "\"statuses\":{\"429\":1}"));
}

BOOST_AUTO_TEST_SUITE_END()
