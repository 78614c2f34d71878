#include <sluice/base/random.hpp>
#include <sluice/policy/lease.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

BOOST_AUTO_TEST_SUITE(leases)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

namespace {

constexpr time_point noon{12h};
constexpr auto today = tag_of(20'000);
constexpr std::int64_t dollar = 1'000'000'000;
constexpr std::int64_t cent = dollar / 100;

struct authority {
    std::int64_t left = 0;
    std::uint64_t asks = 0;
};

struct gateway {
    purse of;
    lease_planner planner;
    std::int64_t granted = 0;
    std::int64_t spent = 0;
    std::uint64_t asked = 0;
    std::uint64_t dry = 0;      // had to wait for a grant
    std::uint64_t refused = 0;  // told that the budget is spent
    double per_second = 0;

    gateway() { of.open(today, 0); }

    // What the thread does that tends the purse.
    void turn(authority& from, std::uint32_t gateways, time_point now)
    {
        planner.look(of.look(), of.asked(), granted, now);
        const authority_view view{.left = from.left, .gateways = gateways};
        if (const auto back = of.withdraw(today, planner.surplus(view, now)); back > 0) {
            from.left += back;
            granted -= back;
            return;
        }
        const auto wanted = planner.ask(view);
        BOOST_TEST_REQUIRE(wanted >= 0);
        BOOST_TEST_REQUIRE(wanted <= from.left);
        if (wanted > 0) {
            ++from.asks;
            from.left -= wanted;
            granted += wanted;
            of.grant(today, wanted);
        } else if (from.left == 0 || planner.too_little(view)) {
            of.close(today);
        }
    }

    void request(std::int64_t amount)
    {
        const auto got = of.take(amount).got;
        ++asked;
        dry += got == purse::answer::dry ? 1 : 0;
        refused += got == purse::answer::spent || got == purse::answer::beyond ? 1 : 0;
        spent += got == purse::answer::taken ? amount : 0;
    }
};

// Requests of 0.5 to 1.5 cents by chance, a turn each tenth of a second.
void run(
    std::vector<gateway>& all,
    authority& from,
    time_point begin,
    time_point end,
    std::uint64_t seed)
{
    random_engine draw(seed);
    for (auto now = begin; now < end; now += 100ms) {
        for (auto& one : all)
            for (double due = one.per_second / 10; due > 0; due -= 1)
                if (draw.uniform() < due)
                    one.request(cent / 2 + static_cast<std::int64_t>(draw() % cent));
        for (auto& one : all)
            one.turn(from, static_cast<std::uint32_t>(all.size()), now);
    }
}

lease_planner seen(std::int64_t left, const purse::demand& asked)
{
    lease_planner planner;
    planner.look({.left = left, .tag = today, .closed = false}, asked, left, noon);
    return planner;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_new_purse_gets_enough_for_first_requests)
{
    const auto planner = seen(0, {});
    BOOST_TEST(planner.ask({.left = 10 * dollar}) == 2 * lease_planner::first_guess);
    BOOST_TEST(planner.ask({.left = 0}) == 0);
    BOOST_TEST(planner.ask({.left = -5}) == 0);
    BOOST_TEST(planner.ask({.left = 3}) == 3);
    // Who has enough asks for nothing.
    BOOST_TEST(seen(2 * cent, {}).ask({.left = 10 * dollar}) == 0);
}

BOOST_AUTO_TEST_CASE(a_512th_of_what_is_left_is_held_for_a_crowd)
{
    const auto planner = seen(0, {});
    BOOST_TEST(planner.ask({.left = 256 * dollar}) == dollar / 2);
    BOOST_TEST(planner.ask({.left = 256 * dollar, .gateways = 5}) == dollar / 10);
    BOOST_TEST(planner.ask({.left = 100'000 * dollar}) == 64 * cent);
    // Asked for again when half of it is gone, and kept though nobody comes.
    auto holds = [](std::int64_t held) { return seen(held, {.largest = cent}); };
    const authority_view much{.left = 100'000 * dollar, .gateways = 2};
    BOOST_TEST(holds(31 * cent).ask(much) == 33 * cent);
    BOOST_TEST(holds(33 * cent).ask(much) == 0);
    lease_planner rests;
    for (auto now = noon; now < noon + 60s; now += 100ms) {
        rests.look({.left = 64 * cent, .tag = today, .closed = false}, {}, 64 * cent, now);
        BOOST_TEST_REQUIRE(rests.ask(much) == 0);
        BOOST_TEST_REQUIRE(rests.surplus(much, now) == 0);
    }
    BOOST_TEST(rests.surplus({.left = dollar, .gateways = 2}, noon + 60s) == 62 * cent);
}

// For how long requests are let in while nobody tends the purse, of many that come at once.
BOOST_AUTO_TEST_CASE(an_authority_that_stalls_for_seconds_is_not_noticed_while_there_is_plenty)
{
    std::vector<gateway> all(1);
    authority from{.left = 100'000 * dollar};
    auto& one = all[0];
    run(all, from, noon, noon + 1s, 1);
    for (int i = 0; i < 40; ++i)
        one.request(cent);
    BOOST_TEST(one.dry == 0U, "the first of a burst");
    one.per_second = 200;
    run(all, from, noon + 1s, noon + 30s, 1);
    const auto before = one.dry;
    for (int i = 0; i < 200 * 3; ++i)
        one.request(cent);
    BOOST_TEST(one.dry == before, "three seconds of them");
}

BOOST_AUTO_TEST_CASE(no_more_than_its_part_of_what_is_left_but_enough_for_one_request)
{
    const purse::demand flood{.missed = 500 * dollar, .largest = 2 * dollar};
    const auto planner = seen(0, flood);
    BOOST_TEST(planner.ask({.left = 100 * dollar}) == 50 * dollar);
    BOOST_TEST(planner.ask({.left = 100 * dollar, .gateways = 5}) == 10 * dollar);
    BOOST_TEST(planner.ask({.left = 100 * dollar, .gateways = 1000}) == 2 * dollar);
    BOOST_TEST(planner.ask({.left = 2 * dollar, .gateways = 1000}) == 2 * dollar);
    BOOST_TEST(planner.ask({.left = dollar, .gateways = 1}) == dollar);
    BOOST_TEST(planner.ask({.left = dollar, .gateways = 1000}) == 0, "elsewhere it may do");
    BOOST_TEST(planner.ask({.left = 100 * dollar, .gateways = 0}) == 50 * dollar);
}

BOOST_AUTO_TEST_CASE(near_the_end_gateways_that_nobody_asks_leave_what_is_left_alone)
{
    for (const std::size_t gateways : {2U, 3U, 5U})
        for (std::int64_t left = 0; left <= 40 * cent; left += cent / 2) {
            std::vector<gateway> all(gateways);
            authority from{.left = left};
            run(all, from, noon, noon + 20s, 1);
            from.asks = 0;
            run(all, from, noon + 20s, noon + 40s, 1);
            BOOST_TEST(
                from.asks == 0U, gateways << " gateways, " << left / (cent / 2) << "/2 cents");
        }
}

BOOST_AUTO_TEST_CASE(a_request_at_a_gateway_that_rested_gets_the_last_cent)
{
    std::vector<gateway> all(3);
    authority from{.left = 3 * cent};
    run(all, from, noon, noon + 20s, 1);
    int taken = 0;
    for (auto now = noon + 20s; now < noon + 30s; now += 100ms) {
        taken += all[0].of.take(cent).got == purse::answer::taken ? 1 : 0;
        for (auto& one : all)
            one.turn(from, 3, now);
    }
    BOOST_TEST(taken == 3);
}

BOOST_AUTO_TEST_CASE(a_debt_is_asked_for_as_well)
{
    const auto planner = seen(-3 * dollar, {.missed = cent, .largest = cent});
    BOOST_TEST(planner.ask({.left = 4 * dollar, .gateways = 10}) == 3 * dollar + cent);
}

BOOST_AUTO_TEST_CASE(two_seconds_of_spending_are_held_and_nobody_waits)
{
    std::vector<gateway> all(1);
    authority from{.left = 2'000 * dollar};
    all[0].per_second = 200;
    run(all, from, noon, noon + 10s, 1);
    auto& one = all[0];
    BOOST_TEST(std::abs(one.planner.spent_per_second() / (2.0 * dollar) - 1) < 0.2);
    const auto before = one.dry;
    const auto asks = from.asks;
    run(all, from, noon + 10s, noon + 70s, 2);
    BOOST_TEST(one.dry == before);
    BOOST_TEST(from.asks - asks <= 90U);
    BOOST_TEST(one.granted - one.spent <= 5 * dollar);

    // Ten times as much: found out within a few turns.
    one.per_second = 2000;
    run(all, from, noon + 70s, noon + 130s, 3);
    BOOST_TEST(one.dry - before <= 1000U, one.dry - before);
    const auto settled = one.dry;
    run(all, from, noon + 130s, noon + 190s, 4);
    BOOST_TEST(one.dry == settled);
}

BOOST_AUTO_TEST_CASE(a_gateway_that_is_idle_gives_back_what_it_does_not_need)
{
    for (const std::uint32_t count : {1U, 4U}) {
        std::vector<gateway> all(count);
        authority from{.left = 1000 * dollar};
        all[0].per_second = 200;
        run(all, from, noon, noon + 30s, 1);
        all[0].per_second = 0;
        const auto held = all[0].of.look().left;
        BOOST_TEST(held > dollar);
        run(all, from, noon + 30s, noon + 39s, 1);
        BOOST_TEST(all[0].of.look().left >= held);
        const auto asks = from.asks;
        run(all, from, noon + 39s, noon + 60s, 1);
        BOOST_TEST(all[0].of.look().left >= 2 * all[0].planner.typical());
        BOOST_TEST(all[0].of.look().left <= (count == 1 ? 3 : 1) * dollar);
        BOOST_TEST(from.asks == asks);  // and does not fetch it again
    }
}

BOOST_AUTO_TEST_CASE(several_gateways_use_up_a_budget_together_and_not_a_cent_more)
{
    for (std::uint64_t seed = 0; seed < 20; ++seed)
        for (const auto& demand :
             {std::vector<double>{50, 50, 50, 50},
              std::vector<double>{200, 1, 1, 0},
              std::vector<double>{100, 30, 10, 3, 1, 1, 0, 0}}) {
            std::vector<gateway> all(demand.size());
            for (std::size_t i = 0; i < demand.size(); ++i)
                all[i].per_second = demand[i];
            authority from{.left = 50 * dollar};
            run(all, from, noon, noon + 120s, seed);
            std::int64_t spent = 0;
            std::int64_t held = 0;
            for (const auto& one : all) {
                spent += one.spent;
                held += one.of.look().left;
            }
            BOOST_TEST(spent + held + from.left == 50 * dollar);
            BOOST_TEST(spent >= 50 * dollar * 97 / 100, spent << " seed " << seed);
            BOOST_TEST(all[0].refused > 0U);
        }
}

BOOST_AUTO_TEST_CASE(rests_that_are_smaller_than_a_request_come_together_again)
{
    std::vector<gateway> all(4);
    authority from{.left = cent * 6 / 10};
    for (auto& one : all) {
        one.of.grant(today, cent * 6 / 10);
        one.granted = cent * 6 / 10;
    }
    for (auto now = noon; now < noon + 10s; now += 100ms)
        for (auto& one : all) {
            one.request(cent);
            one.turn(from, 4, now);
        }
    std::int64_t spent = 0;
    for (const auto& one : all)
        spent += one.spent;
    BOOST_TEST(spent == 3 * cent, "of three: no more can be made of it");
}

BOOST_AUTO_TEST_CASE(a_rest_that_is_of_use_here_stays)
{
    lease_planner planner;
    const auto look = [&](std::int64_t left, time_point now) {
        planner.look(
            {.left = left, .tag = today, .closed = true}, {.largest = dollar}, 2 * dollar, now);
    };
    look(dollar / 2, noon);
    look(dollar / 2 - cent, noon + 100ms);  // a smaller one was let in
    BOOST_TEST(planner.surplus({.left = 0, .gateways = 4}, noon + 100ms) == 0);
    look(dollar / 2 - cent, noon + 200ms);
    BOOST_TEST(planner.surplus({.left = 0, .gateways = 4}, noon + 200ms) == dollar / 2 - cent);
    BOOST_TEST(planner.surplus({.left = dollar, .gateways = 4}, noon + 200ms) == 0);
    BOOST_TEST(planner.surplus({.left = 0, .gateways = 1}, noon + 200ms) == 0);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_had_moves_nothing)
{
    for (const std::uint32_t gateways : {1U, 4U}) {
        auto planner = seen(cent, {.largest = cent, .beyond = 9 * dollar});
        BOOST_TEST(planner.typical() == cent);
        BOOST_TEST(planner.ask({.left = 8 * dollar, .gateways = gateways}) == 0);
        BOOST_TEST(
            seen(0, {.beyond = 9 * dollar}).ask({.left = 8 * dollar, .gateways = 1}) == 2 * cent);
        BOOST_TEST(
            planner.too_little({.left = 8 * dollar, .gateways = gateways}) == (gateways > 1));
    }
}

BOOST_AUTO_TEST_CASE(one_dear_request_gets_what_it_needs_and_what_it_leaves_goes_back)
{
    lease_planner planner;
    auto now = noon;
    const auto look = [&](std::int64_t left, const purse::demand& asked, std::int64_t granted) {
        now += 100ms;
        planner.look({.left = left, .tag = today, .closed = false}, asked, granted, now);
    };
    look(0, {}, 0);
    // It looked twice before it had been granted.
    look(0, {.missed = 1800 * dollar, .largest = 900 * dollar}, 0);
    BOOST_TEST(planner.ask({.left = 1000 * dollar}) == 900 * dollar);
    look(0, {.missed = 900 * dollar, .largest = 900 * dollar}, 900 * dollar);
    for (int i = 0; i < 200; ++i)
        look(899 * dollar, {.largest = cent}, 900 * dollar);
    const auto back = planner.surplus({.left = 100 * dollar}, now);
    BOOST_TEST(back > 890 * dollar);
    BOOST_TEST(back < 899 * dollar);
}

BOOST_AUTO_TEST_CASE(a_new_period_does_not_forget_the_pace)
{
    std::vector<gateway> all(1);
    authority from{.left = 1000 * dollar};
    all[0].per_second = 200;
    run(all, from, noon, noon + 20s, 1);
    const auto pace = all[0].planner.spent_per_second();
    const auto tomorrow = tag_of(20'001);
    all[0].of.open(tomorrow, 0);
    all[0].planner.look(all[0].of.look(), all[0].of.asked(), 0, noon + 20s);
    BOOST_TEST(all[0].planner.spent_per_second() == pace);
    BOOST_TEST(all[0].planner.ask({.left = 1000 * dollar}) > 3 * dollar);
}

BOOST_AUTO_TEST_SUITE_END()
