// What the controller promises, by simulation: 200 requests/s, seeded.
#include <sluice/base/random.hpp>
#include <sluice/policy/rollout_controller.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <optional>
#include <vector>

BOOST_AUTO_TEST_SUITE(rollout_figures)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

namespace {

using kind = rollout_verdict::kind;

constexpr double per_second = 200;

struct rates {
    double canary = 0;
    double stable = 0;
};

// A second of so many requests. Each goes to the canary with its share, and fails with its arm's
// rate.
rollout_evidence one_second(
    random_engine& random, double percent, rates failing, double requests = per_second)
{
    rollout_evidence out;
    for (int i = 0; i < static_cast<int>(requests); ++i) {
        const bool canary = random.uniform() * 100 < percent;
        auto& arm = canary ? out.canary : out.stable;
        ++arm.attempts;
        arm.failed += random.uniform() < (canary ? failing.canary : failing.stable) ? 1 : 0;
    }
    return out;
}

rollout_settings whole_schedule()
{
    rollout_settings settings;  // 5, 10, 25, 50, 100 percent
    settings.every = 60s;
    settings.guards.errors = 0.005;
    return settings;
}

struct run {
    bool rolled_back = false;
    int seconds = 0;
};

// `gateways` have the traffic between them. The first one leads; whichever has seen enough sends
// the canary back for all of them.
run simulate(
    std::uint64_t seed,
    const rollout_settings& settings,
    rates failing,
    int limit,
    unsigned gateways,
    unsigned judges)
{
    random_engine random(seed);
    std::vector<rollout_state> states(gateways);
    for (auto& state : states)
        state.judges = judges;
    run out;
    for (; out.seconds < limit; ++out.seconds) {
        auto leader = kind::hold;
        for (auto& state : states) {
            const auto evidence =
                one_second(random, settings.steps[state.step], failing, per_second / gateways);
            const auto verdict =
                advance(state, settings, evidence, time_point{seconds{out.seconds + 1}});
            out.rolled_back = out.rolled_back || verdict.what == kind::roll_back;
            if (&state == &states.front())
                leader = verdict.what;
        }
        if (out.rolled_back || leader == kind::finish)
            break;
        if (leader == kind::step_up)
            for (auto& state : states)
                enter_step(state, state.step + 1);
    }
    ++out.seconds;
    return out;
}

struct figures {
    int rolled_back = 0;
    int slowest = 0;
    int median = 0;  // of those that were rolled back
};

figures of_many(
    int runs,
    const rollout_settings& settings,
    rates failing,
    int limit,
    unsigned gateways = 1,
    std::optional<unsigned> judges = {})
{
    figures out;
    std::vector<int> took;
    for (int i = 0; i < runs; ++i) {
        const auto one = simulate(
            static_cast<std::uint64_t>(i) * 7'919 + 1,
            settings,
            failing,
            limit,
            gateways,
            judges.value_or(gateways));
        if (one.rolled_back)
            took.push_back(one.seconds);
    }
    out.rolled_back = static_cast<int>(took.size());
    std::ranges::sort(took);
    if (!took.empty()) {
        out.slowest = took.back();
        out.median = took[took.size() / 2];
    }
    return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(
    three_percent_against_a_tenth_at_ten_percent_share_is_back_within_a_minute,
    *boost::unit_test::label("statistics"))
{
    for (const bool absolute : {true, false}) {
        auto settings = whole_schedule();
        settings.steps = {10, 100};
        settings.every = 24h;
        if (!absolute)
            settings.guards.errors.reset();
        const auto seen = of_many(1'000, settings, {.canary = 0.03, .stable = 0.001}, 60);
        BOOST_TEST_MESSAGE(
            "3% against 0.1%, " << (absolute ? "errors: 0.5% and " : "") << "above stable: "
                                << seen.rolled_back << " of 1000 rolled back within 60 s, median "
                                << seen.median << " s, slowest of them " << seen.slowest << " s");
        BOOST_TEST(seen.rolled_back >= 990);
    }
}

BOOST_AUTO_TEST_CASE(
    a_healthy_canary_comes_through_its_whole_schedule, *boost::unit_test::label("statistics"))
{
    const auto seen = of_many(1'000, whole_schedule(), {.canary = 0.001, .stable = 0.001}, 3'600);
    BOOST_TEST_MESSAGE("0.1% on both arms: " << seen.rolled_back << " of 1000 rolled back");
    BOOST_TEST(seen.rolled_back < 10);
}

// The edge of the promise is where the risk is greatest.
BOOST_AUTO_TEST_CASE(
    a_canary_as_bad_as_it_may_be_is_rolled_back_no_more_often_than_promised,
    *boost::unit_test::label("statistics"))
{
    auto settings = whole_schedule();
    settings.guards.errors.reset();
    const auto seen = of_many(1'000, settings, {.canary = 0.003, .stable = 0.001}, 3'600);
    BOOST_TEST_MESSAGE("0.2 points above stable: " << seen.rolled_back << " of 1000 rolled back");
    BOOST_TEST(seen.rolled_back < 10);
}

BOOST_AUTO_TEST_CASE(
    arms_that_are_equally_bad_are_not_told_apart, *boost::unit_test::label("statistics"))
{
    auto settings = whole_schedule();
    settings.guards.errors.reset();
    const auto relative = of_many(200, settings, {.canary = 0.1, .stable = 0.1}, 3'600);
    BOOST_TEST_MESSAGE("10% on both arms: " << relative.rolled_back << " of 200 rolled back");
    BOOST_TEST(relative.rolled_back <= 2);
    const auto absolute = of_many(200, whole_schedule(), {.canary = 0.1, .stable = 0.1}, 3'600);
    BOOST_TEST(absolute.rolled_back == 200);
}

// At a risk of 5 % enough canaries are sent back for a comparison.
BOOST_AUTO_TEST_CASE(
    several_gateways_together_send_no_more_canaries_back_than_one_may,
    *boost::unit_test::label("statistics"))
{
    auto settings = whole_schedule();
    settings.guards.errors.reset();
    settings.false_rollbacks = 0.05;
    constexpr rates edge{.canary = 0.003, .stable = 0.001};
    constexpr int runs = 200;
    const auto alone = of_many(runs, settings, edge, 3'600);
    const auto together = of_many(runs, settings, edge, 3'600, 10);
    const auto careless = of_many(runs, settings, edge, 3'600, 10, 1);
    BOOST_TEST_MESSAGE(
        "0.2 points above stable, 5% risk: "
        << alone.rolled_back << " of " << runs << " rolled back by one gateway, "
        << together.rolled_back << " by ten that share the risk, " << careless.rolled_back
        << " by ten that do not");
    BOOST_TEST(together.rolled_back <= runs * settings.false_rollbacks);
    BOOST_TEST(together.rolled_back < careless.rolled_back);
}

BOOST_AUTO_TEST_CASE(
    a_healthy_canary_of_four_gateways_comes_through_its_whole_schedule,
    *boost::unit_test::label("statistics"))
{
    const auto seen = of_many(300, whole_schedule(), {.canary = 0.001, .stable = 0.001}, 3'600, 4);
    BOOST_TEST_MESSAGE("0.1% on both arms, four gateways: " << seen.rolled_back << " of 300");
    BOOST_TEST(seen.rolled_back < 3);
}

BOOST_AUTO_TEST_CASE(what_four_gateways_see_apart_is_enough_a_little_later)
{
    auto settings = whole_schedule();
    settings.steps = {10, 100};
    settings.every = 24h;
    const auto seen = of_many(300, settings, {.canary = 0.03, .stable = 0.001}, 180, 4);
    BOOST_TEST_MESSAGE(
        "3% against 0.1% over four gateways: "
        << seen.rolled_back << " of 300 rolled back within 180 s, median " << seen.median
        << " s, slowest " << seen.slowest << " s");
    BOOST_TEST(seen.rolled_back >= 297);
}

BOOST_AUTO_TEST_SUITE_END()
