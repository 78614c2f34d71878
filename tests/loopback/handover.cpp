// The two sides of a handover, each against a scripted other one.

#include <sluice/server/given_sockets.hpp>
#include <sluice/server/handover.hpp>

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <array>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(handovers)

using namespace sluice;
using namespace std::chrono_literals;
using server::handover;
using server::handover_link;
using server::handover_message;
using server::inheritance;
using kind = handover_message::kind;

namespace {

int listening_socket()
{
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::bind(made, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    BOOST_REQUIRE(::listen(made, 5) == 0);
    return made;
}

// The new side as it is, and the other end of its link.
struct heir {
    heir()
    {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        old_one = std::make_unique<handover_link>(ends[0]);
        new_one = std::make_unique<inheritance>(ends[1]);
    }

    std::unique_ptr<handover_link> old_one;
    std::unique_ptr<inheritance> new_one;
};

// The old side with a shell as its successor.
struct predecessor {
    explicit predecessor(const std::string& script, milliseconds limit = 20s)
    {
        server::own_command command;
        command.program = "/bin/sh";
        command.arguments = {"sh", "-c", script};
        command.variables = {"PATH=/usr/bin:/bin", "LISTEN_FDS=3", "LISTEN_PID=1"};
        start(std::move(command), limit);
    }

    void start(server::own_command command, milliseconds limit)
    {
        handover::host host{
            [this] {
                ++held;
                return refuses ? std::optional<std::string>("the disk is full") : std::nullopt;
            },
            [this] { ++resumed; },
            [] { return server::handover_offer{}; },
            [](pid_t) { return std::string(); },
            [](const std::shared_ptr<handover_link>&) {},
            [this] {
                ++failed;
                context.stop();
            }};
        tested.emplace(context, std::move(command), limit, std::move(host), log);
    }

    // Until it has failed.
    void run()
    {
        context.restart();
        tested->begin();
        context.run();
    }

    [[nodiscard]] bool logged(std::string_view what) const
    {
        for (const auto& line : lines)
            if (line.find(what) != std::string::npos)
                return true;
        return false;
    }

    boost::asio::io_context context;
    std::vector<std::string> lines;
    observe::logger log{
        [this](std::string_view line) { lines.emplace_back(line); }, [] { return time_point{}; }};
    bool refuses = false;
    int held = 0;
    int resumed = 0;
    int failed = 0;
    std::optional<handover> tested;
};

// A shell that says hello and does this then.
std::string after_hello(const std::string& then)
{
    return "exec python3 -c 'import os, time\n"
           "def say(kind, text): os.write(int(os.environ[\"SLUICE_HANDOVER\"]), "
           "len(text).to_bytes(4, \"little\") + bytes([kind]) + text)\n"
           "say(0, b\"{\\\"version\\\":1}\")\n"
           + then + "'";
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_new_one_gets_sockets_says_that_it_is_ready_and_waits_for_its_turn)
{
    heir w;
    std::string state;
    std::thread tested([&] {
        w.new_one->receive();
        state = w.new_one->ready();
    });
    const auto hello = w.old_one->wait(20s);
    BOOST_REQUIRE(hello.has_value());
    BOOST_TEST((hello->what == kind::hello));
    BOOST_TEST(hello->body == R"({"version":1,"counts_places":true})");
    const int one = listening_socket();
    const int other = listening_socket();
    BOOST_TEST(w.old_one->send(kind::socket, R"({"for":"listen","any_port":true})", one));
    BOOST_TEST(w.old_one->send(kind::socket, R"({"for":"admin","any_port":false})", other));
    ::close(one);
    ::close(other);
    BOOST_TEST(w.old_one->send(kind::take, R"({"scratch":"/tmp/x"})"));
    const auto ready = w.old_one->wait(20s);
    BOOST_REQUIRE(ready.has_value());
    BOOST_TEST((ready->what == kind::ready));
    BOOST_TEST(w.old_one->send(kind::go, "state"));
    tested.join();
    BOOST_TEST(state == "state");
    const auto all = w.new_one->take_listeners();
    BOOST_REQUIRE(all.size() == 1U);
    BOOST_TEST(all[0].any_port);
    BOOST_TEST(all[0].host == "127.0.0.1");
    BOOST_TEST(all[0].port != 0);
    ::close(all[0].descriptor);
    const auto admin = w.new_one->take_admin();
    BOOST_REQUIRE(admin.has_value());
    ::close(admin->descriptor);
    BOOST_TEST(w.new_one->scratch() == "/tmp/x");
}

BOOST_AUTO_TEST_CASE(the_new_one_gives_up_when_the_old_one_goes_before_it_has_handed_over)
{
    heir w;
    w.old_one.reset();
    BOOST_CHECK_THROW(w.new_one->receive(), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(the_new_one_takes_no_socket_that_does_not_listen)
{
    heir w;
    std::array<int, 2> pipe{};
    BOOST_REQUIRE(::pipe(pipe.data()) == 0);
    BOOST_TEST(w.old_one->send(kind::socket, "{}", pipe[0]));
    BOOST_CHECK_THROW(w.new_one->receive(), std::runtime_error);
    ::close(pipe[0]);
    ::close(pipe[1]);
}

BOOST_AUTO_TEST_CASE(when_the_old_one_dies_as_the_new_one_is_ready_this_one_goes_on)
{
    heir w;
    BOOST_TEST(w.old_one->send(kind::take, "{}"));
    w.new_one->receive();
    w.old_one.reset();
    BOOST_TEST(w.new_one->ready() == "");
}

BOOST_AUTO_TEST_CASE(how_a_new_one_ended_at_once_is_told)
{
    predecessor w("exit 3");
    w.run();
    BOOST_TEST(w.failed == 1);
    BOOST_TEST(w.held == 0);
    BOOST_TEST(w.resumed == 0);
    BOOST_TEST(w.logged("it ended with code 3"));
    BOOST_TEST(!w.tested->under_way());
    // It can be tried again.
    w.run();
    BOOST_TEST(w.failed == 2);
}

BOOST_AUTO_TEST_CASE(a_program_that_is_none_is_told)
{
    predecessor w("");
    server::own_command command;
    command.program = "/nowhere/sluice";
    command.arguments = {"sluice"};
    w.tested.reset();
    w.start(command, 20s);
    w.run();
    BOOST_TEST(w.failed == 1);
    BOOST_TEST(w.logged("No such file"));
}

BOOST_AUTO_TEST_CASE(a_new_one_that_says_nothing_is_ended_when_its_time_is_over)
{
    predecessor w("exec sleep 1000", 50ms);
    w.run();
    BOOST_TEST(w.failed == 1);
    BOOST_TEST(w.held == 0);
    BOOST_TEST(w.logged("it was not ready in time"));
    BOOST_TEST(w.logged("it had to be killed"));
}

BOOST_AUTO_TEST_CASE(one_that_dies_or_hangs_after_the_lock_was_given_up_gives_it_back)
{
    const std::string hangs = "time.sleep(1000)";
    for (const auto& then :
         {std::string("os._exit(7)"), hangs, std::string("say(4, b\"no port\"); os._exit(1)")}) {
        // Only where it is waited for it is short, and yet enough to have said hello.
        predecessor w(after_hello(then), then == hangs ? 8s : 20s);
        w.run();
        BOOST_TEST(w.failed == 1);
        BOOST_TEST(w.held == 1);
        BOOST_TEST(w.resumed == 1);
    }
}

BOOST_AUTO_TEST_CASE(one_that_does_not_keep_to_the_order_is_ended)
{
    const std::pair<const char*, const char*> cases[] = {
        {"say(0, b\"{}\"); time.sleep(1000)", "it speaks another version"},
        {"say(6, b\"\"); time.sleep(1000)", "it does not keep to the protocol"},
        {"say(99, b\"\"); time.sleep(1000)", "it does not keep to the protocol"}};
    for (const auto& [then, why] : cases) {
        predecessor w(after_hello(then));
        w.run();
        BOOST_TEST(w.failed == 1);
        BOOST_TEST(w.resumed == w.held);
        BOOST_TEST(w.logged(why), why);
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_let_go_of_ends_it_before_anything_has_changed)
{
    predecessor w(after_hello("time.sleep(1000)"));
    w.refuses = true;
    w.run();
    BOOST_TEST(w.failed == 1);
    BOOST_TEST(w.resumed == 0);
    BOOST_TEST(w.logged("the disk is full"));
}

BOOST_AUTO_TEST_CASE(a_second_one_is_refused_while_one_is_under_way)
{
    predecessor w("exec sleep 1000", 200ms);
    w.tested->begin();
    BOOST_TEST(w.tested->under_way());
    w.tested->begin();
    BOOST_TEST(w.logged("an upgrade is under way already"));
    w.tested->cancel("told to stop");
    BOOST_TEST(!w.tested->under_way());
    BOOST_TEST(w.logged("told to stop"));
}

BOOST_AUTO_TEST_SUITE_END()
