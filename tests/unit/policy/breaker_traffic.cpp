// Breakers under simulated traffic, and under several threads at once.
#include <sluice/base/random.hpp>
#include <sluice/policy/breaker.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <barrier>
#include <functional>
#include <queue>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(breaker_traffic)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

using kind = permission::kind;

namespace {

constexpr time_point noon{12h};

struct call {
    time_point ends;
    bool failed;
    permission given;
    bool operator>(const call& other) const { return ends > other.ends; }
};

struct traffic {
    std::vector<int> admitted_by_100ms;
    int probes = 0;
    int most_probes_at_once = 0;
    int sent_while_down = 0;
    nanoseconds last_refused{0};
};

// Requests every 2 ms (500/s) of 50 ms each, to a target that is up or down.
traffic simulate(
    const breaker_settings& settings,
    nanoseconds length,
    const std::function<bool(nanoseconds)>& up)
{
    breaker of;
    random_engine draw(11);
    traffic seen;
    seen.admitted_by_100ms.resize(static_cast<std::size_t>(length / 100ms));
    std::priority_queue<call, std::vector<call>, std::greater<>> calls;
    int probes_out = 0;
    for (nanoseconds at{0}; at < length; at += 2ms) {
        const auto now = noon + at;
        while (!calls.empty() && calls.top().ends <= now) {
            const call done = calls.top();
            calls.pop();
            probes_out -= done.given.as == kind::probe ? 1 : 0;
            of.report(settings, done.failed, done.given, done.ends);
        }
        const auto given = of.ask(settings, now, draw.uniform());
        if (!given.granted()) {
            seen.last_refused = at;
            continue;
        }
        if (given.as == kind::probe) {
            ++seen.probes;
            seen.most_probes_at_once = std::max(seen.most_probes_at_once, ++probes_out);
        }
        ++seen.admitted_by_100ms[static_cast<std::size_t>(at / 100ms)];
        seen.sent_while_down += up(at) ? 0 : 1;
        calls.push({.ends = now + 50ms, .failed = !up(at), .given = given});
    }
    return seen;
}

void run_threads(int count, const std::function<void(int)>& work)
{
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i)
        threads.emplace_back(work, i);
    for (auto& thread : threads)
        thread.join();
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_outage_of_a_minute_at_500_a_second_gets_what_was_under_way_and_two_probes)
{
    const breaker_settings settings;
    const auto seen =
        simulate(settings, 180s, [](nanoseconds at) { return at < 10s || at >= 70s; });
    // 25 are under way when the fifth failure comes back, and a few while it does; then the probes
    // at 40 s and at 100 s.
    BOOST_TEST(seen.sent_while_down <= 40);
    BOOST_TEST(seen.probes == 2);
    BOOST_TEST(seen.most_probes_at_once == 1);
}

BOOST_AUTO_TEST_CASE(closing_lets_no_herd_through)
{
    breaker_settings settings;
    settings.cooldown = 5s;
    const auto seen = simulate(settings, 60s, [](nanoseconds at) { return at < 1s || at >= 3s; });
    // The probe at about 6.1 s closes. No 100 ms admit more than their share of 50 and five
    // deviations, and all are admitted 10 s later.
    for (std::size_t slice = 62; slice < 160; ++slice) {
        const double share = 0.1 + 0.009 * (static_cast<double>(slice) - 61.0 + 1.0);
        BOOST_TEST_REQUIRE(seen.admitted_by_100ms[slice] <= 50 * share + 18);
    }
    BOOST_TEST(seen.admitted_by_100ms[62] <= 15);
    BOOST_TEST(seen.admitted_by_100ms[170] == 50);
    BOOST_TEST((seen.last_refused < 16300ms));
}

BOOST_AUTO_TEST_CASE(a_target_that_flaps_every_second_gets_fewer_and_fewer_failures)
{
    breaker_settings settings;
    settings.cooldown = 1500ms;
    const auto seen = simulate(settings, 300s, [](nanoseconds at) { return at / 1s % 2 == 0; });
    BOOST_TEST(seen.most_probes_at_once == 1);
    // Of 75000 requests sent while it is down. Each of the openings costs at most 40, and they are
    // 12 s apart once the cooldown has grown.
    BOOST_TEST(seen.sent_while_down <= 40 * 30);
}

BOOST_AUTO_TEST_CASE(of_four_threads_exactly_one_gets_the_probe)
{
    const breaker_settings settings;
    constexpr int rounds = 2000;
    breaker of;
    std::atomic<int> probes{0};
    std::atomic<int> wrong{0};
    std::atomic<std::int64_t> clock{noon.time_since_epoch().count()};
    const auto advance = [&]() noexcept {
        if (probes.exchange(0) != 1)
            ++wrong;
        clock += nanoseconds(8 * settings.cooldown).count();
    };
    // The first opening is of this thread's making; each round's probe fails, is abandoned, or
    // succeeds and is followed by an outage.
    for (int i = 0; i < 5; ++i)
        of.report(settings, true, of.ask(settings, noon, 0), noon);
    advance();
    wrong = 0;
    std::barrier asked(4, advance);
    std::barrier reported(4);
    run_threads(4, [&](int) {
        for (int round = 0; round < rounds; ++round) {
            const time_point now{nanoseconds(clock.load())};
            const auto given = of.ask(settings, now, 0.999);
            if (given.as == kind::probe)
                ++probes;
            if (given.as == kind::admitted)
                ++wrong;
            asked.arrive_and_wait();
            if (given.as == kind::probe && round % 3 == 0)
                of.abandon(given);
            else if (given.as == kind::probe)
                of.report(settings, round % 3 == 1, given, now);
            if (given.as == kind::probe && round % 3 == 2)
                for (int i = 0; i < 5; ++i)
                    of.report(settings, true, of.ask(settings, now, 0), now);
            reported.arrive_and_wait();
        }
    });
    BOOST_TEST(wrong.load() == 0);
}

BOOST_AUTO_TEST_CASE(four_threads_lose_no_outcome_and_keep_the_last_resort_cap)
{
    breaker_settings settings;
    settings.enabled = false;
    breaker of;
    std::atomic<int> out{0};
    std::atomic<int> too_many{0};
    run_threads(4, [&](int thread) {
        for (int i = 0; i < 25'000; ++i) {
            of.report(settings, (i + thread) % 5 == 0, of.ask(settings, noon, 0.5), noon);
            const auto given = of.ask_last_resort(3);
            if (!given.granted())
                continue;
            too_many += ++out > 3 ? 1 : 0;
            --out;
            of.abandon(given);
        }
    });
    const auto counted = of.recent(settings, noon);
    BOOST_TEST(counted.total == 100'000);
    BOOST_TEST(counted.failed == 20'000);
    BOOST_TEST(too_many.load() == 0);
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(of.ask_last_resort(3).granted());
    BOOST_TEST(!of.ask_last_resort(3).granted());
}

BOOST_AUTO_TEST_SUITE_END()
