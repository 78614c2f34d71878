// A gateway that shares Redis with others serves whatever Redis does, and says how that is.

#include "needs_redis.hpp"
#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

BOOST_AUTO_TEST_SUITE(shared_store)

using namespace loopback;

namespace {

struct world {
    explicit world(std::uint16_t redis)
        : gate(config(echo.port()).set("state", state_at(redis, "200ms", "secret")))
    {
    }
    void serves()
    {
        auto client = gate.connect();
        client.send(chat_text());
        BOOST_TEST(client.answer().status() == 200U);
    }

    provider echo{always(answer_text("{}"))};
    gateway gate;
};

}  // namespace

BOOST_AUTO_TEST_CASE(without_redis_there_are_no_metrics_of_it)
{
    const provider echo{always(answer_text("{}"))};
    gateway gate{config(echo.port())};
    BOOST_TEST(gate.admin("GET", "/metrics").body.find("sluice_store_") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_gateway_starts_and_serves_although_redis_is_not_there)
{
    world w(1);
    w.serves();
    BOOST_TEST(w.gate.becomes("sluice_store_up", {}, 0));
    const auto shown = w.gate.admin("GET", "/admin/v1/config").body;
    BOOST_TEST(shown.find("redis") != std::string::npos);
    BOOST_TEST(shown.find("secret") == std::string::npos);
    BOOST_TEST(std::filesystem::exists(w.gate.directory() + "/state/gateway_id"));
}

BOOST_AUTO_TEST_CASE(a_redis_that_dies_and_comes_back_is_told_of_and_changes_nothing, *needs_redis)
{
    redis_server server({"--requirepass", "secret"});
    world w(server.port());
    BOOST_TEST(w.gate.becomes("sluice_store_up", {}, 1));
    BOOST_TEST(w.gate.becomes("sluice_store_gateways", {}, 1));
    w.serves();
    server.kill();
    BOOST_TEST(w.gate.becomes("sluice_store_up", {}, 0));
    w.serves();
    server.start();
    BOOST_TEST(w.gate.becomes("sluice_store_up", {}, 1));
    server.freeze();
    BOOST_TEST(w.gate.becomes("sluice_store_up", {}, 0));
    w.serves();
    server.thaw();
    BOOST_TEST(w.gate.becomes("sluice_store_up", {}, 1));
}

BOOST_AUTO_TEST_CASE(gateways_see_each_other, *needs_redis)
{
    const redis_server server({"--requirepass", "secret"});
    world one(server.port());
    world two(server.port());
    BOOST_TEST(one.gate.becomes("sluice_store_gateways", {}, 2));
    BOOST_TEST(two.gate.becomes("sluice_store_gateways", {}, 2));
}

BOOST_AUTO_TEST_SUITE_END()
