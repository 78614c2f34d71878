#include <sluice/policy/limit.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(limit)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

namespace {

constexpr time_point noon{12h};

limit_settings settings_of(std::uint64_t count, nanoseconds period, std::uint64_t burst)
{
    limit_settings settings;
    settings.requests = rate{.count = count, .period = period};
    settings.burst = burst;
    return settings;
}

// Asks until refused; how many were let in.
std::uint64_t drain(limit_state& state, const limit_settings& settings, time_point now)
{
    std::uint64_t count = 0;
    while (take(state, settings, now).admitted)
        ++count;
    return count;
}

bool waits(const admission& got, bool admitted, nanoseconds wait)
{
    return got.admitted == admitted && got.wait == wait;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_fresh_limit_grants_exactly_its_burst_at_once)
{
    for (const auto& settings :
         {settings_of(3000, 1min, 100), settings_of(7, 1min, 10), settings_of(50, 1s, 1)}) {
        limit_state state;
        BOOST_TEST(drain(state, settings, noon) == settings.burst);
    }
}

BOOST_AUTO_TEST_CASE(a_refusal_names_the_exact_wait_and_takes_nothing)
{
    limit_state state;
    const auto settings = settings_of(3000, 1min, 3);
    drain(state, settings, noon);
    for (int i = 0; i < 100; ++i)
        BOOST_TEST(waits(take(state, settings, noon), false, 20ms));
    BOOST_TEST(waits(take(state, settings, noon + 20ms - 1ns), false, 1ns));
    BOOST_TEST(waits(take(state, settings, noon + 20ms), true, 0ns));
    BOOST_TEST(waits(take(state, settings, noon + 20ms), false, 20ms));
}

BOOST_AUTO_TEST_CASE(idleness_saves_up_the_burst_and_no_more)
{
    limit_state state;
    const auto settings = settings_of(100, 1s, 5);
    drain(state, settings, noon);
    BOOST_TEST(drain(state, settings, noon + 24h) == 5);
    BOOST_TEST(drain(state, settings, noon + 24h + 25ms) == 2);
}

BOOST_AUTO_TEST_CASE(a_place_in_the_queue_is_reserved_first_come_first_served)
{
    limit_state state;
    auto settings = settings_of(10, 1s, 2);
    settings.max_wait = 300ms;
    BOOST_TEST(waits(take(state, settings, noon), true, 0ms));
    BOOST_TEST(waits(take(state, settings, noon), true, 0ms));
    BOOST_TEST(waits(take(state, settings, noon), true, 100ms));
    BOOST_TEST(waits(take(state, settings, noon), true, 200ms));
    BOOST_TEST(waits(take(state, settings, noon), true, 300ms));
    BOOST_TEST(waits(take(state, settings, noon), false, 400ms));
    // Someone who comes later stands behind those who wait.
    BOOST_TEST(waits(take(state, settings, noon + 150ms), true, 250ms));
}

BOOST_AUTO_TEST_CASE(a_key_that_may_not_wait_does_not_overtake_one_that_waits)
{
    limit_state state;
    const auto hasty = settings_of(10, 1s, 1);
    auto patient = hasty;
    patient.max_wait = 1s;
    BOOST_TEST(take(state, hasty, noon).admitted);
    BOOST_TEST(waits(take(state, patient, noon), true, 100ms));
    BOOST_TEST(waits(take(state, hasty, noon + 100ms), false, 100ms));
}

BOOST_AUTO_TEST_CASE(the_allowance_tells_what_take_would_do)
{
    limit_state state;
    const auto settings = settings_of(10, 1s, 4);
    auto told = allowance_of(state, settings, noon);
    BOOST_TEST(told.limit == 4);
    BOOST_TEST(told.remaining == 4);
    BOOST_TEST((told.until_full == 0ns));

    for (int i = 0; i < 3; ++i)
        BOOST_TEST(take(state, settings, noon).admitted);
    told = allowance_of(state, settings, noon + 50ms);
    BOOST_TEST(told.remaining == 1);
    BOOST_TEST((told.until_full == 250ms));
    BOOST_TEST(allowance_of(state, settings, noon + 100ms).remaining == 2);

    auto patient = settings;
    patient.max_wait = 1s;
    for (int i = 0; i < 4; ++i)
        BOOST_TEST(take(state, patient, noon).admitted);
    BOOST_TEST(allowance_of(state, settings, noon).remaining == 0);
}

BOOST_AUTO_TEST_CASE(without_a_rate_everything_is_admitted_and_nothing_is_counted)
{
    limit_state state;
    for (int i = 0; i < 1000; ++i)
        BOOST_TEST(waits(take(state, {}, noon), true, 0ns));
    BOOST_TEST(allowance_of(state, {}, noon).limit == 0);
    BOOST_TEST(state.requests.full_at.load() == std::numeric_limits<std::int64_t>::min());
}

BOOST_AUTO_TEST_CASE(extreme_settings_and_instants_do_not_overflow)
{
    limit_state state;
    auto settings = settings_of(1, 24h, std::numeric_limits<std::uint64_t>::max());
    settings.max_wait = nanoseconds::max();
    for (int i = 0; i < 1000; ++i)
        BOOST_TEST(waits(take(state, settings, noon), true, 0ns));
    BOOST_TEST(!take(state, settings, time_point::max()).admitted);
    BOOST_TEST(take(state, settings, time_point::min()).admitted);

    limit_state late;
    BOOST_TEST(!take(late, settings_of(1, nanoseconds::max(), 1), time_point::max()).admitted);
    BOOST_TEST(allowance_of(late, settings, time_point::min()).remaining > 0);
}

BOOST_AUTO_TEST_CASE(four_threads_get_burst_plus_rate_times_time_and_never_more_in_any_window)
{
    constexpr std::int64_t each = 20'000'000;  // 3000/min
    auto settings = settings_of(3000, 1min, 100);
    for (const nanoseconds max_wait : {0ns, nanoseconds(200ms)}) {
        settings.max_wait = max_wait;
        limit_state state;
        std::atomic<std::int64_t> clock{noon.time_since_epoch().count()};
        const std::int64_t start = clock.load();
        std::vector<std::vector<std::int64_t>> due(4);
        BOOST_TEST_REQUIRE(take(state, settings, noon).admitted);
        due[0].push_back(start);

        const auto hammer = [&](std::vector<std::int64_t>& mine) {
            for (int i = 0; i < 50'000; ++i) {
                const auto at = clock.fetch_add(500'000, std::memory_order_relaxed);
                const auto got = take(state, settings, time_point(nanoseconds(at)));
                if (got.admitted)
                    mine.push_back(at + got.wait.count());
            }
        };
        std::vector<std::thread> threads;
        for (auto& mine : due)
            threads.emplace_back(hammer, std::ref(mine));
        for (auto& thread : threads)
            thread.join();
        const std::int64_t end = clock.load();
        const auto rest = drain(state, settings, time_point(nanoseconds(end)));

        std::vector<std::int64_t> all;
        for (const auto& mine : due)
            all.insert(all.end(), mine.begin(), mine.end());
        std::sort(all.begin(), all.end());
        const auto asked = static_cast<std::int64_t>(all.size() + rest);
        BOOST_TEST(asked == 100 + (end - start + max_wait.count()) / each);
        for (std::size_t i = 0; i < all.size(); i += 7)
            for (const std::size_t n : {1U, 50U, 150U, 1000U})
                if (i + n < all.size())
                    BOOST_TEST_REQUIRE(
                        static_cast<std::int64_t>(n) + 1 <= 100 + (all[i + n] - all[i]) / each);
    }
}

BOOST_AUTO_TEST_CASE(a_rate_that_does_not_divide_its_period_is_never_exceeded)
{
    limit_state state;
    const auto settings = settings_of(7, 1min, 1);
    std::int64_t count = 0;
    constexpr std::int64_t minutes = 1000;
    for (std::int64_t ms = 0; ms <= minutes * 60'000; ms += 5)
        count += take(state, settings, noon + milliseconds(ms)).admitted ? 1 : 0;
    BOOST_TEST(count <= 1 + 7 * minutes);
    BOOST_TEST(count >= 7 * minutes - 7);
}

BOOST_AUTO_TEST_CASE(never_more_than_concurrent_are_inside_at_once)
{
    limit_state state;
    limit_settings settings;
    settings.concurrent = 3;
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::atomic<int> entered{0};
    const auto come_and_go = [&] {
        for (int i = 0; i < 20'000; ++i) {
            if (!enter(state, settings))
                continue;
            const int now = inside.fetch_add(1) + 1;
            int seen = most.load();
            while (now > seen && !most.compare_exchange_weak(seen, now)) {
            }
            entered.fetch_add(1);
            inside.fetch_sub(1);
            leave(state, settings);
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back(come_and_go);
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(most.load() <= 3);
    BOOST_TEST(entered.load() > 0);
    BOOST_TEST(state.in_flight.load() == 0);

    for (int i = 0; i < 3; ++i)
        BOOST_TEST(enter(state, settings));
    BOOST_TEST(!enter(state, settings));
    leave(state, settings);
    BOOST_TEST(enter(state, settings));
    BOOST_TEST(enter(state, {}));
}

// As before an upgrade: what is counted after there are fewer places is all that was let in before.
BOOST_AUTO_TEST_CASE(nobody_is_let_in_unseen_while_there_come_to_be_fewer_places)
{
    policy::limit_settings settings;
    settings.concurrent = 1;
    policy::limit_state state;
    std::atomic<unsigned> inside{0};
    std::atomic<bool> ended{false};
    std::jthread requests([&] {
        while (!ended.load()) {
            if (!policy::enter(state, settings))
                continue;
            ++inside;
            --inside;
            policy::leave(state, settings);
        }
    });
    unsigned unseen = 0;
    for (int round = 0; round < 200'000; ++round) {
        state.places.store(1);
        for (int i = 0; i < 20; ++i)
            (void)inside.load();
        state.places.store(0);
        if (state.in_flight.load() != 0)
            continue;
        for (int i = 0; i < 30; ++i)
            unseen += inside.load();
    }
    ended = true;
    BOOST_TEST(unseen == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
