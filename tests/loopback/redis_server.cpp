// The client with a real redis-server, and what happens to that one.

#include "needs_redis.hpp"
#include "redis_world.hpp"
#include "support/certificates.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

BOOST_AUTO_TEST_SUITE(redis_real, *loopback::needs_redis)

using namespace loopback;
using namespace sluice;
using namespace std::chrono_literals;
using net::redis_failure;

BOOST_AUTO_TEST_CASE(values_and_scripts_go_there_and_back)
{
    const redis_server server;
    redis_world world(redis_at(server.port()));
    const std::string octets("a\r\n\0b", 5);
    BOOST_TEST(world.ask({"SET", "a", octets}).ok());
    BOOST_TEST(world.ask({"GET", "a"}).reply.text == octets);
    const net::redis_script script("return {KEYS[1], ARGV[1] + 1, redis.call('GET', KEYS[1])}");
    for (int i = 0; i < 2; ++i) {
        const auto answer = world.run(script, {"a"}, {"41"});
        BOOST_REQUIRE(answer.reply.elements.size() == 3U);
        BOOST_TEST(answer.reply.elements[1].number == 42);
        BOOST_TEST(answer.reply.elements[2].text == octets);
    }
    BOOST_TEST(world.client.read().failures == 1U, "the first script was not known");
}

BOOST_AUTO_TEST_CASE(a_frozen_server_fails_in_time_and_is_used_again_when_it_thaws)
{
    const redis_server server;
    auto settings = redis_at(server.port());
    settings.operation = 2s;
    redis_world world(settings);
    BOOST_TEST(world.becomes_up());
    BOOST_TEST(world.ask({"SET", "a", "1"}).ok());
    server.freeze();
    const auto began = steady::now();
    BOOST_TEST((world.ask({"GET", "a"}).failure == redis_failure::timed_out));
    BOOST_TEST(world.becomes_down());
    BOOST_TEST((world.ask({"GET", "a"}).failure != redis_failure::none));
    BOOST_TEST((steady::now() - began < 15s));
    server.thaw();
    BOOST_TEST(world.becomes_up());
    BOOST_TEST(world.ask({"GET", "a"}).reply.text == "1");
}

BOOST_AUTO_TEST_CASE(a_killed_server_is_used_again_when_it_is_back_and_is_sent_its_scripts_again)
{
    redis_server server;
    redis_world world(redis_at(server.port()));
    const net::redis_script script("return 7");
    BOOST_TEST(world.run(script, {"a"}, {}).reply.number == 7);
    server.kill();
    BOOST_TEST(world.becomes_down());
    BOOST_TEST((world.ask({"GET", "a"}).failure == redis_failure::not_connected));
    server.start();
    BOOST_TEST(world.becomes_up());
    BOOST_TEST(world.run(script, {"a"}, {}).reply.number == 7);
    const auto downs = std::ranges::count_if(
        world.changes, [](const auto& one) { return one.starts_with("down"); });
    BOOST_TEST(downs == 1);
}

BOOST_AUTO_TEST_CASE(a_full_server_is_down_while_it_refuses)
{
    const redis_server server({"--maxmemory", "1"});
    redis_world world(redis_at(server.port()));
    BOOST_TEST(world.ask({"SET", "a", "1"}).reply.code() == "OOM");
    BOOST_TEST(!world.client.up());
    const net::redis_script script("return redis.call('SET', KEYS[1], 1)");
    BOOST_TEST(world.run(script, {"a"}, {}).reply.code() == "OOM");
    (void)server.tell({"CONFIG", "SET", "maxmemory", "0"});
    BOOST_TEST(world.becomes_up());
    BOOST_TEST(world.ask({"SET", "a", "1"}).ok());
}

BOOST_AUTO_TEST_CASE(a_user_with_a_password_and_a_database_of_its_own_gets_in_and_others_do_not)
{
    const redis_server server({"--user", "gate", "on", ">secret", "~*", "+@all"});
    auto settings = redis_at(server.port());
    settings.user = "gate";
    settings.password = "wrong";
    {
        redis_world world(settings);
        BOOST_TEST(world.becomes_down());
        BOOST_TEST(world.changes.back() == "down: it refuses the greeting: WRONGPASS");
    }
    settings.password = "secret";
    settings.database = 5;
    redis_world world(settings);
    BOOST_TEST(world.ask({"SET", "a", "1"}).ok());
    BOOST_TEST(server.tell({"GET", "a"}) == "$-1", "that is database 0");
    BOOST_TEST(world.ask({"ACL", "WHOAMI"}).reply.text == "gate");
}

BOOST_AUTO_TEST_CASE(over_tls_only_a_server_with_the_right_name_is_told_the_password)
{
    const authority trusted;
    const auto folder =
        std::filesystem::temp_directory_path() / ("sluice-redis-tls-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    const auto file = [&](std::string_view name) { return (folder / name).string(); };
    write_file(file("ca"), trusted.certificate());
    for (const char* name : {"127.0.0.1", "other.example"}) {
        const auto who = trusted.issue(name);
        write_file(file("cert"), who.certificate);
        write_file(file("key"), who.key);
        const redis_server server(
            {"--tls-cert-file",
             file("cert"),
             "--tls-key-file",
             file("key"),
             "--tls-ca-cert-file",
             file("ca"),
             "--tls-auth-clients",
             "no",
             "--tls-port"});
        auto settings = redis_at(server.tls_port());
        settings.tls = true;
        settings.ca_file = file("ca");
        redis_world world(settings);
        if (std::string_view(name) == "127.0.0.1") {
            BOOST_TEST(world.becomes_up());
            BOOST_TEST(world.ask({"SET", "a", "1"}).ok());
            BOOST_TEST(world.ask({"GET", "a"}).reply.text == "1");
        } else {
            BOOST_TEST(world.becomes_down());
            BOOST_TEST(world.changes.back().ends_with("down: TLS: IP address mismatch"));
            BOOST_TEST(!world.ask({"SET", "a", "1"}).ok());
        }
    }
    std::filesystem::remove_all(folder);
}

BOOST_AUTO_TEST_CASE(the_nodes_of_a_cluster_are_found_by_what_they_answer)
{
    const std::vector<std::string> options{"--cluster-enabled", "yes"};
    const redis_server one(options);
    const redis_server two(options);
    (void)one.tell({"CLUSTER", "ADDSLOTSRANGE", "0", "8191"});
    (void)two.tell({"CLUSTER", "ADDSLOTSRANGE", "8192", "16383"});
    (void)one.tell({"CLUSTER", "MEET", "127.0.0.1", std::to_string(two.port())});
    auto settings = redis_at(one.port());
    redis_world world(settings);
    BOOST_TEST(world.until([&] {
        return world.ask({"SET", "{b}1", "1"}, "{b}1").ok()
               && world.ask({"SET", "{a}1", "1"}, "{a}1").ok();
    }));
    BOOST_TEST(net::redis_slot("{b}1") < 8'192);
    BOOST_TEST(net::redis_slot("{a}1") >= 8'192);
    const net::redis_script script("return redis.call('GET', KEYS[1])");
    BOOST_TEST(world.run(script, {"{a}1"}, {}).reply.text == "1");
    BOOST_TEST(world.run(script, {"{b}1"}, {}).reply.text == "1");
    BOOST_TEST(two.tell({"GET", "{a}1"}) == "$1\r\n1");
}

BOOST_AUTO_TEST_SUITE_END()
