#include <sluice/policy/shadow_state.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(shadow_state)

using namespace sluice;
using policy::daily_spend;

namespace {

constexpr nanoseconds day = seconds{86'400};
constexpr nanoseconds noon = 20'000 * day + day / 2;

}  // namespace

BOOST_AUTO_TEST_CASE(a_day_adds_up_and_the_next_one_begins_with_nothing)
{
    daily_spend spent;
    BOOST_TEST(spent.today(noon) == 0);
    spent.add(1'000, noon);
    spent.add(500, noon + seconds{1});
    BOOST_TEST(spent.today(noon) == 1'500);
    BOOST_TEST(spent.today(noon + day / 2) == 0);
    spent.add(70, noon + day / 2);
    BOOST_TEST(spent.today(noon + day) == 70);
}

BOOST_AUTO_TEST_CASE(a_part_of_a_unit_is_a_whole_one_so_that_small_sums_count)
{
    daily_spend spent;
    spent.add(1, noon);
    BOOST_TEST(spent.today(noon) == 10);
}

BOOST_AUTO_TEST_CASE(a_cap_is_reached_exactly)
{
    daily_spend spent;
    spent.add(4'999'990, noon);
    BOOST_TEST(spent.below(5'000, noon));
    spent.add(10, noon);
    BOOST_TEST(!spent.below(5'000, noon));
    BOOST_TEST(!daily_spend().below(0, noon), "a cap of nothing admits nothing");
}

BOOST_AUTO_TEST_CASE(no_sum_spills_into_the_day)
{
    daily_spend spent;
    for (int i = 0; i < 3; ++i)
        spent.add(INT64_MAX, noon);
    BOOST_TEST(spent.today(noon) > std::int64_t{2'000'000} * 1'000'000'000);
    BOOST_TEST(spent.today(noon + day) == 0);
    spent.add(-5, noon + day);
    BOOST_TEST(spent.today(noon + day) == 0);
}

BOOST_AUTO_TEST_CASE(threads_lose_nothing)
{
    daily_spend spent;
    {
        std::vector<std::jthread> all;
        for (int i = 0; i < 4; ++i)
            all.emplace_back([&spent] {
                for (int n = 0; n < 10'000; ++n)
                    spent.add(10, noon);
            });
    }
    BOOST_TEST(spent.today(noon) == 400'000);
}

BOOST_AUTO_TEST_SUITE_END()
