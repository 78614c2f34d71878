// One rate over several gateways and a real redis-server: together they hold to it and use it up.

#include "share_fleet.hpp"
#include <sluice/state/rate_shares.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>

BOOST_AUTO_TEST_SUITE(redis_shares, *loopback::needs_redis)

using namespace loopback;
using namespace sluice;
using namespace std::chrono_literals;

namespace {

constexpr policy::rate limit{1'000, 1s};
constexpr std::uint64_t burst = 200;  // what a busy machine's scheduler may keep a loop waiting for

// A gateway whose clients offer so many requests a second.
struct gateway : sharing<state::rate_shares> {
    gateway(
        std::uint16_t port,
        std::string id,
        double offered,
        unsigned fleet,
        sluice::config::store_failure on_failure = sluice::config::store_failure::keep_share)
        : sharing(port, std::move(id), fleet),
          per_second(offered)
    {
        shares.watch({{"key:k:requests", state, &state->requests, limit, burst, on_failure}});
        shares.start();
    }

    void turn(time_point now, duration passed)
    {
        due += per_second * std::chrono::duration<double>(passed).count();
        for (; due >= 1; --due)
            admitted += policy::take(state->requests, limit, burst, 1, 0ns, now).admitted ? 1 : 0;
    }
    [[nodiscard]] double share() const
    {
        return state->requests.share.load() / static_cast<double>(policy::whole_share);
    }

    double per_second;
    double due = 0;
    std::uint64_t admitted = 0;
};

using fleet = std::vector<std::unique_ptr<gateway>>;

// Everybody's clients and everybody's loop for so long.
void pass(fleet& all, milliseconds time)
{
    loopback::pass(all, time, [] {});
}

std::uint64_t admitted(const fleet& all)
{
    std::uint64_t sum = 0;
    for (const auto& one : all)
        sum += one->admitted;
    return sum;
}

// Of those that have clients.
double shares(const fleet& all)
{
    double sum = 0;
    for (const auto& one : all)
        sum += one->per_second > 0 ? one->share() : 0;
    return sum;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_rate_is_held_and_used_however_the_demand_is_spread)
{
    const std::vector<std::vector<double>> spreads{
        {2'000, 2'000, 2'000, 2'000}, {3'000, 100, 100, 0}, {5'000, 0, 0, 0}, {600, 600, 50, 50}};
    for (const auto& offered : spreads) {
        const redis_server server;
        fleet all;
        for (std::size_t i = 0; i < offered.size(); ++i)
            all.push_back(std::make_unique<gateway>(
                server.port(), "g" + std::to_string(i), offered[i], offered.size()));
        double rate = 0;
        // A loop that is held up for as long as the burst lasts loses what comes meanwhile: another
        // stretch is measured then.
        for (const auto end = steady::now() + 30s; rate < 850 && steady::now() < end;) {
            pass(all, 2'500ms);  // until the parts are found
            const auto before = admitted(all);
            const auto began = steady::now();
            pass(all, 2'000ms);
            rate = static_cast<double>(admitted(all) - before)
                   / std::chrono::duration<double>(steady::now() - began).count();
            BOOST_TEST(rate <= 1'060.0, rate);
        }
        for (const auto& one : all)
            BOOST_TEST_MESSAGE(one->per_second << "/s offered, part " << one->share());
        BOOST_TEST(rate >= 850.0, rate);
        BOOST_TEST(shares(all) <= 1.06);
    }
}

BOOST_AUTO_TEST_CASE(without_redis_the_last_parts_are_kept_and_one_that_begins_then_has_a_small_one)
{
    redis_server server;
    fleet all;
    for (const char* id : {"a", "b"})
        all.push_back(std::make_unique<gateway>(server.port(), id, 2'000, 2));
    BOOST_TEST(all[0]->share() <= 0.1001);
    pass(all, 2'000ms);
    BOOST_TEST(comes(all, [&] { return all[0]->share() >= 0.4; }));
    BOOST_TEST(shares(all) <= 1.0);
    const auto kept = all[0]->share();
    server.kill();
    pass(all, 1'000ms);
    BOOST_TEST(all[0]->share() == kept);
    all.push_back(std::make_unique<gateway>(server.port(), "c", 2'000, 3));
    pass(all, 500ms);
    BOOST_TEST(all[2]->share() <= 0.1001);
}

BOOST_AUTO_TEST_CASE(the_part_of_a_gateway_that_is_gone_is_taken_over)
{
    const redis_server server;
    fleet all;
    for (const char* id : {"a", "b"})
        all.push_back(std::make_unique<gateway>(server.port(), id, 2'000, 2));
    pass(all, 1'500ms);
    BOOST_TEST(all[0]->share() <= 0.6);
    all.pop_back();
    BOOST_TEST(comes(all, [&] { return all[0]->share() >= 0.99; }));
}

BOOST_AUTO_TEST_CASE(nobody_has_a_part_for_ever_because_a_clock_was_set_back)
{
    const redis_server server;
    fleet all;
    all.push_back(std::make_unique<gateway>(server.port(), "a", 2'000, 2));
    const auto later = std::chrono::system_clock::now() + 1h;
    const auto when = std::chrono::duration_cast<std::chrono::seconds>(later.time_since_epoch());
    BOOST_TEST(comes(all, [&] { return all[0]->share() >= 0.99; }));
    const auto keys = server.tell({"KEYS", "sluice:rate:*"});
    const auto key = keys.substr(keys.rfind('\n') + 1);
    (void)server.tell({"HSET", key, "ghost", "1000000 900000 " + std::to_string(when.count())});
    BOOST_TEST(comes(all, [&] { return server.tell({"HLEN", key}) == ":1"; }));
}

BOOST_AUTO_TEST_CASE(a_limit_may_refuse_or_count_alone_while_redis_is_away)
{
    redis_server server;
    fleet all;
    using enum sluice::config::store_failure;
    for (const auto mode : {refuse, local, keep_share})
        all.push_back(std::make_unique<gateway>(
            server.port(), "abc" + std::to_string(all.size()), 0, 3, mode));
    const auto becomes = [&](std::size_t which, double share) {
        return comes(all, [&] { return std::abs(all[which]->share() - share) < 1e-4; });
    };
    for (std::size_t i = 0; i < all.size(); ++i)
        BOOST_TEST(becomes(i, 1.0 / 3), i);
    server.kill();
    BOOST_TEST(becomes(0, 0.0));
    BOOST_TEST(becomes(1, 1.0));
    BOOST_TEST(becomes(2, 1.0 / 12));
    all[0]->per_second = 1'000;
    pass(all, 100ms);
    BOOST_TEST(all[0]->admitted == 0U);
    server.start();
    BOOST_TEST(comes(all, [&] { return all[0]->share() > 0.3 && all[0]->admitted > 0; }));
    BOOST_TEST(becomes(1, 1.0 / 3));
}

BOOST_AUTO_TEST_CASE(a_limit_that_is_shared_no_more_is_whole_again)
{
    const redis_server server;
    fleet all;
    all.push_back(std::make_unique<gateway>(server.port(), "a", 0, 4));
    BOOST_TEST(comes(all, [&] { return all[0]->share() == 0.25; }));
    all[0]->shares.watch({});
    BOOST_TEST(all[0]->share() == 1.0);
}

BOOST_AUTO_TEST_SUITE_END()
