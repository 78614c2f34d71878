// Providers by name: names that do not resolve, that have several addresses, that move. The names
// are this program's own, see getaddrinfo below.

#include "support/certificates.hpp"
#include "support/gateway.hpp"
#include "support/upstream.hpp"
#include <sluice/net/gate.hpp>
#include <sluice/net/resolver.hpp>

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <optional>
#include <set>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

BOOST_AUTO_TEST_SUITE(provider_names)

using namespace loopback;

namespace {

// What names resolve to. Asked from the resolver's thread.
class name_table {
public:
    void set(const std::string& name, std::vector<std::string> addresses)
    {
        const std::lock_guard lock(mutex_);
        names_[name] = std::move(addresses);
        held_.erase(name);
        changed_.notify_all();
    }
    // Who asks for it is not answered before it is set.
    void hold(const std::string& name)
    {
        const std::lock_guard lock(mutex_);
        held_.insert(name);
    }
    std::vector<std::string> ask(const std::string& name)
    {
        std::unique_lock lock(mutex_);
        ++asked_;
        changed_.wait(lock, [&] { return !held_.contains(name); });
        return names_[name];
    }
    unsigned asked()
    {
        const std::lock_guard lock(mutex_);
        return asked_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::vector<std::string>> names_;
    std::set<std::string> held_;
    unsigned asked_ = 0;
};

name_table& names()
{
    static name_table all;
    return all;
}

struct answer_entry {
    addrinfo info{};
    sockaddr_in where{};
};

}  // namespace

// The program's own definition goes before the C library's.
extern "C" int getaddrinfo(
    const char* name, const char* /*service*/, const addrinfo* /*hints*/, addrinfo** found)
{
    addrinfo* first = nullptr;
    const auto addresses = names().ask(name);
    for (auto at = addresses.rbegin(); at != addresses.rend(); ++at) {
        auto entry = std::make_unique<answer_entry>();
        entry->where.sin_family = AF_INET;
        ::inet_pton(AF_INET, at->c_str(), &entry->where.sin_addr);
        entry->info.ai_family = AF_INET;
        entry->info.ai_socktype = SOCK_STREAM;
        entry->info.ai_addr = reinterpret_cast<sockaddr*>(&entry->where);
        entry->info.ai_addrlen = sizeof entry->where;
        entry->info.ai_next = first;
        first = &entry.release()->info;
    }
    *found = first;
    return first == nullptr ? EAI_NONAME : 0;
}

extern "C" void freeaddrinfo(addrinfo* all)
{
    while (all != nullptr) {
        auto* const next = all->ai_next;
        delete reinterpret_cast<answer_entry*>(all);
        all = next;
    }
}

namespace {

// Half of it is the first address's: more than a busy machine holds anybody up.
constexpr std::string_view timeouts = "{ connect: 6s }";
constexpr milliseconds first_turn{2'990};

config named(std::uint16_t port)
{
    return config(port)
        .set("timeouts", timeouts)
        .set(
            "providers",
            "{ one: { base_url: 'http://provider.test:" + std::to_string(port)
                + "/v1', api_key: " + std::string(provider_key) + " } }");
}

// An address of this machine that takes no connection any more: its queue is full.
class silent_address {
public:
    silent_address(const char* address, std::uint16_t port)
    {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        ::inet_pton(AF_INET, address, &where.sin_addr);
        const auto* to = reinterpret_cast<const sockaddr*>(&where);
        const int on = 1;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        BOOST_REQUIRE(::bind(listener_, to, sizeof where) == 0);
        BOOST_REQUIRE(::listen(listener_, 0) == 0);
        for (const int filler : fillers_)
            (void)::connect(filler, to, sizeof where);
    }
    silent_address(const silent_address&) = delete;
    silent_address& operator=(const silent_address&) = delete;
    ~silent_address()
    {
        ::close(listener_);
        for (const int filler : fillers_)
            ::close(filler);
    }

private:
    static int make() { return ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

    int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::array<int, 4> fillers_{make(), make(), make(), make()};
};

// An address of this machine that ends each connection as soon as it hears something.
class ending_address {
public:
    ending_address(const char* address, std::uint16_t port)
    {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        ::inet_pton(AF_INET, address, &where.sin_addr);
        const int on = 1;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const auto* to = reinterpret_cast<const sockaddr*>(&where);
        BOOST_REQUIRE(::bind(listener_, to, sizeof where) == 0);
        BOOST_REQUIRE(::listen(listener_, 10) == 0);
        taking_ = std::jthread([this] {
            for (int one = 0; (one = ::accept(listener_, nullptr, nullptr)) >= 0;) {
                connection c(one);
                ++taken_;
                (void)c.stirs(patience);
            }
        });
    }
    ending_address(const ending_address&) = delete;
    ending_address& operator=(const ending_address&) = delete;
    ~ending_address()
    {
        ::shutdown(listener_, SHUT_RDWR);
        taking_.join();
        ::close(listener_);
    }
    [[nodiscard]] unsigned taken() const { return taken_; }

private:
    int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::atomic<unsigned> taken_{0};
    std::jthread taking_;
};

// The addresses a worker's resolver has for the name now.
class asking {
public:
    explicit asking(sluice::net::resolver::lifetimes keep)
        : resolver_(loop_, keep)
    {
    }

    // Returns when the question that a stale answer causes is answered too.
    std::vector<std::string> ask()
    {
        std::optional<std::vector<std::string>> told;
        context_.restart();
        gate_.spawn(into(told, stop_));
        context_.run();
        BOOST_REQUIRE(told.has_value());
        return *told;
    }

    // Two ask at the same time, and the first one stops the other as soon as it is answered.
    std::vector<std::string> ask_and_stop_another()
    {
        std::optional<std::vector<std::string>> told;
        std::optional<std::vector<std::string>> other;
        sluice::net::interrupter stop_other;
        gate_.spawn(first_of_two(told, stop_other));
        gate_.spawn(into(other, stop_other));
        context_.run();
        BOOST_REQUIRE((told.has_value() && other.has_value()));
        return *told;
    }

private:
    sluice::net::task<> first_of_two(
        std::optional<std::vector<std::string>>& told, sluice::net::interrupter& other)
    {
        co_await into(told, stop_);
        other.fire();
    }

    sluice::net::task<> into(
        std::optional<std::vector<std::string>>& told, sluice::net::interrupter& stop)
    {
        const std::string name = "moving.test";
        const auto found = co_await resolver_.resolve(name, 80, sluice::time_point::max(), stop);
        std::vector<std::string> all;
        for (const auto& one : found) {
            const auto& where = reinterpret_cast<const sockaddr_in&>(one.bytes);
            BOOST_TEST(ntohs(where.sin_port) == 80);
            std::array<char, INET_ADDRSTRLEN> text{};
            all.emplace_back(::inet_ntop(AF_INET, &where.sin_addr, text.data(), text.size()));
        }
        told = std::move(all);
    }

    boost::asio::io_context context_{1};
    sluice::net::reactor loop_{context_};
    sluice::net::interrupter stop_;
    sluice::net::gate gate_{[](const std::exception_ptr& what) { std::rethrow_exception(what); }};
    sluice::net::resolver resolver_;
};

using list = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_CASE(a_name_that_does_not_resolve_is_a_502_until_it_does)
{
    listener provider;
    names().set("provider.test", {});
    gateway gate(named(provider.port()));
    for (int i = 0; i < 2; ++i) {
        auto client = gate.connect();
        client.send(chat_text());
        BOOST_TEST(client.answer().status() == 502u);
    }
    names().set("provider.test", {"127.0.0.1"});
    auto client = gate.connect();
    client.send(chat_text());
    auto upstream = provider.accept();
    const auto asked = upstream.request();
    const auto authority = "provider.test:" + std::to_string(provider.port());
    BOOST_TEST(asked.fields.find(authority) != std::string::npos, asked.fields);
    upstream.send(answer_text("{}"));
    BOOST_TEST(client.answer().status() == 200u);
}

BOOST_AUTO_TEST_CASE(when_the_first_address_refuses_the_next_one_is_taken)
{
    listener provider;
    names().set("provider.test", {"127.0.0.2", "127.0.0.1"});
    gateway gate(named(provider.port()));
    auto client = gate.connect();
    client.send(chat_text());
    auto upstream = provider.accept();
    (void)upstream.request();
    upstream.send(answer_text("{}"));
    BOOST_TEST(client.answer().status() == 200u);
}

// As a balancer with nobody behind it does: it takes the connection, and ends it.
BOOST_AUTO_TEST_CASE(
    when_the_first_address_ends_the_handshake_the_next_one_is_taken_and_stays_first)
{
    listener provider;
    const ending_address broken("127.0.0.2", provider.port());
    names().set("provider.test", {"127.0.0.2", "127.0.0.1"});
    const authority trusted;
    const auto url = "https://provider.test:" + std::to_string(provider.port()) + "/v1";
    auto how = named(provider.port());
    const auto file = std::filesystem::temp_directory_path()
                      / ("sluice-names-" + std::to_string(provider.port()) + ".pem");
    write_file(file, trusted.certificate());
    how.set("providers", "{ one: { base_url: '" + url + "', ca_file: '" + file.string() + "' } }");
    gateway gate(how);
    std::filesystem::remove(file);
    std::vector<connection> busy;
    for (int i = 0; i < 2; ++i) {
        auto client = gate.connect();
        client.send(chat_text());
        auto upstream = provider.accept();
        const auto context = server_context(trusted.issue("provider.test"));
        BOOST_TEST_REQUIRE(upstream.encrypt(server_side(context)));
        (void)upstream.request();
        busy.push_back(std::move(client));
        busy.push_back(std::move(upstream));
    }
    BOOST_TEST(broken.taken() == 1u);
}

BOOST_AUTO_TEST_CASE(when_the_first_address_is_silent_the_next_one_gets_its_turn_and_stays_first)
{
    listener provider;
    const silent_address dead("127.0.0.2", provider.port());
    names().set("provider.test", {"127.0.0.2", "127.0.0.1"});
    gateway gate(named(provider.port()));
    std::vector<connection> busy;
    for (int i = 0; i < 3; ++i) {
        auto client = gate.connect();
        const auto begin = sluice::steady::now();
        client.send(chat_text());
        auto upstream = provider.accept();
        const auto took = sluice::steady::now() - begin;
        if (i == 0)
            BOOST_TEST((took >= first_turn));
        else
            BOOST_TEST((took < first_turn));
        // Not answered, so that the next request needs a connection of its own.
        busy.push_back(std::move(client));
        busy.push_back(std::move(upstream));
    }
}

BOOST_AUTO_TEST_CASE(a_drain_ends_all_who_wait_for_a_name)
{
    closed_port provider;
    names().hold("held.test");
    gateway gate(
        config(provider.port())
            .set("timeouts", "{ connect: 30s, drain: 100ms }")
            .set("providers", "{ one: { base_url: 'http://held.test:1/v1', api_key: k } }"));
    std::vector<connection> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(gate.connect());
        clients.back().send(chat_text("", "connection: close\r\n"));
    }
    BOOST_TEST(gate.becomes("sluice_in_flight_requests", {}, 3));
    gate.stop();
    for (auto& each : clients) {
        const auto answer = each.answer();
        BOOST_TEST(answer.status() == 503u);
        BOOST_TEST(answer.says("\"code\":\"draining\""), answer.body);
        BOOST_TEST(each.ends());
    }
    names().set("held.test", {});
    BOOST_TEST(gate.stopped());
}

BOOST_AUTO_TEST_CASE(who_is_answered_may_stop_another_who_waits_for_the_same_name)
{
    asking one({});
    names().set("moving.test", {"192.0.2.1"});
    BOOST_TEST((one.ask_and_stop_another() == list{"192.0.2.1"}));
}

BOOST_AUTO_TEST_CASE(an_answer_is_fresh_for_a_while)
{
    asking one({});
    names().set("moving.test", {"192.0.2.1", "192.0.2.2"});
    const auto before = names().asked();
    BOOST_TEST((one.ask() == list{"192.0.2.1", "192.0.2.2"}));
    names().set("moving.test", {"192.0.2.3"});
    BOOST_TEST((one.ask() == list{"192.0.2.1", "192.0.2.2"}));
    BOOST_TEST(names().asked() == before + 1);
}

BOOST_AUTO_TEST_CASE(a_name_that_moved_is_followed_and_nobody_waits_for_it)
{
    asking one({.fresh = sluice::nanoseconds{0}});
    names().set("moving.test", {"192.0.2.1"});
    BOOST_TEST((one.ask() == list{"192.0.2.1"}));
    names().set("moving.test", {"192.0.2.2"});
    BOOST_TEST((one.ask() == list{"192.0.2.1"}));
    BOOST_TEST((one.ask() == list{"192.0.2.2"}));
}

BOOST_AUTO_TEST_CASE(an_answer_outlives_a_name_server_that_fails_for_its_time)
{
    using sluice::nanoseconds;
    asking patient({.fresh = nanoseconds{0}});
    asking strict({.fresh = nanoseconds{0}, .stale = nanoseconds{0}});
    names().set("moving.test", {"192.0.2.1"});
    BOOST_TEST((patient.ask() == list{"192.0.2.1"}));
    BOOST_TEST((strict.ask() == list{"192.0.2.1"}));
    names().set("moving.test", {});
    for (int i = 0; i < 3; ++i)
        BOOST_TEST((patient.ask() == list{"192.0.2.1"}));
    BOOST_TEST((strict.ask() == list{"192.0.2.1"}));
    BOOST_TEST((strict.ask() == list{}));
}

BOOST_AUTO_TEST_SUITE_END()
