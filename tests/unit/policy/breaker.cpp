#include <sluice/base/random.hpp>
#include <sluice/policy/breaker.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <vector>

BOOST_AUTO_TEST_SUITE(breakers)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

using kind = permission::kind;
using position = breaker::position;

namespace {

constexpr time_point noon{12h};

const breaker_settings settings;  // 5 in a row, 50 % of 20, 30 s, 10 s

permission ask(breaker& of, time_point now, double draw = 0.999)
{
    return of.ask(settings, now, draw);
}

void attempt(breaker& of, bool failed, time_point now)
{
    const auto given = of.ask(settings, now, 0);
    BOOST_TEST_REQUIRE((given.as == kind::admitted));
    of.report(settings, failed, given, now);
}

void open(breaker& of, time_point now)
{
    for (int i = 0; i < 5; ++i)
        attempt(of, true, now);
    BOOST_TEST_REQUIRE((of.at(settings, now) == position::open));
}

// Closed again by a probe at `now`.
void heal(breaker& of, time_point now)
{
    const auto probe = ask(of, now);
    BOOST_TEST_REQUIRE((probe.as == kind::probe));
    of.report(settings, false, probe, now);
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_opens_at_exactly_so_many_failures_in_a_row)
{
    breaker of;
    for (int round = 0; round < 100; ++round) {
        for (int i = 0; i < 4; ++i)
            attempt(of, true, noon);
        BOOST_TEST(of.failing_lately());
        // More successes than failures, so that the rate stays out of it.
        for (int i = 0; i < 8; ++i)
            attempt(of, false, noon);
        BOOST_TEST(!of.failing_lately());
    }
    open(of, noon);
    BOOST_TEST((ask(of, noon).as == kind::refused));
    BOOST_TEST(of.failing_lately());
}

BOOST_AUTO_TEST_CASE(it_opens_at_the_failure_rate_once_there_are_enough_outcomes)
{
    breaker of;
    for (int i = 0; i < 19; ++i)
        attempt(of, i % 2 == 1, noon);
    BOOST_TEST((of.at(settings, noon) == position::closed));
    attempt(of, true, noon);
    BOOST_TEST((of.at(settings, noon) == position::open));

    breaker under;  // never quite half
    attempt(under, false, noon);
    for (int i = 0; i < 100; ++i)
        attempt(under, i % 2 == 1, noon);
    BOOST_TEST((under.at(settings, noon) == position::closed));
}

BOOST_AUTO_TEST_CASE(the_rate_forgets_what_is_older_than_the_window)
{
    breaker of;
    for (int i = 0; i < 9; ++i) {
        attempt(of, true, noon);
        attempt(of, false, noon);
    }
    BOOST_TEST(of.recent(settings, noon).total == 18);
    BOOST_TEST(of.recent(settings, noon + 4999ms).failed == 9);
    BOOST_TEST(of.recent(settings, noon + 10s).total == 0);
    for (int i = 0; i < 3; ++i) {
        attempt(of, false, noon + 10001ms);
        attempt(of, true, noon + 10001ms);
    }
    BOOST_TEST((of.at(settings, noon + 10s) == position::closed));
    BOOST_TEST(of.recent(settings, noon + 10s).total == 6);
    // A steady stream is seen at least half a window and at most a window long.
    breaker steady;
    for (int i = 0; i < 10'000; ++i) {
        attempt(steady, false, noon + i * 10ms);
        if (i > 1000) {
            const auto seen = steady.recent(settings, noon + i * 10ms).total;
            BOOST_TEST_REQUIRE((seen >= 500 && seen <= 1000));
        }
    }
}

BOOST_AUTO_TEST_CASE(after_the_cooldown_one_probe_decides)
{
    breaker of;
    open(of, noon);
    BOOST_TEST((ask(of, noon + 29999ms).as == kind::refused));
    BOOST_TEST(!of.probe_due(settings, noon + 29999ms));
    BOOST_TEST(of.probe_due(settings, noon + 30s));
    BOOST_TEST((of.at(settings, noon + 30s) == position::half_open));

    const auto probe = ask(of, noon + 30s);
    BOOST_TEST((probe.as == kind::probe));
    BOOST_TEST(!of.probe_due(settings, noon + 31s));
    for (int i = 0; i < 100; ++i)
        BOOST_TEST((ask(of, noon + 31s, 0).as == kind::refused));

    of.report(settings, true, probe, noon + 32s);
    BOOST_TEST((of.at(settings, noon + 32s) == position::open));
    of.report(settings, false, probe, noon + 33s);
    BOOST_TEST((of.at(settings, noon + 33s) == position::open));
}

BOOST_AUTO_TEST_CASE(each_failed_probe_doubles_the_cooldown_up_to_eight_times)
{
    breaker of;
    open(of, noon);
    time_point since = noon;
    for (const auto cooldown : {30s, 60s, 120s, 240s, 240s, 240s}) {
        BOOST_TEST((ask(of, since + cooldown - 1ms).as == kind::refused));
        const auto probe = ask(of, since + cooldown);
        BOOST_TEST_REQUIRE((probe.as == kind::probe));
        since += cooldown + 5s;
        of.report(settings, true, probe, since);
    }
    heal(of, since + 240s);
    // Fully back, the next outage begins at one cooldown again.
    attempt(of, false, since + 251s);
    open(of, since + 252s);
    BOOST_TEST(of.probe_due(settings, since + 282s));
}

BOOST_AUTO_TEST_CASE(what_failed_again_while_coming_back_rests_twice_as_long)
{
    breaker of;
    open(of, noon);
    heal(of, noon + 30s);
    for (int i = 0; i < 5; ++i)
        attempt(of, true, noon + 31s);
    BOOST_TEST((of.at(settings, noon + 31s) == position::open));
    BOOST_TEST(!of.probe_due(settings, noon + 90s));
    BOOST_TEST(of.probe_due(settings, noon + 91s));
}

BOOST_AUTO_TEST_CASE(the_admitted_share_grows_evenly_from_a_tenth_to_all)
{
    breaker of;
    open(of, noon);
    heal(of, noon + 30s);
    random_engine draw(7);
    for (int second = 0; second < 10; ++second) {
        const auto now = noon + 30s + seconds(second);
        int admitted = 0;
        for (int i = 0; i < 20'000; ++i)
            admitted += of.ask(settings, now, draw.uniform()).granted() ? 1 : 0;
        const double expected = 0.1 + 0.09 * second;
        BOOST_TEST(of.share(settings, now) == expected, boost::test_tools::tolerance(1e-3));
        BOOST_TEST(admitted / 20'000.0 == expected, boost::test_tools::tolerance(0.1));
        BOOST_TEST((of.at(settings, now) == position::closed));
    }
    BOOST_TEST(of.failing_lately());
    BOOST_TEST((ask(of, noon + 40s, 0.9999999).as == kind::admitted));
    BOOST_TEST(!of.failing_lately());
    BOOST_TEST(of.share(settings, noon + 40s) == 1);
}

BOOST_AUTO_TEST_CASE(an_abandoned_probe_frees_its_place_and_says_nothing)
{
    breaker of;
    open(of, noon);
    const auto left = ask(of, noon + 30s);
    of.abandon(left);
    BOOST_TEST(of.probe_due(settings, noon + 30s));
    const auto next = ask(of, noon + 30s + 1ms);
    BOOST_TEST((next.as == kind::probe));
    of.abandon(left);  // too late, it is not this one's place any more
    BOOST_TEST((ask(of, noon + 31s).as == kind::refused));
    of.report(settings, false, next, noon + 31s);
    BOOST_TEST(of.share(settings, noon + 31s) > 0);
}

BOOST_AUTO_TEST_CASE(a_probe_nobody_reports_on_is_given_up_and_counts_no_more)
{
    breaker of;
    open(of, noon);
    const auto lost = ask(of, noon + 30s);
    BOOST_TEST((ask(of, noon + 149s).as == kind::refused));
    const auto next = ask(of, noon + 151s);
    BOOST_TEST((next.as == kind::probe));
    of.report(settings, false, lost, noon + 152s);
    BOOST_TEST((of.at(settings, noon + 152s) == position::half_open));
    BOOST_TEST((ask(of, noon + 152s).as == kind::refused));
}

BOOST_AUTO_TEST_CASE(attempts_from_before_the_opening_neither_close_nor_open_anything)
{
    breaker of;
    std::vector<permission> old;
    for (int i = 0; i < 200; ++i)
        old.push_back(ask(of, noon));
    open(of, noon);
    for (std::size_t i = 0; i < 50; ++i)
        of.report(settings, i % 2 == 0, old[i], noon + 1s);
    BOOST_TEST((of.at(settings, noon + 1s) == position::open));
    BOOST_TEST(of.recent(settings, noon + 1s).total == 0);

    // They time out after a minute; the target has been well again for half of it.
    heal(of, noon + 30s);
    for (std::size_t i = 50; i < 100; ++i)
        of.report(settings, true, old[i], noon + 35s);
    BOOST_TEST((of.at(settings, noon + 35s) == position::closed));
    attempt(of, false, noon + 41s);
    for (std::size_t i = 100; i < 200; ++i)
        of.report(settings, true, old[i], noon + 60s);
    BOOST_TEST((of.at(settings, noon + 60s) == position::closed));
    BOOST_TEST(!of.failing_lately());
}

BOOST_AUTO_TEST_CASE(a_last_resort_is_capped_and_its_success_closes)
{
    breaker of;
    open(of, noon);
    std::vector<permission> out;
    for (int i = 0; i < 3; ++i)
        out.push_back(of.ask_last_resort(3));
    for (const auto& given : out)
        BOOST_TEST((given.as == kind::last_resort));
    BOOST_TEST(!of.ask_last_resort(3).granted());

    of.report(settings, true, out[0], noon + 1s);
    BOOST_TEST((of.at(settings, noon + 1s) == position::open));
    of.abandon(out[1]);
    of.report(settings, false, out[2], noon + 2s);
    BOOST_TEST((of.at(settings, noon + 2s) == position::closed));
    BOOST_TEST(of.share(settings, noon + 2s) == 0.1, boost::test_tools::tolerance(1e-3));
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(of.ask_last_resort(3).granted());
    BOOST_TEST(!of.ask_last_resort(3).granted());
}

BOOST_AUTO_TEST_CASE(a_first_token_proves_a_probe_and_the_end_of_its_stream_counts_as_any)
{
    breaker of;
    open(of, noon);
    const auto probe = ask(of, noon + 30s);
    const auto going_on = of.proven(settings, probe, noon + 31s);
    BOOST_TEST((going_on.as == kind::admitted));
    BOOST_TEST((of.at(settings, noon + 31s) == position::closed));
    BOOST_TEST(of.recent(settings, noon + 31s).total == 0);
    of.report(settings, true, going_on, noon + 35s);
    BOOST_TEST(of.recent(settings, noon + 35s).failed == 1);

    const auto plain = of.ask(settings, noon + 50s, 0);
    BOOST_TEST((of.proven(settings, plain, noon + 51s).ticket == plain.ticket));
}

BOOST_AUTO_TEST_CASE(switched_off_it_admits_everything_and_still_counts)
{
    breaker_settings off;
    off.enabled = false;
    breaker of;
    for (int i = 0; i < 100; ++i)
        of.report(off, true, of.ask(off, noon, 0.999), noon);
    BOOST_TEST((of.at(off, noon) == position::closed));
    BOOST_TEST(of.failing_lately());
    BOOST_TEST(of.recent(off, noon).failed == 100);

    // Switched off while open.
    breaker was;
    open(was, noon);
    BOOST_TEST((was.at(off, noon) == position::closed));
    BOOST_TEST(!was.probe_due(off, noon + 1h));
    BOOST_TEST((was.ask(off, noon, 0.999).as == kind::admitted));
    BOOST_TEST((was.at(settings, noon) == position::closed));
}

BOOST_AUTO_TEST_CASE(a_hand_on_it_holds_until_it_is_taken_off)
{
    breaker of;
    const auto before = ask(of, noon);
    of.force(breaker::control::open);
    BOOST_TEST((of.forced() == breaker::control::open));
    of.report(settings, false, before, noon);
    BOOST_TEST((ask(of, noon + 24h, 0).as == kind::refused));
    BOOST_TEST(!of.ask_last_resort(3).granted());
    BOOST_TEST((of.at(settings, noon + 24h) == position::open));

    of.force(breaker::control::closed);
    for (int i = 0; i < 100; ++i)
        attempt(of, true, noon + 24h);
    BOOST_TEST((of.at(settings, noon + 24h) == position::closed));
    BOOST_TEST((of.forced() == breaker::control::closed));
    BOOST_TEST(of.failing_lately());

    of.force(breaker::control::automatic);
    BOOST_TEST((of.forced() == breaker::control::automatic));
    BOOST_TEST(!of.failing_lately());
    open(of, noon + 24h);
}

BOOST_AUTO_TEST_CASE(extreme_settings_and_instants_are_survived)
{
    breaker_settings wild{
        .failures = 1,
        .rate = 0,
        .minimum = 0,
        .window = 0ns,
        .cooldown = 0ns,
        .recovery = 0ns,
        .probe_limit = 0ns};
    for (const auto now : {time_point::min(), time_point{}, noon, time_point::max()}) {
        breaker of;
        of.report(wild, true, of.ask(wild, now, 0), now);
        const auto probe = of.ask(wild, now, 0);
        BOOST_TEST((probe.as == kind::probe));
        of.report(wild, false, probe, now);
        BOOST_TEST((of.ask(wild, now, 0.999).as == kind::admitted));
    }
    wild.cooldown = nanoseconds::max();
    breaker of;
    of.report(wild, true, of.ask(wild, noon, 0), noon);
    BOOST_TEST((of.ask(wild, time_point::max(), 0).as == kind::refused));
    of.report(wild, true, {}, noon);
    of.abandon({});
}

BOOST_AUTO_TEST_SUITE_END()
