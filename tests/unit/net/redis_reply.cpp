#include <sluice/net/redis_reply.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(redis_reply_)

using namespace sluice::net;
using kind = redis_reply::kind;

namespace {

constexpr std::size_t bound = 1'024;

// All replies of `bytes`, fed in pieces of that size.
std::vector<redis_reply> replies(redis_reader& reader, std::string_view bytes, std::size_t piece)
{
    std::vector<redis_reply> all;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        reader.feed(bytes.substr(at, piece));
        while (auto one = reader.next())
            all.push_back(std::move(*one));
    }
    return all;
}

std::string_view broken_by(redis_reader& reader, std::string_view bytes)
{
    (void)replies(reader, bytes, 1);
    return reader.broken();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_command_goes_out_as_an_array_of_its_words_whatever_octets_they_hold)
{
    using namespace std::string_literals;
    BOOST_TEST(redis_command({"PING"}) == "*1\r\n$4\r\nPING\r\n");
    BOOST_TEST(
        redis_command({"SET", "a\r\nb"s, "\0"s})
        == "*3\r\n$3\r\nSET\r\n$4\r\na\r\nb\r\n$1\r\n\0\r\n"s);
}

BOOST_AUTO_TEST_CASE(replies_come_out_whole_however_the_network_cuts_them)
{
    constexpr std::string_view bytes = "+OK\r\n:-42\r\n$3\r\na\r\n\r\n$-1\r\n-ERR no way\r\n"
                                       "*3\r\n*2\r\n:1\r\n$1\r\nx\r\n*0\r\n$-1\r\n*-1\r\n";
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        redis_reader reader(bound);
        const auto all = replies(reader, bytes, piece);
        BOOST_REQUIRE(all.size() == 7U);
        BOOST_TEST((all[0].is == kind::status));
        BOOST_TEST(all[0].text == "OK");
        BOOST_TEST(all[1].number == -42);
        BOOST_TEST(all[2].text == "a\r\n");
        BOOST_TEST((all[3].is == kind::nil));
        BOOST_TEST(all[4].failed());
        BOOST_TEST(all[4].code() == "ERR");
        BOOST_REQUIRE(all[5].elements.size() == 3U);
        BOOST_REQUIRE(all[5].elements[0].elements.size() == 2U);
        BOOST_TEST(all[5].elements[0].elements[0].number == 1);
        BOOST_TEST(all[5].elements[0].elements[1].text == "x");
        BOOST_TEST((all[5].elements[1].is == kind::array));
        BOOST_TEST(all[5].elements[1].elements.empty());
        BOOST_TEST((all[5].elements[2].is == kind::nil));
        BOOST_TEST((all[6].is == kind::nil));
    }
}

BOOST_AUTO_TEST_CASE(a_reply_of_the_bound_passes_and_a_larger_one_breaks_the_reader)
{
    const auto text = [](std::size_t size) {
        return "$" + std::to_string(size) + "\r\n" + std::string(size, 'x') + "\r\n";
    };
    const std::size_t fits = bound - 8;  // "$1016\r\n" and the end
    redis_reader reader(bound);
    BOOST_TEST(replies(reader, text(fits - 1) + text(fits - 1), 100).size() == 2U);
    BOOST_TEST(reader.broken() == "");
    BOOST_TEST(broken_by(reader, text(bound + 100)) == "a reply is too large");
    reader.feed("+OK\r\n");
    BOOST_TEST(!reader.next(), "nothing comes out of a broken reader");
}

BOOST_AUTO_TEST_CASE(numbers_the_peer_makes_up_cost_no_memory)
{
    redis_reader reader(bound);
    BOOST_TEST(replies(reader, "*2147483647\r\n:1\r\n", 4).empty());
    BOOST_TEST(reader.broken() == "");
    redis_reader text(bound);
    BOOST_TEST(broken_by(text, "$104857600\r\n" + std::string(2 * bound, 'x')) != "");
}

BOOST_AUTO_TEST_CASE(what_is_no_reply_breaks_the_reader)
{
    for (const std::string_view bytes :
         {"HTTP/1.1 400 Bad Request\r\n\r\n",
          "$-5\r\n",
          "$abc\r\nxxx\r\n",
          "*-7\r\n",
          "*9999999999999\r\n",
          ":12x\r\n",
          "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"}) {
        redis_reader reader(bound);
        BOOST_TEST(broken_by(reader, bytes) == "what came is not Redis' protocol", bytes);
    }
}

BOOST_AUTO_TEST_SUITE_END()
