#include <sluice/base/random.hpp>
#include <sluice/policy/rollout_controller.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

BOOST_AUTO_TEST_SUITE(rollout_)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

namespace {

using kind = rollout_verdict::kind;

constexpr time_point noon{12h};

rollout_settings short_schedule()
{
    rollout_settings settings;
    settings.steps = {10, 50, 100};
    settings.every = 10s;
    settings.minimum = 100;
    return settings;
}

arm_evidence arm(std::uint64_t attempts, std::uint64_t failed = 0)
{
    arm_evidence out;
    out.attempts = attempts;
    out.failed = failed;
    return out;
}

// A rollout and its clock.
struct world {
    rollout_verdict second(const rollout_evidence& evidence)
    {
        now += 1s;
        return advance(state, settings, evidence, now);
    }
    // The first verdict that is not to hold, and how many seconds it took.
    rollout_verdict until_verdict(const rollout_evidence& evidence, int limit = 1'000)
    {
        rollout_verdict verdict;
        for (waited = 0; waited < limit && verdict.what == kind::hold; ++waited)
            verdict = second(evidence);
        return verdict;
    }

    rollout_settings settings = short_schedule();
    rollout_state state{};
    time_point now = noon;
    int waited = 0;
};

const rollout_evidence healthy{.canary = arm(20), .stable = arm(180)};

const guard_view& view_of(const std::vector<guard_view>& views, guard which)
{
    const auto at = std::ranges::find(views, which, &guard_view::which);
    BOOST_REQUIRE((at != views.end()));
    return *at;
}

}  // namespace

BOOST_AUTO_TEST_CASE(settings_that_make_no_sense_are_told)
{
    BOOST_TEST(wrong_with(rollout_settings{}).empty());
    const auto wrong = [](auto change) {
        rollout_settings settings;
        change(settings);
        return wrong_with(settings);
    };
    const auto nan = std::numeric_limits<double>::quiet_NaN();
    using s = rollout_settings;
    BOOST_TEST(!wrong([](s& x) { x.steps = {}; }).empty());
    BOOST_TEST(!wrong([](s& x) { x.steps = {5, 5}; }).empty());
    BOOST_TEST(!wrong([](s& x) { x.steps = {0, 5}; }).empty());
    BOOST_TEST(!wrong([](s& x) { x.steps = {5, 101}; }).empty());
    BOOST_TEST(!wrong([&](s& x) { x.steps = {nan}; }).empty());
    BOOST_TEST(!wrong([](s& x) { x.steps.assign(101, 1); }).empty());
    BOOST_TEST(!wrong([](s& x) { x.every = 0s; }).empty());
    BOOST_TEST(!wrong([](s& x) { x.false_rollbacks = 0; }).empty());
    BOOST_TEST(!wrong([&](s& x) { x.guards.errors = nan; }).empty());
    BOOST_TEST(!wrong([](s& x) { x.guards.errors = 1; }).empty());
    BOOST_TEST(!wrong([](s& x) { x.guards.cost = 0; }).empty());
    BOOST_TEST(!wrong([](s& x) { x.guards.p99 = 0s; }).empty());
    BOOST_TEST(!wrong([](s& x) { x.guards.p99_above_stable = -0.1; }).empty());
}

BOOST_AUTO_TEST_CASE(a_healthy_canary_climbs_step_by_step_and_is_done)
{
    world w;
    for (std::size_t step = 0; step < 3; ++step) {
        const auto verdict = w.until_verdict(healthy);
        BOOST_TEST((verdict.what == (step < 2 ? kind::step_up : kind::finish)));
        BOOST_TEST(w.waited >= 10);
        BOOST_TEST(w.waited <= 12);
        if (step < 2)
            enter_step(w.state, step + 1);
    }
}

BOOST_AUTO_TEST_CASE(no_step_without_its_minimum_of_attempts)
{
    world w;
    w.settings.minimum = 5'000;
    const auto verdict = w.until_verdict(healthy);
    BOOST_TEST((verdict.what == kind::step_up));
    BOOST_TEST(w.waited == 250);
    world idle;
    BOOST_TEST((idle.until_verdict({}, 3'600).what == kind::hold));
    BOOST_TEST(missing(idle.state, idle.settings).attempts == 100U);
}

BOOST_AUTO_TEST_CASE(frozen_time_is_not_counted_and_the_guards_hold_on)
{
    world w;
    (void)w.second(healthy);
    w.state.phase = rollout_phase::frozen;
    BOOST_TEST((w.until_verdict(healthy, 600).what == kind::hold));
    BOOST_TEST((w.state.on_step <= 1s));
    const auto verdict = w.until_verdict({.canary = arm(20, 5), .stable = arm(180)});
    BOOST_TEST((verdict.what == kind::roll_back));
    BOOST_TEST((verdict.breached == guard::errors_above_stable));
}

BOOST_AUTO_TEST_CASE(a_paused_rollout_looks_at_nothing)
{
    for (const auto phase :
         {rollout_phase::paused,
          rollout_phase::done,
          rollout_phase::rolled_back,
          rollout_phase::stopped}) {
        world w;
        w.state.phase = phase;
        BOOST_TEST(
            (w.until_verdict({.canary = arm(20, 20), .stable = arm(180)}, 60).what == kind::hold));
        BOOST_TEST(w.state.seen.canary.attempts == 0U);
        BOOST_TEST((w.state.on_step == 0s));
        BOOST_TEST((phase_called(name_of(phase)) == phase));
    }
    BOOST_TEST(!phase_called("asleep"));
}

BOOST_AUTO_TEST_CASE(a_canary_that_fails_outright_is_back_in_two_seconds_whatever_the_minimum)
{
    world w;
    w.settings.minimum = 1'000'000;
    const auto verdict = w.until_verdict({.canary = arm(20, 20), .stable = arm(180)});
    BOOST_TEST((verdict.what == kind::roll_back));
    BOOST_TEST(w.waited <= 2);
    BOOST_TEST(verdict.reason.find("errors_above_stable: 100% of ") == 0U);
}

BOOST_AUTO_TEST_CASE(an_outage_of_both_arms_is_nobodys_fault_unless_a_bound_of_its_own_is_set)
{
    const rollout_evidence outage{.canary = arm(20, 8), .stable = arm(180, 72)};
    world relative;
    relative.settings.minimum = 1'000'000;
    BOOST_TEST((relative.until_verdict(outage, 600).what == kind::hold));
    world absolute;
    absolute.settings.guards.errors = 0.005;
    const auto verdict = absolute.until_verdict(outage, 600);
    BOOST_TEST((verdict.what == kind::roll_back));
    BOOST_TEST((verdict.breached == guard::errors));
}

BOOST_AUTO_TEST_CASE(doubt_delays_the_next_step)
{
    world w;
    (void)w.until_verdict(healthy, 9);
    rollout_evidence odd = healthy;
    odd.canary.failed = 4;
    (void)w.second(odd);
    BOOST_TEST(missing(w.state, w.settings).doubtful);
    BOOST_TEST((w.second(healthy).what == kind::hold));
    BOOST_TEST((w.until_verdict(healthy).what == kind::step_up));
}

BOOST_AUTO_TEST_CASE(doubt_that_stable_can_no_longer_settle_does_not_hold_up_the_last_step)
{
    world w;
    (void)w.until_verdict(healthy, 9);
    rollout_evidence odd = healthy;
    odd.canary.failed = 4;
    (void)w.second(odd);
    enter_step(w.state, 2);  // promoted to all of the traffic
    BOOST_TEST((w.until_verdict({.canary = arm(200), .stable = {}}).what == kind::finish));
}

BOOST_AUTO_TEST_CASE(broken_streams_send_it_back)
{
    world w;
    rollout_evidence evidence = healthy;
    evidence.canary.streams = 20;
    evidence.canary.truncated = 2;
    evidence.stable.streams = 180;
    const auto verdict = w.until_verdict(evidence);
    BOOST_TEST((verdict.what == kind::roll_back));
    BOOST_TEST((verdict.breached == guard::truncated_above_stable));
    w = {};
    w.settings.guards.truncated_above_stable.reset();
    w.settings.guards.truncated = 0.05;
    w.settings.minimum = 1'000'000;
    BOOST_TEST((w.until_verdict(evidence).breached == guard::truncated));
}

BOOST_AUTO_TEST_CASE(slow_answers_break_the_p99_guard_and_a_few_of_them_do_not)
{
    const auto with = [](std::uint64_t fast, std::uint64_t slow) {
        rollout_evidence evidence = healthy;
        evidence.canary.answers.counts[time_bucket_of(200ms)] = fast;
        evidence.canary.answers.counts[time_bucket_of(1s)] = slow;
        evidence.stable.answers.counts[time_bucket_of(300ms)] = 180;
        return evidence;
    };
    for (const bool relative : {false, true}) {
        world w;
        if (relative)
            w.settings.guards.p99_above_stable = 1;  // twice the stable arm's
        else
            w.settings.guards.p99 = 800ms;
        auto verdict = w.until_verdict(with(19, 1), 60);
        BOOST_TEST((verdict.what == kind::roll_back));
        BOOST_TEST((verdict.breached == (relative ? guard::p99_above_stable : guard::p99)));
        w.state = {};
        w.settings.minimum = 1'000'000;
        for (int i = 0; i < 600; ++i)  // 1 in 200
            BOOST_REQUIRE((w.second(i % 10 == 0 ? with(19, 1) : with(20, 0)).what == kind::hold));
        const auto view = view_of(
            guards_of(w.state, w.settings), relative ? guard::p99_above_stable : guard::p99);
        BOOST_TEST(std::abs(*view.canary - 0.2) < 0.03);
        BOOST_TEST(std::abs(*view.stable - 0.3) < 0.04);
        BOOST_TEST(std::abs(*view.allowed - (relative ? 0.6 : 0.8)) < 0.08);
    }
}

BOOST_AUTO_TEST_CASE(a_time_that_both_arms_take_is_no_breach_of_the_comparison)
{
    world w;
    w.settings.minimum = 1'000'000;
    w.settings.guards.first_token_above_stable = 0.25;
    for (int i = 0; i < 600; ++i) {
        rollout_evidence evidence = healthy;
        const auto took = time_bucket_of(i < 300 ? 100ms : 3s);  // it gets slow for both
        evidence.canary.first_tokens.counts[took] = 20;
        evidence.stable.first_tokens.counts[took] = 180;
        BOOST_REQUIRE((w.second(evidence).what == kind::hold));
    }
    rollout_evidence evidence = healthy;
    evidence.canary.first_tokens.counts[time_bucket_of(5s)] = 20;
    evidence.stable.first_tokens.counts[time_bucket_of(3s)] = 180;
    BOOST_TEST((w.until_verdict(evidence, 60).breached == guard::first_token_above_stable));
}

BOOST_AUTO_TEST_CASE(however_small_a_risk_is_asked_for_a_broken_canary_is_sent_back)
{
    world w;
    w.settings.minimum = 1'000'000;
    w.settings.false_rollbacks = 1e-15;
    const auto verdict = w.until_verdict({.canary = arm(20, 20), .stable = arm(180)}, 300);
    BOOST_TEST((verdict.what == kind::roll_back));
}

BOOST_AUTO_TEST_CASE(a_canary_that_costs_more_than_it_may_is_sent_back)
{
    const auto with = [](double canary, double stable) {
        rollout_evidence evidence = healthy;
        evidence.canary.tokens = 4'000;
        evidence.canary.usd = canary * 4;
        evidence.canary.dearest = 0.004;
        evidence.stable.tokens = 36'000;
        evidence.stable.usd = stable * 36;
        evidence.stable.dearest = 0.004;
        return evidence;
    };
    for (const bool relative : {false, true}) {
        world w;
        w.settings.minimum = 1'000'000;
        if (relative)
            w.settings.guards.cost_above_stable = 0.1;
        else
            w.settings.guards.cost = 0.0011;
        BOOST_TEST((w.until_verdict(with(0.001, 0.001), 3'600).what == kind::hold));
        const auto verdict = w.until_verdict(with(0.002, 0.001), 300);
        BOOST_TEST((verdict.what == kind::roll_back));
        BOOST_TEST(verdict.reason.find(relative ? "cost_above_stable: " : "cost: ") == 0U);
    }
}

BOOST_AUTO_TEST_CASE(beside_a_stable_arm_that_is_free_no_cost_is_allowed)
{
    for (const double usd : {0.0, 0.004}) {
        rollout_evidence evidence = healthy;
        evidence.canary.tokens = 4'000;
        evidence.canary.usd = usd;
        evidence.canary.dearest = 0.004;
        evidence.stable.tokens = 36'000;
        world w;
        w.settings.minimum = 1'000'000;
        w.settings.guards.cost_above_stable = 0.1;
        const auto wanted = usd > 0 ? kind::roll_back : kind::hold;
        BOOST_TEST((w.until_verdict(evidence, 300).what == wanted));
    }
}

BOOST_AUTO_TEST_CASE(the_views_tell_every_guard_that_is_set)
{
    world w;
    w.settings.guards.errors = 0.005;
    BOOST_TEST(guards_of(w.state, w.settings).size() == 3U);
    auto view = view_of(guards_of(w.state, w.settings), guard::errors_above_stable);
    BOOST_TEST(!view.canary);
    BOOST_TEST(!view.allowed);
    BOOST_TEST(std::abs(view.enough - 600) < 1e-9);  // three guards share 0.5 %
    (void)w.second({.canary = arm(100, 1), .stable = arm(1'000, 2)});
    view = view_of(guards_of(w.state, w.settings), guard::errors_above_stable);
    BOOST_TEST(std::abs(*view.canary - 0.01) < 1e-9);
    BOOST_TEST(std::abs(*view.stable - 0.002) < 1e-9);
    BOOST_TEST(std::abs(*view.allowed - 0.004) < 1e-9);
}

BOOST_AUTO_TEST_SUITE_END()
