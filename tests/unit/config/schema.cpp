#include "fake.hpp"
#include <sluice/config/schema.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>

BOOST_AUTO_TEST_SUITE(schema_)

using namespace sluice::config;

BOOST_AUTO_TEST_CASE(every_key_stands_once_and_says_what_it_means)
{
    std::set<std::string_view> paths;
    for (const auto& row : schema()) {
        BOOST_TEST(paths.insert(row.path).second, row.path);
        BOOST_TEST(!row.meaning.empty(), row.path);
        BOOST_TEST((!row.required || row.fallback.empty()), row.path);
        BOOST_TEST(row.min <= row.max, row.path);
        BOOST_TEST(!comes_later(row.path), row.path);
        BOOST_TEST(find_row(row.path) == &row);
        BOOST_TEST(names_below(row.path).empty() == (row.kind != value_kind::section), row.path);
    }
}

BOOST_AUTO_TEST_CASE(the_defaults_of_the_table_are_those_of_the_snapshot)
{
    const auto loaded = fake::load_with("");
    BOOST_TEST_REQUIRE(loaded.document.has_value(), fake::lines(loaded));
    const auto& got = loaded.document->settings;
    const process_limits limits;
    BOOST_TEST(got.limits.head_bytes == limits.head_bytes);
    BOOST_TEST(got.limits.body_bytes == limits.body_bytes);
    BOOST_TEST(got.limits.connections == limits.connections);
    BOOST_TEST(got.limits.buffered_bytes == limits.buffered_bytes);
    const timeouts times;
    BOOST_TEST((got.timeouts.head == times.head));
    BOOST_TEST((got.timeouts.body == times.body));
    BOOST_TEST((got.timeouts.idle == times.idle));
    BOOST_TEST((got.timeouts.write == times.write));
    BOOST_TEST((got.timeouts.connect == times.connect));
    BOOST_TEST((got.timeouts.first_byte == times.first_byte));
    BOOST_TEST((got.timeouts.first_token == times.first_token));
    BOOST_TEST((got.timeouts.stream_idle == times.stream_idle));
    BOOST_TEST((got.timeouts.request == times.request));
    BOOST_TEST((got.timeouts.drain == times.drain));
    BOOST_TEST((got.heartbeat == snapshot{}.heartbeat));
    BOOST_TEST(got.access_log.path == access_log_settings{}.path);
    BOOST_TEST_REQUIRE(got.admin.has_value());
    BOOST_TEST(got.admin->host == admin_settings{}.host);
    BOOST_TEST(got.admin->port == admin_settings{}.port);
    BOOST_TEST_REQUIRE(got.listen.size() == 1U);
    BOOST_TEST(got.listen[0].host == "0.0.0.0");
    BOOST_TEST(got.listen[0].port == listen_address{}.port);
    BOOST_TEST(got.state_directory == "/var/lib/sluice");
    BOOST_TEST(got.workers == 3U);
    BOOST_TEST(got.providers[0].ask_usage == provider{}.ask_usage);
    BOOST_TEST(got.models[0].targets[0].weight == target{}.weight);
}

BOOST_AUTO_TEST_CASE(the_nearest_key_is_named_and_a_far_one_is_not)
{
    const auto names = names_below("timeouts");
    BOOST_TEST(nearest("first_tokne", names) == "first_token");
    BOOST_TEST(nearest("conect", names) == "connect");
    BOOST_TEST(nearest("streamidle", names) == "stream_idle");
    BOOST_TEST(nearest("colour", names) == "");
    BOOST_TEST(nearest("", names) == "");
    BOOST_TEST(nearest(std::string(100'000, 'x'), names) == "");
}

BOOST_AUTO_TEST_CASE(the_table_has_a_row_for_every_key_and_no_stray_bars)
{
    const auto table = schema_table();
    std::size_t begin = 0;
    std::size_t rows = 0;
    while (begin < table.size()) {
        const auto end = table.find('\n', begin);
        const auto line = table.substr(begin, end - begin);
        BOOST_TEST(std::count(line.begin(), line.end(), '|') == 6, line);
        begin = end + 1;
        ++rows;
    }
    BOOST_TEST(rows == schema().size() + 2);
    BOOST_TEST(fake::contains(table, "| `timeouts.head` | duration | `10s` | 1ms to 1d |"));
}

BOOST_AUTO_TEST_SUITE_END()
