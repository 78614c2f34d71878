#include "server_parts.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <sys/stat.h>

BOOST_AUTO_TEST_SUITE(control_)

using namespace sluice;
using namespace sluice::server;

namespace {

const origin somebody{.actor = "admin", .remote = "127.0.0.1", .path = "/admin/v1/x"};

bool near(double a, double b)
{
    return std::abs(a - b) < 1e-9;
}

bool mentions(const std::vector<std::string>& lines, std::string_view text)
{
    return std::ranges::any_of(
        lines, [&](const auto& line) { return line.find(text) != std::string::npos; });
}

}  // namespace

BOOST_AUTO_TEST_CASE(moving_the_canary_keeps_the_proportions_of_the_others)
{
    control_world world;
    const auto report = world.plane->set_canary("demo", 25, somebody);
    BOOST_TEST((report.refused == refusal::none));
    BOOST_TEST(near(world.model("demo").split.share(0), 0.50));
    BOOST_TEST(near(world.model("demo").split.share(1), 0.25));
    BOOST_TEST(near(world.model("demo").split.share(2), 0.25));
    BOOST_TEST(world.model("demo").overridden);
    BOOST_REQUIRE(world.published.size() == 1);
    BOOST_TEST(world.published.back() == world.plane->current());
    BOOST_TEST(report.version == world.plane->current()->version);
    BOOST_TEST(world.values.read().config_version == report.version);
}

BOOST_AUTO_TEST_CASE(after_all_went_to_the_canary_the_others_come_back_as_the_file_has_them)
{
    control_world world;
    BOOST_TEST((world.plane->set_canary("nick", 100, somebody).refused == refusal::none));
    BOOST_TEST(near(world.model("demo").split.share(2), 1));
    BOOST_TEST((world.plane->set_canary("demo", 10, somebody).refused == refusal::none));
    BOOST_TEST(near(world.model("demo").split.share(0), 0.60));
    BOOST_TEST(near(world.model("demo").split.share(1), 0.30));
}

BOOST_AUTO_TEST_CASE(after_all_went_to_the_canary_the_others_come_back_as_they_were_live)
{
    control_world world;
    const auto set = [&](double stable, double second, double canary) {
        const std::vector<config::target_weight> wanted{
            {"stable", stable}, {"second", second}, {"canary", canary}};
        BOOST_TEST(ok(world.plane->set_weights("demo", wanted, somebody)));
    };
    const auto is = [&](double stable, double second) {
        const auto& split = world.model("demo").split;
        return near(split.share(0), stable) && near(split.share(1), second);
    };
    set(0, 100, 0);
    BOOST_TEST(ok(world.plane->set_canary("demo", 100, somebody)));
    world.restart();
    BOOST_TEST(ok(world.plane->set_canary("demo", 100, somebody)));
    world.write(sample_config("{}", "9s"));
    BOOST_TEST(ok(world.plane->reload(somebody)));
    BOOST_TEST(is(0, 0));
    BOOST_TEST(ok(world.plane->set_canary("demo", 50, somebody)));
    BOOST_TEST(is(0, 0.5));
    BOOST_TEST(world.plane->live().aside.empty());

    set(3, 1, 0);
    set(0, 0, 1);
    BOOST_TEST(ok(world.plane->set_canary("demo", 0, somebody)));
    BOOST_TEST(is(0.75, 0.25));
}

BOOST_AUTO_TEST_CASE(what_the_others_had_goes_with_their_targets)
{
    control_world world;
    BOOST_TEST(ok(world.plane->set_canary("demo", 100, somebody)));
    BOOST_TEST(world.plane->live().aside.size() == 1U);
    auto other = sample_config();
    other.replace(other.find("name: second"), 12, "name: zweite");
    world.write(other);
    BOOST_TEST(ok(world.plane->reload(somebody)));
    BOOST_TEST(world.plane->live().aside.empty());
}

BOOST_AUTO_TEST_CASE(a_refused_change_changes_and_publishes_nothing)
{
    control_world world;
    const auto before = world.plane->current();
    const auto is = [&](const change_report& report, refusal why) {
        return report.refused == why && !report.complaints.empty()
               && report.version == before->version && world.plane->current() == before;
    };
    BOOST_TEST(is(world.plane->set_canary("nobody", 5, somebody), refusal::unknown_model));
    BOOST_TEST(is(world.plane->set_canary("wild-thing", 5, somebody), refusal::unknown_model));
    BOOST_TEST(is(world.plane->set_canary("lone", 5, somebody), refusal::unknown_target));
    BOOST_TEST(is(world.plane->set_canary("demo", 100.1, somebody), refusal::invalid));
    BOOST_TEST(is(world.plane->set_canary("demo", -1, somebody), refusal::invalid));
    const auto nan = std::numeric_limits<double>::quiet_NaN();
    BOOST_TEST(is(world.plane->set_canary("demo", nan, somebody), refusal::invalid));
    const std::vector<config::target_weight> unknown{{"stable", 1}, {"stabel", 1}, {"x", 1}};
    const auto report = world.plane->set_weights("demo", unknown, somebody);
    BOOST_TEST(is(report, refusal::unknown_target));
    BOOST_TEST(report.complaints.size() == 2);
    const std::vector<config::target_weight> none{{"stable", 0}, {"second", 0}, {"canary", 0}};
    BOOST_TEST(is(world.plane->set_weights("demo", none, somebody), refusal::invalid));
    const std::vector<config::target_weight> negative{{"stable", -1}};
    BOOST_TEST(is(world.plane->set_weights("demo", negative, somebody), refusal::invalid));
    BOOST_TEST(world.published.empty());
    BOOST_TEST(world.audit->recent(10).empty());
}

BOOST_AUTO_TEST_CASE(a_weight_that_is_not_mentioned_stays)
{
    control_world world;
    const std::vector<config::target_weight> two{{"stable", 0}, {"canary", 70}};
    BOOST_TEST((world.plane->set_weights("demo", two, somebody).refused == refusal::none));
    BOOST_TEST(near(world.model("demo").split.share(0), 0));
    BOOST_TEST(near(world.model("demo").split.share(1), 0.30));
    BOOST_TEST(near(world.model("demo").split.share(2), 0.70));
}

BOOST_AUTO_TEST_CASE(live_changes_and_growing_versions_survive_a_restart)
{
    control_world world;
    std::vector<std::uint64_t> versions{world.plane->current()->version};
    for (const double percent : {1.0, 50.0, 12.5}) {
        versions.push_back(world.plane->set_canary("demo", percent, somebody).version);
        world.restart();
        versions.push_back(world.plane->current()->version);
        BOOST_TEST(near(world.model("demo").split.share(2), percent / 100));
    }
    world.restart();
    versions.push_back(world.plane->current()->version);
    BOOST_TEST(std::ranges::is_sorted(versions));
    BOOST_TEST((std::ranges::adjacent_find(versions) == versions.end()));
}

BOOST_AUTO_TEST_CASE(a_breaker_held_by_hand_stays_so_over_restarts_and_reloads)
{
    using breaker = policy::breaker;
    control_world world;
    const auto forced = [&](std::size_t target) {
        return world.model("demo").targets[target].state->breaker.forced();
    };
    BOOST_TEST(
        (world.plane->set_breaker("nick", "canary", breaker::control::open, somebody).refused
         == refusal::none));
    BOOST_TEST((forced(2) == breaker::control::open));
    BOOST_TEST((forced(0) == breaker::control::automatic));
    BOOST_TEST(world.published.size() == 1U);
    world.restart();
    BOOST_TEST((forced(2) == breaker::control::open));
    BOOST_TEST((world.plane->reload(somebody).refused == refusal::none));
    BOOST_TEST((forced(2) == breaker::control::open));
    (void)world.plane->set_breaker("demo", "canary", breaker::control::closed, somebody);
    BOOST_TEST((forced(2) == breaker::control::closed));
    const auto freed =
        world.plane->set_breaker("demo", "canary", breaker::control::automatic, somebody);
    BOOST_TEST_REQUIRE(freed.changes.size() == 1U);
    BOOST_TEST(
        config::to_string(freed.changes[0])
        == "models.demo.targets[canary].breaker: \"closed\" -> (nothing)");
    BOOST_TEST((forced(2) == breaker::control::automatic));
    world.restart();
    BOOST_TEST((forced(2) == breaker::control::automatic));

    const auto& plane = *world.plane;
    const auto before = plane.current();
    BOOST_TEST(
        (world.plane->set_breaker("nobody", "x", breaker::control::open, somebody).refused
         == refusal::unknown_model));
    BOOST_TEST(
        (world.plane->set_breaker("demo", "nobody", breaker::control::open, somebody).refused
         == refusal::unknown_target));
    BOOST_TEST((plane.current() == before));
}

BOOST_AUTO_TEST_CASE(a_breaker_whose_target_the_file_no_longer_has_is_dropped_and_told)
{
    control_world world;
    (void)world.plane->set_breaker("lone", "only", policy::breaker::control::open, somebody);
    auto text = sample_config();
    const std::string_view lone = "{name: only, provider: p}";
    text.replace(text.find(lone), lone.size(), "{name: other, provider: p}");
    world.write(text);
    const auto report = world.plane->reload(somebody);
    BOOST_TEST_REQUIRE(report.warnings.size() == 1U);
    BOOST_TEST(
        report.warnings[0]
        == "the breaker of 'only' of model 'lone' is left to itself: the file no longer has the "
           "target");
    BOOST_TEST(
        (world.model("lone").targets[0].state->breaker.forced()
         == policy::breaker::control::automatic));
}

BOOST_AUTO_TEST_CASE(versions_grow_also_when_the_live_changes_are_lost_and_the_loss_is_told)
{
    control_world world;
    BOOST_TEST((world.plane->set_canary("demo", 25, somebody).refused == refusal::none));
    world.restart();
    const auto before = world.plane->current()->version;
    std::ofstream(world.directory->file("overrides.json")) << "{\"format\":1,\"ver";
    world.restart();
    BOOST_TEST(world.plane->current()->version > before);
    BOOST_TEST(world.lines.back().find("live_changes_lost") != std::string::npos);
    BOOST_TEST(
        world.plane->config_view().find("is not a list of live changes") != std::string::npos);
    BOOST_TEST(world.audit->recent(1).front().find("live_changes_lost") != std::string::npos);
    const auto lost = world.plane->current()->version;
    world.restart();
    BOOST_TEST(world.plane->current()->version == lost + 1);
    BOOST_TEST(world.plane->last_reload().complaints.empty());
}

BOOST_AUTO_TEST_CASE(live_changes_that_cannot_be_read_are_kept)
{
    control_world world;
    const auto path = world.directory->file("overrides.json");
    std::filesystem::rename(path, path + ".elsewhere");
    std::filesystem::create_symlink(path + ".elsewhere", path);
    world.restart();
    BOOST_TEST(world.lines.back().find("live_changes_lost") != std::string::npos);
    BOOST_TEST(std::filesystem::is_symlink(path + ".corrupt"));
}

BOOST_AUTO_TEST_CASE(a_change_meant_for_another_version_is_refused)
{
    control_world world;
    auto by = somebody;
    by.if_version = world.plane->current()->version;
    const auto first = world.plane->set_canary("demo", 20, by);
    BOOST_TEST((first.refused == refusal::none));
    const auto stale = [&](const change_report& report) {
        return report.refused == refusal::version && report.version == first.version;
    };
    BOOST_TEST(stale(world.plane->set_canary("demo", 30, by)));
    BOOST_TEST(stale(world.plane->set_weights("demo", {}, by)));
    BOOST_TEST(stale(world.plane->reload(by)));
    BOOST_TEST(stale(world.plane->replace_file(sample_config(), by)));
    BOOST_TEST(near(world.model("demo").split.share(2), 0.20));
}

BOOST_AUTO_TEST_CASE(a_bad_file_changes_nothing_and_is_shown_logged_and_counted)
{
    control_world world;
    const auto before = world.plane->current();
    for (const std::string_view bad : {"models: [", "unknown: 1\nheartbeat: soon\n", ""}) {
        world.write(bad);
        const auto report = world.plane->reload(somebody);
        BOOST_TEST((report.refused == refusal::invalid));
        BOOST_TEST(!report.complaints.empty());
        BOOST_TEST(world.plane->last_reload().complaints == report.complaints);
    }
    std::filesystem::remove(world.file());
    BOOST_TEST((world.plane->reload(somebody).refused == refusal::invalid));
    BOOST_TEST(world.plane->current() == before);
    BOOST_TEST(world.published.empty());
    BOOST_TEST(world.plane->last_reload().failures == 4);
    BOOST_TEST(world.values.read().reload_failures == 4);
    BOOST_TEST(mentions(world.lines, "reload_refused"));

    world.write(sample_config());
    BOOST_TEST((world.plane->reload(somebody).refused == refusal::none));
    BOOST_TEST(world.plane->last_reload().complaints.empty());
    BOOST_TEST(world.plane->last_reload().failures == 4);
}

BOOST_AUTO_TEST_CASE(no_file_opens_a_gateway_that_wanted_keys_until_it_is_restarted)
{
    control_world world;
    const auto before = world.plane->current();
    const auto whole = sample_config();
    const auto half = whole.substr(0, whole.find("keys:"));
    const auto refused = [&](const change_report& report) {
        return report.refused == refusal::invalid && mentions(report.complaints, ": keys:")
               && mentions(report.complaints, "open to everyone");
    };
    BOOST_TEST(refused(world.plane->try_file(half)));
    BOOST_TEST(refused(world.plane->replace_file(half, somebody)));
    BOOST_TEST(world.content() == whole);
    world.write(half);
    BOOST_TEST(refused(world.plane->reload(somebody)));
    BOOST_TEST((world.plane->current() == before));
    BOOST_TEST(world.values.read().reload_failures == 1);
    BOOST_TEST(world.plane->last_reload().complaints.size() == 1U);
    BOOST_TEST(mentions(world.lines, "reload_refused"));

    world.restart();
    BOOST_TEST(world.plane->current()->open());
    BOOST_TEST(ok(world.plane->reload(somebody)));
    BOOST_TEST(ok(world.plane->replace_file(whole, somebody)));
    BOOST_TEST(refused(world.plane->try_file(half)));
}

BOOST_AUTO_TEST_CASE(without_a_key_in_the_file_a_live_one_keeps_the_gateway_closed)
{
    control_world world;
    BOOST_TEST(ok(world.plane->create_key("k", "{}", {}, std::chrono::sys_seconds{}, somebody)));
    const auto whole = sample_config();
    world.write(whole.substr(0, whole.find("keys:")));
    BOOST_TEST(ok(world.plane->reload(somebody)));
    BOOST_TEST(!world.plane->current()->open());
}

BOOST_AUTO_TEST_CASE(a_reload_tells_what_differs_and_what_waits_for_a_restart)
{
    control_world world;
    world.write(sample_config("{address: \"127.0.0.1:9191\"}", "7s"));
    const auto report = world.plane->reload(somebody);
    BOOST_TEST((report.refused == refusal::none));
    const auto has = [&](std::string_view key) {
        return std::ranges::find(report.changes, key, &config::change::key) != report.changes.end();
    };
    BOOST_TEST(has("heartbeat"));
    BOOST_TEST(has("admin.address"));
    BOOST_TEST(report.needs_restart == std::vector<std::string>{"admin.address"});
    BOOST_TEST(world.plane->reload(somebody).changes.empty());
    BOOST_TEST(
        world.plane->reload(somebody).needs_restart == std::vector<std::string>{"admin.address"});
}

BOOST_AUTO_TEST_CASE(a_reload_keeps_live_changes_unless_the_targets_are_others)
{
    control_world world;
    BOOST_TEST((world.plane->set_canary("demo", 40, somebody).refused == refusal::none));
    world.write(sample_config("{}", "9s"));
    BOOST_TEST(world.plane->reload(somebody).warnings.empty());
    BOOST_TEST(near(world.model("demo").split.share(2), 0.40));

    auto other = sample_config();
    other.replace(other.find("name: second"), 12, "name: zweite");
    world.write(other);
    const auto report = world.plane->reload(somebody);
    BOOST_TEST((report.refused == refusal::none));
    BOOST_TEST(mentions(report.warnings, "'demo'"));
    BOOST_TEST(near(world.model("demo").split.share(2), 0.10));
    BOOST_TEST(!world.model("demo").overridden);

    world.write(sample_config());  // what is dropped stays dropped
    BOOST_TEST(world.plane->reload(somebody).warnings.empty());
    BOOST_TEST(near(world.model("demo").split.share(2), 0.10));
}

BOOST_AUTO_TEST_CASE(a_file_that_changed_its_targets_while_the_gateway_was_down_drops_live_changes)
{
    control_world world;
    BOOST_TEST((world.plane->set_canary("demo", 40, somebody).refused == refusal::none));
    auto other = sample_config();
    other.replace(other.find("name: second"), 12, "name: zweite");
    world.write(other);
    world.restart();
    BOOST_TEST(near(world.model("demo").split.share(2), 0.10));
    BOOST_TEST(mentions(world.lines, "live_change_dropped"));
}

BOOST_AUTO_TEST_CASE(a_hundred_reloads_give_a_hundred_versions_and_keep_the_limits)
{
    control_world world;
    const auto state = world.plane->current()->keys.front().state;
    auto version = world.plane->current()->version;
    for (int i = 0; i < 100; ++i) {
        world.write(sample_config("{}", std::to_string(5 + i % 2) + "s"));
        BOOST_REQUIRE(world.plane->reload(somebody).version == ++version);
    }
    BOOST_TEST(world.published.size() == 100);
    BOOST_TEST(world.plane->current()->keys.front().state == state);
    BOOST_TEST(world.names.size().arms < 20);
}

BOOST_AUTO_TEST_CASE(a_trial_answers_the_difference_and_changes_nothing)
{
    control_world world;
    const auto before = world.plane->current();
    const auto arms = world.names.size().arms;
    auto text = sample_config("{}", "3s");
    text.replace(text.find("  lone:"), 7, "  solo:");
    const auto report = world.plane->try_file(text);
    BOOST_TEST((report.refused == refusal::none));
    BOOST_TEST(report.changes.size() >= 3);
    const auto bad = world.plane->try_file("unknown: 1\nother: 2\n");
    BOOST_TEST((bad.refused == refusal::invalid));
    BOOST_TEST(bad.complaints.size() >= 2);
    // Their lines are those of what was sent, not of the file.
    BOOST_TEST(mentions(bad.complaints, "body:1:1: unknown: "));
    BOOST_TEST(!mentions(bad.complaints, world.file()));
    BOOST_TEST(world.plane->current() == before);
    BOOST_TEST(world.names.size().arms == arms);
    BOOST_TEST(world.content() == sample_config());
}

BOOST_AUTO_TEST_CASE(a_replaced_file_is_written_whole_with_its_mode_and_applied)
{
    control_world world;
    BOOST_REQUIRE(::chmod(world.file().c_str(), 0640) == 0);
    const auto text = sample_config("{}", "3s");
    BOOST_TEST((world.plane->replace_file(text, somebody).refused == refusal::none));
    BOOST_TEST(world.content() == text);
    struct stat facts{};
    BOOST_REQUIRE(::stat(world.file().c_str(), &facts) == 0);
    BOOST_TEST((facts.st_mode & 0777U) == 0640U);
    BOOST_TEST((world.plane->current()->heartbeat == milliseconds{3'000}));

    BOOST_TEST((world.plane->replace_file("nonsense: 1", somebody).refused == refusal::invalid));
    BOOST_TEST(world.content() == text);
    BOOST_TEST(world.values.read().reload_failures == 0);
}

BOOST_AUTO_TEST_CASE(a_change_that_cannot_be_made_durable_is_not_made)
{
    control_world world;
    const auto before = world.plane->current();
    std::filesystem::remove_all(world.where.path + "/state");
    const auto report = world.plane->set_canary("demo", 77, somebody);
    BOOST_TEST((report.refused == refusal::not_durable));
    const auto held =
        world.plane->set_breaker("lone", "only", policy::breaker::control::open, somebody);
    BOOST_TEST((held.refused == refusal::not_durable));
    BOOST_TEST(
        (world.model("lone").targets[0].state->breaker.forced()
         == policy::breaker::control::automatic));
    BOOST_TEST(world.plane->current() == before);
    BOOST_TEST(world.published.empty());

    control_world other;
    std::filesystem::remove(other.file());
    const auto written = other.plane->replace_file(sample_config("{}", "3s"), somebody);
    BOOST_TEST((written.refused == refusal::not_durable));
    BOOST_TEST(other.published.empty());
}

BOOST_AUTO_TEST_CASE(the_audit_log_tells_who_changed_what_from_what_to_what)
{
    control_world world;
    const auto version = world.plane->set_canary("demo", 25, somebody).version;
    const auto entries = world.audit->recent(10);
    BOOST_REQUIRE(entries.size() == 1);
    for (const std::string_view part : {"\"set_canary\"", "\"admin\"", "127.0.0.1", "weight", "25"})
        BOOST_TEST(entries.front().find(part) != std::string::npos, part);
    BOOST_TEST(entries.front().find(std::to_string(version)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_view_shows_file_live_changes_and_result_but_no_secret)
{
    control_world world(sample_config("{token: admin-secret}"));
    BOOST_TEST((world.plane->set_canary("demo", 25, somebody).refused == refusal::none));
    const auto view = world.plane->config_view();
    for (const std::string_view part : {"\"file\":{", "\"result\":{", "\"overrides\":{\"demo\":{"})
        BOOST_TEST(view.find(part) != std::string::npos, part);
    for (const std::string_view secret : {"provider-secret", "other-secret", "admin-secret"})
        BOOST_TEST(view.find(secret) == std::string::npos, secret);
}

BOOST_AUTO_TEST_SUITE_END()
