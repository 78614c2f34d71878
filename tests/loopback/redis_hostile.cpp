// Servers that do what a client must survive: every operation is answered or fails in its time.

#include "redis_world.hpp"
#include "support/certificates.hpp"
#include "support/redis_peer.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>

BOOST_AUTO_TEST_SUITE(redis_hostile)

using namespace loopback;
using namespace sluice;
using namespace std::chrono_literals;
using net::redis_failure;

namespace {

// Healthy but for commands that are not of the greeting.
redis_peer::script but(redis_peer::script rest)
{
    return [rest = std::move(rest)](const redis_words& words) {
        auto known = greeting(words);
        return known ? known : rest(words);
    };
}

redis_peer::script always(std::string answer)
{
    return but([answer = std::move(answer)](const redis_words&) { return std::optional(answer); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_greeting_says_who_we_are_before_anything_else)
{
    redis_peer peer(always("+OK\r\n"));
    auto settings = redis_at(peer.port());
    settings.user = "gate";
    settings.password = "very-secret";
    settings.database = 3;
    redis_world world(settings);
    BOOST_TEST(world.ask({"SET", "a", "1"}).ok());
    const std::vector<redis_words> expected{
        {"AUTH", "gate", "very-secret"}, {"SELECT", "3"}, {"PING"}, {"SET", "a", "1"}};
    BOOST_TEST((peer.seen() == expected));
    BOOST_TEST(world.changes == std::vector<std::string>{"up"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(operations_go_out_together_and_are_answered_in_their_order)
{
    std::atomic<int> number{0};
    redis_peer peer(but([&](const redis_words&) {
        return std::optional(":" + std::to_string(number++) + "\r\n");
    }));
    redis_world world(redis_at(peer.port()));
    std::vector<std::int64_t> got;
    for (int i = 0; i < 1'000; ++i)
        world.client.ask({{"INCR", "a"}, "a"}, [&](const net::redis_answer& answer) {
            got.push_back(answer.reply.number);
        });
    BOOST_TEST(world.until([&] { return got.size() == 1'000; }));
    BOOST_TEST(std::ranges::is_sorted(got));
    BOOST_TEST(peer.connections() == 1U);
}

BOOST_AUTO_TEST_CASE(a_server_that_freezes_costs_an_operation_its_deadline_and_no_more)
{
    redis_peer peer(but([](const redis_words&) { return std::optional<std::string>(""); }));
    auto settings = redis_at(peer.port());
    settings.operation = 40ms;
    redis_world world(settings);
    BOOST_TEST(world.becomes_up());
    const auto began = steady::now();
    const auto answer = world.ask({"GET", "a"});
    BOOST_TEST((answer.failure == redis_failure::timed_out));
    BOOST_TEST((steady::now() - began >= 40ms));
    BOOST_TEST((steady::now() - began < 10s));
    BOOST_TEST(world.becomes_down());
    BOOST_TEST(world.changes.back() == "down: it does not answer in time");
    BOOST_TEST(world.becomes_up(), "and it is tried again");
    BOOST_TEST(peer.connections() >= 2U);
}

BOOST_AUTO_TEST_CASE(a_server_that_freezes_when_nobody_asks_is_noticed_by_the_heartbeat)
{
    std::atomic<int> pings{0};
    redis_peer peer([&](const redis_words&) {
        return std::optional<std::string>(pings++ < 1 ? "+PONG\r\n" : "");
    });
    auto settings = redis_at(peer.port());
    settings.operation = 2s;  // also of the only greeting that is answered
    settings.heartbeat = 20ms;
    redis_world world(settings);
    BOOST_TEST(world.becomes_up());
    BOOST_TEST(world.becomes_down());
}

BOOST_AUTO_TEST_CASE(what_is_not_the_protocol_ends_the_connection)
{
    for (const char* answer :
         {"HTTP/1.1 400 Bad Request\r\n\r\n", "*99999999999\r\n", "\r\n\r\n"}) {
        redis_peer peer(always(answer));
        redis_world world(redis_at(peer.port()));
        BOOST_TEST((world.ask({"GET", "a"}).failure == redis_failure::lost));
        BOOST_TEST(world.changes.back() == "down: what came is not Redis' protocol");
    }
}

BOOST_AUTO_TEST_CASE(a_value_of_100_MB_is_not_taken_in)
{
    redis_peer peer(always("$104857600\r\n" + std::string(104'857'600, 'x') + "\r\n"));
    auto settings = redis_at(peer.port());
    settings.operation = 10s;
    redis_world world(settings);
    BOOST_TEST((world.ask({"GET", "a"}).failure == redis_failure::lost));
    BOOST_TEST(world.changes.back() == "down: a reply is too large");
}

BOOST_AUTO_TEST_CASE(an_answer_nobody_asked_for_ends_the_connection)
{
    redis_peer peer(always("+OK\r\n+OK\r\n"));
    redis_world world(redis_at(peer.port()));
    BOOST_TEST(world.ask({"GET", "a"}).ok());
    BOOST_TEST(world.until([&] { return world.changes.size() >= 2; }));
    BOOST_TEST(world.changes[1] == "down: it answers what was not asked");
}

BOOST_AUTO_TEST_CASE(a_connection_that_ends_fails_what_was_under_way_and_is_made_again)
{
    redis_peer peer(but([](const redis_words& words) -> std::optional<std::string> {
        if (words.front() == "GET")
            return "+OK\r\n";
        return {};
    }));
    redis_world world(redis_at(peer.port()));
    BOOST_TEST((world.ask({"DIE"}).failure == redis_failure::lost));
    BOOST_TEST(world.becomes_up());
    BOOST_TEST(world.ask({"GET", "a"}).ok());
}

BOOST_AUTO_TEST_CASE(without_a_server_operations_fail_at_once_and_the_change_is_told_once)
{
    const closed_port gone;
    redis_world world(redis_at(gone.port()));
    for (int i = 0; i < 20; ++i)
        BOOST_TEST((world.ask({"GET", "a"}).failure == redis_failure::not_connected));
    BOOST_TEST(world.until([&] { return false; }, 200ms) == false);
    BOOST_REQUIRE(world.changes.size() == 1U);
    BOOST_TEST(world.changes[0].starts_with("down: it cannot be reached"));
    BOOST_TEST(world.client.read().failures == 20U);
}

BOOST_AUTO_TEST_CASE(a_server_that_refuses_writes_counts_as_down_though_it_answers)
{
    for (const char* code : {"OOM", "MISCONF", "LOADING", "CLUSTERDOWN", "NOPERM"}) {
        std::atomic<bool> well{false};
        redis_peer peer(but([&](const redis_words&) {
            return std::optional(well ? "+OK\r\n" : "-" + std::string(code) + " details\r\n");
        }));
        auto settings = redis_at(peer.port());
        settings.refusal = 1s;  // longer than from one of them to the next
        redis_world world(settings);
        for (int i = 0; i < 3; ++i)
            BOOST_TEST(world.ask({"SET", "a", "1"}).reply.code() == code);
        BOOST_TEST(!world.client.up());
        well = true;
        BOOST_TEST(world.becomes_up());
        BOOST_TEST(world.ask({"SET", "a", "1"}).ok());
        const std::vector<std::string> expected{
            "up", "down: it answers " + std::string(code), "up"};
        BOOST_TEST(world.changes == expected, boost::test_tools::per_element());
        BOOST_TEST(peer.connections() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(a_replica_is_left_because_its_name_may_lead_to_the_master_by_now)
{
    redis_peer peer(always("-READONLY You can't write against a read only replica.\r\n"));
    redis_world world(redis_at(peer.port()));
    BOOST_TEST(world.ask({"SET", "a", "1"}).reply.code() == "READONLY");
    BOOST_TEST(world.until([&] { return peer.connections() >= 2; }));
    BOOST_TEST(world.changes[1] == "down: it answers READONLY");
}

BOOST_AUTO_TEST_CASE(a_server_that_is_still_loading_or_wants_another_password_is_not_up)
{
    std::atomic<bool> loaded{false};
    redis_peer peer([&](const redis_words& words) {
        return loaded ? greeting(words)
                      : std::optional<std::string>(
                            "-LOADING Redis is loading; args beginning with: 'very-secret'\r\n");
    });
    auto settings = redis_at(peer.port());
    settings.password = "very-secret";
    redis_world world(settings);
    BOOST_TEST(world.becomes_down());
    BOOST_TEST(world.changes.back() == "down: it refuses the greeting: LOADING");
    BOOST_TEST((world.ask({"GET", "a"}).failure == redis_failure::not_connected));
    loaded = true;
    BOOST_TEST(world.becomes_up());
}

BOOST_AUTO_TEST_CASE(a_script_the_server_does_not_know_is_sent_whole)
{
    redis_peer peer(but([](const redis_words& words) {
        return std::optional<std::string>(
            words.front() == "EVALSHA" ? "-NOSCRIPT No matching script.\r\n" : ":7\r\n");
    }));
    redis_world world(redis_at(peer.port()));
    const net::redis_script script("return 7");
    const auto answer = world.run(script, {"{k}a"}, {"x"});
    BOOST_TEST(answer.reply.number == 7);
    const auto seen = peer.seen();
    BOOST_REQUIRE(seen.size() == 3U);
    BOOST_TEST((seen[1] == redis_words{"EVALSHA", script.sha1, "1", "{k}a", "x"}));
    BOOST_TEST((seen[2] == redis_words{"EVAL", "return 7", "1", "{k}a", "x"}));
}

BOOST_AUTO_TEST_CASE(more_operations_than_may_wait_are_refused)
{
    redis_peer peer(but([](const redis_words&) { return std::optional<std::string>(""); }));
    auto settings = redis_at(peer.port());
    settings.waiting = 10;
    redis_world world(settings);
    BOOST_TEST(world.becomes_up());
    int refused = 0;
    int ended = 0;
    for (int i = 0; i < 15; ++i)
        world.client.ask({{"GET", "a"}, {}}, [&](const net::redis_answer& answer) {
            ++ended;
            refused += answer.failure == redis_failure::overloaded ? 1 : 0;
        });
    BOOST_TEST(world.until([&] { return ended == 15; }));
    BOOST_TEST(refused == 5);
}

BOOST_AUTO_TEST_CASE(a_slot_that_moved_is_asked_for_where_it_went_from_then_on)
{
    redis_peer there(always("+there\r\n"));
    redis_peer here(always(
        "-MOVED " + std::to_string(net::redis_slot("a"))
        + " 127.0.0.1:" + std::to_string(there.port()) + "\r\n"));
    redis_world world(redis_at(here.port()));
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(world.ask({"GET", "a"}, "a").reply.text == "there");
    BOOST_TEST(here.seen().size() == 2U, "a PING and one GET");
    BOOST_TEST(there.seen().size() == 4U);
    BOOST_TEST(world.client.read().failures == 0U);
}

BOOST_AUTO_TEST_CASE(a_slot_that_is_moving_is_asked_for_elsewhere_this_once)
{
    redis_peer there(but([](const redis_words& words) {
        return std::optional<std::string>(words.front() == "ASKING" ? "+OK\r\n" : "+there\r\n");
    }));
    redis_peer here(always(
        "-ASK " + std::to_string(net::redis_slot("a"))
        + " 127.0.0.1:" + std::to_string(there.port()) + "\r\n"));
    redis_world world(redis_at(here.port()));
    BOOST_TEST(world.ask({"GET", "a"}, "a").reply.text == "there");
    BOOST_TEST(world.ask({"GET", "a"}, "a").reply.text == "there");
    const std::vector<redis_words> expected{
        {"PING"}, {"ASKING"}, {"GET", "a"}, {"ASKING"}, {"GET", "a"}};
    BOOST_TEST((there.seen() == expected));
    BOOST_TEST(here.seen().size() == 3U);
}

BOOST_AUTO_TEST_CASE(nodes_that_send_it_round_and_round_are_given_up)
{
    redis_peer* self = nullptr;
    redis_peer peer(but([&](const redis_words&) {
        return std::optional("-MOVED 1 127.0.0.1:" + std::to_string(self->port()) + "\r\n");
    }));
    self = &peer;
    redis_world world(redis_at(peer.port()));
    BOOST_TEST((world.ask({"GET", "a"}, "a").failure == redis_failure::misdirected));
}

BOOST_AUTO_TEST_CASE(a_node_that_dies_is_not_asked_while_another_can_tell_who_took_over)
{
    redis_peer heir(always("+heir\r\n"));
    auto dead = std::make_unique<redis_peer>(always("+dead\r\n"));
    std::atomic<std::uint16_t> owner{dead->port()};
    redis_peer seed(but([&](const redis_words&) {
        return std::optional("-MOVED 15495 127.0.0.1:" + std::to_string(owner) + "\r\n");
    }));
    redis_world world(redis_at(seed.port()));
    BOOST_TEST(world.ask({"GET", "a"}, "a").reply.text == "dead");
    dead.reset();
    owner = heir.port();
    BOOST_TEST(world.until([&] { return world.ask({"GET", "a"}, "a").reply.text == "heir"; }));
    BOOST_TEST(world.client.up());
}

BOOST_AUTO_TEST_SUITE_END()
