#include <sluice/observe/spending.hpp>

#include <boost/test/unit_test.hpp>

#include <map>
#include <utility>

BOOST_AUTO_TEST_SUITE(spending_)

using sluice::observe::spending;

namespace {

using sums = std::map<std::pair<std::size_t, std::size_t>, std::uint64_t>;

sums read(const spending& from)
{
    sums all;
    from.read([&](std::size_t arm, std::size_t key, std::uint64_t nanodollars) {
        all[{arm, key}] += nanodollars;
    });
    return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_arm_and_key_have_a_sum_of_their_own)
{
    spending spent;
    spent.add(3, 7, 10);
    spent.add(3, 8, 20);
    spent.add(3, 7, 5);
    const auto all = read(spent);
    BOOST_TEST(all.at({3, 7}) == 15U);
    BOOST_TEST(all.at({3, 8}) == 20U);
    BOOST_TEST(all.at({0, 0}) == 0U);
}

BOOST_AUTO_TEST_CASE(more_pairs_than_there_is_room_for_count_as_other)
{
    spending spent;
    spent.add(1, 0, 1);
    for (std::size_t key = 1; key < spending::most_pairs + 10; ++key)
        spent.add(1, key, 1);
    const auto all = read(spent);
    BOOST_TEST(all.size() == spending::most_pairs);
    std::uint64_t sum = 0;
    for (const auto& [pair, nanodollars] : all)
        sum += nanodollars;
    BOOST_TEST(sum == spending::most_pairs + 10);
    BOOST_TEST(all.at({1, 0}) > 1U);
    spent.add(2, 5, 9);
    BOOST_TEST(read(spent).at({0, 0}) == 9U);
}

BOOST_AUTO_TEST_SUITE_END()
