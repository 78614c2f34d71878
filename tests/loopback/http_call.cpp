#include "support/upstream.hpp"
#include <sluice/server/http_call.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <semaphore>
#include <string>
#include <utility>

BOOST_AUTO_TEST_SUITE(http_call)

using namespace std::chrono_literals;
using namespace sluice::server;
using loopback::provider;

namespace {

http_ask ask_at(std::uint16_t port)
{
    http_ask ask;
    ask.where.host = "127.0.0.1";
    ask.where.port = port;
    ask.where.authority = "127.0.0.1:" + std::to_string(port);
    ask.where.path = "/there?a=b";
    return ask;
}

http_end end_of(const http_ask& ask)
{
    boost::asio::io_context context;
    http_end end;
    boost::asio::co_spawn(
        context, call_http(ask), [&](const std::exception_ptr& thrown, http_end got) {
            BOOST_TEST(!thrown);
            end = std::move(got);
        });
    context.run();
    return end;
}

provider::script says(std::string text)
{
    return [text = std::move(text)](loopback::connection& client) {
        (void)client.request();
        client.send(text);
    };
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_asked_arrives_and_the_answer_comes_back)
{
    std::string head;
    std::string body;
    const provider there([&](loopback::connection& client) {
        const auto request = client.request();
        head = request.start_line + '\n' + request.fields;
        body = request.body;
        client.send(
            "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ntransfer-encoding: chunked\r\n\r\n"
            "3\r\nnot\r\n4\r\n now\r\n0\r\n\r\n");
    });
    auto ask = ask_at(there.port());
    ask.method = "PUT";
    ask.body = R"({"percent":5})";
    ask.headers = {{"if-match", "\"3\""}};
    const auto end = end_of(ask);
    BOOST_TEST(end.why == "");
    BOOST_TEST(end.status == 429U);
    BOOST_TEST(end.retry_after == "7");
    BOOST_TEST(end.body == "not now");
    BOOST_TEST(head.starts_with("PUT /there?a=b HTTP/1.1\n"));
    BOOST_TEST(head.find("content-type: application/json\r\n") != std::string::npos);
    BOOST_TEST(head.find("if-match: \"3\"\r\n") != std::string::npos);
    BOOST_TEST(body == ask.body);
}

BOOST_AUTO_TEST_CASE(an_answer_counts_that_comes_before_all_is_sent)
{
    std::binary_semaphore answered(0);
    const provider there([&](loopback::connection& client) {
        (void)client.until("\r\n\r\n");
        client.send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 4\r\n\r\nmuch");
        answered.acquire();  // reads no more of the body
    });
    auto ask = ask_at(there.port());
    ask.method = "POST";
    ask.body.assign(std::size_t{32} << 20U, 'x');
    const auto end = end_of(ask);
    answered.release();
    BOOST_TEST(end.status == 413U);
    BOOST_TEST(end.body == "much");
    BOOST_TEST(end.why == "");
}

BOOST_AUTO_TEST_CASE(an_answer_that_breaks_off_is_none_but_its_status_is_told)
{
    const provider there(says("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"));
    const auto end = end_of(ask_at(there.port()));
    BOOST_TEST(end.status == 200U);
    BOOST_TEST(end.body == "");
    BOOST_TEST(end.why.starts_with("its answer broke off: "), end.why);

    const provider nothing(says(""));
    const auto none = end_of(ask_at(nothing.port()));
    BOOST_TEST(none.status == 0U);
    BOOST_TEST(none.why.starts_with("no answer: "), none.why);
    BOOST_TEST(!none.unreachable);
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_longer_than_allowed_is_not_taken)
{
    const provider there(
        says("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + std::string(100'000, 'x')));
    auto ask = ask_at(there.port());
    ask.answer_bytes = 99'999;
    BOOST_TEST(end_of(ask).why.starts_with("its answer broke off: "));
    ask.answer_bytes = 100'000;
    BOOST_TEST(end_of(ask).body.size() == 100'000U);
    ask.answer_bytes = 10;
    ask.status_only = true;
    BOOST_TEST(end_of(ask).status == 200U);
}

BOOST_AUTO_TEST_CASE(who_says_nothing_is_waited_for_no_longer_than_told)
{
    const provider there([](loopback::connection& client) { (void)client.ends(); });
    auto ask = ask_at(there.port());
    ask.limit = 200ms;
    const auto end = end_of(ask);
    BOOST_TEST(end.status == 0U);
    BOOST_TEST(end.why == "no answer within 200 ms");
    BOOST_TEST(!end.unreachable);

    const provider slow([](loopback::connection& client) {
        (void)client.request();
        client.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
        (void)client.ends();
    });
    ask.where.port = slow.port();
    const auto half = end_of(ask);
    BOOST_TEST(half.status == 200U);
    BOOST_TEST(half.why == "not the whole answer within 200 ms");
}

BOOST_AUTO_TEST_CASE(where_nobody_listens_is_told_apart_from_who_does_not_answer)
{
    const loopback::closed_port nobody;
    const auto end = end_of(ask_at(nobody.port()));
    BOOST_TEST(end.unreachable == boost::system::errc::connection_refused);
    BOOST_TEST(end.why.starts_with("it cannot be reached: "), end.why);

    auto unknown = ask_at(1);
    unknown.where.host = "no-such-host.invalid";
    BOOST_TEST(end_of(unknown).why.starts_with("its name is not known: "));
}

BOOST_AUTO_TEST_CASE(a_header_that_would_be_two_is_never_sent)
{
    const provider there(says("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    auto ask = ask_at(there.port());
    ask.headers = {{"idempotency-key", "a\r\nx-other: b"}};
    const auto end = end_of(ask);
    BOOST_TEST(end.status == 0U);
    BOOST_TEST(end.why == "its address or a header holds what no request may");
    BOOST_TEST(there.accepted() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
