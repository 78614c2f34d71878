#include "server_parts.hpp"
#include "support/certificates.hpp"
#include "support/upstream.hpp"
#include <sluice/server/webhook.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(webhook)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::server;

namespace {

namespace asio = boost::asio;

constexpr int hang_up = 0;
constexpr int say_nothing = -1;

// Answers one connection after the other as it is told.
class scripted {
public:
    explicit scripted(std::vector<int> statuses, const loopback::identity* who = nullptr)
        : statuses_(std::move(statuses)),
          trust_(who ? loopback::server_context(*who) : nullptr)
    {
    }

    [[nodiscard]] config::webhook address(bool tls = false, const std::string& host = "127.0.0.1")
    {
        config::webhook out;
        out.tls = tls;
        out.host = host;
        out.port = server_.port();
        out.authority = host + ':' + std::to_string(out.port);
        out.path = "/hook/very-secret?a=b";
        out.url = (tls ? "https://" : "http://") + out.authority + out.path;
        return out;
    }

    [[nodiscard]] std::vector<loopback::message> seen()
    {
        const std::lock_guard lock(mutex_);
        return seen_;
    }

private:
    void serve(loopback::connection& client)
    {
        if (trust_ && !client.encrypt(loopback::server_side(trust_)))
            return;
        auto request = client.request();
        int status = hang_up;
        {
            const std::lock_guard lock(mutex_);
            status = statuses_.at(seen_.size());
            seen_.push_back(std::move(request));
        }
        if (status == say_nothing)
            (void)client.ends();
        else if (status != hang_up)
            client.send(
                "HTTP/1.1 " + std::to_string(status)
                + (status == 204 ? " There\r\n\r\n" : " There\r\ncontent-length: 6\r\n\r\nthanks"));
    }

    std::mutex mutex_;
    std::vector<int> statuses_;
    std::vector<loopback::message> seen_;
    loopback::context_ptr trust_;
    loopback::provider server_{[this](loopback::connection& client) { serve(client); }};
};

struct sending {
    explicit sending(webhook_limits limits = quick())
        : sender(context, values, log, std::move(limits))
    {
    }

    static webhook_limits quick()
    {
        webhook_limits limits;
        limits.pause = 5ms;
        limits.attempt = 20s;
        return limits;
    }

    // Sends and waits until nothing is under way.
    void deliver(const config::webhook& where, const std::string& body = R"({"event":"step"})")
    {
        sender.send(where, body);
        context.restart();
        context.run();
    }
    [[nodiscard]] std::uint64_t failures() const { return values.read().webhook_failures; }

    asio::io_context context{1};
    observe::control_values values;
    std::vector<std::string> lines;
    observe::logger log{
        [this](std::string_view line) { lines.emplace_back(line); }, [] { return time_point{}; }};
    webhook_sender sender;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_message_is_posted_as_json)
{
    scripted server({204});
    sending out;
    out.deliver(server.address());
    BOOST_REQUIRE(server.seen().size() == 1U);
    const auto request = server.seen().front();
    BOOST_TEST(request.start_line == "POST /hook/very-secret?a=b HTTP/1.1");
    BOOST_TEST(request.header("content-type") == "application/json");
    BOOST_TEST(request.header("host") == server.address().authority);
    BOOST_TEST(request.body == R"({"event":"step"})");
    BOOST_TEST(out.failures() == 0U);
    BOOST_TEST(out.lines.empty());
}

BOOST_AUTO_TEST_CASE(trouble_is_tried_again_three_times_in_all)
{
    scripted server({503, hang_up, 200});
    sending out;
    out.deliver(server.address());
    BOOST_TEST(server.seen().size() == 3U);
    BOOST_TEST(out.failures() == 0U);
}

BOOST_AUTO_TEST_CASE(a_message_nobody_takes_is_counted_and_logged_without_its_path)
{
    scripted server({500, 500, 500, 500});
    sending out;
    out.deliver(server.address());
    BOOST_TEST(server.seen().size() == 3U);
    BOOST_TEST(out.failures() == 1U);
    BOOST_REQUIRE(out.lines.size() == 1U);
    BOOST_TEST(out.lines[0].find("webhook_failed") != std::string::npos);
    BOOST_TEST(out.lines[0].find("500") != std::string::npos);
    BOOST_TEST(out.lines[0].find("very-secret") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_refusal_is_not_tried_again)
{
    scripted server({404, 200});
    sending out;
    out.deliver(server.address());
    BOOST_TEST(server.seen().size() == 1U);
    BOOST_TEST(out.failures() == 1U);
}

BOOST_AUTO_TEST_CASE(a_silent_server_costs_its_deadline_and_no_more)
{
    scripted server({say_nothing, say_nothing, say_nothing});
    auto limits = sending::quick();
    limits.attempt = 50ms;
    sending out(limits);
    const auto began = steady::now();
    out.deliver(server.address());
    BOOST_TEST((steady::now() - began < 5s));
    BOOST_TEST(out.failures() == 1U);
}

BOOST_AUTO_TEST_CASE(nobody_there_is_a_failure_too)
{
    scripted server({});
    auto where = server.address();
    const loopback::closed_port nobody;
    where.port = nobody.port();
    sending out;
    out.deliver(where);
    BOOST_TEST(out.failures() == 1U);
}

BOOST_AUTO_TEST_CASE(over_tls_only_the_right_name_under_a_trusted_authority_is_told)
{
    const loopback::authority authority;
    const auto right = authority.issue("127.0.0.1");
    const auto wrong = authority.issue("other.example");
    const temporary_directory where;
    const auto ca = where.path + "/ca.pem";
    loopback::write_file(ca, authority.certificate());
    auto limits = sending::quick();
    limits.attempts = 1;
    limits.ca_file = ca;
    {
        scripted server({200}, &right);
        sending out(limits);
        out.deliver(server.address(true));
        BOOST_TEST(server.seen().size() == 1U);
        BOOST_TEST(out.failures() == 0U);
    }
    {
        scripted server({200}, &wrong);
        sending out(limits);
        out.deliver(server.address(true));
        BOOST_TEST(server.seen().empty());
        BOOST_TEST(out.failures() == 1U);
        BOOST_TEST_REQUIRE(out.lines.size() == 1U);
        BOOST_TEST(
            out.lines[0].find("TLS: IP address mismatch") != std::string::npos, out.lines[0]);
    }
    limits.ca_file.clear();  // the system's store does not know our authority
    scripted server({200}, &right);
    sending out(limits);
    out.deliver(server.address(true));
    BOOST_TEST(server.seen().empty());
    BOOST_TEST(out.failures() == 1U);
}

BOOST_AUTO_TEST_CASE(more_messages_than_may_wait_are_lost_and_counted)
{
    scripted server({200, 200});
    auto limits = sending::quick();
    limits.waiting = 2;
    sending out(limits);
    out.sender.send(server.address(), "{}");
    out.sender.send(server.address(), "{}");
    out.deliver(server.address());
    BOOST_TEST(server.seen().size() == 2U);
    BOOST_TEST(out.failures() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
