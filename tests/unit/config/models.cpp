#include "fake.hpp"
#include <sluice/config/key.hpp>
#include <sluice/config/render.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <type_traits>

BOOST_AUTO_TEST_SUITE(models_)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::fake;
namespace data = boost::unit_test::data;

namespace {

// The model m with targets a (95) and b (5), and `more`; the model o beside it.
std::string with(const std::string& more)
{
    return providers
           + "models:\n"
             "  m: {targets: [{name: a, provider: p, weight: 95}, {name: b, provider: p, model: "
             "bb, "
             "weight: 5}, {name: c, provider: p, weight: 0}], canary: b"
           + (more.empty() ? "" : ", ") + more + "}\n  o: {targets: [{name: x, provider: p}]}\n";
}

model loaded(const std::string& more)
{
    const auto got = load_text(with(more));
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    return got.document->settings.models[0];
}

struct wrong_case {
    const char* more;       // of the model m
    const char* complaint;  // the only one, behind the place
};

std::ostream& operator<<(std::ostream& out, const wrong_case& one)
{
    return out << one.more;
}

// clang-format off
const std::vector<wrong_case> wrong_cases = {
    {"retry: {attempts: 0}", "models.m.retry.attempts: \"0\" does not fit, allowed: 1 to 100"},
    {"retry: {atempts: 2}", "models.m.retry.atempts: unknown key, did you mean `attempts`?"},
    {"retry: {base: 20s}", "models.m.retry.base: the cap is less than the base"},
    {"retry: {base: 2s, cap: 1s}", "models.m.retry.cap: the cap is less than the base"},
    {"retry: {budget: 101%}", "models.m.retry.budget: \"101%\" does not fit, allowed: 0% to 100%"},
    {"retry: 3", "models.m.retry: has to be a map of keys"},
    {"breaker: on", "models.m.breaker: has to be a map of keys, or `off`"},
    {"breaker: {rate: 0%}", "models.m.breaker.rate: \"0%\" does not fit, allowed: above 0% to 100%"},
    {"breaker: {minimum: 0}", "models.m.breaker.minimum: \"0\" does not fit"},
    {"breaker: {cooldown: soon}", "models.m.breaker.cooldown: \"soon\" does not fit, allowed: 1ms to 1h"},
    {"balance: fastest", "models.m.balance: \"fastest\" is not supported by this version, allowed: weighted, least_busy, latency, cheapest"},
    {"balance: cheapest", "models.m.balance: `cheapest` compares prices and targets[0] has none"},
    {"ejection: {factor: 1}", "models.m.ejection.factor: \"1\" does not fit, allowed: above 1 to 1000"},
    {"ejection: [1]", "models.m.ejection: has to be a map of keys, or `off`"},
    {"hedge: {after: p49}", "models.m.hedge.after: \"p49\" does not fit, allowed: `p50` to `p99.9`, or 1ms to 1h"},
    {"hedge: {after: 95%}", "models.m.hedge.after: \"95%\" does not fit"},
    {"hedge: {after: 60s}", "models.m.hedge.after: comes too late: after the first_token of 1m"},
    {"hedge: {budget: 0}", "models.m.hedge.budget: \"0\" does not fit, allowed: above 0% to 100%"},
    {"precommit: {bytes: 1}", "models.m.precommit.bytes: \"1\" does not fit, allowed: 256 to 16MiB"},
    {"precommit: {wait: 1m}", "models.m.precommit.wait: means nothing: after the first_token of 1m"},
    {"first_token: 5s, precommit: {wait: 5s}", "models.m.precommit.wait: means nothing: after the first_token of 5s"},
    {"price: {input: 1}", "models.m.price.output: is missing"},
    {"price: {input: 0.1234567, output: 1}", "models.m.price.input: \"0.1234567\" does not fit, allowed: 0 to 1000000"},
    {"price: 5 USD", "models.m.price: has to be a map of keys"},
    {"context_window: 64k", "models.m.context_window: \"64k\" does not fit"},
    {"fallbacks: [oo]", "models.m.fallbacks[0]: \"oo\" is no model and no alias"},
    {"fallbacks: [m]", "models.m.fallbacks[0]: a model is no fallback of its own"},
    {"fallbacks: [o, o]", "models.m.fallbacks[1]: the same model stands there twice"},
    {"fallbacks: o", "models.m.fallbacks: has to be a map of keys, or a list"},
    {"fallbacks: {all: [o]}", "models.m.fallbacks.all: unknown key, allowed: any, content_policy, context_length, rate_limited"},
    {"fallbacks: {rate_limit: [o]}", "models.m.fallbacks.rate_limit: unknown key, did you mean `rate_limited`?"},
    {"fallbacks: {any: o}", "models.m.fallbacks.any: has to be a list, as [a, b]"},
    {"fallbacks: [[o]]", "models.m.fallbacks[0]: has to be one value"},
    {"shadow: {target: c}", "models.m.shadow.percent: is missing"},
    {"shadow: {percent: 5%}", "models.m.shadow.target: is missing, allowed: a target of that model"},
    {"shadow: {target: d, percent: 5%}", "models.m.shadow.target: \"d\" is no target of this model"},
    {"shadow: {target: a, percent: 5%}", "models.m.shadow.target: takes client traffic itself"},
    {"shadow: {model: n, target: x, percent: 5%}", "models.m.shadow.model: \"n\" is not one of models"},
    {"shadow: {model: o, target: xy, percent: 5%}", "models.m.shadow.target: \"xy\" is no target of that model"},
    {"shadow: {target: c, percent: 0}", "models.m.shadow.percent: \"0\" does not fit, allowed: above 0% to 100%"},
    {"shadow: {target: c, percent: 5, budget: 5 USD}", "models.m.shadow.budget: cannot be kept to: the target has no price"},
    {"price: {input: 1, output: 1}, shadow: {target: c, percent: 5, budget: 5}", "models.m.shadow.budget: \"5\" does not fit, allowed: 0 USD to 1000000 USD"},
    {"rollout: {steps: []}", "models.m.rollout.steps: has no step, at least one is needed"},
    {"rollout: {steps: [5, 5]}", "models.m.rollout.steps[1]: \"5\" is not above the step before it"},
    {"rollout: {steps: [50, 101]}", "models.m.rollout.steps[1]: \"101\" is no percentage, allowed: above 0% to 100%"},
    {"rollout: {steps: [0]}", "models.m.rollout.steps[0]: \"0\" is no percentage"},
    {"rollout: {every: 0}", "models.m.rollout.every: \"0\" does not fit, allowed: 1s to 365d"},
    {"rollout: {false_rollbacks: 0}", "models.m.rollout.false_rollbacks: \"0\" does not fit, allowed: above 0% to 50%"},
    {"rollout: {guards: {errors: 100%}}", "models.m.rollout.guards.errors: \"100%\" does not fit, allowed: 0% to 99%, or `off`"},
    {"rollout: {guards: {error: 1%}}", "models.m.rollout.guards.error: unknown key, did you mean `errors`?"},
    {"rollout: {guards: {cost: 0.1 USD}}", "models.m.rollout.guards.cost: a cost needs the price of every target"},
    {"price: {input: 1, output: 1}, rollout: {guards: {cost: 0 USD}}", "models.m.rollout.guards.cost: \"0 USD\" does not fit"},
    {"rollout: {webhook: hooks.example/hunter2}", "models.m.rollout.webhook: it has to begin with http:// or https://"},
    {"rollout: {webhook: \"http://169.254.169.254/\"}", "models.m.rollout.webhook: a link-local or metadata address"},
    {"rollout: {webhook: \"http://h/#x\"}", "models.m.rollout.webhook: a query or fragment is not allowed"},
};
// clang-format on

}  // namespace

BOOST_DATA_TEST_CASE(what_does_not_fit_in_a_model_is_told, data::make(wrong_cases), one)
{
    const auto got = load_text(with(one.more));
    BOOST_TEST(
        contains(lines(got), one.complaint),
        "wanted: " << one.complaint << "\ngot: " << lines(got));
    BOOST_TEST(got.complaints.size() == 1U, lines(got));
    BOOST_TEST(lines(got).starts_with("f.yaml:3:"), lines(got));
    BOOST_TEST(!contains(lines(got), "hunter2"));
}

BOOST_AUTO_TEST_CASE(what_a_model_does_not_say_is_what_the_policies_do_by_themselves)
{
    const auto got = loaded("");
    const model fresh;
    BOOST_TEST(got.retry.attempts == fresh.retry.attempts);
    BOOST_TEST((got.retry.base == fresh.retry.base));
    BOOST_TEST((got.retry.cap == fresh.retry.cap));
    BOOST_TEST(got.retry.budget.share_ppm == fresh.retry.budget.share_ppm);
    BOOST_TEST(got.breaker.enabled == fresh.breaker.enabled);
    BOOST_TEST(got.breaker.failures == fresh.breaker.failures);
    BOOST_TEST(got.breaker.rate == fresh.breaker.rate);
    BOOST_TEST(got.breaker.minimum == fresh.breaker.minimum);
    BOOST_TEST((got.breaker.window == fresh.breaker.window));
    BOOST_TEST((got.breaker.cooldown == fresh.breaker.cooldown));
    BOOST_TEST((got.breaker.recovery == fresh.breaker.recovery));
    BOOST_TEST((got.balance == fresh.balance));
    BOOST_TEST(got.ejection.enabled == fresh.ejection.enabled);
    BOOST_TEST(got.ejection.factor == fresh.ejection.factor);
    BOOST_TEST(got.ejection.minimum == fresh.ejection.minimum);
    BOOST_TEST(got.ejection.share == fresh.ejection.share);
    BOOST_TEST((got.ejection.duration == fresh.ejection.duration));
    BOOST_TEST(got.hedge.enabled == fresh.hedge.enabled);
    BOOST_TEST(got.hedge.quantile == fresh.hedge.quantile);
    BOOST_TEST(got.hedge.budget.share_ppm == fresh.hedge.budget.share_ppm);
    BOOST_TEST(!got.hedge.after.has_value());
    BOOST_TEST(got.precommit.bytes == fresh.precommit.bytes);
    BOOST_TEST(!got.precommit.wait.has_value());
    BOOST_TEST(got.precommit.heartbeat == fresh.precommit.heartbeat);
    BOOST_TEST((got.first_token == fresh.first_token));
    BOOST_TEST(!got.shadow.has_value());
    BOOST_TEST(!got.rollout.has_value());
    BOOST_TEST(!got.context_window.has_value());
    BOOST_TEST(!got.price.has_value());
    BOOST_TEST(!got.latency_ceiling.has_value());
    const auto rolled = loaded("rollout: {}").rollout.value();
    BOOST_TEST((rolled.plan == policy::rollout_settings{}));
    BOOST_TEST(!rolled.webhook.has_value());
    const auto p = load_text(with("")).document.value().settings.providers[0];
    BOOST_TEST(
        (p.credential_rules.retry_after_cap == policy::credential_settings{}.retry_after_cap));
}

BOOST_AUTO_TEST_CASE(what_a_model_says_is_read)
{
    const auto got = loaded(
        "retry: {attempts: 4, base: 50ms, cap: 2s, budget: 12.5%}, "
        "breaker: {failures: 0, rate: 30%, minimum: 7, window: 1m, cooldown: 2s, recovery: 3s}, "
        "balance: latency, latency_ceiling: 100ms, "
        "ejection: {factor: 2.5, minimum: 9, share: 30, duration: 4s}, "
        "hedge: {after: p99, budget: 3%}, first_token: 7s, "
        "precommit: {bytes: 1KiB, wait: 2s, heartbeat: true}, context_window: 64000");
    BOOST_TEST(got.retry.attempts == 4U);
    BOOST_TEST((got.retry.base == 50ms));
    BOOST_TEST((got.retry.cap == 2s));
    BOOST_TEST(got.retry.budget.share_ppm == 125'000U);
    BOOST_TEST(got.breaker.enabled);
    BOOST_TEST(got.breaker.failures == 0U);
    BOOST_TEST(got.breaker.rate == 0.3);
    BOOST_TEST(got.breaker.minimum == 7U);
    BOOST_TEST((got.breaker.window == 1min));
    BOOST_TEST((got.breaker.cooldown == 2s));
    BOOST_TEST((got.breaker.recovery == 3s));
    BOOST_TEST((got.balance == policy::balance::latency));
    BOOST_TEST((got.latency_ceiling == nanoseconds(100ms)));
    BOOST_TEST(got.ejection.enabled);
    BOOST_TEST(got.ejection.factor == 2.5);
    BOOST_TEST(got.ejection.minimum == 9U);
    BOOST_TEST(got.ejection.share == 0.3);
    BOOST_TEST((got.ejection.duration == 4s));
    BOOST_TEST(got.hedge.enabled);
    BOOST_TEST(got.hedge.quantile == 0.99);
    BOOST_TEST(got.hedge.budget.share_ppm == 30'000U);
    BOOST_TEST((got.first_token == 7s));
    BOOST_TEST(got.precommit.bytes == 1024U);
    BOOST_TEST((got.precommit.wait == milliseconds(2s)));
    BOOST_TEST(got.precommit.heartbeat);
    BOOST_TEST(got.context_window.value() == 64'000U);
}

BOOST_AUTO_TEST_CASE(off_turns_a_policy_off_and_an_empty_section_turns_it_on)
{
    BOOST_TEST(!loaded("breaker: off").breaker.enabled);
    BOOST_TEST(loaded("precommit: off").precommit.bytes == 0U);
    BOOST_TEST(loaded("breaker: {}").breaker.enabled);
    BOOST_TEST(!loaded("hedge: off").hedge.enabled);
    BOOST_TEST(loaded("hedge: {}").hedge.enabled);
    BOOST_TEST((loaded("hedge: {after: 800ms}").hedge.after == nanoseconds(800ms)));
    BOOST_TEST(!loaded("ejection: off").ejection.enabled);
    BOOST_TEST(loaded("ejection: {}").ejection.enabled);
}

BOOST_AUTO_TEST_CASE(prices_are_exact_and_a_target_may_have_its_own)
{
    const auto got = load_text(
        providers
        + "models: {m: {price: {input: 0.21, cached_input: 0.02, output: 0.42}, balance: cheapest, "
          "targets: [{name: a, provider: p}, {name: b, provider: p, price: {input: 0, output: "
          "1000000, reasoning: 0.000001}}]}}\n");
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    const auto& targets = got.document->settings.models[0].targets;
    const policy::price of_model{
        .input = 210'000, .cached_input = 20'000, .output = 420'000, .reasoning = {}};
    const policy::price own{
        .input = 0, .cached_input = {}, .output = 1'000'000'000'000, .reasoning = 1};
    BOOST_TEST((targets[0].prices.versions.at(0).price == of_model));
    BOOST_TEST((targets[1].prices.versions.at(0).price == own));
}

BOOST_AUTO_TEST_CASE(fallbacks_are_found_by_name_alias_or_what_a_wildcard_takes)
{
    const auto got = load_text(
        providers
        + "models:\n"
          "  a: {fallbacks: {any: [c-alias, w/one], rate_limited: [b], context_length: [\"v*\"], "
          "content_policy: [c]}, targets: [{provider: p}]}\n"
          "  b: {fallbacks: [c], targets: [{provider: p}]}\n"
          "  c: {aliases: [c-alias], targets: [{provider: p}]}\n"
          "  w/*: {targets: [{provider: p}]}\n"
          "  v*: {targets: [{provider: p, model: v1}]}\n");
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    observe::catalogue catalogue;
    const auto snapshot = build(*got.document, {}, 1, nullptr, catalogue).snapshot;
    const auto& all = snapshot->models[0].fallbacks;
    BOOST_TEST_REQUIRE(all.any.size() == 2U);
    BOOST_TEST(all.any[0].model == 2U);
    BOOST_TEST(all.any[0].name == "c-alias");
    BOOST_TEST(all.any[1].model == 3U);
    BOOST_TEST(all.any[1].name_json == "\"w/one\"");
    BOOST_TEST(all.rate_limited.at(0).model == 1U);
    BOOST_TEST(all.context_length.at(0).model == 4U);
    BOOST_TEST(all.content_policy.at(0).model == 2U);
    BOOST_TEST(snapshot->models[1].fallbacks.any.at(0).model == 2U);
    BOOST_TEST(snapshot->models[1].fallbacks.rate_limited.empty());
}

BOOST_AUTO_TEST_CASE(a_chain_that_leads_back_is_told_where_it_closes)
{
    const auto complaints = [](const std::string& a, const std::string& b, const std::string& c) {
        const auto one = [](const std::string& name, const std::string& to) {
            return "  " + name + ": {fallbacks: " + to + ", targets: [{provider: p}]}\n";
        };
        return lines(load_text(providers + "models:\n" + one("a", a) + one("b", b) + one("c", c)));
    };
    BOOST_TEST(complaints("[b, c]", "[c]", "[]") == "");
    BOOST_TEST(
        complaints("[b]", "[a]", "[]")
        == "f.yaml:4:19: models.b.fallbacks[0]: \"a\" leads back here by its own fallbacks, and a "
           "chain has to end\n");
    BOOST_TEST(contains(
        complaints("{rate_limited: [b]}", "{any: [c]}", "{content_policy: [a]}"),
        "f.yaml:5:36: models.c.fallbacks.content_policy[0]: \"a\" leads back here"));
}

// Each has the 32 before it; who followed every chain anew would be seen to.
BOOST_AUTO_TEST_CASE(many_models_with_many_fallbacks_are_read_and_a_circle_is_found_among_them)
{
    constexpr int count = 500;
    const auto file = [](std::string_view last) {
        std::string text = providers + "models:\n";
        for (int i = 0; i < count; ++i) {
            text += "  m" + std::to_string(i) + ": {targets: [{provider: p}], fallbacks: [";
            for (int before = std::max(0, i - 32); before < i; ++before)
                text += 'm' + std::to_string(before) + ", ";
            text.append(i == 0 ? last : "").append("]}\n");
        }
        return text;
    };
    BOOST_TEST(lines(load_text(file(""))) == "");
    const auto told = lines(load_text(file("m2")));
    BOOST_TEST(std::ranges::count(told, '\n') == 2);
    BOOST_TEST(contains(told, "models.m2.fallbacks[0]: \"m0\" leads back here"));
    BOOST_TEST(contains(told, "models.m2.fallbacks[1]: \"m1\" leads back here"));
}

BOOST_AUTO_TEST_CASE(a_wildcard_is_a_fallback_only_if_its_targets_know_what_to_ask_for)
{
    const auto got = load_text(
        providers
        + "models:\n"
          "  m: {fallbacks: [\"w*\"], targets: [{provider: p}]}\n"
          "  w*: {targets: [{name: a, provider: p, model: one}, {name: b, provider: p}]}\n");
    BOOST_TEST(
        contains(
            lines(got),
            "f.yaml:3:19: models.m.fallbacks[0]: \"w*\" stands for no name that could be asked "
            "for: each of its targets needs a `model`"),
        lines(got));
    BOOST_TEST(got.complaints.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_shadow_is_a_target_that_no_client_gets)
{
    const auto own = loaded("shadow: {target: c, percent: 2.5%, capture: true}").shadow.value();
    BOOST_TEST(own.model == 0U);
    BOOST_TEST(own.target == 2U);
    BOOST_TEST(own.share == 0.025);
    BOOST_TEST(own.capture);
    BOOST_TEST(!own.budget.has_value());
    const auto other = loaded("shadow: {model: o, percent: 100}").shadow.value();
    BOOST_TEST(other.model == 1U);
    BOOST_TEST(other.target == 0U);
    const std::string price = "price: {input: 1, output: 1}, ";
    BOOST_TEST(
        loaded(price + "shadow: {target: c, percent: 1}").shadow->budget.value() == 5'000'000);
    BOOST_TEST(
        loaded(price + "shadow: {target: c, percent: 1, budget: 0.5 USD}").shadow->budget.value()
        == 500'000);
}

BOOST_AUTO_TEST_CASE(a_slip_in_a_name_is_told_with_the_name_that_was_meant)
{
    const auto got = lines(load_text(
        providers
        + "models:\n"
          "  chat: {fallbacks: [resreve], shadow: {target: cadidate, percent: 1}, targets: "
          "[{provider: p}, {name: candidate, provider: p, weight: 0}]}\n"
          "  other: {shadow: {model: reserv, percent: 1}, targets: [{provider: p}]}\n"
          "  reserve: {targets: [{provider: p}]}\n"));
    for (const auto* line :
         {"models.chat.fallbacks[0]: \"resreve\" is no model and no alias, did you mean `reserve`?",
          "models.chat.shadow.target: \"cadidate\" is no target of this model, did you mean "
          "`candidate`?",
          "models.other.shadow.model: \"reserv\" is not one of models, did you mean `reserve`?"})
        BOOST_TEST(contains(got, line), got);
}

BOOST_AUTO_TEST_CASE(a_rollout_is_read_with_its_guards_and_webhook)
{
    const auto got = loaded(
        "price: {input: 1, output: 1}, rollout: {steps: [1%, 50, 99.5%], every: 90s, minimum: 3, "
        "false_rollbacks: 1%, webhook: \"https://Hooks.example:8443/a/?k=v\", guards: {errors: 2%, "
        "errors_above_stable: off, truncated: 1%, truncated_above_stable: 3%, p99: 800ms, "
        "p99_above_stable: 150%, first_token: off, first_token_above_stable: 25%, cost: 0.002 USD, "
        "cost_above_stable: 10%}}");
    BOOST_TEST_REQUIRE(got.rollout.has_value());
    const auto& plan = got.rollout->plan;
    const std::vector<double> steps{1, 50, 99.5};
    BOOST_TEST(plan.steps == steps, boost::test_tools::per_element());
    BOOST_TEST((plan.every == 90s));
    BOOST_TEST(plan.minimum == 3U);
    BOOST_TEST(plan.false_rollbacks == 0.01);
    BOOST_TEST(plan.guards.errors.value() == 0.02);
    BOOST_TEST(!plan.guards.errors_above_stable.has_value());
    BOOST_TEST(plan.guards.truncated.value() == 0.01);
    BOOST_TEST(plan.guards.truncated_above_stable.value() == 0.03);
    BOOST_TEST((plan.guards.p99 == nanoseconds(800ms)));
    BOOST_TEST(plan.guards.p99_above_stable.value() == 1.5);
    BOOST_TEST(!plan.guards.first_token.has_value());
    BOOST_TEST(plan.guards.first_token_above_stable.value() == 0.25);
    BOOST_TEST(plan.guards.cost.value() == 0.002);
    BOOST_TEST(plan.guards.cost_above_stable.value() == 0.1);
    BOOST_TEST(policy::wrong_with(plan) == "");
    const auto& hook = got.rollout->webhook.value();
    BOOST_TEST(hook.tls);
    BOOST_TEST(hook.host == "hooks.example");
    BOOST_TEST(hook.port == 8443);
    BOOST_TEST(hook.authority == "hooks.example:8443");
    BOOST_TEST(hook.path == "/a/?k=v");
    const auto bare = loaded("rollout: {webhook: \"http://h?x\"}").rollout->webhook.value();
    BOOST_TEST(bare.path == "/?x");
}

BOOST_AUTO_TEST_CASE(a_rollout_needs_a_canary)
{
    const auto got =
        load_text(providers + "models: {m: {rollout: {}, targets: [{provider: p}]}}\n");
    BOOST_TEST(
        lines(got)
        == "f.yaml:2:14: models.m.rollout: a rollout moves the canary and this model has none, set "
           "`canary` too\n");
}

BOOST_AUTO_TEST_CASE(what_depends_on_the_process_is_checked_against_it)
{
    const auto quiet = load_text("heartbeat: 0\n" + with("precommit: {heartbeat: true}"));
    BOOST_TEST(
        contains(lines(quiet), "precommit.heartbeat: means nothing with `heartbeat: 0`"),
        lines(quiet));
    const auto quick = load_text("timeouts: {first_token: 1s}\n" + with("hedge: {after: 2s}"));
    BOOST_TEST(contains(lines(quick), "hedge.after: comes too late"), lines(quick));
    const auto got = load_text("timeouts: {first_token: 1s}\n" + with(""));
    BOOST_TEST((got.document.value().settings.models[0].first_token == 1s));
}

BOOST_AUTO_TEST_CASE(sticky_and_a_choice_by_load_do_not_go_together_without_a_canary)
{
    const std::string targets = "targets: [{name: a, provider: p}, {name: b, provider: p}]";
    const auto got = [&](const std::string& more) {
        return lines(load_text(providers + "models: {m: {" + targets + ", " + more + "}}\n"));
    };
    BOOST_TEST(got("sticky: key, balance: least_busy, canary: b") == "");
    BOOST_TEST(got("sticky: key, balance: weighted") == "");
    BOOST_TEST(contains(got("sticky: key, balance: least_busy"), "models.m.balance: a target is"));
}

BOOST_AUTO_TEST_CASE(no_complaint_about_a_model_shows_what_came_out_of_the_environment)
{
    machine machine;
    machine.variables = {{"S", "hunter2"}, {"T", "hunter22"}};
    const auto got = load_text(
        providers
            + "models:\n"
              "  m:\n"
              "    targets: [{name: \"${S}\", provider: p, price: {input: \"${S}\", output: "
              "\"${S}\"}}, {name: b, provider: p, weight: 0}]\n"
              "    fallbacks: [\"${S}\"]\n"
              "    retry: {attempts: \"${S}\", base: \"${S}\", cap: \"${S}\", budget: \"${S}\"}\n"
              "    breaker: \"${S}\"\n"
              "    balance: \"${S}\"\n"
              "    hedge: {after: \"${S}\", budget: \"${S}\"}\n"
              "    precommit: {bytes: \"${S}\", wait: \"${S}\", heartbeat: \"${S}\"}\n"
              "    shadow: {target: \"${T}\", percent: \"${S}\", budget: \"${S}\"}\n"
              "    rollout: {steps: [\"${S}\"], webhook: \"${S}\", guards: {cost: \"${S}\"}}\n"
              "  n: {balance: cheapest, targets: [{name: \"${S}\", provider: p}]}\n",
        machine);
    BOOST_TEST(got.complaints.size() > 18U, lines(got));
    BOOST_TEST(!contains(lines(got), "hunter2"), lines(got));
}

BOOST_AUTO_TEST_CASE(the_rendered_model_loads_again_as_the_same)
{
    const std::string everything =
        "balance: cheapest, latency_ceiling: 100ms, fallbacks: {any: [o], content_policy: [o]}, "
        "retry: {attempts: 4, base: 50ms, cap: 2s, budget: 12.5%}, breaker: {rate: 33.3%}, "
        "ejection: {factor: 2.5}, hedge: {after: p99.9, budget: 3%}, precommit: {wait: 1s}, "
        "first_token: 9s, shadow: {model: o, target: x, percent: 0.1%}, rollout: {steps: [1, 2.5], "
        "guards: {cost: 0.002 USD, p99: 1s, errors_above_stable: off}}, context_window: 1, price: "
        "{input: 0.21, cached_input: 0, output: 1}";
    for (const std::string& more :
         {std::string(),
          everything,
          std::string("breaker: off, precommit: off, hedge: {after: 1s}")}) {
        const auto first = load_text(with(more));
        BOOST_TEST_REQUIRE(first.document.has_value(), lines(first));
        // JSON is YAML. What says that there is no key cannot be written so.
        auto text = render(first.document->settings);
        const std::string_view no_keys = "\"api_keys\":[],";
        text.erase(text.find(no_keys), no_keys.size());
        const auto second = load_text(text);
        BOOST_TEST_REQUIRE(second.document.has_value(), lines(second));
        const auto changes = difference(first.document->settings, second.document->settings);
        for (const auto& change : changes)
            BOOST_ERROR(to_string(change));
    }
}

BOOST_AUTO_TEST_CASE(differences_name_the_part_of_the_policy_that_changed)
{
    const auto changes = [](const std::string& before, const std::string& after) {
        std::string all;
        for (const auto& change : difference(
                 load_text(with(before)).document.value().settings,
                 load_text(with(after)).document.value().settings))
            all += to_string(change) + '\n';
        return all;
    };
    BOOST_TEST(
        changes("", "retry: {attempts: 3}, hedge: {}")
        == "models.m.hedge: \"off\" -> (nothing)\n"
           "models.m.hedge.after: (nothing) -> \"p95\"\n"
           "models.m.hedge.budget: (nothing) -> \"2%\"\n"
           "models.m.retry.attempts: 2 -> 3\n");
    const auto hook = changes(
        "rollout: {webhook: \"http://h/hunter2\"}", "rollout: {webhook: \"http://h/hunter3\"}");
    BOOST_TEST(hook.starts_with("models.m.rollout.webhook: \"sha256:"), hook);
}

BOOST_AUTO_TEST_SUITE_END()
