#include <sluice/base/random.hpp>
#include <sluice/policy/retry_budget.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(retry_budgets)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

namespace {

constexpr time_point noon{12h};

int drain(retry_budget& budget, const retry_budget_settings& settings, time_point now)
{
    int count = 0;
    while (budget.withdraw(settings, now))
        ++count;
    return count;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_fresh_one_has_its_reserve)
{
    const retry_budget_settings settings;
    retry_budget budget;
    BOOST_TEST(budget.remaining(settings, noon) == 10);
    BOOST_TEST(drain(budget, settings, noon) == 10);
    BOOST_TEST(budget.remaining(settings, noon) == 0);
    BOOST_TEST(drain(budget, settings, noon + 24h) == 0);
}

BOOST_AUTO_TEST_CASE(every_request_adds_its_share)
{
    const retry_budget_settings settings;
    retry_budget budget;
    BOOST_TEST(drain(budget, settings, noon) == 10);
    for (int i = 0; i < 104; ++i)
        budget.deposit(settings, noon);
    constexpr double deposits = 104 * (0.2 - 0.00039);
    BOOST_TEST(budget.remaining(settings, noon) == deposits, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(drain(budget, settings, noon) == 20);
    BOOST_TEST(
        budget.remaining(settings, noon) == deposits - 20, boost::test_tools::tolerance(1e-9));
    for (int i = 0; i < 2; ++i)
        budget.deposit(settings, noon);
    BOOST_TEST(drain(budget, settings, noon) == 1);
}

BOOST_AUTO_TEST_CASE(what_is_not_spent_in_ten_seconds_fills_the_reserve_and_is_lost_beyond_it)
{
    const retry_budget_settings settings;
    retry_budget budget;
    BOOST_TEST(drain(budget, settings, noon) == 10);
    for (int i = 0; i < 1000; ++i)
        budget.deposit(settings, noon);
    BOOST_TEST(budget.remaining(settings, noon + 4999ms) == 199.61);
    BOOST_TEST(budget.remaining(settings, noon + 10s) == 10);
    BOOST_TEST(drain(budget, settings, noon + 10s) == 10);
}

BOOST_AUTO_TEST_CASE(a_share_of_nothing_allows_nothing)
{
    const retry_budget_settings settings{.share_ppm = 0};
    retry_budget budget;
    budget.deposit(settings, noon);
    BOOST_TEST(!budget.withdraw(settings, noon));
    BOOST_TEST(budget.remaining(settings, noon) == 0);
    BOOST_TEST(parts_per_million(0.2) == 200'000);
    BOOST_TEST(parts_per_million(0.005) == 5'000);
    BOOST_TEST(parts_per_million(4000) == 4'000'000'000);
}

BOOST_AUTO_TEST_CASE(an_outage_of_a_minute_at_500_a_second_is_multiplied_by_at_most_1_2)
{
    const retry_budget_settings settings;
    retry_budget budget;
    int extra = 0;
    for (int i = 0; i < 30'000; ++i) {
        const auto now = noon + i * 2ms;
        budget.deposit(settings, now);
        while (budget.withdraw(settings, now))
            ++extra;
    }
    BOOST_TEST(extra <= 6'000);
    BOOST_TEST(extra >= 5'990);
}

BOOST_AUTO_TEST_CASE(over_any_stretch_the_extra_ones_are_within_the_share_and_the_reserve)
{
    const retry_budget_settings settings;
    retry_budget budget;
    random_engine draw(3);
    // Per 100 ms: requests (of a load that comes and goes) and extra attempts (of outages that do).
    constexpr std::size_t count = 3000;
    std::vector<int> requests(count);
    std::vector<int> extra(count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto now = noon + static_cast<std::int64_t>(i) * 100ms;
        requests[i] = i / 200 % 3 == 0 ? 0 : static_cast<int>(draw() % 100);
        for (int n = 0; n < requests[i]; ++n)
            budget.deposit(settings, now);
        if (i / 70 % 2 == 1)
            extra[i] = drain(budget, settings, now);
    }
    for (std::size_t from = 0; from < count; from += 13) {
        int paid = 0;
        for (std::size_t i = from < 100 ? 0 : from - 100; i < from; ++i)
            paid += requests[i];
        int spent = 0;
        for (std::size_t i = from; i < count; ++i) {
            paid += requests[i];
            spent += extra[i];
            BOOST_TEST_REQUIRE(spent <= 0.2 * paid + 10);
        }
    }
}

BOOST_AUTO_TEST_CASE(four_threads_never_spend_more_than_was_paid_in)
{
    const retry_budget_settings settings;
    retry_budget budget;
    constexpr int requests = 50'000;
    std::atomic<std::int64_t> clock{noon.time_since_epoch().count()};
    std::atomic<int> extra{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < requests; ++i) {
                const time_point now{nanoseconds(clock.fetch_add(200'000))};
                budget.deposit(settings, now);
                extra += budget.withdraw(settings, now) ? 1 : 0;
            }
        });
    for (auto& thread : threads)
        thread.join();
    extra += drain(budget, settings, time_point(nanoseconds(clock.load())));
    BOOST_TEST(extra.load() <= 4 * requests / 5 + 10);
    BOOST_TEST(extra.load() >= 4 * requests / 5 * 9 / 10);
}

BOOST_AUTO_TEST_SUITE_END()
