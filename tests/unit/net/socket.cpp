#include <sluice/net/gate.hpp>
#include <sluice/net/socket.hpp>
#include <sluice/net/task.hpp>

#include <boost/asio/detail/concurrency_hint.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <exception>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(sockets)

namespace {

using sluice::milliseconds;
using sluice::steady;
using sluice::time_point;
using namespace sluice::net;

void empty(sluice::net::socket& from)
{
    std::array<char, 64> octets;
    while (from.receive(octets).status == io::ok) {
    }
}

void count(void* context)
{
    ++*static_cast<int*>(context);
}

struct fixture {
    boost::asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        context.get_executor()};
    reactor loop{context};
    std::vector<int> peers;
    gate all{[](std::exception_ptr what) { std::rethrow_exception(std::move(what)); }};

    ~fixture()
    {
        for (const int each : peers)
            ::close(each);
    }

    // One end adopted, and known to be quiet; the other one a plain descriptor, peers.back().
    socket_ptr connected()
    {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(
            ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
        peers.push_back(ends[1]);
        auto one = sluice::net::socket::adopt(loop, ends[0]);
        int told = 0;
        one->watch(&count, &told);
        run();
        empty(*one);
        return one;
    }

    void say(std::size_t peer) { BOOST_REQUIRE(::send(peers[peer], "x", 1, MSG_NOSIGNAL) == 1); }

    // What is there to be done now.
    void run()
    {
        context.restart();
        context.poll();
    }
};

task<> wait_for_reading(sluice::net::socket& one, std::vector<io>& answers)
{
    empty(one);
    answers.push_back(co_await one.readable(time_point::max()));
}

task<> wait_for_writing(sluice::net::socket& one, time_point until, std::vector<io>& answers)
{
    answers.push_back(co_await one.writable(until));
}

task<> release_both_when_one_is_readable(socket_ptr& one, socket_ptr& other)
{
    empty(*one);
    co_await one->readable(time_point::max());
    one.reset();
    other.reset();
}

BOOST_FIXTURE_TEST_SUITE(socket_, fixture)

BOOST_AUTO_TEST_CASE(a_reader_is_told_when_octets_have_come_and_not_before)
{
    const auto one = connected();
    std::vector<io> answers;
    all.spawn(wait_for_reading(*one, answers));
    run();
    BOOST_TEST(answers.empty());
    say(0);
    run();
    BOOST_TEST((answers == std::vector{io::ok}));
}

BOOST_AUTO_TEST_CASE(what_came_while_nobody_waited_is_not_lost)
{
    const auto one = connected();
    say(0);
    run();
    std::vector<io> answers;
    all.spawn([](sluice::net::socket& s, std::vector<io>& to) -> task<> {
        to.push_back(co_await s.readable(time_point::max()));
    }(*one, answers));
    run();
    BOOST_TEST((answers == std::vector{io::ok}));
}

BOOST_AUTO_TEST_CASE(a_socket_released_while_its_event_is_queued_is_not_told_of_it)
{
    auto one = connected();
    auto other = connected();
    all.spawn(release_both_when_one_is_readable(one, other));
    int told = 0;
    other->watch(&count, &told);
    // Both in one batch of epoll's; the first one's reader releases the second socket.
    say(0);
    say(1);
    run();
    run();
    BOOST_TEST(all.count() == 0U);
    BOOST_TEST(!other);
    BOOST_TEST(told == 0);
}

BOOST_AUTO_TEST_CASE(a_reader_and_a_writer_of_one_socket_are_both_told_of_its_end)
{
    const auto one = connected();
    std::array<char, 4096> octets{};
    const iovec piece{octets.data(), octets.size()};
    while (one->send(&piece, 1).status == io::ok) {
    }
    std::vector<io> reader;
    std::vector<io> writer;
    all.spawn(wait_for_reading(*one, reader));
    all.spawn(wait_for_writing(*one, time_point::max(), writer));
    run();
    BOOST_TEST(reader.empty());
    BOOST_TEST(writer.empty());
    ::close(std::exchange(peers[0], -1));
    run();
    BOOST_TEST(reader.size() == 1U);
    BOOST_TEST(writer.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_wait_ends_by_its_deadline_and_by_an_interruption)
{
    const auto one = connected();
    std::array<char, 4096> octets{};
    const iovec piece{octets.data(), octets.size()};
    while (one->send(&piece, 1).status == io::ok) {
    }
    std::vector<io> answers;
    const auto now = steady::now();
    all.spawn(wait_for_writing(*one, now + milliseconds(50), answers));
    loop.deadlines().advance(now + milliseconds(500));
    run();
    BOOST_TEST((answers == std::vector{io::timed_out}));
    all.spawn(wait_for_writing(*one, time_point::max(), answers));
    one->interrupt();
    run();
    BOOST_TEST((answers == std::vector{io::timed_out, io::interrupted}));
}

BOOST_AUTO_TEST_CASE(a_watch_is_told_once_and_not_after_it_was_taken_back)
{
    const auto one = connected();
    int told = 0;
    one->watch(&count, &told);
    one->unwatch();
    say(0);
    run();
    BOOST_TEST(told == 0);
    one->watch(&count, &told);  // what came meanwhile is told of
    run();
    BOOST_TEST(told == 1);
    say(0);
    run();
    BOOST_TEST(told == 1);
}

// Counts how often it was fetched.
struct counted : sluice::prefetcher {
    counted()
        : prefetcher{
              [](const prefetcher& self) noexcept { ++static_cast<const counted&>(self).times; }}
    {
    }
    mutable int times = 0;
};

BOOST_AUTO_TEST_CASE(what_a_reader_is_about_to_use_is_fetched_with_the_news)
{
    auto one = connected();
    const counted used;
    one->about_to_use(&used);
    run();
    BOOST_TEST(used.times == 0);
    say(0);
    run();
    BOOST_TEST(used.times == 1);
    one->about_to_use(nullptr);
    say(0);
    run();
    BOOST_TEST(used.times == 1);
}

BOOST_AUTO_TEST_CASE(a_socket_released_while_its_event_is_queued_fetches_nothing)
{
    auto one = connected();
    auto other = connected();
    all.spawn(release_both_when_one_is_readable(one, other));
    const counted used;
    other->about_to_use(&used);
    say(0);
    say(1);
    run();
    run();
    BOOST_TEST(!other);
    BOOST_TEST(used.times == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace

BOOST_AUTO_TEST_SUITE_END()
