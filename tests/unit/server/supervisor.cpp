#include "temporary_directory.hpp"
#include <sluice/server/supervisor.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <map>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(supervisors)

using namespace sluice;
using namespace std::chrono_literals;

namespace {

// What a service manager would hear on this address.
class manager {
public:
    explicit manager(std::string where)
        : where_(std::move(where)),
          socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        std::memcpy(at.sun_path, where_.data(), where_.size());
        if (where_.front() == '@')
            at.sun_path[0] = '\0';
        BOOST_REQUIRE(
            ::bind(
                socket_,
                reinterpret_cast<const sockaddr*>(&at),
                static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + where_.size()))
            == 0);
    }
    manager(const manager&) = delete;
    manager& operator=(const manager&) = delete;
    ~manager() { ::close(socket_); }

    std::string heard()
    {
        std::array<char, 256> text{};
        const auto got = ::recv(socket_, text.data(), text.size(), 0);
        return got < 0 ? std::string("nothing")
                       : std::string(text.data(), static_cast<std::size_t>(got));
    }

private:
    std::string where_;
    int socket_;
};

config::environment with(std::map<std::string, std::string> variables)
{
    config::environment made;
    made.variable = [variables](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    return made;
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_tells_in_the_words_of_sd_notify)
{
    temporary_directory where;
    for (const auto& place : {where.file("notify"), "@sluice-test-" + std::to_string(::getpid())}) {
        manager above(place);
        server::supervisor tells(with({{"NOTIFY_SOCKET", place}}));
        tells.ready();
        BOOST_TEST(above.heard() == "READY=1");
        tells.reloading(time_point(1234567us));
        BOOST_TEST(above.heard() == "RELOADING=1\nMONOTONIC_USEC=1234567");
        tells.replaced_by(4711);
        BOOST_TEST(above.heard() == "MAINPID=4711");
        tells.alive();
        BOOST_TEST(above.heard() == "WATCHDOG=1");
        tells.stopping(5min);
        BOOST_TEST(above.heard() == "STOPPING=1\nEXTEND_TIMEOUT_USEC=315000000");
        BOOST_TEST(above.heard() == "nothing");
    }
}

BOOST_AUTO_TEST_CASE(a_watchdog_is_fed_twice_as_often_as_it_asks)
{
    server::supervisor tells(with({{"NOTIFY_SOCKET", "/nowhere"}, {"WATCHDOG_USEC", "30000000"}}));
    BOOST_REQUIRE(tells.alive_every().has_value());
    BOOST_TEST((*tells.alive_every() == 15s));
    for (const auto* nothing : {"0", "", "x"}) {
        server::supervisor quiet(with({{"NOTIFY_SOCKET", "/nowhere"}, {"WATCHDOG_USEC", nothing}}));
        BOOST_TEST(!quiet.alive_every().has_value());
    }
}

BOOST_AUTO_TEST_CASE(without_a_manager_or_when_it_is_gone_nothing_happens)
{
    for (const auto& place :
         {std::string(),
          std::string("relative"),
          std::string(200, '/'),
          std::string("/nowhere/at/all")}) {
        server::supervisor tells(with({{"NOTIFY_SOCKET", place}}));
        tells.ready();
    }
    server::supervisor tells{config::environment{}};
    tells.ready();
    BOOST_TEST(!tells.alive_every().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
