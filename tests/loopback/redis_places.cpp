// Requests at once over several gateways and a real redis-server.

#include "share_fleet.hpp"
#include <sluice/state/place_shares.hpp>

#include <boost/test/unit_test.hpp>

#include <numeric>
#include <random>

BOOST_AUTO_TEST_SUITE(redis_places, *loopback::needs_redis)

using namespace loopback;
using namespace sluice;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t all_places = 40;

// A gateway whose clients want so many requests in flight, each of which takes `lasts`.
struct gateway : sharing<state::place_shares> {
    gateway(
        std::uint16_t port,
        std::string id,
        unsigned fleet,
        sluice::config::store_failure on_failure = sluice::config::store_failure::keep_share)
        : sharing(port, std::move(id), fleet)
    {
        settings.concurrent = all_places;
        shares.watch({{"key:k:concurrent", state, all_places, on_failure}});
        shares.start();
    }

    void turn(time_point now, duration /*passed*/)
    {
        std::erase_if(ends, [&](time_point end) {
            if (end > now)
                return false;
            policy::leave(*state, settings);
            return true;
        });
        while (ends.size() < wanted && policy::enter(*state, settings))
            ends.push_back(now + lasts + milliseconds(draw() % 40));
    }

    policy::limit_settings settings;
    std::vector<time_point> ends;
    std::size_t wanted = 0;
    milliseconds lasts{20};
    std::minstd_rand draw;
};

using fleet = std::vector<std::unique_ptr<gateway>>;

std::size_t in_flight(const fleet& all)
{
    return std::accumulate(
        all.begin(), all.end(), std::size_t{0}, [](std::size_t sum, const auto& one) {
            return sum + one->ends.size();
        });
}

// The most that were in flight at once.
std::size_t pass(fleet& all, milliseconds time)
{
    std::size_t most = 0;
    loopback::pass(all, time, [&] { most = std::max(most, in_flight(all)); });
    return most;
}

}  // namespace

BOOST_AUTO_TEST_CASE(places_go_to_whoever_needs_them_and_are_never_more_than_there_are)
{
    const redis_server server;
    fleet all;
    for (const char* id : {"a", "b", "c", "d"})
        all.push_back(std::make_unique<gateway>(server.port(), id, 4));
    BOOST_TEST(all[0]->state->places.load() == all_places / 10);
    for (const auto& wanted : std::vector<std::vector<std::size_t>>{
             {100, 100, 100, 100}, {100, 1, 1, 1}, {100, 5, 100, 2}}) {
        for (std::size_t i = 0; i < all.size(); ++i)
            all[i]->wanted = wanted[i];
        (void)pass(all, 1'500ms);
        const auto most = pass(all, 1'000ms);
        BOOST_TEST(most <= all_places);
        BOOST_TEST(most >= all_places * 80 / 100);
    }
    BOOST_TEST(all[3]->state->places.load() >= 2U);
}

BOOST_AUTO_TEST_CASE(a_place_in_use_is_nobody_elses_until_its_request_ends)
{
    const redis_server server;
    fleet all;
    for (const char* id : {"a", "b"})
        all.push_back(std::make_unique<gateway>(server.port(), id, 2));
    all[0]->wanted = all_places;
    all[0]->lasts = 3'000ms;
    BOOST_TEST(comes(all, [&] { return all[0]->ends.size() == all_places; }));
    all[1]->wanted = all_places;
    // The first places of one that had none in use are its own: a quarter of an even part.
    BOOST_TEST(pass(all, 1'000ms) <= all_places + all_places / 8);
    (void)pass(all, 4'000ms);
    BOOST_TEST(pass(all, 1'000ms) <= all_places);
    BOOST_TEST(all[1]->ends.size() >= all_places / 4);
}

BOOST_AUTO_TEST_CASE(without_redis_places_are_kept_refused_or_its_own)
{
    redis_server server;
    fleet all;
    using enum sluice::config::store_failure;
    for (const auto mode : {refuse, local, keep_share})
        all.push_back(
            std::make_unique<gateway>(server.port(), "g" + std::to_string(all.size()), 3, mode));
    for (auto& one : all)
        one->wanted = 100;
    (void)pass(all, 1'500ms);
    BOOST_TEST(comes(all, [&] { return all[2]->state->places.load() >= all_places / 4; }));
    const auto kept = all[2]->state->places.load();
    server.kill();
    BOOST_TEST(comes(all, [&] { return all[0]->ends.empty(); }));
    BOOST_TEST(comes(all, [&] { return all[1]->ends.size() == all_places; }));
    BOOST_TEST(comes(all, [&] { return all[2]->ends.size() >= kept / 2; }));
    BOOST_TEST(all[2]->ends.size() <= kept);
}

BOOST_AUTO_TEST_SUITE_END()
