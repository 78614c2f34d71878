#include <sluice/net/redis_route.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(redis_route)

using namespace sluice::net;

BOOST_AUTO_TEST_CASE(a_key_belongs_to_the_slot_the_cluster_specification_gives_it)
{
    BOOST_TEST(redis_slot("123456789") == 0x31c3);  // the specification's own example
    BOOST_TEST(redis_slot("") == 0);
    BOOST_TEST(redis_slot("foo") == 12'182);
}

BOOST_AUTO_TEST_CASE(only_the_hash_tag_counts_where_there_is_one)
{
    BOOST_TEST(redis_slot("{user1000}.following") == redis_slot("user1000"));
    BOOST_TEST(redis_slot("a{user1000}b{c}") == redis_slot("user1000"));
    BOOST_TEST(redis_slot("foo{{bar}}zap") == redis_slot("{bar"));
    BOOST_TEST(redis_slot("foo{}{bar}") != redis_slot("bar"));
    BOOST_TEST(redis_slot("foo{bar") != redis_slot("bar"));
}

BOOST_AUTO_TEST_CASE(a_redirection_says_where_to_and_for_how_long)
{
    const auto moved = redis_redirected("MOVED 3999 127.0.0.1:6381");
    BOOST_REQUIRE(moved.has_value());
    BOOST_TEST(!moved->ask);
    BOOST_TEST(moved->slot == 3999);
    BOOST_TEST(moved->host == "127.0.0.1");
    BOOST_TEST(moved->port == 6381);
    const auto ask = redis_redirected("ASK 16383 2001:db8::1:6379");
    BOOST_REQUIRE(ask.has_value());
    BOOST_TEST(ask->ask);
    BOOST_TEST(ask->host == "2001:db8::1");
    const auto same = redis_redirected("MOVED 1 :7000");
    BOOST_REQUIRE(same.has_value());
    BOOST_TEST(same->host == "");
    BOOST_TEST(redis_redirected("MOVED 1 ?:7000")->host == "");
}

BOOST_AUTO_TEST_CASE(what_is_no_redirection_is_none)
{
    for (const std::string_view text :
         {"ERR unknown command",
          "MOVED",
          "MOVED 1",
          "MOVED 1 host",
          "MOVED 16384 host:1",
          "MOVED -1 host:1",
          "MOVED 1 host:0",
          "MOVED 1 host:65536",
          "MOVED 1 host:",
          "MOVED a host:1",
          "ASK 1:2"})
        BOOST_TEST(!redis_redirected(text), text);
}

BOOST_AUTO_TEST_SUITE_END()
