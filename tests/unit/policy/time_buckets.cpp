#include <sluice/policy/time_buckets.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(time_buckets_)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

BOOST_AUTO_TEST_CASE(every_bucket_ends_where_the_next_begins)
{
    for (std::size_t i = 0; i + 1 < time_buckets; ++i) {
        const auto end = end_of_time_bucket(i);
        BOOST_TEST(time_bucket_of(end - 1ns) == i);
        BOOST_TEST(time_bucket_of(end) == i + 1);
    }
}

BOOST_AUTO_TEST_CASE(a_bound_is_at_most_an_eighth_off)
{
    for (nanoseconds bound = 8ms; bound < 1000s; bound += bound / 50)
        BOOST_TEST((end_of_time_bucket(time_bucket_of(bound)) - bound) * 8 <= bound);
}

BOOST_AUTO_TEST_CASE(what_is_beyond_the_last_bound_and_what_is_negative_has_a_place)
{
    BOOST_TEST(time_bucket_of(1h) == time_buckets - 1);
    BOOST_TEST(time_bucket_of(nanoseconds::max()) == time_buckets - 1);
    BOOST_TEST(time_bucket_of(-1s) == 0U);
}

BOOST_AUTO_TEST_CASE(above_counts_only_what_certainly_took_longer)
{
    time_counts times;
    times.counts[time_bucket_of(700ms)] = 90;
    times.counts[time_bucket_of(801ms)] = 4;  // in the bucket of 800 ms
    times.counts[time_bucket_of(1s)] = 6;
    BOOST_TEST(times.total() == 100U);
    BOOST_TEST(times.above(800ms) == 6U);
    BOOST_TEST(times.above(300ms) == 100U);
    BOOST_TEST(times.above(2s) == 0U);
}

BOOST_AUTO_TEST_CASE(a_quantile_is_the_end_of_its_bucket)
{
    time_counts times;
    BOOST_TEST((times.quantile(0.99) == 0ns));
    times.counts[time_bucket_of(100ms)] = 99;
    times.counts[time_bucket_of(2s)] = 1;
    BOOST_TEST((times.quantile(0.99) == end_of_time_bucket(time_bucket_of(100ms))));
    BOOST_TEST((times.quantile(1) == end_of_time_bucket(time_bucket_of(2s))));
    BOOST_TEST((times.quantile(0) == end_of_time_bucket(time_bucket_of(100ms))));
}

BOOST_AUTO_TEST_CASE(a_difference_never_goes_below_zero)
{
    time_counts before;
    time_counts now;
    before.counts[3] = 5;
    before.counts[4] = 5;
    now.counts[3] = 7;
    now.counts[4] = 4;
    const auto grown = now.since(before);
    BOOST_TEST(grown.counts[3] == 2U);
    BOOST_TEST(grown.total() == 2U);
    before += grown;
    BOOST_TEST(before.total() == 12U);
}

BOOST_AUTO_TEST_SUITE_END()
