// One slow replica under simulated traffic: it loses its requests, and gets them back when healed.
#include <sluice/base/random.hpp>
#include <sluice/policy/balance.hpp>
#include <sluice/policy/target_state.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>
#include <queue>
#include <vector>

BOOST_AUTO_TEST_SUITE(balance_traffic)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

namespace {

constexpr time_point noon{12h};

struct call {
    time_point ends;
    time_point began;
    std::size_t target;
    bool operator>(const call& other) const { return ends > other.ends; }
};

struct run {
    std::vector<int> all;   // requests by second
    std::vector<int> slow;  // of them to target 0

    // Target 0's part of the requests from one second to another, against an even share of 1.
    [[nodiscard]] double part(std::size_t from, std::size_t to, std::size_t targets) const
    {
        double total = 0;
        double its = 0;
        for (std::size_t i = from; i < to; ++i) {
            total += all[i];
            its += slow[i];
        }
        return its * static_cast<double>(targets) / total;
    }
};

// Answers take 150 to 450 ms; target 0's a hundred times that from second 60 to 180.
run simulate(std::size_t count, int per_second, std::uint64_t seed)
{
    std::vector<target_state> targets(count);
    std::vector<balance_view> views(count);
    std::priority_queue<call, std::vector<call>, std::greater<>> calls;
    random_engine draw(seed);
    run seen{.all = std::vector<int>(300), .slow = std::vector<int>(300)};
    const nanoseconds each = nanoseconds(1s) / per_second;
    for (nanoseconds at{0}; at < 300s; at += each) {
        const auto now = noon + at;
        for (; !calls.empty() && calls.top().ends <= now; calls.pop()) {
            target_state& target = targets[calls.top().target];
            target.answered(calls.top().ends - calls.top().began, calls.top().ends);
            target.ended(true);
        }
        for (std::size_t i = 0; i < count; ++i)
            views[i] = {
                .in_flight = targets[i].in_flight.load(), .latency = targets[i].latency_now(now)};
        const balance_draws draws{draw.uniform(), draw.uniform()};
        const std::size_t to = pick(balance::latency, views, draws).value();
        const auto second = static_cast<std::size_t>(at / 1s);
        ++seen.all[second];
        seen.slow[second] += to == 0 ? 1 : 0;
        targets[to].begun(now);
        nanoseconds took = milliseconds(150 + static_cast<int>(draw.uniform() * 300));
        if (to == 0 && at >= 60s && at < 180s)
            took *= 100;
        calls.push({.ends = now + took, .began = now, .target = to});
    }
    return seen;
}

}  // namespace

BOOST_AUTO_TEST_CASE(
    a_hundred_times_slower_replica_loses_its_traffic_in_ten_seconds_and_has_it_back_when_healed,
    *boost::unit_test::label("statistics"))
{
    // The last slow answer comes at most 45 s after the healing at 180 s: back 30 seconds later.
    for (const std::size_t count : {2U, 3U, 5U})
        for (const int per_second : {5, 50, 500})
            for (std::uint64_t seed = 1; seed <= 5; ++seed) {
                const run seen = simulate(count, per_second, seed);
                BOOST_TEST_CONTEXT(count << " targets, " << per_second << "/s, seed " << seed)
                {
                    BOOST_TEST(seen.part(5, 60, count) > 0.8);
                    BOOST_TEST(seen.part(5, 60, count) < 1.2);
                    BOOST_TEST(seen.part(70, 180, count) < 0.05);
                    BOOST_TEST(seen.part(255, 299, count) > 0.7);
                    BOOST_TEST(seen.part(255, 299, count) < 1.3);
                    // No herd on its return either.
                    for (std::size_t second = 180; second < 300; ++second)
                        BOOST_TEST_REQUIRE(
                            seen.slow[second] <= 2.5 * per_second / static_cast<double>(count) + 3);
                }
            }
}

BOOST_AUTO_TEST_SUITE_END()
