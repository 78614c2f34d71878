#include <sluice/base/random.hpp>
#include <sluice/policy/balance.hpp>

#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(balancing)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

namespace {

using views = std::vector<balance_view>;

// How often each is picked, of 10000.
std::vector<int> shares(
    balance how, const views& targets, std::optional<nanoseconds> ceiling = std::nullopt)
{
    std::vector<int> got(targets.size());
    random_engine draw(5);
    for (int i = 0; i < 10'000; ++i) {
        const balance_draws draws{draw.uniform(), draw.uniform()};
        ++got[pick(how, targets, draws, ceiling).value()];
    }
    return got;
}

bool near(int got, int expected)
{
    return got >= expected - 200 && got <= expected + 200;
}

constexpr balance every_way[] = {
    balance::weighted, balance::least_busy, balance::latency, balance::cheapest};

}  // namespace

BOOST_AUTO_TEST_CASE(only_available_targets_with_a_weight_are_picked)
{
    const views targets{
        {.weight = 0},
        {.available = false},
        {.in_flight = 99, .latency = 9s, .price = 9},
        {.weight = 0}};
    for (const auto how : every_way) {
        BOOST_TEST(shares(how, targets)[2] == 10'000);
        BOOST_TEST(!pick(how, {}, {}).has_value());
        BOOST_TEST(!pick(how, views{{.weight = 0}, {.available = false}}, {}).has_value());
    }
}

BOOST_AUTO_TEST_CASE(weighted_follows_the_weights_of_those_that_are_left)
{
    const views targets{
        {.weight = 60}, {.weight = 30, .available = false}, {.weight = 20}, {.weight = 20}};
    const auto got = shares(balance::weighted, targets);
    BOOST_TEST(near(got[0], 6000));
    BOOST_TEST(got[1] == 0);
    BOOST_TEST(near(got[2], 2000));
    BOOST_TEST(near(got[3], 2000));
}

BOOST_AUTO_TEST_CASE(least_busy_takes_the_fewest_in_flight_for_the_weight_and_equals_in_turn)
{
    BOOST_TEST(
        shares(balance::least_busy, {{.in_flight = 3}, {.in_flight = 2}, {.in_flight = 5}})[1]
        == 10'000);
    BOOST_TEST(
        shares(
            balance::least_busy, {{.weight = 4, .in_flight = 6}, {.weight = 1, .in_flight = 1}})[0]
        == 10'000);
    const auto got = shares(balance::least_busy, {{}, {}, {}, {.in_flight = 1}});
    for (const std::size_t i : {0U, 1U, 2U})
        BOOST_TEST(near(got[i], 3333));
}

BOOST_AUTO_TEST_CASE(of_two_at_random_the_faster_is_taken)
{
    const auto got =
        shares(balance::latency, {{.latency = 100ms}, {.latency = 200ms}, {.latency = 300ms}});
    BOOST_TEST(near(got[0], 6667));
    BOOST_TEST(near(got[1], 3333));
    BOOST_TEST(got[2] == 0);
}

BOOST_AUTO_TEST_CASE(a_queue_makes_a_fast_target_slow)
{
    BOOST_TEST(
        shares(
            balance::latency,
            {{.in_flight = 9, .latency = 100ms}, {.in_flight = 0, .latency = 900ms}})[1]
        == 10'000);
    BOOST_TEST(
        shares(
            balance::latency,
            {{.weight = 4, .in_flight = 3, .latency = 100ms},
             {.in_flight = 0, .latency = 110ms}})[0]
        == 10'000);
}

BOOST_AUTO_TEST_CASE(an_unknown_target_gets_no_more_than_the_known_ones_have_in_flight)
{
    const views fresh{{.in_flight = 4}, {.in_flight = 5, .latency = 100ms}};
    BOOST_TEST(shares(balance::latency, fresh)[0] == 10'000);
    const views full{{.in_flight = 6}, {.in_flight = 5, .latency = 100ms}};
    BOOST_TEST(shares(balance::latency, full)[1] == 10'000);
}

BOOST_AUTO_TEST_CASE(targets_above_the_ceiling_are_skipped_unless_none_is_below)
{
    const views targets{{.latency = 150ms}, {.latency = 90ms}, {.latency = 100ms}};
    for (const auto how : every_way)
        BOOST_TEST(shares(how, targets, 100ms)[0] == 0);
    BOOST_TEST(shares(balance::weighted, targets, 95ms)[1] == 10'000);
    BOOST_TEST(near(shares(balance::weighted, targets, 50ms)[0], 3333));
    views without = targets;
    without[1].available = without[2].available = false;
    BOOST_TEST(shares(balance::weighted, without, 100ms)[0] == 10'000);
}

BOOST_AUTO_TEST_CASE(the_cheapest_is_taken_and_equals_by_weight)
{
    const auto got = shares(
        balance::cheapest,
        {{.price = 5},
         {.price = 3, .available = false},
         {.weight = 3, .price = 4},
         {.weight = 1, .price = 4}});
    BOOST_TEST(got[0] + got[1] == 0);
    BOOST_TEST(near(got[2], 7500));
}

BOOST_AUTO_TEST_CASE(the_ends_of_the_draws_are_within_the_list)
{
    const views targets{{.weight = 0.1}, {.weight = 0.2}, {.weight = 0.3}};
    for (const auto how : every_way)
        for (const double draw : {0.0, 0x1.fffffffffffffp-1})
            BOOST_TEST(pick(how, targets, {draw, draw}).value() < 3);
}

BOOST_AUTO_TEST_SUITE_END()
