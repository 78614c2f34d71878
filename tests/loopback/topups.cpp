// More money for a budget: told again, it is booked once, also where nobody knows what became of
// it the first time.

#include "admin_world.hpp"
#include "needs_redis.hpp"
#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>

BOOST_AUTO_TEST_SUITE(topups)

namespace {

const std::string path = "/admin/v1/budgets/tenant:t:daily/topup";
const std::string five = R"({"usd":5})";

std::string named(const std::string& operation)
{
    return "idempotency-key: " + operation + "\r\n";
}

struct lone_gateway : sluice::server::admin_world {
    lone_gateway()
        : admin_world(sluice::server::sample_config() + "tenants: {t: {budget: {daily: 10 USD}}}\n")
    {
        grants.watch(world.plane->current(), {});
        BOOST_TEST_REQUIRE(book.flush(std::chrono::seconds(20)));
    }
};

loopback::config with_redis(std::uint16_t provider, std::uint16_t redis)
{
    return loopback::config(provider)
        .set("state", loopback::state_at(redis))
        .set("tenants", "{ t: { budget: { daily: 10 USD } } }")
        .set("keys", "[{ id: k, tenant: t, hash: '" + loopback::key_hash("sk-k") + "' }]");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_top_up_that_is_told_again_is_booked_once)
{
    lone_gateway admin;
    const auto first = admin.call("POST", path, five, named("one"));
    BOOST_TEST(first.status == 200u, first.body);
    BOOST_TEST(first.says(R"("topped_up_usd":5.000000000)"), first.body);
    BOOST_TEST(first.header("idempotency-key") == "one");
    const auto again = admin.call("POST", path, five, named("one"));
    BOOST_TEST(again.status == 200u);
    BOOST_TEST(again.says(R"("topped_up_usd":5.000000000)"), again.body);
    const auto other = admin.call("POST", path, five, named("two"));
    BOOST_TEST(other.says(R"("topped_up_usd":10.000000000)"), other.body);
    auto audit = admin.call("GET", "/admin/v1/audit?limit=3");
    BOOST_TEST(audit.text("/entries/0/reason") == "idempotency-key: two");
    BOOST_TEST(audit.text("/entries/1/reason") == "idempotency-key: one", "the repetition");
    BOOST_TEST(audit.text("/entries/1/to") == "15.000000000 USD");
    BOOST_TEST(audit.text("/entries/2/to") == "15.000000000 USD");
    const auto unnamed = admin.call("POST", path, five);
    BOOST_TEST(unnamed.says(R"("topped_up_usd":15.000000000)"), unnamed.body);
    BOOST_TEST(unnamed.header("idempotency-key").size() > 16u, "one is made up");
}

BOOST_AUTO_TEST_CASE(an_operation_is_of_one_sum_and_its_name_of_one_word)
{
    lone_gateway admin;
    BOOST_TEST(admin.call("POST", path, five, named("one")).status == 200u);
    auto more = admin.call("POST", path, R"({"usd":7})", named("one"));
    BOOST_TEST(more.status == 422u);
    BOOST_TEST(more.code() == "idempotency_key_reused");
    for (const auto& odd : {std::string("two words"), std::string(129, 'x'), std::string("\xe9")})
        BOOST_TEST(admin.call("POST", path, five, named(odd)).status == 400u, odd);
    BOOST_TEST(
        admin.call("GET", "/admin/v1/budgets").says(R"("topped_up_usd":5.000000000)"),
        "nothing else was booked");
}

BOOST_AUTO_TEST_CASE(what_a_silent_redis_may_have_booked_is_booked_once, *loopback::needs_redis)
{
    using namespace loopback;
    const redis_server server;
    const provider echo{always(answer_text("{}"))};
    gateway gate{with_redis(echo.port(), server.port())};
    BOOST_TEST(gate.becomes("sluice_store_up", {}, 1));
    server.freeze();
    const auto unknown = gate.admin("POST", path, five, named("one"));
    BOOST_TEST(unknown.status() == 503u);
    // It was silent when it was asked, or known to be so before.
    BOOST_TEST(
        (unknown.says("outcome_unknown") || unknown.says("nothing is booked")), unknown.body);
    BOOST_TEST(unknown.header("idempotency-key") == "one");
    server.thaw();
    BOOST_TEST(gate.becomes("sluice_store_up", {}, 1));
    const auto booked = gate.admin("POST", path, five, named("one"));
    BOOST_TEST(booked.status() == 200u, booked.body);
    BOOST_TEST(booked.says(R"("topped_up_usd":5.000000000)"), booked.body);
    const auto other = gate.admin("POST", path, five, named("two"));
    BOOST_TEST(other.says(R"("topped_up_usd":10.000000000)"), other.body);
}

BOOST_AUTO_TEST_CASE(where_redis_is_not_there_nothing_is_booked_and_that_is_said)
{
    using namespace loopback;
    const provider echo{always(answer_text("{}"))};
    gateway gate{with_redis(echo.port(), 1)};
    BOOST_TEST(gate.becomes("sluice_store_up", {}, 0));
    const auto refused = gate.admin("POST", path, five);
    BOOST_TEST(refused.status() == 503u);
    BOOST_TEST(refused.says("store_unavailable"), refused.body);
}

BOOST_AUTO_TEST_SUITE_END()
