#include <sluice/policy/latency.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(latency)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

namespace {

constexpr time_point noon{12h};
constexpr nanoseconds half_life{std::int64_t{1} << 32};

bool about(nanoseconds got, nanoseconds expected, double tolerance = 0.01)
{
    const double off = static_cast<double>((got - expected).count());
    return off <= tolerance * static_cast<double>(expected.count())
           && -off <= tolerance * static_cast<double>(expected.count());
}

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_is_known_before_the_first_sample)
{
    latency_estimate estimate;
    BOOST_TEST((estimate.at(noon) == 0ns));
    estimate.sample(200ms, noon);
    BOOST_TEST(about(estimate.at(noon), 200ms));
}

BOOST_AUTO_TEST_CASE(a_peak_counts_at_once)
{
    latency_estimate estimate;
    estimate.sample(200ms, noon);
    estimate.sample(20s, noon + 1ms);
    BOOST_TEST(about(estimate.at(noon + 1ms), 20s));
}

BOOST_AUTO_TEST_CASE(without_samples_it_halves_every_4_3_seconds_and_is_unknown_after_43)
{
    latency_estimate estimate;
    estimate.sample(20s, noon);
    nanoseconds expected = 20s;
    for (int i = 0; i < 10; ++i) {
        BOOST_TEST(about(estimate.at(noon + i * half_life), expected));
        expected /= 2;
    }
    BOOST_TEST((estimate.at(noon + 10 * half_life) == 0ns));
    BOOST_TEST((estimate.at(noon + 43s) == 0ns));
}

BOOST_AUTO_TEST_CASE(faster_samples_pull_it_down_with_the_same_half_life_at_any_rate)
{
    for (const nanoseconds each : {nanoseconds(100us), nanoseconds(10ms), nanoseconds(500ms)}) {
        latency_estimate estimate;
        estimate.sample(10s, noon);
        time_point now = noon;
        for (; now < noon + half_life; now += each)
            estimate.sample(100ms, now);
        BOOST_TEST(about(estimate.at(now), 100ms + 4950ms, 0.06));
        for (; now < noon + 10 * half_life; now += each)
            estimate.sample(100ms, now);
        BOOST_TEST(about(estimate.at(now - each), 110ms, 0.06));
    }
}

BOOST_AUTO_TEST_CASE(even_a_fast_local_server_is_followed)
{
    latency_estimate estimate;
    estimate.sample(2ms, noon);
    time_point now = noon;
    for (; now < noon + 60s; now += 1ms)
        estimate.sample(300us, now);
    BOOST_TEST(about(estimate.at(now), 300us, 0.1));
}

BOOST_AUTO_TEST_CASE(extreme_times_and_clocks_that_differ_are_survived)
{
    latency_estimate estimate;
    estimate.sample(nanoseconds::max(), noon);
    BOOST_TEST((estimate.at(noon) > 36min));
    BOOST_TEST((estimate.at(noon) < 37min));
    BOOST_TEST((estimate.at(noon - 500ms) > 36min));

    latency_estimate none;
    none.sample(nanoseconds::min(), noon);
    BOOST_TEST((none.at(noon) == 32ns));
    none.sample(1s, time_point::min());
    none.sample(1s, time_point::max());
    BOOST_TEST((none.at(time_point::max()) > 0ns));
}

// Within a second in all, as the clocks of workers are: one that is held up knows an old instant.
BOOST_AUTO_TEST_CASE(several_threads_leave_an_estimate_within_what_they_saw)
{
    latency_estimate estimate;
    std::atomic<std::int64_t> clock{noon.time_since_epoch().count()};
    std::atomic<int> outside{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 25'000; ++i) {
                const time_point now{nanoseconds(clock.fetch_add(9'000))};
                estimate.sample(milliseconds(100 + 10 * ((i + t) % 10)), now);
                const auto seen = estimate.at(now);
                outside += seen > 190ms || seen < 95ms ? 1 : 0;
            }
        });
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(outside.load() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
