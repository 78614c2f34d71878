#include <sluice/server/given_sockets.hpp>
#include <sluice/server/listener.hpp>

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <set>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(given_sockets)

using namespace sluice;
using server::count_given;
using server::given_socket;

namespace {

class own_socket {
public:
    explicit own_socket(bool listens = true)
        : descriptor(::socket(AF_INET, SOCK_STREAM, 0))
    {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        BOOST_REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
        if (listens)
            BOOST_REQUIRE(::listen(descriptor, 5) == 0);
    }
    own_socket(const own_socket&) = delete;
    own_socket& operator=(const own_socket&) = delete;
    ~own_socket() { ::close(descriptor); }

    const int descriptor;
};

config::listen_address address(std::string host, std::uint16_t port)
{
    config::listen_address made;
    made.host = std::move(host);
    made.port = port;
    return made;
}

void close_all(const std::vector<server::bound_address>& all)
{
    for (const auto& each : all)
        for (const int open : each.descriptors)
            ::close(open);
}

bool says(const std::runtime_error& why, std::string_view what)
{
    return std::string_view(why.what()).find(what) != std::string_view::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(descriptors_that_are_for_another_process_are_left_alone)
{
    BOOST_TEST(count_given("41", "3", 42) == 0u);
    BOOST_TEST(count_given("42", "3", 42) == 3u);
    BOOST_TEST(count_given("42", "0", 42) == 0u);
    BOOST_TEST(count_given({}, "3", 42) == 0u);
    BOOST_TEST(count_given("42", {}, 42) == 0u);
    for (const auto* nonsense : {"", "-1", "3x", "99999999999999999999", "1025"})
        BOOST_CHECK_THROW((void)count_given("42", nonsense, 42), std::runtime_error);
    BOOST_CHECK_THROW((void)count_given("me", "1", 42), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_socket_is_known_by_its_address)
{
    own_socket one;
    const auto known = server::inspect(one.descriptor, "it");
    BOOST_TEST(known.host == "127.0.0.1");
    BOOST_TEST(known.port != 0);
    BOOST_TEST(known.is_for("127.0.0.1", known.port));
    BOOST_TEST(!known.is_for("127.0.0.2", known.port));
    BOOST_TEST(!known.is_for("127.0.0.1", 0));
    BOOST_TEST((::fcntl(one.descriptor, F_GETFD) & FD_CLOEXEC) != 0);
    BOOST_TEST((::fcntl(one.descriptor, F_GETFL) & O_NONBLOCK) != 0);
}

BOOST_AUTO_TEST_CASE(what_does_not_listen_is_refused_by_its_name)
{
    own_socket one(false);
    BOOST_CHECK_EXCEPTION(
        (void)server::inspect(one.descriptor, "number 1"), std::runtime_error, [](const auto& why) {
            return says(why, "number 1 is no listening TCP socket");
        });
    BOOST_CHECK_THROW((void)server::inspect(-1, "none"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(one_given_socket_is_shared_by_all_workers)
{
    own_socket one;
    std::vector<given_socket> given{server::inspect(::dup(one.descriptor), "it")};
    const auto port = given.front().port;
    const auto all = server::bind_all({address("127.0.0.1", port)}, 3, given);
    BOOST_TEST(given.empty());
    BOOST_TEST_REQUIRE(all.size() == 1u);
    BOOST_TEST(all[0].port == port);
    BOOST_TEST(all[0].sockets == 1u);
    BOOST_TEST(all[0].descriptors.size() == 3u);
    close_all(all);
}

BOOST_AUTO_TEST_CASE(every_given_socket_has_a_worker_also_when_there_are_fewer_of_these)
{
    std::vector<given_socket> none;
    auto before = server::bind_all({address("127.0.0.1", 0)}, 4, none);
    std::vector<given_socket> given;
    for (const int each : before[0].descriptors) {
        given.push_back(server::inspect(each, "it"));
        given.back().any_port = true;
    }
    const auto all = server::bind_all({address("127.0.0.1", 0)}, 2, given);
    BOOST_TEST(given.empty());
    BOOST_TEST(all[0].port == before[0].port);
    BOOST_TEST(all[0].sockets == 4u);
    BOOST_TEST(
        std::set<int>(all[0].descriptors.begin(), all[0].descriptors.end())
        == std::set<int>(before[0].descriptors.begin(), before[0].descriptors.end()));
    close_all(all);
}

BOOST_AUTO_TEST_CASE(what_is_for_no_address_is_left_and_an_address_without_one_is_bound)
{
    own_socket one;
    std::vector<given_socket> given{server::inspect(one.descriptor, "it")};
    const auto all = server::bind_all({address("127.0.0.1", 0)}, 2, given);
    BOOST_TEST(given.size() == 1u);
    BOOST_TEST(all[0].port != given.front().port);
    BOOST_TEST(all[0].sockets == 2u);
    close_all(all);
}

BOOST_AUTO_TEST_CASE(an_ipv6_address_matches_however_it_is_spelled)
{
    std::vector<given_socket> given(1);
    own_socket one;
    given[0] = {::dup(one.descriptor), "::1", 8080, false};
    const auto all = server::bind_all({address("0:0:0:0:0:0:0:1", 8080)}, 1, given);
    BOOST_TEST(given.empty());
    close_all(all);
    BOOST_TEST(server::text_of("::1", 8080) == "[::1]:8080");
}

BOOST_AUTO_TEST_CASE(what_is_bound_gets_the_tls_its_address_has_now)
{
    const auto with = [](std::string host, std::uint16_t port, std::string certificate) {
        config::listen_address made{.host = std::move(host), .port = port, .tls = {}};
        if (!certificate.empty())
            made.tls.emplace().certificate = std::move(certificate);
        return made;
    };
    std::vector<config::listen_address> bound{
        with("127.0.0.1", 0, "first"),
        with("127.0.0.1", 0, "second"),
        with("0:0:0:0:0:0:0:1", 8080, ""),
        with("127.0.0.1", 8080, "gone from the file")};
    server::renew_tls(
        bound,
        {with("127.0.0.1", 9999, "not bound yet"),
         with("::1", 8080, "now with"),
         with("127.0.0.1", 0, "renewed"),
         with("127.0.0.1", 0, "")});
    BOOST_TEST(bound[0].tls.value().certificate == "renewed");
    BOOST_TEST(!bound[1].tls);
    BOOST_TEST(bound[2].tls.value().certificate == "now with");
    BOOST_TEST(bound[3].tls.value().certificate == "gone from the file");
}

BOOST_AUTO_TEST_SUITE_END()
