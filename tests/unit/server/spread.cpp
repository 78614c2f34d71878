// What comes from other gateways, and what goes to them, without the way between.
#include "server_parts.hpp"
#include <sluice/state/spread_book.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(spread_)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::server;
using policy::rollout_phase;

namespace {

const origin somebody{.actor = "admin", .remote = "127.0.0.1", .path = "/admin/v1/x"};
const origin other{.actor = "gateway b", .remote = "", .path = "", .reason = "changed there"};
constexpr std::chrono::sys_seconds today{1'800'000'000s};

policy::rollout_settings short_schedule()
{
    policy::rollout_settings settings;
    settings.steps = {10, 50};
    settings.every = 10s;
    settings.minimum = 0;
    return settings;
}

state::spread_item item(std::string name, std::string value, bool withdrawn = false)
{
    return {
        .name = std::move(name),
        .value = std::move(value),
        .withdrawn = withdrawn,
        .version = 5,
        .gateway = "b"};
}

struct fleet_world : control_world {
    explicit fleet_world(const std::string& text = sample_config())
        : control_world(text)
    {
        shared = true;
        restart();
    }

    adoption adopt(std::vector<state::spread_item> items)
    {
        std::vector<const state::spread_item*> all;
        for (const auto& each : items)
            all.push_back(&each);
        return plane->adopt(all, other);
    }
    // All that another gateway has told, as it comes; or what this one's own book holds, at a
    // start.
    void hear(const state::spread_list& all)
    {
        std::vector<state::spread_item> told;
        for (const auto& [name, entry] : all.all())
            told.push_back(entry.item);
        for (const auto& each : told)
            (void)book->list().merge(each);
        bring_into_force();
    }
    void bring_into_force()
    {
        std::vector<const state::spread_item*> live;
        for (const auto& [name, entry] : book->list().all())
            if (!name.starts_with(state::rollout_prefix))
                live.push_back(&entry.item);
        (void)plane->adopt(live, other);
        if (const auto* told = book->list().find("rollout demo"))
            (void)canaries->follow("demo", std::string(told->item.value), other);
    }
    [[nodiscard]] const state::spread_item& noted(std::string_view name) const
    {
        const auto* found = book->list().find(name);
        BOOST_REQUIRE_MESSAGE(found != nullptr, name);
        return found->item;
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_change_is_noted_for_the_others_and_its_maker_told_that_they_do_not_know)
{
    fleet_world w;
    const auto report = w.plane->set_canary("nick", 25, somebody);
    BOOST_TEST(ok(report));
    BOOST_TEST(w.noted("weights demo").value == R"({"stable":50,"second":25,"canary":25})");
    BOOST_REQUIRE(report.warnings.size() == 1U);
    BOOST_TEST(has(report.warnings[0], "not known to the other gateways yet"));
    w.book->reachable(true);
    BOOST_TEST(w.plane->set_canary("demo", 5, somebody).warnings.empty());
    BOOST_TEST(
        ok(w.plane->set_breaker("demo", "second", policy::breaker::control::open, somebody)));
    BOOST_TEST(w.noted("breaker demo second").value == R"("open")");
    BOOST_TEST(
        ok(w.plane->set_breaker("demo", "second", policy::breaker::control::automatic, somebody)));
    BOOST_TEST(w.noted("breaker demo second").value == R"("automatic")");
    BOOST_TEST(ok(w.plane->create_key("k", "{}", {}, today, somebody)));
    BOOST_TEST(!w.noted("key k").withdrawn);
    BOOST_TEST(w.noted("closed").value == "true");
    BOOST_TEST(ok(w.plane->revoke_key("k", somebody)));
    BOOST_TEST((w.noted("key k").withdrawn && w.noted("key k").value.empty()));
    BOOST_TEST(ok(w.plane->revoke_key("team", somebody)));
    BOOST_TEST((w.noted("key team").withdrawn && !w.noted("key team").value.empty()));
}

BOOST_AUTO_TEST_CASE(what_the_others_had_before_all_went_to_the_canary_is_known_everywhere)
{
    fleet_world here;
    BOOST_TEST(ok(here.plane->set_weights(
        "demo",
        std::vector<config::target_weight>{{"stable", 0}, {"second", 100}, {"canary", 0}},
        somebody)));
    BOOST_TEST(ok(here.plane->set_canary("demo", 100, somebody)));
    fleet_world there;
    const auto taken = there.adopt({here.noted("weights demo"), here.noted("aside demo")});
    BOOST_TEST(taken.changed == 2U);
    BOOST_TEST(taken.left_out.empty());
    BOOST_TEST(ok(there.plane->set_canary("demo", 50, somebody)));
    BOOST_TEST(there.model("demo").split.share(1) == 0.5);
    BOOST_TEST(there.noted("aside demo").value.empty());
    const auto back = here.adopt({there.noted("weights demo"), there.noted("aside demo")});
    BOOST_TEST(back.changed == 2U);
    BOOST_TEST(here.plane->live().aside.empty());
    // Of a model that is not here nothing is kept, or it would come again with every look.
    const auto strange = here.adopt({item("aside nobody", R"({"a":1})")});
    BOOST_TEST(strange.left_out.size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_a_reload_drops_is_dropped_here_alone)
{
    fleet_world w;
    BOOST_TEST(
        ok(w.plane->set_weights("lone", std::vector{config::target_weight{"only", 3}}, somebody)));
    auto text = sample_config();
    text.replace(text.find("{name: only"), 11, "{name: sole");
    w.write(text);
    const auto noted = w.noted("weights lone");
    BOOST_TEST(ok(w.plane->reload(somebody)));
    BOOST_TEST(w.plane->live().weights.empty());
    BOOST_TEST((w.noted("weights lone") == noted));
}

BOOST_AUTO_TEST_CASE(a_change_of_another_gateway_is_as_durable_and_audited_as_one_made_here)
{
    fleet_world w;
    const auto before = w.plane->current()->version;
    const auto result = w.adopt(
        {item("weights demo", R"({"stable":1,"second":0,"canary":1})"),
         item("breaker demo second", R"("open")")});
    BOOST_TEST(result.changed == 2U);
    BOOST_TEST(result.left_out.empty());
    BOOST_TEST(result.report.version == before + 1);
    BOOST_TEST(w.canary_share() == 0.5);
    BOOST_TEST(has(w.audit->recent(1).at(0), R"("actor":"gateway b")"));
    BOOST_TEST(has(w.audit->recent(1).at(0), R"("action":"adopt")"));
    auto stale = somebody;
    stale.if_version = before;
    BOOST_TEST((w.plane->set_canary("demo", 1, stale).refused == refusal::version));
    w.restart();
    BOOST_TEST(w.canary_share() == 0.5);
    BOOST_TEST(w.plane->live().breakers.contains("demo"));
    // Theirs is not noted as if it were this gateway's.
    BOOST_TEST(w.book->list().find("weights demo") == nullptr);
}

BOOST_AUTO_TEST_CASE(what_is_so_already_makes_no_version)
{
    fleet_world w;
    BOOST_TEST(ok(w.plane->set_canary("demo", 25, somebody)));
    const auto before = w.plane->current();
    const auto result = w.adopt({item("weights demo", w.noted("weights demo").value)});
    BOOST_TEST(result.changed == 0U);
    BOOST_TEST(result.left_out.empty());
    BOOST_TEST(w.plane->current() == before);
}

BOOST_AUTO_TEST_CASE(what_fits_nothing_in_the_file_is_left_out_and_fits_with_another_file)
{
    fleet_world w;
    const std::vector items{
        item("weights new", R"({"a":1,"b":3})"),
        item("weights demo", R"({"stable":1,"canary":1})"),  // without the second
        item("breaker demo gone", R"("open")"),
        item("breaker lone only", R"("open")")};
    const auto result = w.adopt(items);
    BOOST_TEST(result.left_out.size() == 3U);
    BOOST_TEST(result.changed == 1U);
    BOOST_TEST(w.plane->live().weights.empty());
    auto text = sample_config();
    text.insert(
        text.find("  lone:"),
        "  new: {targets: [{name: a, provider: p}, {name: b, provider: p}]}\n");
    w.write(text);
    BOOST_TEST(ok(w.plane->reload(somebody)));
    BOOST_TEST(w.adopt(items).changed == 1U);
    BOOST_TEST(w.model("new").split.share(1) == 0.75);
}

BOOST_AUTO_TEST_CASE(a_key_made_elsewhere_lets_in_and_one_revoked_elsewhere_does_not)
{
    fleet_world there;
    fleet_world here;
    config::digest secret{};
    secret[0] = 7;
    BOOST_TEST(ok(there.plane->create_key("k", R"({"tenant":"t"})", secret, today, somebody)));
    const auto made = there.noted("key k");
    BOOST_TEST(here.adopt({made, there.noted("closed")}).changed == 2U);
    const auto in_force = [&](std::string_view id) -> const config::key* {
        const auto& keys = here.plane->current()->keys;
        const auto at = std::ranges::find(keys, id, &config::key::id);
        return at == keys.end() ? nullptr : &*at;
    };
    BOOST_REQUIRE(in_force("k") != nullptr);
    BOOST_TEST(in_force("k")->tenant == "t");
    BOOST_TEST((in_force("k")->secrets.at(0).hash == secret));
    BOOST_TEST(here.plane->live().keys.closed);
    BOOST_TEST(ok(there.plane->revoke_key("k", somebody)));
    BOOST_TEST(ok(there.plane->revoke_key("team", somebody)));
    BOOST_TEST(here.adopt({there.noted("key k"), there.noted("key team")}).changed == 2U);
    BOOST_TEST(in_force("k") == nullptr);
    BOOST_TEST(in_force("team")->disabled);
}

BOOST_AUTO_TEST_CASE(
    a_revocation_elsewhere_comes_into_force_on_a_full_disk_and_a_new_weight_does_not)
{
    fleet_world w;
    std::filesystem::create_directory(w.directory->file("keys.json.next"));
    const auto result = w.adopt({item(
        "key team",
        R"({"of_file":true,"settings":{},"secrets":[],"retired":[],"disabled":true,"created":0})",
        true)});
    BOOST_TEST(result.changed == 1U);
    BOOST_TEST(result.report.warnings.size() == 1U);
    const auto more = w.adopt({item(
        "key k",
        R"({"of_file":false,"settings":{},"secrets":[],"retired":[],"disabled":false,"created":0})")});
    BOOST_TEST(more.left_out.size() == 1U);
    BOOST_TEST((more.report.refused == refusal::not_durable));
    BOOST_TEST(w.plane->live_key("k") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_rollout_that_began_elsewhere_is_followed_step_by_step)
{
    fleet_world there;
    fleet_world here;
    here.leading = false;
    BOOST_TEST(ok(there.canaries->start("demo", short_schedule(), somebody)));
    const auto follow = [&] {
        (void)here.adopt({there.noted("weights demo")});
        return here.canaries->follow("demo", there.noted("rollout demo").value, other);
    };
    BOOST_TEST((follow() == rollouts::followed::changed));
    BOOST_TEST((follow() == rollouts::followed::same));
    BOOST_TEST(here.canary_share() == 0.1);
    for (int i = 0; i < 15; ++i)
        here.second();
    BOOST_TEST((here.rollout().phase == rollout_phase::running));
    BOOST_TEST(here.rollout().step == 0U);  // by itself it does not go on
    for (int i = 0; i < 12; ++i)
        there.second();
    BOOST_TEST(there.rollout().step == 1U);
    BOOST_TEST((follow() == rollouts::followed::changed));
    BOOST_TEST(here.rollout().step == 1U);
    BOOST_TEST(here.canary_share() == 0.5);
    here.second();
    BOOST_TEST((here.rollout().phase == rollout_phase::running));
    BOOST_TEST(ok(there.canaries->roll_back("demo", somebody)));
    BOOST_TEST((follow() == rollouts::followed::changed));
    BOOST_TEST((here.rollout().phase == rollout_phase::rolled_back));
    BOOST_TEST(here.canary_share() == 0);
    BOOST_TEST(here.values.read().rollbacks.empty());  // it is counted where it was decided
    // Nothing of it was this gateway's decision.
    BOOST_TEST(here.book->list().all().empty());
    here.restart();
    BOOST_TEST((here.rollout().phase == rollout_phase::rolled_back));
}

BOOST_AUTO_TEST_CASE(who_follows_brings_a_canary_back_by_what_it_sees_itself)
{
    fleet_world w;
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    w.leading = false;
    w.second();
    w.second(20);
    BOOST_TEST((w.rollout().phase == rollout_phase::rolled_back));
    BOOST_TEST(w.canary_share() == 0);
    BOOST_TEST(w.noted("rollout demo").withdrawn);
}

BOOST_AUTO_TEST_CASE(weights_that_somebody_moved_pause_a_rollout_where_it_is_led)
{
    fleet_world w;
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    w.leading = false;
    BOOST_TEST(ok(w.plane->set_canary("demo", 33, somebody)));
    w.second(20);
    BOOST_TEST((w.rollout().phase == rollout_phase::running));
    BOOST_TEST(w.canary_share() == 0.33, boost::test_tools::tolerance(1e-9));
    w.leading = true;
    w.second();
    BOOST_TEST((w.rollout().phase == rollout_phase::paused));
    BOOST_TEST(has(w.noted("rollout demo").value, "paused"));
}

BOOST_AUTO_TEST_CASE(a_rollback_goes_before_a_step_that_did_not_know_of_it)
{
    fleet_world there;
    fleet_world here;
    BOOST_TEST(ok(here.canaries->start("demo", short_schedule(), somebody)));
    there.hear(here.book->list());
    BOOST_TEST(there.canary_share() == 0.1);
    BOOST_TEST(ok(there.canaries->roll_back("demo", somebody)));
    BOOST_TEST(ok(here.canaries->promote("demo", somebody)));  // later, and unaware
    BOOST_TEST(here.canary_share() == 0.5);
    const auto got = here.book->list().merge(there.noted("rollout demo"));
    BOOST_TEST((got.what == state::spread_list::outcome::taken && got.conflict));
    here.hear(there.book->list());
    BOOST_TEST(here.canary_share() == 0);
    BOOST_TEST((here.rollout().phase == rollout_phase::rolled_back));
}

BOOST_AUTO_TEST_CASE(a_rollback_takes_the_canary_down_also_where_the_weights_of_it_fit_nothing)
{
    fleet_world there;
    BOOST_TEST(ok(there.canaries->start("demo", short_schedule(), somebody)));
    BOOST_TEST(ok(there.canaries->roll_back("demo", somebody)));
    auto text = sample_config();
    text.replace(text.find("name: second"), 12, "name: third");
    fleet_world here(text);
    here.hear(there.book->list());
    BOOST_TEST((here.rollout().phase == rollout_phase::rolled_back));
    BOOST_TEST(here.canary_share() == 0);
}

BOOST_AUTO_TEST_CASE(a_canary_raised_by_hand_since_its_rollback_stays_so_where_a_gateway_joins)
{
    fleet_world there;
    BOOST_TEST(ok(there.canaries->start("demo", short_schedule(), somebody)));
    BOOST_TEST(ok(there.canaries->roll_back("demo", somebody)));
    BOOST_TEST(ok(there.plane->set_canary("demo", 30, somebody)));
    fleet_world here;
    here.hear(there.book->list());
    BOOST_TEST((here.rollout().phase == rollout_phase::rolled_back));
    BOOST_TEST(here.canary_share() == 0.3, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(here.book->list().pending() == 0U);  // it has nothing to tell the others
}

BOOST_AUTO_TEST_CASE(a_rollback_from_before_a_gateway_joined_sends_nothing_of_the_others_back)
{
    fleet_world joins;
    joins.shared = false;
    joins.restart();
    BOOST_TEST(ok(joins.canaries->start("demo", short_schedule(), somebody)));
    BOOST_TEST(ok(joins.canaries->roll_back("demo", somebody)));
    joins.shared = true;
    joins.restart();
    joins.book->seed(state::changes_between({}, joins.plane->live()));
    joins.book->seed(joins.canaries->live_changes());
    fleet_world there;
    BOOST_TEST(ok(there.canaries->start("demo", short_schedule(), somebody)));
    there.hear(joins.book->list());
    joins.hear(there.book->list());
    for (auto* each : {&there, &joins}) {
        BOOST_TEST((each->rollout().phase == rollout_phase::running));
        BOOST_TEST(each->canary_share() == 0.1);
    }
}

// The version before withdrew no weights with a rollback.
BOOST_AUTO_TEST_CASE(weights_and_a_rollback_of_the_version_before_count_by_which_was_later)
{
    fleet_world there;
    BOOST_TEST(ok(there.canaries->start("demo", short_schedule(), somebody)));
    BOOST_TEST(ok(there.canaries->roll_back("demo", somebody)));
    auto back = item("rollout demo", there.noted("rollout demo").value, true);
    back.version = 100;
    for (const bool later : {true, false}) {
        auto weights = item("weights demo", R"({"stable":50,"second":20,"canary":30})");
        weights.version = later ? 101 : 99;
        fleet_world here;
        (void)here.book->list().merge(weights);
        (void)here.book->list().merge(back);
        here.bring_into_force();
        BOOST_TEST((here.rollout().phase == rollout_phase::rolled_back));
        BOOST_TEST(here.canary_share() == (later ? 0.3 : 0.0), boost::test_tools::tolerance(1e-9));
    }
}

BOOST_AUTO_TEST_CASE(what_takes_away_is_told_also_where_it_alters_nothing)
{
    fleet_world w;
    const auto again = [&](const char* name, const std::function<change_report()>& withdraw) {
        BOOST_TEST(ok(withdraw()));
        const auto first = w.noted(name);
        BOOST_TEST(first.withdrawn);
        BOOST_TEST(ok(withdraw()));
        BOOST_TEST(w.noted(name).version > first.version);
        BOOST_TEST(w.noted(name).value == first.value);
    };
    again("weights demo", [&] { return w.canaries->kill("nick", somebody); });
    again("key team", [&] { return w.plane->revoke_key("team", somebody); });
    again("key boss", [&] { return w.plane->change_key("boss", "{}", true, somebody); });
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    BOOST_TEST(!w.noted("weights demo").withdrawn);
    again("rollout demo", [&] { return w.canaries->kill("demo", somebody); });
    BOOST_TEST(w.noted("weights demo").version == w.noted("rollout demo").version);
}

BOOST_AUTO_TEST_CASE(a_kill_goes_before_a_canary_that_was_moved_without_knowing_of_it)
{
    fleet_world here;
    fleet_world there;
    BOOST_TEST(ok(here.canaries->kill("demo", somebody)));
    there.hear(here.book->list());
    BOOST_TEST(there.canary_share() == 0);
    BOOST_TEST(ok(there.plane->set_canary("demo", 50, somebody)));
    BOOST_TEST(ok(here.canaries->kill("demo", somebody)));
    BOOST_TEST(ok(there.plane->set_canary("demo", 60, somebody)));  // later, as unaware
    there.hear(here.book->list());
    here.hear(there.book->list());
    BOOST_TEST(there.canary_share() == 0);
    BOOST_TEST(here.canary_share() == 0);
}

// The process ends just before one of its files is written, and what was written until then holds.
BOOST_AUTO_TEST_CASE(a_crash_between_any_two_files_leaves_a_rollout_where_its_traffic_is)
{
    namespace fs = std::filesystem;
    for (const std::string file : {"rollouts.json", "spread.json", "overrides.json"})
        for (const bool back : {false, true}) {
            fleet_world w;
            BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
            const auto home = w.where.path + "/state";
            const auto then = w.where.path + "/then";
            fs::create_directory(home + '/' + file + ".next");
            w.at_line = [&] {
                if (has(w.lines.back(), "change_not_durable") && !fs::exists(then))
                    fs::copy(home, then, fs::copy_options::recursive);
            };
            (void)(back ? w.canaries->roll_back("demo", somebody)
                        : w.canaries->promote("demo", somebody));
            w.at_line = [] {};
            BOOST_REQUIRE(fs::exists(then));
            w.leave();
            fs::remove_all(home);
            fs::rename(then, home);
            fs::remove(home + '/' + file + ".next");
            w.restart();
            w.bring_into_force();
            w.second();
            w.second();
            // A way back that was written down anywhere is gone to its end.
            const bool went = back && file != "rollouts.json";
            BOOST_TEST(
                (w.rollout().phase == (went ? rollout_phase::rolled_back : rollout_phase::running)),
                file << ": " << w.rollout().reason);
            BOOST_TEST(w.canary_share() == w.canaries->find("demo")->percent / 100, file);
        }
}

BOOST_AUTO_TEST_CASE(a_rollout_of_what_this_file_does_not_have_is_left_to_the_others)
{
    fleet_world w;
    BOOST_TEST(w.canaries->left_to_others() == "");
    BOOST_TEST(ok(w.canaries->start("demo", short_schedule(), somebody)));
    BOOST_TEST(w.canaries->left_to_others() == "");
    auto text = sample_config();
    text.replace(text.find("canary: canary"), 14, "canary: second");
    w.write(text);
    BOOST_TEST(ok(w.plane->reload(somebody)));
    w.canaries->look(w.now += 1s);
    BOOST_TEST((w.rollout().phase == rollout_phase::running));
    BOOST_TEST(!has(w.noted("rollout demo").value, "paused"));
    BOOST_TEST(w.canaries->left_to_others() == "demo");
    // One that was only heard of is none the less.
    fleet_world there(text);
    there.hear(w.book->list());
    BOOST_TEST(there.canaries->left_to_others() == "demo");
    // Nobody has to move on what has ended.
    w.write(sample_config());
    BOOST_TEST(ok(w.plane->reload(somebody)));
    BOOST_TEST(ok(w.canaries->roll_back("demo", somebody)));
    there.hear(w.book->list());
    BOOST_TEST(there.canaries->left_to_others() == "");
}

BOOST_AUTO_TEST_CASE(a_rollout_whose_canary_is_not_seen_here_is_left_to_the_others_when_it_is_due)
{
    fleet_world w;
    auto settings = short_schedule();
    settings.minimum = 100;
    BOOST_TEST(ok(w.canaries->start("demo", settings, somebody)));
    const auto pass = [&](int seconds) {
        for (int i = 0; i < seconds; ++i)
            w.canaries->look(w.now += 1s);
    };
    pass(5);
    w.gateways = 2;
    BOOST_TEST(w.canaries->left_to_others() == "", "it is not due");
    pass(10);
    BOOST_TEST(w.canaries->left_to_others() == "demo");
    w.gateways = 1;
    BOOST_TEST(w.canaries->left_to_others() == "", "nobody else can");
    w.gateways = 2;
    BOOST_TEST(ok(w.canaries->freeze("demo", somebody)));
    BOOST_TEST(w.canaries->left_to_others() == "", "it is to stay");
    BOOST_TEST(ok(w.canaries->resume("demo", somebody)));
    BOOST_TEST(w.canaries->left_to_others() == "demo");
    BOOST_TEST(ok(w.canaries->promote("demo", somebody)));
    BOOST_TEST(w.canaries->left_to_others() == "", "the next step is not due");
}

BOOST_AUTO_TEST_CASE(a_rollout_of_what_this_file_does_not_have_is_not_followed)
{
    fleet_world there;
    BOOST_TEST(ok(there.canaries->start("demo", short_schedule(), somebody)));
    const auto value = there.noted("rollout demo").value;
    auto text = sample_config();
    text.replace(text.find("canary: canary"), 14, "canary: second");
    fleet_world here(text);
    const auto is = [&](std::string_view model, std::string_view told) {
        return here.canaries->follow(model, told, other);
    };
    BOOST_TEST((is("demo", value) == rollouts::followed::unfit));
    BOOST_TEST((is("lone", value) == rollouts::followed::unfit));
    BOOST_TEST((is("demo", "{}") == rollouts::followed::unfit));
    BOOST_TEST((is("demo", "") == rollouts::followed::same));
    BOOST_TEST(!here.canaries->find("demo"));
}

BOOST_AUTO_TEST_SUITE_END()
