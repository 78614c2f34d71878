#include <sluice/policy/attempt_plan.hpp>

#include <boost/test/unit_test.hpp>

#include <deque>
#include <memory>
#include <vector>

BOOST_AUTO_TEST_SUITE(attempt_plans)

using namespace sluice;
using namespace sluice::policy;

namespace {

using kind = step::kind;
using reason = step::reason;

constexpr time_point start{seconds(1000)};

// Models of targets, with their states.
struct world {
    struct made {
        std::vector<std::shared_ptr<credential_state>> credentials;
    };

    // A model with one target for each number: how many credentials its provider has.
    std::size_t add(std::vector<std::size_t> credential_counts)
    {
        stage one;
        for (const std::size_t count : credential_counts) {
            auto& keys = credentials.emplace_back();
            for (std::size_t i = 0; i < count; ++i)
                keys.push_back(std::make_shared<credential_state>());
            auto& state = states.emplace_back();
            one.candidates.push_back({&state, keys, 1, 0});
            one.states.push_back(&state);
        }
        stages.push_back(std::move(one));
        return stages.size() - 1;
    }

    void fallback(std::size_t from, chain by, std::size_t to)
    {
        stages[from].fallbacks[static_cast<std::size_t>(by)].push_back(to);
    }

    attempt_plan plan(std::size_t model = 0, time_point due = start + seconds(600))
    {
        return {stages, model, due};
    }

    step first(attempt_plan& of, std::size_t preferred = 0)
    {
        return of.first(preferred, attempt_plan::choice::preferred, now, random);
    }

    void open(std::size_t model, std::size_t target)
    {
        auto& breaker = stages[model].candidates[target].state->breaker;
        const auto& settings = stages[model].breaker;
        for (std::uint32_t i = 0; i < settings.failures; ++i)
            breaker.report(settings, true, breaker.ask(settings, now, 0), now);
    }

    void rest(std::size_t model, std::size_t target, credential_trouble why, nanoseconds time)
    {
        for (const auto& each : stages[model].candidates[target].credentials)
            each->rest(why, now + time);
    }

    std::deque<target_state> states;
    std::deque<std::vector<std::shared_ptr<credential_state>>> credentials;
    std::vector<stage> stages;
    random_engine random{7};
    time_point now = start;
};

bool tries(const step& what, std::size_t model, std::size_t target)
{
    return what.what == kind::attempt && what.stage == model && what.target == target;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_healthy_target_is_the_one_the_split_chose)
{
    world w;
    w.add({1, 1, 1});
    for (std::size_t preferred = 0; preferred < 3; ++preferred) {
        auto plan = w.plan();
        BOOST_TEST(tries(w.first(plan, preferred), 0, preferred));
        BOOST_TEST(plan.attempts() == 1u);
    }
}

BOOST_AUTO_TEST_CASE(what_ends_a_request_ends_it)
{
    for (const auto why :
         {cause::success,
          cause::rejected,
          cause::deadline,
          cause::stopped,
          cause::context_length,
          cause::content_policy}) {
        world w;
        w.add({1, 1});
        w.add({1});
        w.fallback(0, chain::any, 1);
        auto plan = w.plan();
        BOOST_TEST(tries(w.first(plan), 0, 0));
        const auto next = plan.after(why, w.now, w.random);
        BOOST_TEST((next.what == kind::give_up && next.why == reason::failed));
    }
}

BOOST_AUTO_TEST_CASE(a_failure_goes_to_another_target_at_once_then_gives_up)
{
    for (const auto why :
         {cause::unreachable, cause::broken, cause::late, cause::server_error, cause::refused}) {
        world w;
        w.add({1, 1});
        auto plan = w.plan();
        BOOST_TEST(tries(w.first(plan, 1), 0, 1));
        BOOST_TEST(tries(plan.after(why, w.now, w.random), 0, 0));
        BOOST_TEST((plan.after(why, w.now, w.random).what == kind::give_up));
    }
}

BOOST_AUTO_TEST_CASE(the_only_target_is_repeated_after_a_back_off_with_full_jitter)
{
    world w;
    w.add({1});
    w.stages[0].attempts = 4;
    w.stages[0].base = milliseconds(100);
    w.stages[0].cap = milliseconds(250);
    std::vector<nanoseconds> longest(3);
    for (int i = 0; i < 300; ++i) {
        w.states[0].retries.deposit({.share_ppm = 4'000'000, .reserve = 10}, w.now);
        auto plan = w.plan();
        BOOST_TEST(tries(w.first(plan), 0, 0));
        for (auto& each : longest) {
            const auto wait = plan.after(cause::broken, w.now, w.random);
            BOOST_REQUIRE((wait.what == kind::wait));
            each = std::max(each, wait.wait);
            BOOST_TEST(tries(plan.resume(w.now, w.random), 0, 0));
        }
        BOOST_TEST((plan.after(cause::broken, w.now, w.random).what == kind::give_up));
    }
    const std::vector<milliseconds> bounds{milliseconds(100), milliseconds(200), milliseconds(250)};
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        BOOST_TEST((longest[i] <= bounds[i]));
        BOOST_TEST((longest[i] > bounds[i] * 9 / 10), "the jitter is full");
    }
}

BOOST_AUTO_TEST_CASE(attempts_count_for_all_targets_of_a_model_together)
{
    world w;
    w.add({1, 1, 1});
    auto plan = w.plan();
    (void)w.first(plan);
    BOOST_TEST((plan.after(cause::broken, w.now, w.random).what == kind::attempt));
    BOOST_TEST((plan.after(cause::broken, w.now, w.random).what == kind::give_up));
    w.stages[0].attempts = 1;
    auto once = w.plan();
    (void)w.first(once);
    BOOST_TEST((once.after(cause::broken, w.now, w.random).what == kind::give_up));
}

BOOST_AUTO_TEST_CASE(a_wait_that_passes_the_deadline_is_a_give_up)
{
    world w;
    w.add({1});
    w.stages[0].base = w.stages[0].cap = seconds(10);
    auto plan = w.plan(0, w.now + nanoseconds(1));
    (void)w.first(plan);
    BOOST_TEST((plan.after(cause::broken, w.now, w.random).what == kind::give_up));
}

BOOST_AUTO_TEST_CASE(a_wait_that_ends_too_late_leaves_the_last_failure)
{
    world w;
    w.add({1});
    auto plan = w.plan(0, w.now + seconds(1));
    (void)w.first(plan);
    BOOST_TEST((plan.after(cause::broken, w.now, w.random).what == kind::wait));
    const auto end = plan.resume(w.now + seconds(1), w.random);
    BOOST_TEST((end.what == kind::give_up && end.why == reason::failed));
}

BOOST_AUTO_TEST_CASE(nothing_is_begun_after_the_deadline)
{
    world w;
    w.add({1, 1});
    auto plan = w.plan(0, w.now + seconds(1));
    (void)w.first(plan);
    BOOST_TEST((plan.after(cause::broken, w.now + seconds(1), w.random).what == kind::give_up));
}

BOOST_AUTO_TEST_CASE(trouble_with_a_credential_takes_the_next_one_each_at_most_once)
{
    for (const auto why : {cause::rate_limited, cause::quota, cause::refused}) {
        world w;
        w.add({3});
        w.stages[0].attempts = 1;
        auto plan = w.plan();
        auto at = w.first(plan);
        std::vector<bool> used(3);
        for (int i = 0; i < 3; ++i) {
            BOOST_REQUIRE(tries(at, 0, 0));
            BOOST_TEST(!used[at.credential]);
            used[at.credential] = true;
            w.credentials[0][at.credential]->rest(
                consequences_of(why).trouble, w.now + seconds(30));
            at = plan.after(why, w.now, w.random);
        }
        BOOST_TEST((at.what == kind::give_up));
        BOOST_TEST(
            (at.why == (why == cause::rate_limited ? reason::rate_limited : reason::credentials)));
        BOOST_TEST(plan.attempts() == 3u);
    }
}

BOOST_AUTO_TEST_CASE(what_is_forbidden_is_asked_of_each_credential_once_though_none_rests)
{
    for (int i = 0; i < 50; ++i) {
        world w;
        w.add({5});
        w.stages[0].attempts = 1;
        w.credentials[0][1]->rest(credential_trouble::refused, w.now + seconds(5));
        w.credentials[0][3]->rest(credential_trouble::refused, w.now + seconds(5));
        auto plan = w.plan();
        auto at = w.first(plan);
        std::vector<bool> used(5);
        for (int n = 0; n < 3; ++n) {
            BOOST_REQUIRE(tries(at, 0, 0));
            BOOST_TEST(!used[at.credential]);
            used[at.credential] = true;
            at = plan.after(cause::forbidden, w.now, w.random);
        }
        BOOST_TEST((at.what == kind::give_up && at.why == reason::credentials));
    }
}

BOOST_AUTO_TEST_CASE(what_is_forbidden_is_asked_of_a_third_credential_only_within_the_budget)
{
    world w;
    w.add({9});
    w.stages[0].budget = {.share_ppm = 200'000, .reserve = 3};
    std::uint32_t asked = 0;
    for (int i = 0; i < 11; ++i) {
        auto plan = w.plan();
        auto at = w.first(plan);
        while (at.what == kind::attempt)
            at = plan.after(cause::forbidden, w.now, w.random);
        asked += plan.attempts();
    }
    BOOST_TEST(asked == 11 * 2 + 3 + 2);
}

BOOST_AUTO_TEST_CASE(a_resting_credential_is_not_used)
{
    world w;
    w.add({2});
    w.credentials[0][0]->rest(credential_trouble::rate_limited, w.now + seconds(5));
    for (int i = 0; i < 20; ++i) {
        auto plan = w.plan();
        BOOST_TEST(w.first(plan).credential == 1u);
    }
}

BOOST_AUTO_TEST_CASE(a_rate_limit_goes_elsewhere_and_to_fallbacks_before_it_waits)
{
    world w;
    w.add({1, 1});
    w.add({1});
    w.fallback(0, chain::any, 1);
    auto plan = w.plan();
    (void)w.first(plan);
    w.rest(0, 0, credential_trouble::rate_limited, seconds(1));
    BOOST_TEST(tries(plan.after(cause::rate_limited, w.now, w.random), 0, 1));
    w.rest(0, 1, credential_trouble::rate_limited, seconds(1));
    BOOST_TEST(tries(plan.after(cause::rate_limited, w.now, w.random), 1, 0));
}

BOOST_AUTO_TEST_CASE(a_rate_limit_waits_for_its_credential_where_nobody_else_is)
{
    world w;
    w.add({1});
    auto plan = w.plan();
    (void)w.first(plan);
    w.rest(0, 0, credential_trouble::rate_limited, seconds(2));
    const auto wait = plan.after(cause::rate_limited, w.now, w.random);
    BOOST_TEST((wait.what == kind::wait));
    BOOST_TEST((wait.wait >= seconds(2) && wait.wait <= seconds(2) + w.stages[0].base));
    w.now += wait.wait;
    BOOST_TEST(tries(plan.resume(w.now, w.random), 0, 0));
    BOOST_TEST((plan.after(cause::rate_limited, w.now, w.random).what == kind::give_up));
}

BOOST_AUTO_TEST_CASE(a_rate_limit_longer_than_the_cap_is_passed_on_with_its_wait)
{
    world w;
    w.add({1});
    auto plan = w.plan();
    (void)w.first(plan);
    w.rest(0, 0, credential_trouble::rate_limited, seconds(25));
    const auto end = plan.after(cause::rate_limited, w.now, w.random);
    BOOST_TEST((end.what == kind::give_up && end.why == reason::rate_limited));
    BOOST_TEST((end.wait <= seconds(25) && end.wait > seconds(24)));
}

BOOST_AUTO_TEST_CASE(a_request_that_finds_every_credential_rate_limited_waits_or_is_told_when)
{
    world w;
    w.add({1});
    w.rest(0, 0, credential_trouble::rate_limited, seconds(1));
    auto plan = w.plan();
    const auto wait = w.first(plan);
    BOOST_TEST((wait.what == kind::wait && wait.wait >= seconds(1)));
    BOOST_TEST(tries(plan.resume(w.now + wait.wait, w.random), 0, 0));

    auto again = w.plan();
    BOOST_TEST((w.first(again).what == kind::wait));
    const auto end = again.resume(w.now, w.random);
    BOOST_TEST((end.what == kind::give_up && end.why == reason::rate_limited));
    BOOST_TEST((end.wait <= seconds(1) && end.wait > milliseconds(900)));

    w.rest(0, 0, credential_trouble::rate_limited, seconds(20));
    auto late = w.plan();
    const auto told = w.first(late);
    BOOST_TEST((told.what == kind::give_up && told.why == reason::rate_limited));
    BOOST_TEST((told.wait <= seconds(20) && told.wait > seconds(19)));
}

BOOST_AUTO_TEST_CASE(dead_credentials_everywhere_are_their_own_reason)
{
    world w;
    w.add({2});
    w.rest(0, 0, credential_trouble::refused, seconds(30));
    auto plan = w.plan();
    const auto end = w.first(plan);
    BOOST_TEST((end.what == kind::give_up && end.why == reason::credentials));
}

BOOST_AUTO_TEST_CASE(an_open_breaker_sends_the_request_elsewhere_for_that_time)
{
    world w;
    w.add({1, 1});
    w.open(0, 0);
    for (int i = 0; i < 20; ++i) {
        auto plan = w.plan();
        BOOST_TEST(tries(w.first(plan), 0, 1));
    }
    // It comes back with the probe's success and the end of the recovery.
    w.now += seconds(31);
    auto plan = w.plan();
    const auto probe = w.first(plan);
    BOOST_TEST(tries(probe, 0, 0));
    BOOST_TEST((probe.given.as == permission::kind::probe));
    auto meanwhile = w.plan();
    BOOST_TEST(tries(w.first(meanwhile), 0, 1));
    w.states[0].breaker.report(w.stages[0].breaker, false, probe.given, w.now);
    w.now += seconds(11);
    auto after = w.plan();
    BOOST_TEST(tries(w.first(after), 0, 0));
}

BOOST_AUTO_TEST_CASE(the_first_visit_to_a_healthy_target_is_free_a_repeat_pays)
{
    world w;
    w.add({1, 1});
    w.stages[0].budget = {.share_ppm = 0, .reserve = 0};
    auto plan = w.plan();
    (void)w.first(plan);
    BOOST_TEST(tries(plan.after(cause::broken, w.now, w.random), 0, 1));

    world alone;
    alone.add({1});
    alone.stages[0].budget = {.share_ppm = 0, .reserve = 0};
    auto poor = alone.plan();
    (void)alone.first(poor);
    BOOST_TEST((poor.after(cause::broken, alone.now, alone.random).what == kind::give_up));
}

BOOST_AUTO_TEST_CASE(an_extra_attempt_at_a_target_that_fails_lately_pays)
{
    world w;
    w.add({1, 1});
    w.stages[0].budget = {.share_ppm = 0, .reserve = 0};
    auto& other = w.states[1].breaker;
    other.report(w.stages[0].breaker, true, other.ask(w.stages[0].breaker, w.now, 0), w.now);
    auto plan = w.plan();
    (void)w.first(plan);
    BOOST_TEST((plan.after(cause::broken, w.now, w.random).what == kind::give_up));
    // As the first choice it costs nothing.
    auto first = w.plan();
    BOOST_TEST(tries(w.first(first, 1), 0, 1));
}

BOOST_AUTO_TEST_CASE(fallbacks_come_after_the_repeats_of_a_failure_in_their_order)
{
    world w;
    w.add({1});
    w.add({1});
    w.add({1});
    w.fallback(0, chain::any, 2);
    w.fallback(0, chain::any, 1);
    w.stages[1].attempts = w.stages[2].attempts = 1;
    auto plan = w.plan();
    (void)w.first(plan);
    BOOST_TEST((plan.after(cause::server_error, w.now, w.random).what == kind::wait));
    BOOST_TEST(tries(plan.resume(w.now, w.random), 0, 0));
    BOOST_TEST(tries(plan.after(cause::server_error, w.now, w.random), 2, 0));
    BOOST_TEST(tries(plan.after(cause::server_error, w.now, w.random), 1, 0));
    BOOST_TEST((plan.after(cause::server_error, w.now, w.random).what == kind::give_up));
}

BOOST_AUTO_TEST_CASE(each_cause_has_its_own_list_and_a_rate_limit_borrows_the_general_one)
{
    struct row {
        cause why;
        chain by;
    };
    for (const auto& each :
         {row{cause::rate_limited, chain::rate_limited},
          row{cause::context_length, chain::context_length},
          row{cause::content_policy, chain::content_policy},
          row{cause::rate_limited, chain::any}}) {
        world w;
        w.add({1});
        w.add({1});
        w.stages[0].attempts = 1;
        w.fallback(0, each.by, 1);
        auto plan = w.plan();
        (void)w.first(plan);
        BOOST_TEST(tries(plan.after(each.why, w.now, w.random), 1, 0));
        // Not for the others.
        if (each.by == chain::any)
            continue;
        auto other = w.plan();
        (void)w.first(other);
        BOOST_TEST((other.after(cause::rejected, w.now, w.random).what == kind::give_up));
        auto broken = w.plan();
        (void)w.first(broken);
        BOOST_TEST((broken.after(cause::broken, w.now, w.random).what == kind::give_up));
    }
}

BOOST_AUTO_TEST_CASE(a_fallback_has_fallbacks_and_nothing_is_tried_twice)
{
    world w;
    for (int i = 0; i < 3; ++i)
        w.stages[w.add({1})].attempts = 1;
    w.fallback(0, chain::any, 1);
    w.fallback(1, chain::any, 0);
    w.fallback(1, chain::any, 2);
    auto plan = w.plan();
    BOOST_TEST(tries(w.first(plan), 0, 0));
    BOOST_TEST(tries(plan.after(cause::broken, w.now, w.random), 1, 0));
    BOOST_TEST(tries(plan.after(cause::broken, w.now, w.random), 2, 0));
    BOOST_TEST((plan.after(cause::broken, w.now, w.random).what == kind::give_up));
}

BOOST_AUTO_TEST_CASE(an_open_primary_costs_no_attempt_before_its_fallback)
{
    world w;
    w.add({1});
    w.add({1});
    w.fallback(0, chain::any, 1);
    w.open(0, 0);
    auto plan = w.plan();
    BOOST_TEST(tries(w.first(plan), 1, 0));
    BOOST_TEST(plan.attempts() == 1u);
}

BOOST_AUTO_TEST_CASE(a_fallback_that_cannot_be_asked_is_passed_over)
{
    world w;
    w.add({1});
    w.add({1});
    w.add({1});
    w.stages[0].attempts = 1;
    w.fallback(0, chain::any, 1);
    w.fallback(0, chain::any, 2);
    w.open(1, 0);
    auto plan = w.plan();
    (void)w.first(plan);
    BOOST_TEST(tries(plan.after(cause::broken, w.now, w.random), 2, 0));
}

BOOST_AUTO_TEST_CASE(what_no_budget_can_pay_for_is_passed_over_at_once_and_harms_nobody)
{
    world w;
    w.add({1});
    w.add({1, 1});
    w.add({1});
    w.fallback(0, chain::any, 1);
    w.fallback(0, chain::any, 2);
    w.stages[0].attempts = 1;
    auto plan = w.plan();
    BOOST_TEST(tries(w.first(plan), 0, 0));
    const auto dear = plan.after(cause::server_error, w.now, w.random);
    BOOST_TEST((dear.what == kind::attempt && dear.stage == 1U));
    const auto sibling = plan.after(cause::unaffordable, w.now, w.random);
    BOOST_TEST((sibling.what == kind::attempt && sibling.stage == 1U));
    BOOST_TEST(sibling.target != dear.target);
    BOOST_TEST(tries(plan.after(cause::unaffordable, w.now, w.random), 2, 0));
    const auto end = plan.after(cause::unaffordable, w.now, w.random);
    BOOST_TEST((end.what == kind::give_up && end.why == reason::failed));
    BOOST_TEST((consequences_of(cause::unaffordable).target == consequences::health::unknown));
}

BOOST_AUTO_TEST_CASE(when_all_are_open_the_least_bad_is_tried_by_three_at_a_time)
{
    world w;
    w.add({1, 1});
    w.open(0, 0);
    w.now += seconds(5);
    w.open(0, 1);
    w.now += seconds(5);
    for (int i = 0; i < 3; ++i) {
        auto plan = w.plan();
        const auto last = w.first(plan, 1);
        BOOST_TEST(tries(last, 0, 0), "the one whose cooldown ends first");
        BOOST_TEST((last.given.as == permission::kind::last_resort));
    }
    for (int i = 0; i < 3; ++i) {
        auto plan = w.plan();
        BOOST_TEST(tries(w.first(plan), 0, 1));
    }
    auto plan = w.plan();
    const auto end = w.first(plan);
    BOOST_TEST((end.what == kind::give_up && end.why == reason::unhealthy));
    BOOST_TEST((end.wait > seconds(19) && end.wait <= seconds(20)));
}

BOOST_AUTO_TEST_CASE(a_target_forced_open_is_not_even_a_last_resort)
{
    world w;
    w.add({1});
    w.states[0].breaker.force(breaker::control::open);
    auto plan = w.plan();
    const auto end = w.first(plan);
    BOOST_TEST((end.what == kind::give_up && end.why == reason::unhealthy));
    BOOST_TEST((end.wait > nanoseconds(0)));
}

BOOST_AUTO_TEST_CASE(a_target_the_client_asked_for_is_the_only_one)
{
    world w;
    w.add({1, 1});
    w.add({1});
    w.fallback(0, chain::any, 1);
    auto plan = w.plan();
    BOOST_TEST(tries(plan.first(1, attempt_plan::choice::only, w.now, w.random), 0, 1));
    BOOST_TEST((plan.after(cause::broken, w.now, w.random).what == kind::wait));
    BOOST_TEST(tries(plan.resume(w.now, w.random), 0, 1));
    BOOST_TEST((plan.after(cause::broken, w.now, w.random).what == kind::give_up));
}

BOOST_AUTO_TEST_CASE(a_canary_stands_in_only_when_nobody_else_can_and_never_with_weight_0)
{
    world w;
    w.add({1, 1, 1});
    w.stages[0].canary = 2;
    w.stages[0].attempts = 3;
    for (int i = 0; i < 20; ++i) {
        auto plan = w.plan();
        (void)w.first(plan, 0);
        BOOST_TEST(tries(plan.after(cause::broken, w.now, w.random), 0, 1));
        BOOST_TEST(tries(plan.after(cause::broken, w.now, w.random), 0, 2));
    }
    w.stages[0].candidates[2].weight = 0;
    w.stages[0].attempts = 2;
    auto plan = w.plan();
    (void)w.first(plan, 0);
    BOOST_TEST(tries(plan.after(cause::broken, w.now, w.random), 0, 1));
    BOOST_TEST((plan.after(cause::broken, w.now, w.random).what == kind::give_up));
    // A canary that fails is stood in for by the others.
    w.stages[0].candidates[2].weight = 1;
    auto back = w.plan();
    BOOST_TEST(tries(w.first(back, 2), 0, 2));
    BOOST_TEST(back.after(cause::broken, w.now, w.random).target != 2u);
}

BOOST_AUTO_TEST_CASE(balance_decides_among_the_others_never_about_the_canary)
{
    world w;
    w.add({1, 1, 1});
    w.stages[0].canary = 2;
    w.stages[0].balance = balance::cheapest;
    w.stages[0].candidates[0].price = 5;
    w.stages[0].candidates[1].price = 3;
    w.stages[0].candidates[2].price = 1;
    auto plan = w.plan();
    BOOST_TEST(tries(w.first(plan, 0), 0, 1));
    auto canary = w.plan();
    BOOST_TEST(tries(w.first(canary, 2), 0, 2));
}

BOOST_AUTO_TEST_CASE(by_latency_a_target_that_went_silent_is_left_alone)
{
    world w;
    w.add({1, 1});
    w.stages[0].balance = balance::latency;
    w.states[1].latency.sample(milliseconds(1), w.now);
    w.states[1].begun(w.now);
    w.now += seconds(10);
    w.states[0].latency.sample(milliseconds(50), w.now);
    for (int i = 0; i < 50; ++i) {
        auto plan = w.plan();
        BOOST_TEST_REQUIRE(tries(w.first(plan, 1), 0, 0));
    }
}

BOOST_AUTO_TEST_CASE(
    a_target_above_the_ceiling_is_skipped_by_the_split_too_while_another_is_quicker)
{
    world w;
    w.add({1, 1, 1});
    w.stages[0].canary = 2;
    w.stages[0].latency_ceiling = milliseconds(100);
    w.states[0].latency.sample(milliseconds(500), w.now);
    w.states[1].latency.sample(milliseconds(50), w.now);
    w.states[2].latency.sample(milliseconds(500), w.now);
    auto split = w.plan();
    BOOST_TEST(tries(w.first(split, 0), 0, 1));
    auto canary = w.plan();
    BOOST_TEST(tries(w.first(canary, 2), 0, 2), "a canary keeps its share");
    auto wanted = w.plan();
    BOOST_TEST(
        tries(wanted.first(0, attempt_plan::choice::only, w.now, w.random), 0, 0),
        "the client asked for it");
    w.stages[0].candidates[1].weight = 0;
    auto nobody = w.plan();
    BOOST_TEST(tries(w.first(nobody, 0), 0, 0));
    w.stages[0].candidates[1].weight = 1;
    w.states[1].latency.sample(milliseconds(200), w.now);
    auto slow = w.plan();
    BOOST_TEST(tries(w.first(slow, 0), 0, 0), "both are too slow");
}

BOOST_AUTO_TEST_CASE(an_ejected_target_is_left_out_while_another_can_be_asked)
{
    world w;
    w.add({1, 1});
    w.states[0].ejection.eject_until(w.now + seconds(10));
    auto plan = w.plan();
    BOOST_TEST(tries(w.first(plan, 0), 0, 1));
    w.open(0, 1);
    auto other = w.plan();
    BOOST_TEST(tries(w.first(other, 0), 0, 0));
}

BOOST_AUTO_TEST_CASE(a_canary_that_is_quicker_gets_no_more_than_its_share)
{
    world w;
    w.add({1, 1});
    w.stages[0].canary = 1;
    w.stages[0].ejection.enabled = true;
    const auto& breaker = w.stages[0].breaker;
    for (std::size_t i = 0; i < 2; ++i) {
        for (int n = 0; n < 100; ++n)
            w.states[i].breaker.report(
                breaker, false, w.states[i].breaker.ask(breaker, w.now, 0), w.now);
        w.states[i].latency.sample(milliseconds(i == 0 ? 500 : 10), w.now);
    }
    auto plan = w.plan();
    BOOST_TEST(tries(w.first(plan, 0), 0, 0));
    BOOST_TEST(!w.states[0].ejection.ejected(w.now));
}

BOOST_AUTO_TEST_CASE(every_permission_that_is_not_used_is_given_back)
{
    world w;
    w.add({1});
    w.open(0, 0);
    w.now += seconds(31);
    w.rest(0, 0, credential_trouble::refused, seconds(30));
    auto plan = w.plan();
    BOOST_TEST((w.first(plan).what == kind::give_up));
    BOOST_TEST(w.states[0].breaker.probe_due(w.stages[0].breaker, w.now));
}

BOOST_AUTO_TEST_CASE(beside_a_first_attempt_another_target_is_asked)
{
    world w;
    w.add({1, 1});
    auto plan = w.plan();
    BOOST_TEST(tries(w.first(plan, 1), 0, 1));
    const auto second = plan.beside(w.now, w.random);
    BOOST_TEST_REQUIRE(second.has_value());
    BOOST_TEST(tries(*second, 0, 0));
    BOOST_TEST(second->given.granted());
}

BOOST_AUTO_TEST_CASE(beside_the_only_target_it_is_asked_once_more)
{
    world w;
    w.add({1});
    auto plan = w.plan();
    (void)w.first(plan);
    const auto second = plan.beside(w.now, w.random);
    BOOST_TEST_REQUIRE(second.has_value());
    BOOST_TEST(tries(*second, 0, 0));
}

BOOST_AUTO_TEST_CASE(a_canary_and_its_siblings_do_not_stand_in_for_each_other_when_late)
{
    for (const std::size_t preferred : {0U, 1U}) {
        world w;
        w.add({1, 1});
        w.stages[0].canary = 1;
        auto plan = w.plan();
        BOOST_TEST(tries(w.first(plan, preferred), 0, preferred));
        const auto second = plan.beside(w.now, w.random);
        BOOST_TEST_REQUIRE(second.has_value());
        BOOST_TEST(tries(*second, 0, preferred));
    }
}

BOOST_AUTO_TEST_CASE(nobody_is_asked_beside_while_a_breaker_is_open_or_after_the_deadline)
{
    world w;
    w.add({1, 1, 1});
    auto plan = w.plan(0, w.now + seconds(1));
    BOOST_TEST(tries(w.first(plan), 0, 0));
    BOOST_TEST(!plan.beside(w.now + seconds(1), w.random).has_value());
    w.open(0, 2);
    BOOST_TEST(!plan.beside(w.now, w.random).has_value());
}

BOOST_AUTO_TEST_CASE(a_second_beside_the_first_takes_none_of_the_models_attempts)
{
    world w;
    w.add({1, 1, 1});
    auto plan = w.plan();
    BOOST_TEST(tries(w.first(plan), 0, 0));
    const auto second = plan.beside(w.now, w.random);
    BOOST_TEST_REQUIRE(second.has_value());
    const auto third = plan.after(cause::broken, w.now, w.random);
    BOOST_TEST(
        (third.what == kind::attempt && third.target != 0 && third.target != second->target));
}

BOOST_AUTO_TEST_CASE(the_plan_goes_on_from_the_attempt_that_ended_last)
{
    world w;
    w.add({2, 1});
    auto plan = w.plan();
    const auto first = w.first(plan);
    BOOST_TEST(tries(first, 0, 0));
    BOOST_TEST(plan.beside(w.now, w.random).has_value());
    plan.ended_last(first);
    // The other key of the first's provider.
    const auto next = plan.after(cause::refused, w.now, w.random);
    BOOST_TEST(tries(next, 0, 0));
    BOOST_TEST(next.credential != first.credential);
}

BOOST_AUTO_TEST_SUITE_END()
