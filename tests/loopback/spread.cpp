// Two gateways and one real Redis: what is changed at one is so at the other, whatever Redis does.

#include "needs_redis.hpp"
#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <functional>
#include <optional>
#include <thread>

BOOST_AUTO_TEST_SUITE(spread, *loopback::needs_redis)

using namespace loopback;

namespace {

// A second, and what sanitizers on a busy machine make of it.
constexpr milliseconds soon{10'000};
constexpr std::string_view model_m =
    "m: { canary: new, retry: { attempts: 1 }, targets: ["
    "{ name: old, provider: one, model: upstream-m, weight: 90 },"
    "{ name: new, provider: one, model: upstream-n, weight: 10 }] }";
constexpr std::string_view model_k =
    "k: { canary: b, targets: [{ name: a, provider: one }, { name: b, provider: one }] }";

config config_of(std::uint16_t provider, std::uint16_t redis, bool with_k = true)
{
    return config(provider)
        .set("keys", "[{ id: f, hash: '" + key_hash("sk-file") + "' }]")
        .set(
            "models",
            "{ " + std::string(model_m) + (with_k ? ", " + std::string(model_k) : "") + " }")
        .set("state", state_at(redis, "500ms"));
}

struct one_gateway {
    explicit one_gateway(const config& how)
        : gate(how)
    {
    }

    std::string text(std::string_view path, std::string_view pointer)
    {
        simdjson::dom::parser parser;
        simdjson::dom::element found;
        const auto body = gate.admin("GET", path).body;
        if (parser.parse(body).at_pointer(pointer).get(found) != simdjson::SUCCESS)
            return "nothing at " + std::string(pointer) + " of " + body;
        return simdjson::to_string(found);
    }
    unsigned status_of(std::string_view secret)
    {
        auto client = gate.connect();
        client.send(chat_text("", "authorization: Bearer " + std::string(secret) + "\r\n"));
        return client.answer().status();
    }
    double canary()
    {
        return gate.metric("sluice_target_weight", {R"(model="m")", R"(target="new")"});
    }
    message set_canary(int percent)
    {
        return gate.admin(
            "PUT", "/admin/v1/models/m/canary", "{\"percent\":" + std::to_string(percent) + "}");
    }
    message admin(std::string_view method, std::string_view what, std::string_view body = {})
    {
        return gate.admin(method, "/admin/v1/" + std::string(what), body);
    }
    std::string rollout(std::string_view model = "m")
    {
        return text("/admin/v1/models/" + std::string(model), "/rollout/state");
    }
    double pending() { return gate.metric("sluice_store_spread_pending"); }
    double leads() { return gate.metric("sluice_store_leads"); }

    gateway gate;
};

bool until(const std::function<bool()>& holds, milliseconds within = soon)
{
    return comes_to_hold(holds, within);
}

struct fleet {
    explicit fleet(bool second_has_k = true)
        : second(std::in_place, config_of(echo.port(), redis.port(), second_has_k))
    {
        BOOST_TEST(first.gate.becomes("sluice_store_up", {}, 1));
        BOOST_TEST(second->gate.becomes("sluice_store_up", {}, 1));
    }
    bool both_at(double percent)
    {
        return until([&] { return first.canary() == percent && second->canary() == percent; });
    }
    bool both(std::string_view metric, double value)
    {
        return first.gate.becomes(metric, {}, value) && second->gate.becomes(metric, {}, value);
    }
    // A new key's secret.
    std::string made(std::string_view id)
    {
        const auto answer =
            first.gate.admin("POST", "/admin/v1/keys", "{\"id\":\"" + std::string(id) + "\"}");
        BOOST_TEST(answer.status() == 200U, answer.body);
        simdjson::dom::parser parser;
        std::string_view secret;
        BOOST_REQUIRE(parser.parse(answer.body)["secret"].get(secret) == simdjson::SUCCESS);
        return std::string(secret);
    }

    redis_server redis;
    provider echo{[](connection& c) {
        for (;;)
            c.send(answer_text(c.request().body));
    }};
    one_gateway first{config_of(echo.port(), redis.port())};
    std::optional<one_gateway> second;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_key_made_at_one_works_at_the_other_and_dies_there_with_its_revocation)
{
    fleet w;
    const auto secret = w.made("new");
    BOOST_TEST(until([&] { return w.second->status_of(secret) == 200U; }));
    BOOST_TEST(w.first.gate.admin("DELETE", "/admin/v1/keys/new").status() == 200U);
    BOOST_TEST(until([&] { return w.second->status_of(secret) == 401U; }));
    // And the other way round, a key of the file.
    BOOST_TEST(w.first.status_of("sk-file") == 200U);
    BOOST_TEST(w.second->gate.admin("DELETE", "/admin/v1/keys/f").status() == 200U);
    BOOST_TEST(until([&] { return w.first.status_of("sk-file") == 401U; }));
    const auto audit = w.first.gate.admin("GET", "/admin/v1/audit?limit=1").body;
    BOOST_TEST(audit.find("\"actor\":\"gateway ") != std::string::npos, audit);
    BOOST_TEST(audit.find("\"action\":\"adopt\"") != std::string::npos, audit);
}

BOOST_AUTO_TEST_CASE(a_new_gateway_knows_what_others_were_told_before_its_first_request)
{
    fleet w;
    BOOST_TEST(w.first.gate.admin("DELETE", "/admin/v1/keys/f").status() == 200U);
    BOOST_TEST(w.both("sluice_store_spread_pending", 0));
    for (int i = 0; i < 10; ++i) {
        one_gateway third(config_of(w.echo.port(), w.redis.port()));
        BOOST_TEST(third.status_of("sk-file") == 401U);
    }
}

BOOST_AUTO_TEST_CASE(an_exchanged_secret_is_exchanged_everywhere)
{
    fleet w;
    const auto turned = w.first.gate.admin("POST", "/admin/v1/keys/f/rotate", R"({"grace":"1s"})");
    simdjson::dom::parser parser;
    std::string_view secret;
    BOOST_REQUIRE(parser.parse(turned.body)["secret"].get(secret) == simdjson::SUCCESS);
    BOOST_TEST(until([&] { return w.second->status_of(secret) == 200U; }));
    BOOST_TEST(until([&] { return w.second->status_of("sk-file") == 401U; }));
}

BOOST_AUTO_TEST_CASE(a_canary_and_a_breaker_that_are_moved_at_one_are_moved_at_the_other)
{
    fleet w;
    const auto before = w.second->gate.metric("sluice_config_version");
    BOOST_TEST(w.first.set_canary(25).status() == 200U);
    BOOST_TEST(w.both_at(25));
    BOOST_TEST(w.second->gate.metric("sluice_config_version") == before + 1);
    BOOST_TEST(w.second->set_canary(40).status() == 200U);
    BOOST_TEST(w.both_at(40));
    BOOST_TEST(
        w.second->gate.admin("PUT", "/admin/v1/models/m/targets/old/breaker", R"({"state":"open"})")
            .status()
        == 200U);
    BOOST_TEST(
        until([&] { return w.first.text("/admin/v1/config", "/breakers/m/old") == "\"open\""; }));
    BOOST_TEST(w.both("sluice_store_spread_pending", 0));
}

BOOST_AUTO_TEST_CASE(two_who_write_at_once_do_not_undo_each_other_for_ever)
{
    fleet w;
    for (int i = 1; i <= 20; ++i) {
        BOOST_TEST(w.first.set_canary(i).status() == 200U);
        BOOST_TEST(w.second->set_canary(50 + i).status() == 200U);
    }
    BOOST_TEST(w.both_at(70));
    BOOST_TEST(w.both("sluice_store_spread_pending", 0));
    const auto versions = [&] {
        return std::pair(
            w.first.gate.metric("sluice_config_version"),
            w.second->gate.metric("sluice_config_version"));
    };
    const auto before = versions();
    const auto looks = w.first.gate.metric("sluice_store_operations_total");
    // Ten looks later it is the same.
    BOOST_TEST(
        until([&] { return w.first.gate.metric("sluice_store_operations_total") > looks + 20; }));
    BOOST_TEST((versions() == before));
}

BOOST_AUTO_TEST_CASE(redis_may_forget_everything_and_nobody_else_does)
{
    fleet w;
    const auto secret = w.made("new");
    BOOST_TEST(w.first.set_canary(25).status() == 200U);
    BOOST_TEST(until([&] { return w.second->status_of(secret) == 200U; }));
    BOOST_TEST(w.both_at(25));
    BOOST_TEST(w.second->gate.admin("DELETE", "/admin/v1/keys/new").status() == 200U);
    BOOST_TEST(until([&] { return w.first.status_of(secret) == 401U; }));
    for (int round = 0; round < 2; ++round) {
        if (round == 0) {
            (void)w.redis.tell({"FLUSHALL"});
        } else {
            w.redis.kill();
            BOOST_TEST(w.both("sluice_store_up", 0));
            w.redis.start();
            BOOST_TEST(w.both("sluice_store_up", 1));
        }
        // All of it is there again: two weights, a key that is gone, and that there were keys.
        BOOST_TEST(until([&] { return w.redis.tell({"HLEN", "sluice:{spread}:items"}) == ":3"; }));
        BOOST_TEST(w.both("sluice_store_spread_pending", 0));
        BOOST_TEST(w.both_at(25));
        BOOST_TEST(w.first.status_of(secret) == 401U);
        BOOST_TEST(w.second->status_of(secret) == 401U);
    }
    BOOST_TEST(w.second->set_canary(30).status() == 200U);
    BOOST_TEST(w.both_at(30));
}

BOOST_AUTO_TEST_CASE(part_of_the_record_that_is_taken_out_by_other_hands_is_put_back)
{
    fleet w;
    BOOST_TEST(w.first.set_canary(25).status() == 200U);
    BOOST_TEST(w.both_at(25));
    for (const auto* key : {"items", "order", "head"}) {
        BOOST_TEST(w.redis.tell({"DEL", std::string("sluice:{spread}:") + key}) == ":1");
        for (const auto* each : {"items", "order", "head"})
            BOOST_TEST(until([&] {
                return w.redis.tell({"EXISTS", std::string("sluice:{spread}:") + each}) == ":1";
            }));
    }
    BOOST_TEST(w.first.set_canary(26).status() == 200U);
    BOOST_TEST(w.both_at(26));
}

BOOST_AUTO_TEST_CASE(
    what_is_changed_while_redis_is_away_spreads_when_it_is_back_and_the_later_counts)
{
    fleet w;
    BOOST_TEST(w.first.set_canary(20).status() == 200U);
    BOOST_TEST(w.both_at(20));
    w.redis.kill();
    // The connection is known to be gone before the next look finds it so.
    BOOST_TEST(until([&] { return w.first.gate.metric("sluice_store_spread_lag_seconds") > 0; }));
    BOOST_TEST(w.both("sluice_store_up", 0));
    const auto answer = w.first.set_canary(30);
    BOOST_TEST(answer.status() == 200U);
    BOOST_TEST(
        answer.body.find("not known to the other gateways yet") != std::string::npos, answer.body);
    BOOST_TEST(w.first.canary() == 30);
    BOOST_TEST(w.first.gate.becomes("sluice_store_spread_pending", {}, 1));
    BOOST_TEST(w.second->set_canary(40).status() == 200U);
    BOOST_TEST(w.second->gate.admin("DELETE", "/admin/v1/keys/f").status() == 200U);
    w.redis.start();
    BOOST_TEST(w.both("sluice_store_up", 1));
    BOOST_TEST(w.both_at(40));
    BOOST_TEST(until([&] { return w.first.status_of("sk-file") == 401U; }));
    BOOST_TEST(w.both("sluice_store_spread_pending", 0));
    const auto conflicts = [](one_gateway& at) {
        return at.gate.metric("sluice_store_spread_conflicts_total");
    };
    BOOST_TEST(conflicts(w.first) + conflicts(*w.second) >= 1);
    BOOST_TEST(
        until([&] { return w.first.set_canary(50).body.find("not known") == std::string::npos; }));
}

BOOST_AUTO_TEST_CASE(what_is_taken_away_while_redis_is_away_stays_away_whatever_was_made_before_it)
{
    fleet w;
    constexpr std::string_view schedule = R"({"steps":[5,50],"every":"1h"})";
    const auto secret = w.made("new");
    BOOST_TEST(w.first.admin("PATCH", "keys/new", R"({"disabled":true})").status() == 200U);
    BOOST_TEST(w.first.admin("PUT", "models/m/rollout", schedule).status() == 200U);
    BOOST_TEST(w.first.admin("POST", "models/m/rollback").status() == 200U);
    BOOST_TEST(w.first.admin("POST", "models/k/kill").status() == 200U);
    BOOST_TEST(until([&] {
        return w.second->rollout() == "\"rolled_back\""
               && w.second->gate.metric("sluice_target_weight", {R"(model="k")", R"(target="b")"})
                      == 0;
    }));
    w.redis.kill();
    BOOST_TEST(w.both("sluice_store_up", 0));
    BOOST_TEST(w.second->admin("PATCH", "keys/new", R"({"disabled":false})").status() == 200U);
    BOOST_TEST(w.second->admin("PUT", "models/m/rollout", schedule).status() == 200U);
    BOOST_TEST(w.second->admin("PUT", "models/k/canary", R"({"percent":50})").status() == 200U);
    BOOST_TEST(w.second->status_of(secret) == 200U);
    // Later, and nothing that would alter anything at this one but the key.
    BOOST_TEST(w.first.admin("DELETE", "keys/new").status() == 200U);
    BOOST_TEST(w.first.admin("POST", "models/m/kill").status() == 200U);
    BOOST_TEST(w.first.admin("POST", "models/k/kill").status() == 200U);
    w.redis.start();
    BOOST_TEST(w.both("sluice_store_up", 1));
    BOOST_TEST(until([&] { return w.second->status_of(secret) == 401U; }));
    BOOST_TEST(until([&] { return w.second->rollout() == "\"stopped\""; }));
    BOOST_TEST(w.both_at(0));
    BOOST_TEST(w.both("sluice_store_spread_pending", 0));
    for (auto* each : {&w.first, &*w.second}) {
        BOOST_TEST(each->rollout() == "\"stopped\"");
        BOOST_TEST(each->status_of(secret) == 401U);
        BOOST_TEST(
            each->gate.metric("sluice_target_weight", {R"(model="k")", R"(target="b")"}) == 0);
    }
}

BOOST_AUTO_TEST_CASE(what_fits_nothing_in_a_file_waits_there_for_a_file_that_it_fits)
{
    fleet w(false);
    BOOST_TEST(
        w.first.gate.admin("PUT", "/admin/v1/models/k/weights", R"({"a":1,"b":3})").status()
        == 200U);
    BOOST_TEST(w.second->gate.becomes("sluice_store_spread_unfit", {}, 1));
    BOOST_TEST(w.first.set_canary(25).status() == 200U);
    BOOST_TEST(w.both_at(25));
    BOOST_TEST(w.second->gate.reload(config_of(w.echo.port(), w.redis.port())).status() == 200U);
    BOOST_TEST(until(
        [&] {
            return w.second->gate.metric("sluice_target_weight", {R"(model="k")", R"(target="b")"})
                   == 3;
        },
        milliseconds{30'000}));
    BOOST_TEST(w.second->gate.becomes("sluice_store_spread_unfit", {}, 0));
}

BOOST_AUTO_TEST_CASE(one_gateway_leads_and_another_when_it_is_gone)
{
    fleet w;
    BOOST_TEST(until([&] { return w.first.leads() + w.second->leads() == 1; }));
    w.second.reset();
    BOOST_TEST(until([&] { return w.first.leads() == 1; }, milliseconds{20'000}));
    w.redis.kill();
    BOOST_TEST(w.first.gate.becomes("sluice_store_leads", {}, 0));
}

BOOST_AUTO_TEST_CASE(a_rollout_that_one_begins_all_follow_and_any_can_bring_back)
{
    fleet w;
    const auto state = [](one_gateway& at) {
        return at.text("/admin/v1/models/m", "/rollout/state");
    };
    const auto begun = w.first.gate.admin(
        "PUT", "/admin/v1/models/m/rollout", R"({"steps":[5,50],"every":"1s","minimum":0})");
    BOOST_TEST(begun.status() == 200U, begun.body);
    // A second that is held up may see no more than the end of it.
    BOOST_TEST(until([&] {
        const auto seen = state(*w.second);
        return seen == "\"running\"" || seen == "\"done\"";
    }));
    // Whoever leads moves it on, and neither takes the other's step for somebody's interference.
    BOOST_TEST(until(
        [&] { return state(w.first) == "\"done\"" && state(*w.second) == "\"done\""; },
        milliseconds{30'000}));
    BOOST_TEST(w.both_at(50));
    BOOST_TEST(w.second->gate.admin("POST", "/admin/v1/models/m/rollback").status() == 200U);
    BOOST_TEST(until([&] { return state(w.first) == "\"rolled_back\""; }));
    BOOST_TEST(w.both_at(0));
}

BOOST_AUTO_TEST_CASE(a_gateway_that_joins_leaves_a_canary_that_was_raised_since_its_rollback)
{
    fleet w;
    BOOST_TEST(
        w.first.admin("PUT", "models/m/rollout", R"({"steps":[5,50],"every":"1h"})").status()
        == 200U);
    BOOST_TEST(w.first.admin("POST", "models/m/rollback").status() == 200U);
    BOOST_TEST(w.both_at(0));
    BOOST_TEST(w.first.set_canary(30).status() == 200U);
    BOOST_TEST(w.both_at(30));
    one_gateway third(config_of(w.echo.port(), w.redis.port()));
    BOOST_TEST(until([&] { return third.rollout() == "\"rolled_back\""; }));
    BOOST_TEST(third.canary() == 30);
    BOOST_TEST(third.gate.becomes("sluice_store_spread_pending", {}, 0));
    BOOST_TEST(w.both_at(30));
}

BOOST_AUTO_TEST_CASE(a_rollout_of_a_model_that_who_leads_does_not_have_goes_on_where_it_is)
{
    const redis_server redis;
    const provider echo{[](connection& c) {
        for (;;)
            c.send(answer_text(c.request().body));
    }};
    one_gateway without(config_of(echo.port(), redis.port(), false));
    BOOST_TEST(without.gate.becomes("sluice_store_leads", {}, 1));
    one_gateway with(config_of(echo.port(), redis.port()));
    BOOST_TEST(with.gate.becomes("sluice_store_up", {}, 1));
    const auto begun =
        with.admin("PUT", "models/k/rollout", R"({"steps":[5,50],"every":"1s","minimum":0})");
    BOOST_TEST(begun.status() == 200U, begun.body);
    BOOST_TEST(
        until([&] { return with.rollout("k") == "\"done\""; }, milliseconds{60'000}),
        with.rollout("k"));
}

BOOST_AUTO_TEST_CASE(a_rollout_goes_on_by_what_one_sees_that_did_not_lead)
{
    fleet w;
    auto* leader = &w.first;
    BOOST_TEST(until([&] { return w.first.leads() + w.second->leads() == 1; }));
    auto* busy = &*w.second;
    if (w.second->leads() == 1)
        std::swap(leader, busy);
    BOOST_TEST(w.both("sluice_store_gateways", 2));
    const auto begun =
        leader->admin("PUT", "models/m/rollout", R"({"steps":[60,100],"every":"1s","minimum":5})");
    BOOST_TEST(begun.status() == 200U, begun.body);
    const auto goes_on = [&] {
        (void)busy->status_of("sk-file");
        return busy->rollout() == "\"done\"";
    };
    BOOST_TEST(until(goes_on, milliseconds{60'000}), busy->rollout());
}

BOOST_AUTO_TEST_CASE(two_gateways_that_judge_a_canary_have_half_of_the_risk_each)
{
    fleet w;
    BOOST_TEST(w.both("sluice_store_gateways", 2));
    const auto begun = w.first.gate.admin(
        "PUT",
        "/admin/v1/models/m/rollout",
        R"({"steps":[5,50],"every":"1h","false_rollbacks":1})");
    BOOST_TEST(begun.status() == 200U, begun.body);
    // The evidence that rolls back is (guards set) x (gateways) / risk.
    const auto judges = [](one_gateway& at) {
        simdjson::dom::parser parser;
        simdjson::dom::array guards;
        const auto body = at.gate.admin("GET", "/admin/v1/models/m").body;
        if (parser.parse(body).at_pointer("/rollout/guards").get(guards) != simdjson::SUCCESS
            || guards.size() == 0)
            return 0.0;
        const double enough = guards.at(0)["rolls_back_at"].get_double();
        return enough * 0.01 / static_cast<double>(guards.size());
    };
    BOOST_TEST(until([&] { return judges(w.first) == 2 && judges(*w.second) == 2; }));
}

BOOST_AUTO_TEST_SUITE_END()
