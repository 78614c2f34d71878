#include <sluice/observe/recent_rates.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(rates)

namespace {

using namespace sluice;
using namespace sluice::observe;

struct fixture {
    fixture()
    {
        first.ensure(2, 1, 1);
        second.ensure(2, 1, 1);
    }
    // `count` requests on each worker, then the next sample.
    void sample(int count, unsigned status = 200, nanoseconds took = milliseconds{75})
    {
        for (int i = 0; i < count; ++i) {
            first.arm(1).request(status, false, took);
            second.arm(1).request(status, false, took);
        }
        now += recent_rates::sample_every;
        rates.sample(now, workers, 2);
    }

    worker_cells first;
    worker_cells second;
    std::array<const worker_cells*, 2> workers{&first, &second};
    time_point now{seconds{1000}};
    recent_rates rates;
};

BOOST_FIXTURE_TEST_SUITE(recent_rates_, fixture)

BOOST_AUTO_TEST_CASE(what_was_counted_before_the_first_sample_is_the_base_line)
{
    sample(1000);
    BOOST_TEST(rates.over(1, seconds{60}).requests == 0U);
    sample(10);
    const auto minute = rates.over(1, seconds{60});
    BOOST_TEST(minute.requests == 20U);
    BOOST_TEST(minute.requests_per_second == 4.0);
}

BOOST_AUTO_TEST_CASE(a_window_forgets_what_is_older)
{
    sample(0);
    sample(100, 500);
    for (int i = 0; i < 12; ++i)
        sample(5);
    BOOST_TEST(rates.over(1, seconds{60}).requests == 120U);
    BOOST_TEST(rates.over(1, seconds{60}).errors == 0U);
    BOOST_TEST(rates.over(1, seconds{300}).requests == 320U);
    BOOST_TEST(rates.over(1, seconds{300}).errors == 200U);
    BOOST_TEST(rates.over(1, seconds{300}).error_rate == 0.625);
    for (int i = 0; i < 200; ++i)
        sample(1);
    BOOST_TEST(rates.over(1, seconds{300}).requests == 120U);
    BOOST_TEST(rates.over(1, seconds{300}).errors == 0U);
}

BOOST_AUTO_TEST_CASE(latency_is_the_mean_and_the_99th_percentile_within_its_bucket)
{
    sample(0);
    sample(98, 200, milliseconds{20});
    sample(2, 200, milliseconds{700});
    const auto window = rates.over(1, seconds{60});
    BOOST_TEST(window.mean_seconds == 0.0336, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(window.p99_seconds == 0.75, boost::test_tools::tolerance(1e-9));  // of 0.5 to 1 s
    sample(5000, 200, seconds{1000});
    BOOST_TEST(rates.over(1, seconds{60}).p99_seconds == 600.0);
}

BOOST_AUTO_TEST_CASE(a_broken_stream_is_an_error_and_a_client_that_left_is_none)
{
    sample(0);
    first.arm(1).stream_ends[stream_end::upstream_reset].add();
    first.arm(1).stream_ends[stream_end::client_gone].add();
    first.arm(1).stream_ends[stream_end::done].add();
    sample(2);
    BOOST_TEST(rates.over(1, seconds{60}).errors == 1U);
}

BOOST_AUTO_TEST_CASE(totals_add_up_the_workers)
{
    sample(3, 503);
    second.arm(1).in_flight.add(4);
    const arm_totals totals = totals_of(workers, 1);
    BOOST_TEST(totals.requests == 6U);
    BOOST_TEST(totals.errors == 6U);
    BOOST_TEST(totals.in_flight == 4);
    BOOST_TEST(totals.duration.count() == 6U);
}

BOOST_AUTO_TEST_CASE(an_arm_that_came_later_begins_at_nothing)
{
    sample(1);
    first.ensure(40, 1, 1);
    first.arm(39).request(200, false, milliseconds{1});
    rates.sample(now += seconds{5}, workers, 40);
    BOOST_TEST(rates.over(39, seconds{60}).requests == 1U);
    BOOST_TEST(rates.over(40, seconds{60}).requests == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace

BOOST_AUTO_TEST_SUITE_END()
