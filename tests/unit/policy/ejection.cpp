#include <sluice/base/random.hpp>
#include <sluice/policy/ejection.hpp>
#include <sluice/policy/target_state.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(ejections)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

namespace {

constexpr time_point noon{12h};
using views = std::vector<ejection_view>;

ejection_settings on(double share = 0.5)
{
    ejection_settings settings;
    settings.enabled = true;
    settings.share = share;
    return settings;
}

std::vector<target_state*> pointers(std::vector<target_state>& states)
{
    std::vector<target_state*> made;
    for (target_state& state : states)
        made.push_back(&state);
    return made;
}

std::size_t count_ejected(const std::vector<target_state>& states, time_point now)
{
    return static_cast<std::size_t>(std::ranges::count_if(
        states, [&](const target_state& state) { return state.ejection.ejected(now); }));
}

// 100 outcomes, `percent` of them failed, that do not open the breaker.
void feed(target_state& state, int percent, time_point now)
{
    const breaker_settings off{.enabled = false};
    for (int i = 0; i < 100; ++i)
        state.breaker.report(off, i < percent, state.breaker.ask(off, now, 0), now);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_target_that_fails_far_more_often_than_its_siblings_is_named)
{
    const views targets{
        {.total = 100, .failed = 2}, {.total = 100, .failed = 12}, {.total = 100, .failed = 1}};
    BOOST_TEST(worst_outlier(on(), targets) == 1);
    views slightly = targets;
    slightly[1].failed = 9;  // 3 x 1.5 % + 5 %
    BOOST_TEST(worst_outlier(on(), slightly) == 3);
    views few = targets;
    few[1].total = 19;
    BOOST_TEST(worst_outlier(on(), few) == 3);
    BOOST_TEST(worst_outlier({}, targets) == 3);
}

BOOST_AUTO_TEST_CASE(a_target_that_is_far_slower_than_its_siblings_is_named)
{
    const views targets{
        {.total = 50, .latency = 100ms},
        {.total = 50, .latency = 120ms},
        {.total = 50, .latency = 301ms}};
    BOOST_TEST(worst_outlier(on(), targets) == 2);
    views unknown = targets;
    unknown[0].latency = unknown[1].latency = 0ns;
    BOOST_TEST(worst_outlier(on(), unknown) == 3);
    views alike = targets;
    alike[2].latency = 300ms;
    BOOST_TEST(worst_outlier(on(), alike) == 3);
    views few = targets;
    few[0].total = few[1].total = 19;
    BOOST_TEST(worst_outlier(on(), few) == 3);
}

BOOST_AUTO_TEST_CASE(when_all_are_bad_nobody_is_an_outlier)
{
    const views targets(4, {.total = 100, .failed = 90, .latency = 20s});
    BOOST_TEST(worst_outlier(on(), targets) == 4);
}

BOOST_AUTO_TEST_CASE(never_more_than_the_share_and_never_the_last)
{
    random_engine draw(9);
    for (int round = 0; round < 3000; ++round) {
        const double share = draw.uniform() * 1.2;
        views targets(1 + draw() % 8);
        for (auto& target : targets)
            target = {
                .total = 100,
                .failed = static_cast<std::uint32_t>(draw() % 100),
                .latency = milliseconds(1 + draw() % 1000)};
        std::size_t out = 0;
        for (auto worst = worst_outlier(on(share), targets); worst < targets.size();
             worst = worst_outlier(on(share), targets)) {
            BOOST_TEST_REQUIRE(!targets[worst].ejected);
            targets[worst].ejected = true;
            ++out;
        }
        BOOST_TEST_REQUIRE(out < targets.size());
        BOOST_TEST_REQUIRE(static_cast<double>(out) <= share * static_cast<double>(targets.size()));
    }
}

// Else a canary that is quick would get all the traffic its share does not give it.
BOOST_AUTO_TEST_CASE(no_target_is_an_outlier_beside_the_canary)
{
    const ejection_view quick{.total = 100, .latency = 10ms, .canary = true};
    const ejection_view slow{.total = 100, .failed = 50, .latency = 900ms};
    BOOST_TEST(worst_outlier(on(), views{slow, quick}) == 2);
    BOOST_TEST(worst_outlier(on(1), views{slow, slow, quick}) == 3);
    // But the canary beside the others, and these beside each other.
    ejection_view bad = slow;
    bad.canary = true;
    const ejection_view good{.total = 100, .latency = 10ms};
    BOOST_TEST(worst_outlier(on(), views{good, bad}) == 1);
    BOOST_TEST(worst_outlier(on(), views{good, slow, quick}) == 1);
}

BOOST_AUTO_TEST_CASE(a_bad_target_is_left_out_for_the_duration_and_then_judged_afresh)
{
    std::vector<target_state> states(3);
    for (std::size_t i = 0; i < 3; ++i)
        feed(states[i], i == 1 ? 30 : 0, noon);
    const auto targets = pointers(states);
    eject_outliers(targets, {}, on(), {}, noon);
    BOOST_TEST(states[1].ejection.ejected(noon + 29999ms));
    BOOST_TEST(!states[1].ejection.ejected(noon + 30s));
    eject_outliers(targets, {}, on(), {}, noon + 30s);
    BOOST_TEST(count_ejected(states, noon + 30s) == 0);
}

BOOST_AUTO_TEST_CASE(a_target_that_is_asked_rarely_is_no_faster_for_that)
{
    std::vector<target_state> states(2);
    const auto targets = pointers(states);
    for (auto& state : states) {
        feed(state, 0, noon);
        state.latency.sample(50ms, noon);
    }
    feed(states[0], 0, noon + 9s);
    states[0].latency.sample(50ms, noon + 9s);
    eject_outliers(targets, {}, on(), {}, noon + 9s);
    BOOST_TEST(count_ejected(states, noon + 9s) == 0);
}

BOOST_AUTO_TEST_CASE(a_slow_target_is_left_out_and_then_judged_afresh_however_long_the_window)
{
    const breaker_settings hour{.window = 1h};
    std::vector<target_state> states(2);
    const auto targets = pointers(states);
    for (auto& state : states) {
        for (int i = 0; i < 100; ++i)
            state.breaker.report(hour, false, state.breaker.ask(hour, noon, 0), noon);
        state.latency.sample(&state == targets[1] ? 500ms : 50ms, noon);
    }
    eject_outliers(targets, {}, on(), hour, noon + 1s);
    BOOST_TEST(states[1].ejection.ejected(noon + 1s));
    states[0].latency.sample(50ms, noon + 31s);
    eject_outliers(targets, {}, on(), hour, noon + 31s);
    BOOST_TEST(count_ejected(states, noon + 31s) == 0);
}

BOOST_AUTO_TEST_CASE(failures_from_before_it_was_out_are_not_held_against_a_target_again)
{
    const breaker_settings hour{.failures = 0, .rate = 1, .window = 1h};
    std::vector<target_state> states(2);
    const auto targets = pointers(states);
    const auto ask = [&](target_state& of, time_point now) { return of.breaker.ask(hour, now, 0); };
    const auto report = [&](target_state& of, bool failed, int times, time_point now) {
        for (int i = 0; i < times; ++i)
            of.breaker.report(hour, failed, ask(of, now), now);
    };
    report(states[0], false, 100, noon);
    report(states[1], false, 50, noon);
    report(states[1], true, 50, noon);
    const auto begun_before = ask(states[1], noon);
    eject_outliers(targets, {}, on(), hour, noon + 1s);
    BOOST_TEST(states[1].ejection.ejected(noon + 1s));
    states[1].breaker.report(hour, true, begun_before, noon + 10s);
    report(states[0], false, 100, noon + 31s);
    report(states[1], false, 100, noon + 31s);
    eject_outliers(targets, {}, on(), hour, noon + 32s);
    BOOST_TEST(count_ejected(states, noon + 32s) == 0);
    BOOST_TEST(states[1].breaker.recent(hour, noon + 32s).failed == 0U);
    // What it does from then on counts.
    report(states[1], true, 50, noon + 33s);
    eject_outliers(targets, {}, on(), hour, noon + 33s);
    BOOST_TEST(states[1].ejection.ejected(noon + 33s));
}

BOOST_AUTO_TEST_CASE(a_target_that_went_silent_is_out_before_it_has_answered)
{
    std::vector<target_state> states(2);
    const auto targets = pointers(states);
    for (auto& state : states) {
        feed(state, 0, noon);
        state.latency.sample(50ms, noon);
    }
    states[1].begun(noon + 1s);
    states[0].latency.sample(50ms, noon + 5s);
    eject_outliers(targets, {}, on(), {}, noon + 5s);
    BOOST_TEST(!states[0].ejection.ejected(noon + 5s));
    BOOST_TEST(states[1].ejection.ejected(noon + 5s));
}

BOOST_AUTO_TEST_CASE(it_judges_once_a_second)
{
    std::vector<target_state> states(3);
    const auto targets = pointers(states);
    eject_outliers(targets, {}, on(), {}, noon);
    for (std::size_t i = 0; i < 3; ++i)
        feed(states[i], i == 0 ? 30 : 0, noon);
    eject_outliers(targets, {}, on(), {}, noon + 999ms);
    BOOST_TEST(count_ejected(states, noon + 999ms) == 0);
    eject_outliers(targets, {}, on(), {}, noon + 1s);
    BOOST_TEST(states[0].ejection.ejected(noon + 1s));
}

BOOST_AUTO_TEST_CASE(four_threads_that_judge_at_once_stay_within_the_share)
{
    for (int round = 0; round < 100; ++round) {
        std::vector<target_state> states(6);
        const auto targets = pointers(states);
        for (std::size_t i = 0; i < 6; ++i)
            feed(states[i], i < 4 ? 0 : 40, noon);
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 5; ++i)
                    eject_outliers(targets, {}, on(0.2), {}, noon + i * 1s);
            });
        for (auto& thread : threads)
            thread.join();
        BOOST_TEST_REQUIRE(count_ejected(states, noon + 5s) == 1);
    }
}

BOOST_AUTO_TEST_SUITE_END()
