#include <sluice/base/random.hpp>
#include <sluice/policy/hedge.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(hedging)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

namespace {

constexpr time_point noon{12h};

hedge_settings on(double quantile = 0.95)
{
    hedge_settings settings;
    settings.enabled = true;
    settings.quantile = quantile;
    return settings;
}

}  // namespace

BOOST_AUTO_TEST_CASE(there_is_no_delay_until_there_are_enough_samples)
{
    first_token_times times;
    for (int i = 0; i < 99; ++i)
        times.sample(100ms, noon);
    BOOST_TEST(!times.delay(on()).has_value());
    times.sample(100ms, noon);
    BOOST_TEST(times.delay(on()).has_value());
    BOOST_TEST(!times.delay({}).has_value());
}

BOOST_AUTO_TEST_CASE(a_fixed_delay_needs_no_samples)
{
    first_token_times times;
    auto settings = on();
    settings.after = 800ms;
    BOOST_TEST((times.delay(settings) == nanoseconds(800ms)));
    settings.enabled = false;
    BOOST_TEST(!times.delay(settings).has_value());
}

BOOST_AUTO_TEST_CASE(the_quantile_is_within_an_eighth_above_the_exact_one)
{
    for (const auto scale : {2ms, 100ms, 3000ms})
        for (const double quantile : {0.5, 0.9, 0.95, 0.99}) {
            first_token_times times;
            for (int i = 1; i <= 2000; ++i)
                times.sample(nanoseconds(scale) * ((i * 7) % 2000 + 1) / 1000, noon);
            const auto exact = static_cast<double>(nanoseconds(scale).count()) * 2 * quantile;
            const auto got = static_cast<double>(times.delay(on(quantile)).value().count());
            BOOST_TEST(got >= exact * 0.999);
            BOOST_TEST(got <= exact * 1.125 + 131'072);
        }
}

BOOST_AUTO_TEST_CASE(a_change_of_speed_is_followed)
{
    first_token_times times;
    for (int i = 0; i < 10'000; ++i)
        times.sample(2s, noon);
    for (int i = 0; i < 20'000; ++i)
        times.sample(100ms, noon + 1s);
    BOOST_TEST((times.delay(on()).value() < 120ms));

    // Few requests: time alone makes old samples fade.
    first_token_times seldom;
    for (int i = 0; i < 240; ++i)
        seldom.sample(2s, noon + i * 1s);
    for (int i = 240; i < 1200; ++i)
        seldom.sample(100ms, noon + i * 1s);
    BOOST_TEST((seldom.delay(on()).value() < 120ms));
}

BOOST_AUTO_TEST_CASE(samples_of_long_ago_are_no_ground_for_hedging)
{
    first_token_times times;
    for (int i = 0; i < 4000; ++i)
        times.sample(100ms, noon);
    times.sample(100ms, noon + 24h);
    BOOST_TEST(!times.delay(on()).has_value());
}

BOOST_AUTO_TEST_CASE(extreme_times_are_counted_at_the_ends)
{
    first_token_times times;
    for (int i = 0; i < 60; ++i) {
        times.sample(nanoseconds::min(), noon);
        times.sample(nanoseconds::max(), noon);
    }
    BOOST_TEST((times.delay(on(0.4)).value() == 131'072ns));
    BOOST_TEST((times.delay(on(0.9)).value() > 270s));
}

BOOST_AUTO_TEST_CASE(extra_calls_stay_within_the_share_and_the_slow_ones_get_them)
{
    // 2 % of the first attempts take 5 s, 200 requests a second for five minutes. A hedge takes
    // 150 to 250 ms like any healthy call.
    const auto settings = on();
    first_token_times times;
    retry_budget budget;
    random_engine draw(21);
    int hedges = 0;
    int slow_calls = 0;
    int slow_answers = 0;
    constexpr int requests = 60'000;
    for (int i = 0; i < requests; ++i) {
        const auto now = noon + i * 5ms;
        budget.deposit(settings.budget, now);
        const nanoseconds healthy = milliseconds(150 + static_cast<int>(draw() % 100));
        const nanoseconds second = milliseconds(150 + static_cast<int>(draw() % 100));
        const nanoseconds first = draw.uniform() < 0.02 ? 5s : healthy;
        const auto delay = times.delay(settings);
        slow_calls += first > 1s ? 1 : 0;
        if (delay && *delay < first && budget.withdraw(settings.budget, now)) {
            ++hedges;
            times.sample(std::min(first, *delay + second), now);
            slow_answers += std::min(first, *delay + second) > 1s ? 1 : 0;
        } else {
            times.sample(first, now);
            slow_answers += first > 1s ? 1 : 0;
        }
    }
    BOOST_TEST(hedges <= requests / 50 + 1);
    BOOST_TEST(slow_answers < slow_calls / 5);
}

BOOST_AUTO_TEST_SUITE_END()
