#include <sluice/server/handover_link.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(handover_links)

using namespace sluice;
using namespace std::chrono_literals;
using server::framed;
using server::handover_link;
using server::handover_message;
using server::handover_reader;
using kind = handover_message::kind;

namespace {

struct pair {
    pair()
    {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        one = std::make_unique<handover_link>(ends[0]);
        other = std::make_unique<handover_link>(ends[1]);
    }

    std::unique_ptr<handover_link> one;
    std::unique_ptr<handover_link> other;
};

bool same_file(int a, int b)
{
    struct stat x{};
    struct stat y{};
    return ::fstat(a, &x) == 0 && ::fstat(b, &y) == 0 && x.st_ino == y.st_ino;
}

}  // namespace

BOOST_AUTO_TEST_CASE(messages_are_the_same_wherever_they_are_cut)
{
    const auto all = framed(kind::hello, "{}") + framed(kind::bills, std::string(300, '\0'))
                     + framed(kind::go, "");
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
        handover_reader reader;
        std::vector<handover_message> got;
        for (const auto piece :
             {std::string_view(all).substr(0, cut), std::string_view(all).substr(cut)}) {
            reader.feed(piece);
            while (auto message = reader.next())
                got.push_back(std::move(*message));
        }
        BOOST_TEST_REQUIRE(got.size() == 3u);
        BOOST_TEST((got[0].what == kind::hello && got[0].body == "{}"));
        BOOST_TEST((got[1].what == kind::bills && got[1].body == std::string(300, '\0')));
        BOOST_TEST((got[2].what == kind::go && got[2].body.empty()));
        BOOST_TEST(!reader.broken());
    }
}

BOOST_AUTO_TEST_CASE(a_message_that_is_cut_off_is_none)
{
    const auto all = framed(kind::money, "0123456789");
    for (std::size_t length = 0; length < all.size(); ++length) {
        handover_reader reader;
        reader.feed(std::string_view(all).substr(0, length));
        BOOST_TEST(!reader.next().has_value());
        BOOST_TEST(!reader.broken());
    }
}

BOOST_AUTO_TEST_CASE(what_no_link_sends_breaks_it_for_good)
{
    const std::string too_long{'\xff', '\xff', '\xff', '\x7f', '\0'};
    const std::string unknown{'\0', '\0', '\0', '\0', '\x63'};
    for (const auto& bytes : {too_long, unknown, framed(kind::socket, "without one")}) {
        handover_reader reader;
        reader.feed(bytes);
        BOOST_TEST(!reader.next().has_value());
        BOOST_TEST(reader.broken());
        reader.feed(framed(kind::hello, ""));
        BOOST_TEST(!reader.next().has_value());
    }
}

BOOST_AUTO_TEST_CASE(descriptors_come_with_their_messages_and_are_closed_on_exec)
{
    pair ends;
    std::array<int, 2> pipe{};
    BOOST_REQUIRE(::pipe(pipe.data()) == 0);
    BOOST_TEST(ends.one->send(kind::socket, "first", pipe[0]));
    BOOST_TEST(ends.one->send(kind::bills, "between"));
    BOOST_TEST(ends.one->send(kind::socket, "second", pipe[1]));
    const auto first = ends.other->wait(1s);
    const auto between = ends.other->wait(1s);
    const auto second = ends.other->wait(1s);
    BOOST_REQUIRE((first && between && second));
    BOOST_TEST(first->body == "first");
    BOOST_TEST(same_file(first->descriptor, pipe[0]));
    BOOST_TEST(between->descriptor == -1);
    BOOST_TEST(second->body == "second");
    BOOST_TEST(same_file(second->descriptor, pipe[1]));
    BOOST_TEST((::fcntl(first->descriptor, F_GETFD) & FD_CLOEXEC) != 0);
    for (const int each : {pipe[0], pipe[1], first->descriptor, second->descriptor})
        ::close(each);
}

BOOST_AUTO_TEST_CASE(what_is_larger_than_the_sockets_buffer_arrives_whole)
{
    pair ends;
    const std::string large(8U << 20U, 'x');
    std::thread sender([&] { BOOST_CHECK(ends.one->send(kind::bills, large)); });
    const auto got = ends.other->wait(10s);
    sender.join();
    BOOST_REQUIRE(got.has_value());
    BOOST_TEST((got->body == large));
}

BOOST_AUTO_TEST_CASE(a_peer_that_does_not_read_is_given_up)
{
    pair ends;
    const std::string large(8U << 20U, 'x');
    BOOST_TEST(!ends.one->send(kind::bills, large, -1, 20ms));
    BOOST_TEST(!ends.one->send(kind::hello, ""));
}

BOOST_AUTO_TEST_CASE(what_was_sent_before_the_end_is_still_there)
{
    pair ends;
    BOOST_TEST(ends.one->send(kind::bills, "the last"));
    ends.one.reset();
    BOOST_TEST(!ends.other->receive());
    const auto last = ends.other->next();
    BOOST_REQUIRE(last.has_value());
    BOOST_TEST(last->body == "the last");
    BOOST_TEST(!ends.other->wait(1s).has_value());
    BOOST_TEST(!ends.other->send(kind::hello, ""));
}

BOOST_AUTO_TEST_CASE(a_wait_ends)
{
    pair ends;
    BOOST_TEST(!ends.one->wait(1ms).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
