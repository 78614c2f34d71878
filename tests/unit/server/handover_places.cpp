#include "server_parts.hpp"
#include <sluice/server/handover_places.hpp>
#include <sluice/server/handover_state.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(handover_places)

using namespace sluice;
using server::kept_places;
using server::lent_places;

namespace {

std::string with_places(unsigned most)
{
    auto text = server::sample_config();
    const std::string rate = "limits: {requests: 60/min, burst: 3}";
    text.replace(
        text.find(rate), rate.size(), "limits: {concurrent: " + std::to_string(most) + "}");
    return text;
}

// A key of so many places in the old process and in the new one.
struct two {
    explicit two(unsigned most)
        : from(with_places(most)),
          to(with_places(most))
    {
    }

    [[nodiscard]] static const config::key& key(const server::control_world& in)
    {
        return *in.plane->current()->key_of("team", nanoseconds(0));
    }
    // How many of `wanted` are let in.
    [[nodiscard]] static unsigned enter(const server::control_world& in, unsigned wanted)
    {
        unsigned inside = 0;
        while (inside < wanted && policy::enter(*key(in).state, key(in).limits))
            ++inside;
        return inside;
    }
    static void leave(const server::control_world& in)
    {
        policy::leave(*key(in).state, key(in).limits);
    }
    // The other one serves from now on, told by the text that goes over.
    void go(std::size_t idle)
    {
        kept.emplace(*from.plane->current(), idle);
        const auto state = server::state_of(*from.plane->current(), {}, kept->text());
        const auto known = server::restore_state(*to.plane->current(), state, time_point());
        BOOST_TEST(known.readable);
        BOOST_TEST(lent.begin(*to.plane->current(), known.in_flight));
    }
    void tell(std::size_t idle)
    {
        if (const auto less = kept->give_back(idle); !less.empty())
            BOOST_TEST(lent.hear(less));
    }

    server::control_world from;
    server::control_world to;
    std::optional<kept_places> kept;
    lent_places lent;
};

}  // namespace

BOOST_AUTO_TEST_CASE(what_the_old_one_still_serves_has_its_place_in_the_new_one)
{
    two w(3);
    BOOST_TEST(two::enter(w.from, 2) == 2U);
    w.go(0);
    BOOST_TEST(two::enter(w.to, 9) == 1U);
    BOOST_TEST(two::enter(w.from, 9) == 0U);
    two::leave(w.from);
    BOOST_TEST(two::enter(w.to, 9) == 0U);  // nobody has told yet
    w.tell(0);
    BOOST_TEST(two::enter(w.from, 9) == 0U);
    BOOST_TEST(two::enter(w.to, 9) == 1U);
    for (int i = 0; i < 2; ++i)
        two::leave(w.to);
    BOOST_TEST(two::enter(w.to, 9) == 2U);
    two::leave(w.from);
    w.tell(0);
    BOOST_TEST(two::enter(w.to, 9) == 1U);
    BOOST_TEST(w.kept->give_back(0).empty());
}

BOOST_AUTO_TEST_CASE(all_places_are_free_when_the_old_one_has_ended_however_it_did)
{
    two w(5);
    BOOST_TEST(two::enter(w.from, 5) == 5U);
    w.go(7);
    BOOST_TEST(two::enter(w.to, 9) == 0U);
    w.lent.end();
    BOOST_TEST(two::enter(w.to, 9) == 5U);
    BOOST_TEST(w.lent.hear(R"({"key:team":3})"));  // too late to mean anything
    for (int i = 0; i < 5; ++i)
        two::leave(w.to);
    BOOST_TEST(two::key(w.to).state->in_flight.load() == 0U);
}

BOOST_AUTO_TEST_CASE(half_of_what_is_free_waits_for_requests_that_are_on_their_way_to_the_old_one)
{
    two w(10);
    BOOST_TEST(two::enter(w.from, 3) == 3U);
    w.go(50);
    BOOST_TEST(two::enter(w.to, 20) == 3U);
    BOOST_TEST(two::enter(w.from, 1) == 1U);
    w.tell(2);  // two connections are left on which one could come
    BOOST_TEST(two::enter(w.from, 20) == 2U);
    BOOST_TEST(two::enter(w.to, 20) == 1U);
    two::leave(w.from);
    w.tell(1);  // it may be that connection's next request
    BOOST_TEST(two::enter(w.to, 20) == 0U);
    w.tell(0);
    BOOST_TEST(two::enter(w.to, 20) == 1U);
    BOOST_TEST(two::enter(w.from, 20) == 0U);
}

BOOST_AUTO_TEST_CASE(the_only_place_is_where_the_next_request_may_come)
{
    two connected(1);
    connected.go(1);
    BOOST_TEST(two::enter(connected.to, 1) == 0U);
    BOOST_TEST(two::enter(connected.from, 1) == 1U);
    two not_connected(1);
    not_connected.go(0);
    BOOST_TEST(two::enter(not_connected.from, 1) == 0U);
    BOOST_TEST(two::enter(not_connected.to, 1) == 1U);
}

BOOST_AUTO_TEST_CASE(a_third_process_counts_what_the_first_one_still_serves)
{
    two w(4);
    BOOST_TEST(two::enter(w.from, 2) == 2U);
    w.go(0);
    w.tell(0);
    BOOST_TEST(two::enter(w.to, 1) == 1U);
    const server::control_world third(with_places(4));
    kept_places kept(*w.to.plane->current(), 0);
    lent_places lent;
    BOOST_TEST(lent.begin(*third.plane->current(), kept.text()));
    BOOST_TEST(two::enter(third, 9) == 1U);
    w.lent.end();
    BOOST_TEST(lent.hear(kept.give_back(0)));
    BOOST_TEST(two::enter(third, 9) == 2U);
}

BOOST_AUTO_TEST_CASE(what_means_nothing_changes_nothing)
{
    two w(3);
    BOOST_TEST(two::enter(w.from, 2) == 2U);
    w.go(0);
    for (const std::string_view text :
         {"", "[]", R"({"key:team":-1})", R"({"key:team":"1"})", R"({"key:team":99999999999})"}) {
        BOOST_TEST(!w.lent.hear(text), text);
        BOOST_TEST(two::key(w.to).state->in_flight.load() == 2U);
    }
    BOOST_TEST(w.lent.hear(R"({"key:gone":1,"key:boss":7})"));
    BOOST_TEST(two::key(w.to).state->in_flight.load() == 2U);
}

// Requests come and go in both while places go over: what is told is told before it is taken.
BOOST_AUTO_TEST_CASE(both_together_never_have_more_than_there_are)
{
    constexpr unsigned most = 4;
    for (int round = 0; round < 20; ++round) {
        two w(most);
        std::atomic<bool> over{false};
        std::atomic<unsigned> together{0};
        std::atomic<bool> ended{false};
        const auto serve = [&](const server::control_world& in) {
            while (!ended.load()) {
                if (two::enter(in, 1) == 0)
                    continue;
                if (together.fetch_add(1) >= most)
                    over = true;
                together.fetch_sub(1);
                two::leave(in);
            }
        };
        std::vector<std::jthread> threads;
        for (int i = 0; i < 2; ++i)
            threads.emplace_back([&] { serve(w.from); });
        while (two::key(w.from).state->in_flight.load() == 0)
            std::this_thread::yield();
        w.go(8);
        for (int i = 0; i < 2; ++i)
            threads.emplace_back([&] { serve(w.to); });
        for (std::size_t idle = 8; idle-- > 0;)
            for (int i = 0; i < 20; ++i)
                w.tell(idle);
        ended = true;
        threads.clear();
        w.tell(0);
        BOOST_TEST(!over.load());
        BOOST_TEST(two::enter(w.to, 9) == most);
    }
}

BOOST_AUTO_TEST_SUITE_END()
