#include <sluice/proxy/alarms.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(alarm_clock)

using namespace sluice;
using namespace sluice::proxy;

namespace {

// Notes its number when it rings.
struct bell : alarm {
    bell(std::vector<int>& heard, int number)
        : alarm(&bell::rang),
          list(heard),
          mine(number)
    {
    }

    static void rang(alarm& self, time_point)
    {
        auto& one = static_cast<bell&>(self);
        one.list.push_back(one.mine);
        if (one.silences != nullptr)
            one.silences->take_back();
    }

    std::vector<int>& list;
    int mine;
    bell* silences = nullptr;
};

struct world {
    boost::asio::io_context context;
    alarms all{context};
    std::vector<int> heard;
    time_point now = steady::now();
};

}  // namespace

BOOST_AUTO_TEST_CASE(they_ring_in_the_order_of_their_times_and_not_early)
{
    world w;
    bell late(w.heard, 2);
    bell early(w.heard, 1);
    w.all.set(late, w.now + milliseconds(20));
    w.all.set(early, w.now + milliseconds(5));
    w.context.run();
    BOOST_TEST((w.heard == std::vector{1, 2}));
    BOOST_TEST((steady::now() >= w.now + milliseconds(20)));
}

BOOST_AUTO_TEST_CASE(those_that_are_due_already_ring_in_the_order_of_their_times_too)
{
    world w;
    bell late(w.heard, 2);
    bell early(w.heard, 1);
    w.all.set(late, w.now - milliseconds(1));
    w.all.set(early, w.now - milliseconds(2));
    w.context.run();
    BOOST_TEST((w.heard == std::vector{1, 2}));
}

BOOST_AUTO_TEST_CASE(one_that_was_taken_back_or_is_gone_does_not_ring)
{
    world w;
    bell kept(w.heard, 1);
    bell taken(w.heard, 2);
    w.all.set(taken, w.now + milliseconds(1));
    w.all.set(kept, w.now + milliseconds(3));
    {
        bell gone(w.heard, 3);
        w.all.set(gone, w.now + milliseconds(2));
    }
    taken.take_back();
    w.context.run();
    BOOST_TEST((w.heard == std::vector{1}));
}

BOOST_AUTO_TEST_CASE(one_that_rings_may_take_back_another_that_is_due)
{
    world w;
    bell first(w.heard, 1);
    bell second(w.heard, 2);
    first.silences = &second;
    w.all.set(first, w.now);
    w.all.set(second, w.now);
    w.context.run();
    BOOST_TEST((w.heard == std::vector{1}));
}

BOOST_AUTO_TEST_CASE(setting_again_moves_it)
{
    world w;
    bell one(w.heard, 1);
    bell two(w.heard, 2);
    w.all.set(one, w.now + milliseconds(1));
    w.all.set(two, w.now + milliseconds(5));
    w.all.set(one, w.now + milliseconds(10));
    w.context.run();
    BOOST_TEST((w.heard == std::vector{2, 1}));
}

BOOST_AUTO_TEST_SUITE_END()
