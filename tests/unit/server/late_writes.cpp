// What came into force on a full disk is on it when there is space again.
#include "jwt_parts.hpp"
#include "server_parts.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <filesystem>

BOOST_AUTO_TEST_SUITE(late_writes_)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::server;
using policy::rollout_phase;

namespace {

const origin somebody{.actor = "admin", .remote = "127.0.0.1", .path = "/admin/v1/x"};

struct full_world : control_world {
    explicit full_world(bool with_others = false)
    {
        shared = with_others;
        restart();
    }

    // No file of the state directory can be replaced from now on.
    void fill() const
    {
        for (const auto* each : names_of)
            std::filesystem::create_directory(directory->file(each));
    }
    void free() const
    {
        for (const auto* each : names_of)
            std::filesystem::remove(directory->file(each));
    }
    void seconds_pass(int count)
    {
        for (int i = 0; i < count; ++i)
            late->look(now += 1s);
    }
    [[nodiscard]] std::size_t unwritten() const { return values.read().unwritten; }
    [[nodiscard]] auto logged(std::string_view what) const
    {
        return std::ranges::count_if(lines, [&](const auto& line) { return has(line, what); });
    }

    static constexpr std::array names_of{
        "keys.json.next", "overrides.json.next", "rollouts.json.next", "spread.json.next"};
};

policy::rollout_settings schedule()
{
    policy::rollout_settings settings;
    settings.steps = {50, 100};
    settings.every = 1h;
    settings.minimum = 0;
    return settings;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_rollback_on_a_full_disk_survives_a_restart_once_there_is_space)
{
    full_world w;
    BOOST_TEST(ok(w.canaries->start("demo", schedule(), somebody)));
    w.fill();
    const auto report = w.canaries->roll_back("demo", somebody);
    BOOST_TEST(ok(report));
    BOOST_TEST(report.warnings.size() == 1U);
    w.seconds_pass(100);
    BOOST_TEST(w.unwritten() == 2U);
    BOOST_TEST(w.logged("changes_unwritten") == 1);
    w.free();
    w.seconds_pass(30);
    BOOST_TEST(w.unwritten() == 0U);
    BOOST_TEST(w.logged("changes_written") == 1);
    const auto version = w.plane->current()->version;
    w.restart();
    BOOST_TEST(w.canary_share() == 0);
    BOOST_TEST((w.rollout().phase == rollout_phase::rolled_back));
    BOOST_TEST(w.plane->current()->version > version);
    w.second();
    BOOST_TEST(w.canary_share() == 0);
    BOOST_TEST((w.rollout().phase == rollout_phase::rolled_back));
}

BOOST_AUTO_TEST_CASE(a_revoked_key_and_a_killed_model_stay_so)
{
    full_world w;
    w.fill();
    BOOST_TEST(ok(w.plane->revoke_key("team", somebody)));
    BOOST_TEST(ok(w.canaries->kill("demo", somebody)));
    w.seconds_pass(2);
    w.free();
    w.seconds_pass(30);
    w.restart();
    BOOST_TEST(w.canary_share() == 0);
    BOOST_REQUIRE(w.plane->live_key("team") != nullptr);
    BOOST_TEST(w.plane->live_key("team")->disabled);
}

BOOST_AUTO_TEST_CASE(keys_of_tokens_that_were_fetched_need_no_disk)
{
    // Not kept over restarts; and the key that the new set has no more may be the stolen one.
    full_world w;
    w.fill();
    const token_issuer issuer;
    const auto before = w.plane->current()->version;
    const origin by{.actor = "jwks", .remote = "issuer.example", .path = {}};
    BOOST_TEST(ok(w.plane->set_fetched_keys(
        {"https://issuer.example/keys", config::jwt_keys::from_jwks(issuer.jwks()).keys}, by)));
    BOOST_TEST(w.plane->current()->version > before);
}

BOOST_AUTO_TEST_CASE(what_other_gateways_are_to_know_is_written_too)
{
    full_world w(true);
    w.fill();
    BOOST_TEST(ok(w.plane->revoke_key("team", somebody)));
    w.seconds_pass(2);
    BOOST_TEST(w.unwritten() == 3U);
    w.free();
    w.seconds_pass(30);
    BOOST_TEST(w.unwritten() == 0U);
    w.restart();
    const auto* known = w.book->list().find("key team");
    BOOST_REQUIRE(known != nullptr);
    BOOST_TEST(known->item.withdrawn);
    BOOST_TEST(known->pending);
}

BOOST_AUTO_TEST_CASE(the_log_of_changes_has_no_hole_where_the_list_of_changes_was_late)
{
    full_world w;
    w.fill();
    BOOST_TEST(ok(w.plane->revoke_key("team", somebody)));
    BOOST_TEST(has(w.audit->recent(1).at(0), "revoke_key"));
}

BOOST_AUTO_TEST_CASE(a_change_that_was_refused_is_not_written_later)
{
    full_world w;
    BOOST_TEST(ok(w.plane->set_canary("demo", 10, somebody)));
    w.fill();
    BOOST_TEST((w.plane->set_canary("demo", 90, somebody).refused == refusal::not_durable));
    BOOST_TEST(
        (w.plane->create_key("new", "{}", {}, std::chrono::sys_seconds(1s), somebody).refused
         == refusal::not_durable));
    w.seconds_pass(2);
    BOOST_TEST(w.unwritten() == 0U);
    BOOST_TEST(w.logged("changes_unwritten") == 0);
    w.free();
    w.seconds_pass(60);
    w.restart();
    BOOST_TEST(w.canary_share() == 0.1);
    BOOST_TEST(w.plane->live_key("new") == nullptr);
}

BOOST_AUTO_TEST_CASE(what_was_written_of_a_refused_change_is_taken_back_when_there_is_space)
{
    full_world w;
    std::filesystem::create_directory(w.directory->file("overrides.json.next"));
    BOOST_TEST(
        (w.plane->create_key("new", "{}", {}, std::chrono::sys_seconds(1s), somebody).refused
         == refusal::not_durable));
    std::filesystem::remove(w.directory->file("overrides.json.next"));
    w.restart();
    BOOST_TEST(w.plane->live_key("new") == nullptr);
}

BOOST_AUTO_TEST_CASE(between_two_tries_more_and_more_time_passes)
{
    control_world w;
    int tries = 0;
    bool late = true;
    late_writes tested(
        {{"a file",
          [&] { return late; },
          [&] {
              ++tries;
              return std::make_error_code(std::errc::no_space_on_device);
          }}},
        w.values,
        w.log);
    std::vector<int> at;
    for (int second = 0; second <= 130; ++second) {
        const auto before = tries;
        tested.look(w.now + std::chrono::seconds(second));
        if (tries > before)
            at.push_back(second);
    }
    const std::vector<int> wanted{1, 3, 7, 15, 31, 61, 91, 121};
    BOOST_TEST(at == wanted, boost::test_tools::per_element());
    BOOST_TEST(!tested.settle());
    late = false;
    BOOST_TEST(tested.settle());
    BOOST_TEST(w.values.read().unwritten == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
