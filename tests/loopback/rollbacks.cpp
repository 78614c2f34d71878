// What a canary does under traffic, and that each guard of a rollout sees it.

#include "support/scripted.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(rollbacks)

using namespace loopback;

namespace {

// The canary of the model that is called as the guard does what the guard is against.
act misbehaves()
{
    return [answer = answers()](connection& to, const message& request) {
        if (request.says("\"errors\""))
            return !to.ends(milliseconds(10))
                   && to.send(answer_text(R"({"error":{"message":"no"}})", 500));
        if (request.says("\"truncated\"")) {
            to.send(std::string(stream_head) + chunk(token_event("one")));
            to.reset();
            return false;
        }
        const bool late = request.says("\"p99\"") || request.says("\"first_token\"");
        return !to.ends(milliseconds(late ? 50 : 10)) && answer(to, request);
    };
}

struct breach {
    std::string_view guard;
    std::string_view bound;
    std::string_view more;  // of the question
};

constexpr breach all_breaches[]{
    {"errors", "1%", {}},
    {"truncated", "1%", streaming},
    {"first_token", "20ms", streaming},
    {"p99", "20ms", {}},
    {"cost", "0.1 USD", {}}};

std::string models_of(std::string_view price)
{
    std::string made = "{ ";
    for (const auto& each : all_breaches)
        made += std::string(each.guard)
                + ": { targets: [{ name: stable, provider: one }, { name: canary, provider: two, "
                  "weight: 0 }], canary: canary, retry: { attempts: 1 }, breaker: off, price: "
                + std::string(price) + ", rollout: { steps: [100%], every: 24h, minimum: 0, "
                + "guards: { " + std::string(each.guard) + ": " + std::string(each.bound)
                + " } } }, ";
    return made + "}";
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_guard_sees_what_it_is_against_and_takes_the_canary_off)
{
    scripted good({answers()});
    scripted bad({misbehaves()});
    // A thousand tokens are a dollar.
    gateway gate(config(good.port())
                     .set(
                         "providers",
                         "{ one: { base_url: '" + base_url(good.port()) + "' }, two: { base_url: '"
                             + base_url(bad.port()) + "' } }")
                     .set("models", models_of("{ input: 1000, output: 1000 }")));
    std::vector<std::string> said(std::size(all_breaches));
    const auto until = clock::now() + patience;
    const auto ask_until_it_is_back = [&](std::size_t i) {
        const auto& [guard, bound, more] = all_breaches[i];
        while (said[i] != "stable" && clock::now() < until)
            said[i] = ask(gate, "n", more, {}, guard).header("x-sluice-target");
    };
    for (const auto& each : all_breaches) {
        const auto begun =
            gate.admin("PUT", "/admin/v1/models/" + std::string(each.guard) + "/rollout");
        BOOST_TEST_REQUIRE(begun.status() == 200u, begun.body);
    }
    {
        std::vector<std::jthread> clients;
        for (std::size_t i = 0; i < said.size(); ++i)
            clients.emplace_back(ask_until_it_is_back, i);
    }
    for (const auto& each : all_breaches) {
        const auto model = "model=\"" + std::string(each.guard) + '"';
        const auto reason = "reason=\"" + std::string(each.guard) + '"';
        BOOST_TEST(gate.becomes("sluice_rollbacks_total", {model, reason}, 1), each.guard);
        BOOST_TEST(gate.metric("sluice_target_weight", {model, "target=\"canary\""}) == 0);
    }
    BOOST_TEST(gate.metric("sluice_rollbacks_total") == std::size(all_breaches));
}

BOOST_AUTO_TEST_SUITE_END()
