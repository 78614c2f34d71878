#include <sluice/base/random.hpp>
#include <sluice/policy/purse.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <limits>
#include <thread>
#include <vector>

BOOST_TEST_DONT_PRINT_LOG_VALUE(sluice::policy::purse::answer)
BOOST_TEST_DONT_PRINT_LOG_VALUE(sluice::policy::period_tag)

BOOST_AUTO_TEST_SUITE(purses)

using namespace sluice;
using namespace sluice::policy;

namespace {

using answer = purse::answer;

constexpr auto today = tag_of(20'000);
constexpr auto tomorrow = tag_of(20'001);

}  // namespace

BOOST_AUTO_TEST_CASE(an_empty_purse_is_dry_until_it_is_closed)
{
    purse of;
    BOOST_TEST((of.take(1).got == answer::dry));
    BOOST_TEST((of.take(0).got == answer::taken));
    of.open(today, 100);
    BOOST_TEST((of.take(101).got == answer::dry));
    const auto got = of.take(100);
    BOOST_TEST((got.got == answer::taken));
    BOOST_TEST((got.tag == today));
    BOOST_TEST(of.close(today));
    BOOST_TEST((of.take(1).got == answer::spent));
    // A top-up opens it again.
    BOOST_TEST(of.grant(today, 5));
    BOOST_TEST((of.take(6).got == answer::dry));
    BOOST_TEST((of.take(5).got == answer::taken));
}

BOOST_AUTO_TEST_CASE(settling_gives_back_or_takes_more_into_debt)
{
    purse of;
    of.open(today, 1000);
    const auto got = of.take(600);
    of.give_back(got.tag, 200);
    BOOST_TEST(of.look().left == 600);
    of.charge(got.tag, 700);
    BOOST_TEST(of.look().left == -100);
    BOOST_TEST((of.take(0).got == answer::dry));
    BOOST_TEST(of.grant(today, 101));
    BOOST_TEST((of.take(1).got == answer::taken));
    of.give_back(got.tag, -5);
    of.charge(got.tag, -5);
    BOOST_TEST(of.look().left == 0);
    BOOST_TEST((of.take(-5).got == answer::taken));
    BOOST_TEST(of.look().left == 0);
}

BOOST_AUTO_TEST_CASE(what_belongs_to_a_period_that_is_over_changes_nothing)
{
    purse of;
    of.open(today, 1000);
    const auto got = of.take(600);
    BOOST_TEST(of.close(today));
    of.open(tomorrow, 50);
    BOOST_TEST(!of.look().closed);
    of.give_back(got.tag, 600);
    of.charge(got.tag, 600);
    BOOST_TEST(of.look().left == 50);
    BOOST_TEST(!of.grant(today, 9));
    BOOST_TEST(!of.close(today));
    BOOST_TEST(of.withdraw(today, 9) == 0);
    BOOST_TEST(of.look().left == 50);
    BOOST_TEST((of.look().tag == tomorrow));
}

BOOST_AUTO_TEST_CASE(withdrawing_takes_no_more_than_is_left)
{
    purse of;
    of.open(today, 100);
    BOOST_TEST(of.withdraw(today, 30) == 30);
    BOOST_TEST(of.withdraw(today, 100) == 70);
    BOOST_TEST(of.withdraw(today, 100) == 0);
    of.charge(today, 10);
    BOOST_TEST(of.withdraw(today, 100) == 0);
    BOOST_TEST(of.look().left == -10);
}

BOOST_AUTO_TEST_CASE(amounts_beyond_what_it_holds_stop_at_the_ends)
{
    constexpr auto all = std::numeric_limits<std::int64_t>::max();
    purse of;
    of.open(today, all);
    BOOST_TEST(of.look().left == purse::most);
    BOOST_TEST(of.grant(today, all));
    BOOST_TEST(of.look().left == purse::most);
    BOOST_TEST((of.take(all).got == answer::dry));
    BOOST_TEST((of.take(purse::most).got == answer::taken));
    of.charge(today, all);
    of.charge(today, all);
    BOOST_TEST(of.look().left == -purse::most);
    BOOST_TEST((of.look().tag == today));
    BOOST_TEST(!of.look().closed);
}

BOOST_AUTO_TEST_CASE(what_is_more_than_can_be_had_is_refused_at_once_and_told_apart)
{
    purse of;
    of.open(today, 10);
    BOOST_TEST((of.take(purse::most).got == answer::dry), "nobody knows yet");
    (void)of.asked();
    const std::chrono::sys_seconds midnight(std::chrono::days(20'001));
    of.tell(5, midnight);
    BOOST_TEST((of.ends() == midnight));
    BOOST_TEST((of.take(16).got == answer::beyond));
    BOOST_TEST((of.take(15).got == answer::dry));
    BOOST_TEST((of.take(10).got == answer::taken));
    BOOST_TEST(of.close(today));
    BOOST_TEST((of.take(1).got == answer::spent));
    const auto asked = of.asked();
    BOOST_TEST(asked.missed == 15);
    BOOST_TEST(asked.largest == 15);
    BOOST_TEST(asked.beyond == 16);
    BOOST_TEST(of.asked().beyond == 0);
    of.give_back(today, 3);
    BOOST_TEST((of.take(4).got == answer::beyond), "closed, and three are left");
    of.open(tomorrow, 0);
    BOOST_TEST((of.take(100).got == answer::dry));
}

BOOST_AUTO_TEST_CASE(what_was_asked_for_is_told_once)
{
    purse of;
    of.open(today, 10);
    BOOST_TEST((of.take(7).got == answer::taken));
    BOOST_TEST((of.take(5).got == answer::dry));
    BOOST_TEST((of.take(4).got == answer::dry));
    auto asked = of.asked();
    BOOST_TEST(asked.missed == 9);
    BOOST_TEST(asked.largest == 7);
    asked = of.asked();
    BOOST_TEST(asked.missed == 0);
    BOOST_TEST(asked.largest == 0);
}

// What is granted comes in pieces while the takers are at it.
BOOST_AUTO_TEST_CASE(of_a_thousand_concurrent_takes_exactly_those_succeed_that_the_budget_is_for)
{
    constexpr std::size_t runs = 1000;
    constexpr std::int64_t each = 1'234'567;
    constexpr int takers = 4;
    std::vector<purse> purses(runs);
    std::array<std::vector<int>, takers> taken;
    std::barrier together(takers + 1);  // so that all are at the same purse
    const auto take_all = [&](std::vector<int>& mine) {
        for (auto& of : purses) {
            together.arrive_and_wait();
            int count = 0;
            for (int i = 0; i < 1000 / takers; ++i) {
                auto got = of.take(each).got;
                while (got == answer::dry) {
                    std::this_thread::yield();
                    got = of.take(each).got;
                }
                count += got == answer::taken ? 1 : 0;
            }
            mine.push_back(count);
        }
    };
    std::vector<std::thread> threads;
    for (auto& mine : taken)
        threads.emplace_back(take_all, std::ref(mine));
    for (std::size_t run = 0; run < runs; ++run) {
        random_engine draw(run);
        std::int64_t rest = 100 * each;
        const auto first = static_cast<std::int64_t>(draw() % static_cast<std::uint64_t>(rest + 1));
        purses[run].open(today, first);
        rest -= first;
        together.arrive_and_wait();
        while (rest != 0) {
            const auto piece = std::min<std::int64_t>(
                rest, static_cast<std::int64_t>(draw() % (20 * std::uint64_t{each})));
            purses[run].grant(today, piece);
            rest -= piece;
        }
        purses[run].close(today);
    }
    for (auto& thread : threads)
        thread.join();
    for (std::size_t run = 0; run < runs; ++run) {
        int sum = 0;
        for (const auto& mine : taken)
            sum += mine[run];
        BOOST_TEST(sum == 100, "run " << run);
        BOOST_TEST(purses[run].look().left == 0, "run " << run);
    }
}

BOOST_AUTO_TEST_CASE(threads_that_take_and_settle_lose_no_money)
{
    purse of;
    constexpr std::int64_t budget = 20'000'000'000;
    of.open(today, budget);
    std::atomic<std::int64_t> used{0};
    std::barrier together(4);
    const auto work = [&](std::uint64_t seed) {
        random_engine draw(seed);
        together.arrive_and_wait();
        for (int i = 0; i < 200'000; ++i) {
            const auto reserved = static_cast<std::int64_t>(draw() % 100'000);
            const auto real = static_cast<std::int64_t>(draw() % 100'000);
            const auto got = of.take(reserved);
            if (got.got != answer::taken)
                continue;
            if (real < reserved)
                of.give_back(got.tag, reserved - real);
            else
                of.charge(got.tag, real - reserved);
            used += real;
        }
    };
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 0; seed < 4; ++seed)
        threads.emplace_back(work, seed);
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(of.look().left == budget - used.load());
    // In debt by no more than what four reservations fell short.
    BOOST_TEST(of.look().left > -4 * 100'000);
}

BOOST_AUTO_TEST_SUITE_END()
