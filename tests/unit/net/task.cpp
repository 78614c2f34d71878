#include <sluice/net/event.hpp>
#include <sluice/net/gate.hpp>
#include <sluice/net/task.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(tasks)

namespace {

using sluice::seconds;
using sluice::time_point;
using namespace sluice::net;

struct fixture {
    wheel deadlines{time_point{}};
    std::vector<std::string> failures;
    gate all{[this](std::exception_ptr what) {
        try {
            std::rethrow_exception(what);
        } catch (const std::exception& e) {
            failures.emplace_back(e.what());
        }
    }};
};

task<int> immediate(int value)
{
    co_return value;
}

task<> sum_of_many(int count, long& sum)
{
    for (int i = 0; i < count; ++i)
        sum += co_await immediate(i);
}

task<int> after(event& gate, int value)
{
    const io waited = co_await gate.wait(time_point::max());
    co_return waited == io::ok ? value : -1;
}

task<> add_after(event& gate, int& into)
{
    into += co_await after(gate, 7);
}

task<> throws_after(event& gate)
{
    co_await gate.wait(time_point::max());
    throw std::runtime_error("thrown after a wait");
}

task<> passes_on(event& gate)
{
    co_await throws_after(gate);
}

task<std::unique_ptr<std::string>> make_text(std::string text)
{
    co_return std::make_unique<std::string>(std::move(text));
}

task<> take_text(std::string& into)
{
    auto text = co_await make_text(std::string(100, 'x'));
    into = *text;
}

BOOST_FIXTURE_TEST_SUITE(task_, fixture)

BOOST_AUTO_TEST_CASE(a_million_children_that_never_suspend_do_not_grow_the_stack)
{
    long sum = 0;
    all.spawn(sum_of_many(1'000'000, sum));
    BOOST_TEST(sum == 499'999'500'000L);
    BOOST_TEST(all.count() == 0U);
}

BOOST_AUTO_TEST_CASE(a_parent_goes_on_when_its_child_is_done)
{
    event gate(deadlines);
    int value = 0;
    all.spawn(add_after(gate, value));
    BOOST_TEST(all.count() == 1U);
    BOOST_TEST(value == 0);
    gate.set();
    BOOST_TEST(value == 7);
    BOOST_TEST(all.count() == 0U);
}

BOOST_AUTO_TEST_CASE(an_exception_passes_through_the_callers_to_the_gate)
{
    event gate(deadlines);
    all.spawn(passes_on(gate));
    gate.set();
    BOOST_TEST(failures.size() == 1U);
    BOOST_TEST(failures.at(0) == "thrown after a wait");
    BOOST_TEST(all.count() == 0U);
}

BOOST_AUTO_TEST_CASE(values_that_only_move_come_out_whole)
{
    std::string text;
    all.spawn(take_text(text));
    BOOST_TEST(text == std::string(100, 'x'));
}

BOOST_AUTO_TEST_CASE(a_wait_ends_by_its_deadline)
{
    event gate(deadlines);
    int value = 0;
    all.spawn([](event& g, wheel&, int& into) -> task<> {
        const io waited = co_await g.wait(time_point{} + seconds(1));
        into = static_cast<int>(waited);
    }(gate, deadlines, value));
    deadlines.advance(time_point{} + seconds(2));
    BOOST_TEST(value == static_cast<int>(io::timed_out));
}

BOOST_AUTO_TEST_CASE(an_interrupter_ends_the_wait_it_is_pointed_at_and_is_remembered)
{
    event gate(deadlines);
    interrupter stop;
    int value = 0;
    stop.on(gate);
    all.spawn(add_after(gate, value));
    stop.fire();
    BOOST_TEST(stop.fired());
    BOOST_TEST(value == -1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace

BOOST_AUTO_TEST_SUITE_END()
