#include <sluice/policy/target_state.hpp>

#include <boost/test/unit_test.hpp>

#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(target_states)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

namespace {

constexpr time_point noon{12h};

}  // namespace

BOOST_AUTO_TEST_CASE(a_target_that_went_silent_is_slow_before_it_has_answered)
{
    target_state state;
    state.begun(noon);
    state.answered(200ms, noon + 200ms);
    BOOST_TEST((state.latency_now(noon + 200ms) <= 200ms));
    // Its stream goes on; nobody waits.
    BOOST_TEST((state.latency_now(noon + 5s) < 200ms));
    BOOST_TEST(state.in_flight.load() == 1);
    state.ended(true);

    state.begun(noon + 60s);
    BOOST_TEST((state.latency_now(noon + 60s) == 0ns));
    BOOST_TEST((state.latency_now(noon + 70s) == 10s));
    state.begun(noon + 70s);
    BOOST_TEST((state.latency_now(noon + 71s) == 11s));
    state.ended(false);
    state.ended(false);
    BOOST_TEST((state.latency_now(noon + 72s) == 0ns));
    BOOST_TEST(state.in_flight.load() == 0);
}

BOOST_AUTO_TEST_CASE(a_target_that_refuses_is_not_silent)
{
    target_state state;
    state.begun(noon);
    state.begun(noon);
    state.heard(noon + 4s);
    state.ended(true);
    BOOST_TEST((state.latency_now(noon + 5s) == 1s));
    state.ended(false);
    BOOST_TEST((state.latency_now(noon + 5s) == 0s));
}

BOOST_AUTO_TEST_CASE(four_threads_leave_nothing_in_flight)
{
    target_state state;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 20'000; ++i) {
                const auto now = noon + i * 1ms;
                state.begun(now);
                if (i % 3 != 0)
                    state.answered(5ms, now + 5ms);
                state.ended(i % 3 != 0);
            }
        });
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(state.in_flight.load() == 0);
    BOOST_TEST(state.waiting.load() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
