#include <sluice/net/wheel.hpp>

#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(wheel_)

namespace {

using sluice::milliseconds;
using sluice::seconds;
using sluice::time_point;
using sluice::net::deadline;
using sluice::net::wheel;

constexpr time_point start = time_point{} + seconds(1000);

struct counted : deadline {
    counted()
        : deadline(&counted::fire)
    {
    }
    static void fire(deadline& entry) { ++static_cast<counted&>(entry).fired; }
    int fired = 0;
};

struct rearming : deadline {
    explicit rearming(wheel& w)
        : deadline(&rearming::fire),
          home(w)
    {
    }
    static void fire(deadline& entry)
    {
        auto& self = static_cast<rearming&>(entry);
        ++self.fired;
        self.home.arm(self, start);
    }
    wheel& home;
    int fired = 0;
};

BOOST_AUTO_TEST_CASE(a_deadline_fires_never_early_and_at_most_a_tick_late)
{
    for (int ms = 0; ms < 2000; ms += 37) {
        wheel w(start);
        counted entry;
        const auto due = start + milliseconds(ms);
        w.arm(entry, due);
        for (auto now = start; now < due; now += milliseconds(9))
            w.advance(now);
        BOOST_TEST(entry.fired == 0);
        w.advance(due + wheel::tick);
        BOOST_TEST(entry.fired == 1);
        BOOST_TEST(!entry.armed());
    }
}

BOOST_AUTO_TEST_CASE(a_deadline_beyond_one_turn_of_the_wheel_waits_for_its_turn)
{
    wheel w(start);
    counted entry;
    w.arm(entry, start + seconds(600));
    for (int s = 1; s < 600; ++s)
        w.advance(start + seconds(s));
    BOOST_TEST(entry.fired == 0);
    w.advance(start + seconds(601));
    BOOST_TEST(entry.fired == 1);
}

BOOST_AUTO_TEST_CASE(a_long_stall_fires_everything_that_became_due_once)
{
    wheel w(start);
    std::vector<counted> entries(500);
    for (std::size_t i = 0; i < entries.size(); ++i)
        w.arm(entries[i], start + milliseconds(700 * i));
    w.advance(start + seconds(3600));
    for (const auto& entry : entries)
        BOOST_TEST(entry.fired == 1);
}

BOOST_AUTO_TEST_CASE(a_disarmed_deadline_stays_silent_and_may_be_armed_again)
{
    wheel w(start);
    counted entry;
    w.arm(entry, start + seconds(1));
    entry.disarm();
    w.advance(start + seconds(5));
    BOOST_TEST(entry.fired == 0);
    w.arm(entry, start + seconds(6));
    w.arm(entry, start + seconds(9));
    w.advance(start + seconds(8));
    BOOST_TEST(entry.fired == 0);
    w.advance(start + seconds(10));
    BOOST_TEST(entry.fired == 1);
}

BOOST_AUTO_TEST_CASE(a_deadline_that_is_put_off_fires_at_its_last_time_only)
{
    for (const bool suspended_between : {false, true}) {
        wheel w(start);
        counted entry;
        auto due = start + milliseconds(300);
        for (auto now = start; now < start + seconds(5); now += milliseconds(20)) {
            w.advance(now);
            if (suspended_between)
                entry.suspend();
            due = now + milliseconds(300);
            w.arm(entry, due);
            BOOST_TEST(entry.armed());
        }
        w.advance(due - milliseconds(1));
        BOOST_TEST(entry.fired == 0);
        w.advance(due + wheel::tick);
        BOOST_TEST(entry.fired == 1);
        w.advance(due + seconds(200));
        BOOST_TEST(entry.fired == 1);
    }
}

BOOST_AUTO_TEST_CASE(a_deadline_that_is_brought_forward_fires_at_the_earlier_time)
{
    wheel w(start);
    counted entry;
    w.arm(entry, start + seconds(60));
    entry.suspend();
    w.arm(entry, start + seconds(1));
    w.advance(start + milliseconds(999));
    BOOST_TEST(entry.fired == 0);
    w.advance(start + seconds(1) + wheel::tick);
    BOOST_TEST(entry.fired == 1);
    w.advance(start + seconds(61));
    BOOST_TEST(entry.fired == 1);
}

BOOST_AUTO_TEST_CASE(a_suspended_deadline_stays_silent_and_is_let_go_of)
{
    wheel w(start);
    counted entry;
    w.arm(entry, start + seconds(1));
    entry.suspend();
    BOOST_TEST(!entry.armed());
    w.advance(start + seconds(5));
    BOOST_TEST(entry.fired == 0);
    w.arm(entry, start + seconds(6));
    w.advance(start + seconds(7));
    BOOST_TEST(entry.fired == 1);
}

BOOST_AUTO_TEST_CASE(a_deadline_that_arms_itself_again_for_the_past_fires_once_a_tick)
{
    wheel w(start);
    rearming entry(w);
    w.arm(entry, start);
    w.advance(start + wheel::tick);
    BOOST_TEST(entry.fired == 1);
    w.advance(start + 3 * wheel::tick);
    BOOST_TEST(entry.fired == 3);
    entry.disarm();
}

BOOST_AUTO_TEST_CASE(an_entry_that_dies_armed_takes_itself_out)
{
    wheel w(start);
    {
        counted entry;
        w.arm(entry, start + seconds(1));
    }
    w.advance(start + seconds(2));
    BOOST_TEST(true);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
