#include <sluice/policy/believed_clock.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(clocks)

using namespace sluice;
using namespace sluice::policy;
using namespace std::chrono_literals;

namespace {

// A system clock that is wrong by so much, looked at every ten seconds.
struct fixture {
    void pass(nanoseconds time)
    {
        for (; time > 0s; time -= 10s) {
            steady += 10s;
            real += 10s;
            told = clock.update(real + wrong, steady);
        }
    }

    time_point steady{1'000s};
    believed_clock::system_time real{1'800'000'000s};
    nanoseconds wrong{0};
    believed_clock clock{real, steady};
    believed_clock::system_time told = real;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(believed_clock_, fixture)

BOOST_AUTO_TEST_CASE(two_jumps_of_a_day_pass_something_neither_sooner_nor_twice)
{
    const auto ends = real + 3h;
    std::size_t passed = 0;
    bool over = false;
    for (const nanoseconds jump : {0h, 24h, 0h, -24h, 0h, 24h, 0h, -24h, 0h}) {
        wrong = jump;
        for (int i = 0; i < 6 * 30; ++i) {
            pass(10s);
            BOOST_TEST((told >= ends) == (real >= ends));
            passed += told >= ends && !over ? 1U : 0U;
            over = told >= ends;
        }
    }
    BOOST_TEST(passed == 1U);
}

BOOST_AUTO_TEST_CASE(what_holds_for_an_hour_is_the_time)
{
    wrong = -24h;
    pass(believed_clock::trial - 10s);
    BOOST_TEST((told == real));
    BOOST_TEST(clock.doubts());
    pass(20s);
    BOOST_TEST((told == real - 24h));
    BOOST_TEST(!clock.doubts());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
