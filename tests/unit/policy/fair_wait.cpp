#include <sluice/base/random.hpp>
#include <sluice/policy/fair_wait.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <queue>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(fair_waits)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

namespace {

constexpr time_point noon{12h};
constexpr rate hundred{.count = 100, .period = 1s};
constexpr nanoseconds max_wait = 2s;

// Who asks for the shared limit, so often a second, and what came of it.
struct caller {
    std::uint32_t weight = 1;
    double per_second = 0;
    time_point from = noon;
    waiter self = {};
    std::uint64_t asked = 0;
    std::uint64_t admitted = 0;
    std::uint64_t tokens = 0;
    nanoseconds longest{0};

    caller(std::uint32_t own_weight, double often, time_point begin = noon)
        : weight(own_weight),
          per_second(often),
          from(begin)
    {
    }
};

struct shared_limit {
    bucket of;
    waiting_room room;

    // Everybody asks by chance, in steps of a millisecond; counts from `begin` on.
    void run(
        std::vector<caller*> callers,
        time_point begin,
        time_point end,
        std::uint64_t seed,
        std::uint64_t largest = 1)
    {
        random_engine draw(seed);
        for (auto now = noon; now < end; now += 1ms)
            for (auto* const who : callers) {
                double due = now < who->from ? 0 : who->per_second / 1000;
                for (; due > 0; due -= 1) {
                    if (draw.uniform() >= due)
                        continue;
                    const std::uint64_t amount = 1 + draw() % largest;
                    const auto got = take_fairly(
                        of, hundred, 5, amount, max_wait, room, who->self, who->weight, now);
                    if (now < begin)
                        continue;
                    ++who->asked;
                    if (!got.admitted)
                        continue;
                    ++who->admitted;
                    who->tokens += amount;
                    who->longest = std::max(who->longest, got.wait);
                }
            }
    }
};

bool near(double value, double wanted, double part)
{
    return std::abs(value - wanted) <= part * wanted;
}

}  // namespace

BOOST_AUTO_TEST_CASE(without_contention_it_is_the_bucket)
{
    bucket plain;
    shared_limit fair;
    waiter self;
    for (int i = 0; i < 5; ++i) {
        const auto got = take_fairly(fair.of, hundred, 5, 1, max_wait, fair.room, self, 1, noon);
        const auto same = take(plain, hundred, 5, 1, max_wait, noon);
        BOOST_TEST(got.admitted == same.admitted);
        BOOST_TEST((got.wait == same.wait));
    }
    BOOST_TEST(fair.of.full_at.load() == plain.full_at.load());
    // Nobody may wait: refused, and told when one is due.
    const auto refused = take_fairly(fair.of, hundred, 5, 1, 0ns, fair.room, self, 1, noon);
    BOOST_TEST(!refused.admitted);
    BOOST_TEST((refused.wait == 10ms));
}

BOOST_AUTO_TEST_CASE(who_waits_alone_may_have_all_of_the_wait)
{
    shared_limit fair;
    waiter self;
    int count = 0;
    nanoseconds longest{0};
    while (true) {
        const auto got = take_fairly(fair.of, hundred, 5, 1, max_wait, fair.room, self, 7, noon);
        if (!got.admitted)
            break;
        ++count;
        longest = std::max(longest, got.wait);
    }
    BOOST_TEST(count == 205);
    BOOST_TEST((longest == max_wait));

    shared_limit limit;
    caller only(1, 1000);
    limit.run({&only}, noon, noon + 60s, 1);
    BOOST_TEST(near(static_cast<double>(only.admitted), 6200, 0.01), only.admitted);
}

BOOST_AUTO_TEST_CASE(a_flood_leaves_a_slow_caller_its_turn)
{
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        shared_limit limit;
        caller flood(1, 2000);
        caller slow(1, 20, noon + 10s);
        // The queue is full when the slow one comes; it has to shrink first.
        limit.run({&flood, &slow}, noon + 20s, noon + 80s, seed);
        BOOST_TEST(slow.admitted == slow.asked);
        BOOST_TEST((slow.longest <= max_wait));
        BOOST_TEST((slow.longest <= 200ms), slow.longest.count());
        // What the slow one leaves is the flood's.
        BOOST_TEST(near(static_cast<double>(flood.admitted + slow.admitted), 6000, 0.02));
    }
}

BOOST_AUTO_TEST_CASE(a_newcomer_gets_in_while_the_queue_of_another_is_still_full)
{
    shared_limit limit;
    caller flood(1, 2000);
    caller slow(1, 20, noon + 10s);
    limit.run({&flood, &slow}, noon + 10s, noon + 12s, 4);
    BOOST_TEST(slow.admitted * 2 >= slow.asked, slow.admitted << " of " << slow.asked);
    BOOST_TEST((slow.longest <= max_wait));
}

BOOST_AUTO_TEST_CASE(those_who_all_want_more_get_parts_by_their_weights)
{
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
        shared_limit limit;
        caller light(1, 300, noon);
        caller middle(2, 2000, noon);
        caller heavy(5, 600, noon);
        limit.run({&light, &middle, &heavy}, noon + 10s, noon + 130s, seed);
        BOOST_TEST(near(static_cast<double>(light.admitted), 1500, 0.1), light.admitted);
        BOOST_TEST(near(static_cast<double>(middle.admitted), 3000, 0.1), middle.admitted);
        BOOST_TEST(near(static_cast<double>(heavy.admitted), 7500, 0.1), heavy.admitted);
    }
}

BOOST_AUTO_TEST_CASE(parts_are_of_tokens_where_tokens_are_limited)
{
    shared_limit limit;
    caller one(1, 400);
    caller three(3, 400);
    limit.run({&one, &three}, noon + 10s, noon + 130s, 6, 20);
    BOOST_TEST(near(static_cast<double>(one.tokens), 3000, 0.1), one.tokens);
    BOOST_TEST(near(static_cast<double>(three.tokens), 9000, 0.1), three.tokens);
}

// Each reserves an estimate of tokens, runs for up to two seconds, and settles.
BOOST_AUTO_TEST_CASE(parts_hold_for_what_is_used_also_where_more_was_reserved)
{
    struct running {
        time_point ends;
        std::size_t who;
        std::uint64_t reserved;
        std::uint64_t used;
        bool operator<(const running& other) const { return ends > other.ends; }
    };
    constexpr rate million{.count = 1'000'000, .period = 1min};
    constexpr std::array<double, 2> per_second{2000, 200};
    constexpr std::array<std::uint32_t, 2> weight{1, 3};
    for (const double part : {0.1, 0.5, 1.2}) {
        bucket of;
        waiting_room room;
        std::array<waiter, 2> self;
        std::array<double, 2> used{};
        std::priority_queue<running> inside;
        random_engine draw(3);
        const auto settle_one = [&](time_point now) {
            const auto one = inside.top();
            inside.pop();
            settle_fairly(
                of, million, one.reserved, one.used, room, self[one.who], weight[one.who], now);
        };
        const auto come = [&](std::size_t who, time_point now) {
            const std::uint64_t reserved = 500 + draw() % 1000;
            const auto got = take_fairly(
                of, million, 5000, reserved, max_wait, room, self[who], weight[who], now);
            if (!got.admitted)
                return;
            const auto real = static_cast<std::uint64_t>(part * static_cast<double>(reserved));
            const nanoseconds runs(static_cast<std::int64_t>(draw.uniform() * 2e9));
            inside.push(
                {.ends = now + got.wait + runs, .who = who, .reserved = reserved, .used = real});
            if (now > noon + 60s)
                used[who] += static_cast<double>(real);
        };
        for (auto now = noon; now < noon + 120s; now += 1ms) {
            while (!inside.empty() && inside.top().ends <= now)
                settle_one(now);
            for (std::size_t who = 0; who < 2; ++who)
                for (double due = per_second[who] / 1000; due > 0; due -= 1)
                    if (draw.uniform() < due)
                        come(who, now);
        }
        BOOST_TEST(near(used[0], 250'000, 0.1), used[0] << " of " << part);
        BOOST_TEST(near(used[1], 750'000, 0.1), used[1] << " of " << part);
    }
}

BOOST_AUTO_TEST_CASE(who_stops_coming_leaves_its_part_to_the_others)
{
    shared_limit limit;
    caller first(1, 500);
    caller second(1, 500);
    limit.run({&first, &second}, noon, noon + 20s, 2);
    BOOST_TEST(near(static_cast<double>(first.admitted), 1100, 0.1), first.admitted);
    std::uint64_t alone = 0;
    nanoseconds longest{0};
    for (auto now = noon + 30s; now < noon + 60s; now += 2ms) {
        const auto got =
            take_fairly(limit.of, hundred, 5, 1, max_wait, limit.room, first.self, 1, now);
        alone += got.admitted ? 1 : 0;
        if (got.admitted)
            longest = std::max(longest, got.wait);
    }
    BOOST_TEST(near(static_cast<double>(alone), 3200, 0.02), alone);
    BOOST_TEST((longest > max_wait - 20ms), longest.count());
}

BOOST_AUTO_TEST_CASE(threads_never_get_more_than_the_limit)
{
    bucket of;
    waiting_room room;
    std::vector<waiter> waiters(4);
    std::atomic<std::int64_t> clock{noon.time_since_epoch().count()};
    std::atomic<std::int64_t> admitted{0};
    std::atomic<bool> late{false};
    const auto work = [&](std::size_t index) {
        for (int i = 0; i < 20'000; ++i) {
            const time_point now{nanoseconds(clock.fetch_add(200'000))};
            const auto got = take_fairly(
                of,
                hundred,
                5,
                1,
                max_wait,
                room,
                waiters[index],
                static_cast<std::uint32_t>(index + 1),
                now);
            admitted += got.admitted ? 1 : 0;
            if (got.admitted && got.wait > max_wait)
                late = true;
        }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < waiters.size(); ++i)
        threads.emplace_back(work, i);
    for (auto& thread : threads)
        thread.join();
    // 16 seconds, the burst, and what still waits.
    BOOST_TEST(admitted.load() <= 1600 + 5 + 200);
    BOOST_TEST(admitted.load() >= 1500);
    BOOST_TEST(!late.load());
}

BOOST_AUTO_TEST_CASE(extreme_weights_and_amounts_do_not_overflow)
{
    for (const std::uint32_t weight : {0U, 1U, 1000U, ~0U}) {
        shared_limit limit;
        waiter self;
        for (const auto now : {time_point::min(), noon, time_point::max()})
            for (int i = 0; i < 10; ++i) {
                const auto got = take_fairly(
                    limit.of,
                    hundred,
                    5,
                    ~std::uint64_t{0},
                    nanoseconds::max(),
                    limit.room,
                    self,
                    weight,
                    now);
                BOOST_TEST(got.wait.count() >= 0);
                settle_fairly(
                    limit.of, hundred, 1, ~std::uint64_t{0}, limit.room, self, weight, now);
                settle_fairly(
                    limit.of, hundred, ~std::uint64_t{0}, 1, limit.room, self, weight, now);
            }
    }
}

BOOST_AUTO_TEST_SUITE_END()
