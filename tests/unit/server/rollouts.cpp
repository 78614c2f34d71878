#include "server_parts.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sys/stat.h>

BOOST_AUTO_TEST_SUITE(rollouts_)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::server;
using policy::rollout_phase;

namespace {

const origin somebody{.actor = "admin", .remote = "127.0.0.1", .path = "/admin/v1/x"};

policy::rollout_settings short_schedule()
{
    policy::rollout_settings settings;
    settings.steps = {10, 50, 100};
    settings.every = 10s;
    settings.minimum = 100;
    return settings;
}

struct rollout_world : control_world {
    using control_world::control_world;

    void seconds_of_health(int count)
    {
        for (int i = 0; i < count; ++i)
            second();
    }
    [[nodiscard]] bool is(rollout_phase phase, std::size_t step, double share)
    {
        return rollout().phase == phase && rollout().step == step
               && std::abs(canary_share() - share) < 1e-9;
    }
    [[nodiscard]] bool logged(std::string_view what) const
    {
        return std::ranges::any_of(
            lines, [&](const auto& line) { return line.find(what) != std::string::npos; });
    }
    [[nodiscard]] std::string last_audit() const { return audit->recent(1).at(0); }
};

constexpr std::string_view from_running = R"("from":"{\"models.demo.rollout\":\"running\"}")";

const std::string with_webhook = [] {
    auto text = sample_config();
    text.insert(
        text.find("    sticky: user\n"),
        "    rollout: {steps: [10%, 50%], every: 10s, minimum: 0,"
        " webhook: \"https://hooks.example/secret\"}\n");
    return text;
}();

}  // namespace

BOOST_AUTO_TEST_CASE(a_healthy_canary_goes_up_by_the_schedule_and_stays_there)
{
    rollout_world w;
    BOOST_TEST(ok(w.canaries->start("nick", short_schedule(), somebody)));
    BOOST_TEST(w.is(rollout_phase::running, 0, 0.1));
    w.seconds_of_health(10);
    BOOST_TEST(w.is(rollout_phase::running, 0, 0.1));
    w.second();
    BOOST_TEST(w.is(rollout_phase::running, 1, 0.5));
    BOOST_TEST(has(w.last_audit(), R"("actor":"rollout")"));
    BOOST_TEST(has(w.last_audit(), "rollout step 2 of 3, 50%"));
    w.seconds_of_health(11);
    BOOST_TEST(w.is(rollout_phase::running, 2, 1));
    w.seconds_of_health(11);
    BOOST_TEST(w.is(rollout_phase::done, 2, 1));
    BOOST_TEST(has(w.last_audit(), "finish_rollout"));
    BOOST_TEST(has(w.last_audit(), from_running));
    const auto shown = w.values.read().rollouts;
    BOOST_REQUIRE(shown.size() == 1U);
    BOOST_TEST(shown[0].step == 3U);
    BOOST_TEST(shown[0].state == "done");
}

BOOST_AUTO_TEST_CASE(what_a_client_did_wrong_or_gave_up_is_not_the_canarys_fault)
{
    rollout_world w;
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    for (int i = 0; i < 11; ++i) {
        auto& canary = w.cells.arm(w.model("demo").targets[2].arm);
        canary.attempts[observe::attempt_outcome::status_4xx].add(10);
        canary.attempts[observe::attempt_outcome::cancelled].add(5);
        canary.attempts[observe::attempt_outcome::stale_retry].add(5);
        w.second();
    }
    BOOST_TEST(w.is(rollout_phase::running, 1, 0.5));
}

BOOST_AUTO_TEST_CASE(a_breach_takes_the_traffic_off_and_says_why)
{
    rollout_world w;
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    w.seconds_of_health(3);
    w.second(20);
    BOOST_TEST(w.is(rollout_phase::rolled_back, 0, 0));
    BOOST_TEST(has(w.last_audit(), "errors_above_stable: "));
    BOOST_TEST(w.logged("rolled_back"));
    const auto counted = w.values.read().rollbacks;
    BOOST_TEST(counted.at({"demo", "errors_above_stable"}) == 1U);
    w.seconds_of_health(60);
    BOOST_TEST(w.is(rollout_phase::rolled_back, 0, 0));
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    BOOST_TEST(w.is(rollout_phase::running, 0, 0.1));
}

BOOST_AUTO_TEST_CASE(a_full_disk_does_not_keep_a_bad_canary_in_traffic)
{
    rollout_world w;
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    std::filesystem::rename(w.where.path + "/state", w.where.path + "/gone");
    w.seconds_of_health(11);  // no step up that could not be written down
    BOOST_TEST(w.is(rollout_phase::running, 0, 0.1));
    w.second(20);
    BOOST_TEST(w.is(rollout_phase::rolled_back, 0, 0));
    BOOST_TEST(
        (w.canaries->start("demo", short_schedule(), somebody).refused == refusal::not_durable));
    BOOST_TEST(w.is(rollout_phase::rolled_back, 0, 0));
}

BOOST_AUTO_TEST_CASE(an_end_by_hand_tells_what_a_full_disk_forgets)
{
    rollout_world w;
    auto settings = short_schedule();
    settings.steps = {100};
    BOOST_TEST(ok(w.canaries->start("demo", settings, somebody)));
    const auto ended = w.canaries->promote("demo", somebody);
    BOOST_TEST(ended.warnings.empty());
    BOOST_TEST(has(w.last_audit(), "promoted"));
    BOOST_TEST(ok(w.canaries->start("demo", settings, somebody)));
    std::filesystem::rename(w.where.path + "/state", w.where.path + "/gone");
    const auto forgotten = w.canaries->promote("demo", somebody);
    BOOST_TEST(ok(forgotten));
    BOOST_TEST((w.rollout().phase == rollout_phase::done));
    BOOST_TEST_REQUIRE(!forgotten.warnings.empty());
    BOOST_TEST(has(forgotten.warnings[0], "a restart"));
}

BOOST_AUTO_TEST_CASE(who_takes_the_traffic_off_a_canary_that_is_none_any_more_is_warned)
{
    rollout_world w;
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    BOOST_TEST(w.canaries->roll_back("demo", somebody).warnings.empty());
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    auto text = sample_config();
    text.replace(text.find("    canary: canary"), 18, "    canary: second");
    w.write(text);
    BOOST_TEST(ok(w.plane->reload(somebody)));
    for (const auto& report :
         {w.canaries->roll_back("demo", somebody), w.canaries->kill("demo", somebody)}) {
        BOOST_TEST(ok(report));
        BOOST_TEST_REQUIRE(report.warnings.size() == 1U);
        BOOST_TEST(has(report.warnings[0], "'canary'"));
    }
    BOOST_TEST(w.model("demo").split.share(1) == 0);
    BOOST_TEST(w.canary_share() > 0);
}

BOOST_AUTO_TEST_CASE(a_change_by_hand_pauses_and_resume_goes_back_to_the_step)
{
    rollout_world w;
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    w.seconds_of_health(3);
    BOOST_TEST(ok(w.plane->set_canary("demo", 37.5, somebody)));
    w.second();
    BOOST_TEST(w.is(rollout_phase::paused, 0, 0.375));
    BOOST_TEST(has(w.rollout().reason, "the canary has 37.5% instead of 10%"));
    BOOST_TEST(has(w.last_audit(), "pause_rollout"));
    BOOST_TEST(has(w.last_audit(), from_running));
    w.second(60);  // nobody's business now
    BOOST_TEST(w.is(rollout_phase::paused, 0, 0.375));
    BOOST_TEST(ok(w.canaries->resume("demo", somebody)));
    BOOST_TEST(w.is(rollout_phase::running, 0, 0.1));
    const std::vector<config::target_weight> others{{"stable", 1}, {"second", 1}};
    BOOST_TEST(ok(w.plane->set_canary("demo", 10, somebody)));  // the same: no disturbance
    w.second();
    BOOST_TEST(w.is(rollout_phase::running, 0, 0.1));
    BOOST_TEST(ok(w.plane->set_weights("demo", others, somebody)));
    w.second();
    BOOST_TEST((w.rollout().phase == rollout_phase::paused));
}

// Nothing holds the canary where it left it.
BOOST_AUTO_TEST_CASE(a_rollout_that_has_ended_shows_what_the_canary_has)
{
    rollout_world w;
    auto settings = short_schedule();
    settings.steps = {10, 33.3};
    BOOST_TEST(ok(w.canaries->start("demo", settings, somebody)));
    BOOST_TEST(ok(w.canaries->promote("demo", somebody)));
    BOOST_TEST(ok(w.canaries->promote("demo", somebody)));
    BOOST_TEST((w.rollout().phase == rollout_phase::done));
    BOOST_TEST(w.canaries->find("demo")->percent == 33.3);
    BOOST_TEST(ok(w.plane->set_canary("demo", 20, somebody)));
    BOOST_TEST(w.canaries->find("demo")->percent == 20);
    BOOST_TEST(ok(w.canaries->roll_back("demo", somebody)));
    BOOST_TEST(w.canaries->find("demo")->percent == 0);
    BOOST_TEST(ok(w.plane->set_canary("demo", 5, somebody)));
    BOOST_TEST(w.canaries->find("demo")->percent == 5);
}

BOOST_AUTO_TEST_CASE(the_time_of_a_pause_is_none_on_the_step)
{
    rollout_world w;
    auto settings = short_schedule();
    settings.every = 20s;
    settings.minimum = 0;
    BOOST_TEST(ok(w.canaries->start("demo", settings, somebody)));
    w.seconds_of_health(3);
    BOOST_TEST(ok(w.plane->set_canary("demo", 37.5, somebody)));
    w.seconds_of_health(30);
    BOOST_TEST((w.rollout().phase == rollout_phase::paused));
    BOOST_TEST(ok(w.canaries->resume("demo", somebody)));
    w.seconds_of_health(2);
    BOOST_TEST(w.is(rollout_phase::running, 0, 0.1));
    BOOST_TEST((w.rollout().on_step <= 2s));
}

BOOST_AUTO_TEST_CASE(a_reload_that_exchanges_a_target_pauses_and_one_that_does_not_goes_unnoticed)
{
    rollout_world w;
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    w.write(sample_config("{}", "20s"));
    BOOST_TEST(ok(w.plane->reload(somebody)));
    w.seconds_of_health(2);
    BOOST_TEST(w.is(rollout_phase::running, 0, 0.1));
    auto text = sample_config();
    text.replace(text.find("real-name"), 9, "next-name");
    w.write(text);
    BOOST_TEST(ok(w.plane->reload(somebody)));
    w.second();
    BOOST_TEST((w.rollout().phase == rollout_phase::paused));
    BOOST_TEST(has(w.rollout().reason, "targets"));
    BOOST_TEST(ok(w.canaries->resume("demo", somebody)));
    w.second();
    BOOST_TEST(w.is(rollout_phase::running, 0, 0.1));
}

BOOST_AUTO_TEST_CASE(a_restart_goes_on_at_the_same_step_with_fresh_evidence)
{
    rollout_world w;
    auto settings = short_schedule();
    settings.every = 40s;
    settings.guards.p99 = 800ms;
    BOOST_TEST(ok(w.canaries->start("demo", settings, somebody)));
    BOOST_TEST(ok(w.canaries->promote("demo", somebody)));
    w.seconds_of_health(31);  // written down every 15 s
    w.restart();
    w.second();
    BOOST_TEST(w.is(rollout_phase::running, 1, 0.5));
    BOOST_TEST(w.rollout().seen.canary.attempts == 0U);
    BOOST_TEST((*w.canaries->find("demo")->settings == settings));
    BOOST_TEST((w.rollout().on_step >= 15s));
    w.seconds_of_health(26);
    BOOST_TEST(w.is(rollout_phase::running, 2, 1));
}

BOOST_AUTO_TEST_CASE(a_restart_loses_no_rollout_whatever_its_numbers_are)
{
    auto text = sample_config();
    text.insert(text.find("    sticky: user\n"), "    price: {input: 0.02, output: 0.02}\n");
    rollout_world w{text};
    auto settings = short_schedule();
    settings.guards.cost = 0.00003;  // 3 US cents a million tokens
    settings.guards.errors = 3e-8;
    settings.guards.truncated = 0.99999999999;
    settings.guards.p99_above_stable = 0.07;
    settings.false_rollbacks = 1e-7;
    settings.steps = {0.00001, 100.0 / 3, 99.99999999999, 100};
    BOOST_TEST(ok(w.canaries->start("demo", settings, somebody)));
    w.restart();
    w.second();
    BOOST_TEST(!w.logged("rollouts_lost"));
    BOOST_TEST_REQUIRE(w.canaries->find("demo").has_value());
    BOOST_TEST((*w.canaries->find("demo")->settings == settings));
    BOOST_TEST(w.is(rollout_phase::running, 0, 0.0000001));
}

BOOST_AUTO_TEST_CASE(a_frozen_a_paused_and_an_ended_rollout_come_back_as_they_were)
{
    rollout_world w;
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    BOOST_TEST(ok(w.canaries->freeze("demo", somebody)));
    w.restart();
    w.second();
    BOOST_TEST(w.is(rollout_phase::frozen, 0, 0.1));
    BOOST_TEST(ok(w.plane->set_canary("demo", 30, somebody)));
    w.second();
    w.restart();
    w.second();
    BOOST_TEST(w.is(rollout_phase::paused, 0, 0.3));
    BOOST_TEST(ok(w.canaries->roll_back("demo", somebody)));
    w.restart();
    w.second();
    BOOST_TEST(w.is(rollout_phase::rolled_back, 0, 0));
    BOOST_TEST(has(w.rollout().reason, "admin"));
}

BOOST_AUTO_TEST_CASE(a_crash_between_the_decision_and_the_change_is_made_good)
{
    rollout_world w;
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    const auto path = w.where.path + "/state/rollouts.json";
    const auto edit = [&](const std::string& from, const std::string& to) {
        std::ifstream in(path);
        std::string text{std::istreambuf_iterator<char>(in), {}};
        in.close();
        for (const auto& [old, fresh] :
             {std::pair(from, to),
              std::pair<std::string, std::string>(R"("applied":true)", R"("applied":false)")}) {
            BOOST_REQUIRE(text.find(old) != std::string::npos);
            text.replace(text.find(old), old.size(), fresh);
        }
        std::ofstream(path) << text;
    };
    edit(R"("step":0)", R"("step":1)");
    w.restart();
    w.second();
    BOOST_TEST(w.is(rollout_phase::running, 1, 0.5));
    edit(R"("phase":"running")", R"("phase":"rolled_back")");
    w.restart();
    w.second();
    BOOST_TEST(w.is(rollout_phase::rolled_back, 1, 0));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_list_of_rollouts_is_put_aside_and_told)
{
    for (const std::string text :
         {"x",
          "{}",
          R"({"format":1,"rollouts":{"demo":{"phase":"running"}}})",
          R"({"format":2,"rollouts":{}})"}) {
        rollout_world w;
        const auto path = w.where.path + "/state/rollouts.json";
        std::ofstream(path) << text;
        w.restart();
        w.second();
        BOOST_TEST(!w.canaries->find("demo"));
        BOOST_TEST(w.logged("rollouts_lost"));
        BOOST_TEST(std::filesystem::exists(path + ".corrupt"));
        BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
        struct stat facts{};
        BOOST_TEST(::stat(path.c_str(), &facts) == 0);
        BOOST_TEST((facts.st_mode & 0777U) == 0600U);
    }
}

BOOST_AUTO_TEST_CASE(the_kill_switch_works_in_any_state_and_for_every_model)
{
    rollout_world w;
    BOOST_TEST(ok(w.plane->set_canary("demo", 30, somebody)));
    BOOST_TEST(ok(w.canaries->kill("nick", somebody)));  // no rollout at all
    BOOST_TEST(w.canary_share() == 0);
    BOOST_TEST(has(w.last_audit(), "kill switch"));
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    BOOST_TEST(ok(w.canaries->kill_all(somebody)));
    BOOST_TEST(w.is(rollout_phase::stopped, 0, 0));
    w.seconds_of_health(30);
    BOOST_TEST(w.is(rollout_phase::stopped, 0, 0));
    BOOST_TEST(w.values.read().rollbacks.at({"demo", "kill"}) == 2U);
    BOOST_TEST((w.canaries->resume("demo", somebody).refused == refusal::conflict));
    BOOST_TEST((w.canaries->kill("lone", somebody).refused == refusal::unknown_target));
}

BOOST_AUTO_TEST_CASE(a_file_with_another_target_gives_nothing_to_a_canary_that_was_taken_off)
{
    rollout_world w;
    BOOST_TEST(ok(w.canaries->kill("demo", somebody)));
    auto text = sample_config();
    const std::string another = "      - {name: another, provider: p, weight: 10}\n";
    text.insert(text.find("    canary: canary"), another);
    w.write(text);
    const auto report = w.plane->reload(somebody);
    BOOST_TEST_REQUIRE(report.warnings.size() == 1U);
    BOOST_TEST(has(report.warnings[0], "its canary stays without traffic"));
    BOOST_TEST(w.canary_share() == 0);
    BOOST_TEST(w.model("demo").split.share(3) == 0.1);
    // By a start as well, and until somebody says otherwise.
    text.replace(text.find("another"), 7, "a-third");
    w.write(text);
    w.restart();
    BOOST_TEST(w.canary_share() == 0);
    BOOST_TEST(ok(w.plane->set_canary("demo", 10, somebody)));
    text.replace(text.find("a-third"), 7, "another");
    w.write(text);
    BOOST_TEST(ok(w.plane->reload(somebody)));
    BOOST_TEST(w.canary_share() == 10.0 / 110);
}

BOOST_AUTO_TEST_CASE(a_webhook_hears_of_steps_pauses_ends_and_ways_back)
{
    rollout_world w{with_webhook};
    BOOST_TEST(ok(w.canaries->start("demo", {}, somebody)));
    w.seconds_of_health(22);
    BOOST_REQUIRE(w.messages.size() == 3U);
    BOOST_TEST(w.messages[0].starts_with("hooks.example {\"event\":\"step\""));
    BOOST_TEST(has(w.messages[1], R"("percent":50)"));
    BOOST_TEST(has(w.messages[2], R"("event":"done")"));
    BOOST_TEST(ok(w.canaries->start("demo", {}, somebody)));
    w.second(20);
    BOOST_TEST(has(w.messages.back(), R"("event":"rolled_back")"));
    BOOST_TEST(has(w.messages.back(), R"("reason":"errors_above_stable: )"));
    for (const auto& line : w.lines)
        BOOST_TEST(!has(line, "secret"));
}

BOOST_AUTO_TEST_CASE(gateways_that_judge_the_same_canary_share_the_risk)
{
    rollout_world w;
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    const auto enough = [&w] {
        const auto found = w.canaries->find("demo");
        return policy::guards_of(*found->state, *found->settings).front().enough;
    };
    w.second();
    const double alone = enough();
    w.gateways = 4;
    w.second();
    BOOST_TEST(enough() == 4 * alone);
    // Not known for a while, or fewer: what has been risked was risked.
    for (const unsigned fewer : {0U, 2U}) {
        w.gateways = fewer;
        w.second();
        BOOST_TEST(enough() == 4 * alone);
    }
}

BOOST_AUTO_TEST_SUITE_END()
