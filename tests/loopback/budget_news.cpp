// A webhook hears of a budget once, whichever of the gateways that share it sees it first.

#include "needs_redis.hpp"
#include "redis_world.hpp"
#include <sluice/server/budget_news.hpp>

#include <boost/test/unit_test.hpp>

#include <deque>

BOOST_AUTO_TEST_SUITE(budget_news)

using namespace sluice;
using state::grants;

namespace {

struct teller {
    explicit teller(server::budget_news::ask_function ask = {})
        : news(
              log,
              [this](const config::webhook&, const std::string& body) { told.push_back(body); },
              std::move(ask))
    {
        config::snapshot made;
        made.budget_webhook.emplace();
        news.serve(made);
    }

    std::vector<std::string> lines;
    std::vector<std::string> told;
    observe::logger log{
        [this](std::string_view line) { lines.emplace_back(line); }, [] { return time_point{}; }};
    server::budget_news news;
};

grants::event spent(std::int64_t topped_up = 0)
{
    grants::event what{.what = grants::event::kind::spent, .budget = {}};
    what.budget.id = "key:k:daily";
    what.budget.topped_up = topped_up;
    what.budget.ends = std::chrono::sys_seconds(std::chrono::seconds(1'795'305'600));
    return what;
}

// What one Redis says to several tellers, one after the other.
struct asked_redis {
    server::budget_news::ask_function asker()
    {
        return [this](state::redis_spread::question what, net::redis_done done) {
            done(world.run(*what.script, what.keys, what.arguments));
        };
    }
    loopback::redis_world world;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_gateway_of_its_own_tells_at_once)
{
    teller alone;
    alone.news.tell(spent());
    BOOST_TEST(alone.told.size() == 1U);
    BOOST_TEST(alone.lines.size() == 1U);
}

BOOST_AUTO_TEST_CASE(one_of_several_gateways_tells_and_all_log, *loopback::needs_redis)
{
    const loopback::redis_server server;
    asked_redis redis{loopback::redis_world(loopback::redis_at(server.port()))};
    BOOST_TEST_REQUIRE(redis.world.becomes_up());
    teller one(redis.asker());
    teller two(redis.asker());
    for (auto* each : {&two, &one, &two})
        each->news.tell(spent());
    BOOST_TEST(two.told.size() == 1U);
    BOOST_TEST(one.told.empty());
    BOOST_TEST(one.lines.size() == 1U);
    one.news.tell(spent(5));
    two.news.tell(spent(5));
    BOOST_TEST(one.told.size() == 1U, "of what was topped up it comes about again");
    BOOST_TEST(two.told.size() == 1U);
}

BOOST_AUTO_TEST_CASE(where_redis_does_not_answer_it_is_rather_told_twice_than_never)
{
    net::redis_answer none;
    none.failure = net::redis_failure::timed_out;
    teller cut_off([&](auto, const auto& done) { done(none); });
    cut_off.news.tell(spent());
    BOOST_TEST(cut_off.told.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
