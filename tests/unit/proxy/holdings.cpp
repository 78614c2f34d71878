#include <sluice/proxy/holdings.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(holdings_)

using namespace sluice;
using namespace sluice::proxy;
using policy::purse;

namespace {

const auto now = time_point(std::chrono::hours(1));
constexpr auto today = policy::period_tag{7};

config::quota quota_with(const policy::limit_settings& limits)
{
    config::quota made;
    made.limits = limits;
    made.state = std::make_shared<policy::limit_state>();
    return made;
}

policy::limit_settings everything()
{
    policy::limit_settings limits;
    limits.requests = policy::rate{.count = 1, .period = seconds(60)};
    limits.burst = 2;
    limits.tokens = policy::rate{.count = 100, .period = seconds(60)};
    limits.token_burst = 100;
    limits.concurrent = 2;
    return limits;
}

std::uint64_t tokens_left(const config::quota& of)
{
    return policy::token_allowance_of(*of.state, of.limits, now).remaining;
}

std::uint64_t requests_left(const config::quota& of)
{
    return policy::allowance_of(*of.state, of.limits, now).remaining;
}

std::shared_ptr<purse> purse_with(std::int64_t amount)
{
    auto made = std::make_shared<purse>();
    made->open(today, amount);
    made->close(today);
    return made;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_was_not_used_comes_back_and_what_was_is_gone)
{
    const auto key = quota_with(everything());
    const auto money = purse_with(1000);
    holdings one;
    BOOST_TEST((one.pay(*money, 300) == purse::answer::taken));
    BOOST_TEST(!one.take(key, {}, 60, now).has_value());
    BOOST_TEST(tokens_left(key) == 40U);
    BOOST_TEST(money->look().left == 700);
    one.settle(25, 120, now);
    BOOST_TEST(tokens_left(key) == 75U);
    BOOST_TEST(requests_left(key) == 1U);
    BOOST_TEST(key.state->in_flight == 0U);
    BOOST_TEST(money->look().left == 880);
}

BOOST_AUTO_TEST_CASE(settling_twice_gives_back_once)
{
    const auto key = quota_with(everything());
    const auto money = purse_with(1000);
    holdings one;
    BOOST_TEST((one.pay(*money, 300) == purse::answer::taken));
    BOOST_TEST(!one.take(key, {}, 60, now).has_value());
    one.settle(0, 0, now);
    one.settle(0, 0, now);
    BOOST_TEST(tokens_left(key) == 100U);
    BOOST_TEST(money->look().left == 1000);
    BOOST_TEST(key.state->in_flight == 0U);
}

BOOST_AUTO_TEST_CASE(what_was_used_beyond_the_reservation_is_taken_too)
{
    const auto key = quota_with(everything());
    const auto money = purse_with(1000);
    holdings one;
    BOOST_TEST((one.pay(*money, 300) == purse::answer::taken));
    BOOST_TEST(!one.take(key, {}, 10, now).has_value());
    one.settle(90, 1200, now);
    BOOST_TEST(tokens_left(key) == 10U);
    BOOST_TEST(money->look().left == -200);
}

BOOST_AUTO_TEST_CASE(a_limit_that_refuses_has_taken_nothing_of_itself)
{
    auto limits = everything();
    limits.concurrent = 10;
    limits.burst = 10;
    const auto key = quota_with(limits);
    holdings first;
    BOOST_TEST(!first.take(key, {}, 80, now).has_value());
    holdings second;
    const auto refused = second.take(key, {}, 80, now);
    BOOST_TEST_REQUIRE(refused.has_value());
    BOOST_TEST((refused->why == observe::limit_reason::tokens));
    BOOST_TEST((refused->wait > seconds(30)));
    BOOST_TEST(requests_left(key) == 9U);
    BOOST_TEST(key.state->in_flight == 1U);
}

BOOST_AUTO_TEST_CASE(a_later_limit_that_refuses_undoes_the_earlier_ones)
{
    const auto key = quota_with(everything());
    auto narrow = everything();
    narrow.concurrent = 1;
    const auto tenant = quota_with(narrow);
    holdings other;
    BOOST_TEST(!other.take(tenant, {}, 0, now).has_value());
    const auto money = purse_with(1000);
    holdings one;
    BOOST_TEST((one.pay(*money, 300) == purse::answer::taken));
    BOOST_TEST(!one.take(key, {}, 60, now).has_value());
    const auto refused = one.take(tenant, {}, 60, now);
    BOOST_TEST_REQUIRE(refused.has_value());
    BOOST_TEST((refused->why == observe::limit_reason::concurrent));
    one.undo(now);
    BOOST_TEST(tokens_left(key) == 100U);
    BOOST_TEST(requests_left(key) == 2U);
    BOOST_TEST(key.state->in_flight == 0U);
    BOOST_TEST(money->look().left == 1000);
}

BOOST_AUTO_TEST_CASE(the_longest_wait_counts_and_a_shadow_asks_for_none)
{
    auto limits = everything();
    limits.max_wait = seconds(600);
    limits.concurrent = {};
    const auto key = quota_with(limits);
    limits.shadow = true;
    const auto tenant = quota_with(limits);
    for (int i = 0; i < 2; ++i) {
        holdings before;
        BOOST_TEST(!before.take(key, {}, 0, now).has_value());
        BOOST_TEST(!before.take(tenant, {}, 0, now).has_value());
        BOOST_TEST((before.wait() == nanoseconds(0)));
    }
    holdings shadowed;
    BOOST_TEST(!shadowed.take(tenant, {}, 0, now).has_value());
    BOOST_TEST((shadowed.wait() == nanoseconds(0)));
    holdings waits;
    BOOST_TEST(!waits.take(key, {}, 0, now).has_value());
    BOOST_TEST((waits.wait() == seconds(60)));
}

BOOST_AUTO_TEST_CASE(what_costs_nothing_is_refused_by_a_spent_budget_all_the_same)
{
    const auto money = purse_with(0);
    holdings one;
    BOOST_TEST((one.pay(*money, 0) == purse::answer::spent));
    const auto little = purse_with(1);
    BOOST_TEST((one.pay(*little, 0) == purse::answer::taken));
    one.settle(0, 0, now);
    BOOST_TEST(little->look().left == 1);
}

BOOST_AUTO_TEST_CASE(what_comes_to_cost_more_is_paid_by_all_budgets_or_by_none)
{
    const auto rich = purse_with(1000);
    const auto poor = purse_with(350);
    holdings one;
    BOOST_TEST(!one.has_paid());
    BOOST_TEST((one.pay(*rich, 300) == purse::answer::taken));
    BOOST_TEST((one.pay(*poor, 300) == purse::answer::taken));
    BOOST_TEST(one.has_paid());
    BOOST_TEST((one.raise(351) == purse::answer::beyond));
    BOOST_TEST(rich->look().left == 700);
    BOOST_TEST(poor->look().left == 50);
    BOOST_TEST((one.raise(350) == purse::answer::taken));
    BOOST_TEST((one.raise(200) == purse::answer::taken), "there is more than that");
    BOOST_TEST(rich->look().left == 650);
    BOOST_TEST(poor->look().left == 0);
    one.settle(0, 340, now);
    BOOST_TEST(rich->look().left == 660);
    BOOST_TEST(poor->look().left == 10);
}

BOOST_AUTO_TEST_CASE(of_a_budget_whose_period_is_over_nothing_more_is_taken)
{
    const auto money = purse_with(1000);
    const auto other = purse_with(1000);
    holdings one;
    BOOST_TEST((one.pay(*money, 300) == purse::answer::taken));
    BOOST_TEST((one.pay(*other, 300) == purse::answer::taken));
    money->open(policy::period_tag{8}, 100);
    BOOST_TEST((one.raise(500) == purse::answer::taken));
    BOOST_TEST(money->look().left == 100);
    BOOST_TEST(other->look().left == 500);
    one.settle(0, 0, now);
    BOOST_TEST(money->look().left == 100);
    BOOST_TEST(other->look().left == 1000);
}

BOOST_AUTO_TEST_CASE(a_budget_is_never_exceeded_by_what_is_raised_beside_each_other)
{
    for (int run = 0; run < 20; ++run) {
        const auto money = purse_with(100 * 7);
        std::atomic<std::int64_t> used{0};
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < 8; ++i)
                threads.emplace_back([&] {
                    for (int k = 0; k < 125; ++k) {
                        holdings one;
                        if (one.pay(*money, 2) != purse::answer::taken)
                            continue;
                        const bool dear = one.raise(7) == purse::answer::taken;
                        used += dear ? 7 : 0;
                        one.settle(0, dear ? 7 : 0, now);
                    }
                });
        }
        BOOST_TEST(used <= 700);
        BOOST_TEST(money->look().left == 700 - used);
        BOOST_TEST(
            money->look().left < 8 * 2 + 7, "what nobody could use is less than what all held");
    }
}

BOOST_AUTO_TEST_CASE(a_budget_for_a_hundred_gives_a_hundred_to_many_threads)
{
    for (int run = 0; run < 20; ++run) {
        const auto money = purse_with(100 * 7);
        std::atomic<unsigned> got{0};
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < 8; ++i)
                threads.emplace_back([&] {
                    for (int k = 0; k < 125; ++k) {
                        holdings one;
                        if (one.pay(*money, 7) != purse::answer::taken)
                            continue;
                        ++got;
                        one.settle(0, 7, now);
                    }
                });
        }
        BOOST_TEST(got == 100U);
        BOOST_TEST(money->look().left == 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()
