#include <sluice/base/random.hpp>
#include <sluice/policy/sequential.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>

BOOST_AUTO_TEST_SUITE(sequential_)

using namespace sluice;
using namespace sluice::policy;

namespace {

trials draw(random_engine& random, std::uint64_t count, double share)
{
    trials out{.count = count};
    for (std::uint64_t i = 0; i < count; ++i)
        out.hits += random.uniform() < share ? 1 : 0;
    return out;
}

// Seconds until the evidence reaches 1000; `limit`: it does not.
template <class Second>
int seconds_to_alarm(int limit, const Second& second)
{
    for (int i = 0; i < limit; ++i)
        if (second() >= 1'000)
            return i + 1;
    return limit;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_test_without_observations_has_no_evidence)
{
    BOOST_TEST(share_test{}.evidence() == 1);
    BOOST_TEST(mean_test{}.evidence() == 1);
    share_test test;
    test.observe({}, 0.1);
    test.observe({.count = 5, .hits = 5}, {}, 0.1);
    BOOST_TEST(test.evidence() == 1);
}

// What makes it honest, by summing over every possible second instead of by chance: under the
// promise, and worst at its edge, a second is not expected to add evidence.
BOOST_AUTO_TEST_CASE(the_expected_evidence_after_any_second_is_at_most_one_under_the_promise)
{
    const auto chance = [](std::uint64_t n, std::uint64_t k, double p) {
        double ways = 1;
        for (std::uint64_t i = 0; i < k; ++i)
            ways = ways * static_cast<double>(n - i) / static_cast<double>(i + 1);
        return ways * std::pow(p, static_cast<double>(k))
               * std::pow(1 - p, static_cast<double>(n - k));
    };
    for (const double stable : {0.0005, 0.01, 0.3})
        for (const double margin : {0.0, 0.01, 0.2})
            for (const std::uint64_t n_c : {1U, 6U})
                for (const std::uint64_t n_s : {1U, 9U}) {
                    double expected = 0;
                    for (std::uint64_t c = 0; c <= n_c; ++c)
                        for (std::uint64_t s = 0; s <= n_s; ++s) {
                            share_test test;
                            test.observe({n_c, c}, {n_s, s}, margin);
                            expected += chance(n_c, c, stable + margin) * chance(n_s, s, stable)
                                        * test.evidence();
                        }
                    BOOST_TEST(expected <= 1 + 1e-6);
                }
    for (const double bound : {0.001, 0.2}) {
        double expected = 0;
        for (std::uint64_t k = 0; k <= 12; ++k) {
            share_test test;
            test.observe({12, k}, bound);
            expected += chance(12, k, bound) * test.evidence();
        }
        BOOST_TEST(expected <= 1 + 1e-6);
    }
}

BOOST_AUTO_TEST_CASE(a_share_above_its_bound_is_found_in_seconds)
{
    random_engine random(1);
    share_test test;
    BOOST_TEST(
        seconds_to_alarm(
            100,
            [&] {
                test.observe(draw(random, 20, 0.05), 0.005);
                return test.evidence();
            })
        < 30);
}

BOOST_AUTO_TEST_CASE(an_arm_that_goes_bad_after_an_hour_of_health_is_still_found_in_seconds)
{
    random_engine random(2);
    share_test alone;
    share_test paired;
    for (int i = 0; i < 3'600; ++i) {
        alone.observe(draw(random, 20, 0.001), 0.005);
        paired.observe(draw(random, 20, 0.001), draw(random, 180, 0.001), 0.002);
    }
    BOOST_TEST(alone.evidence() < 10);
    BOOST_TEST(paired.evidence() < 10);
    BOOST_TEST(
        seconds_to_alarm(
            200,
            [&] {
                alone.observe(draw(random, 20, 0.05), 0.005);
                return alone.evidence();
            })
        < 60);
    BOOST_TEST(
        seconds_to_alarm(
            200,
            [&] {
                paired.observe(draw(random, 20, 0.05), draw(random, 180, 0.001), 0.002);
                return paired.evidence();
            })
        < 60);
}

BOOST_AUTO_TEST_CASE(trouble_that_both_arms_have_is_no_evidence)
{
    random_engine random(3);
    share_test test;
    for (int i = 0; i < 600; ++i) {
        const double share = i % 60 < 20 ? 0.4 : 0.001;  // an outage a minute
        test.observe(draw(random, 20, share), draw(random, 180, share), 0.002);
        BOOST_REQUIRE(test.evidence() < 1'000);
    }
}

BOOST_AUTO_TEST_CASE(seconds_with_one_arm_only_wait_for_the_other)
{
    share_test apart;
    apart.observe({.count = 3, .hits = 2}, {}, 0.01);
    apart.observe({}, {.count = 40, .hits = 0}, 0.01);
    share_test together;
    together.observe({.count = 3, .hits = 2}, {.count = 40, .hits = 0}, 0.01);
    BOOST_TEST(apart.evidence() == together.evidence());
    BOOST_TEST(apart.evidence() > 1);
}

BOOST_AUTO_TEST_CASE(hits_that_come_after_their_trials_are_not_lost)
{
    share_test test;
    test.observe({.count = 10, .hits = 0}, 0.01);
    const double before = test.evidence();
    test.observe({.count = 0, .hits = 6}, 0.01);  // their trials were begun a second ago
    BOOST_TEST(test.evidence() == before);
    test.observe({.count = 5, .hits = 0}, 0.01);
    BOOST_TEST(test.evidence() > 100);
}

BOOST_AUTO_TEST_CASE(a_mean_above_zero_is_found_and_one_at_zero_is_not)
{
    random_engine random(4);
    mean_test even;
    mean_test above;
    double most = 0;
    for (int i = 0; i < 1'000; ++i) {
        even.observe(random.uniform() * 2 - 1);
        above.observe(random.uniform() * 2 - 0.8);
        most = std::max(most, even.evidence());
    }
    BOOST_TEST(most < 100);
    BOOST_TEST(above.evidence() > 1'000);
}

BOOST_AUTO_TEST_SUITE_END()
