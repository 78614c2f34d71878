#include "server_parts.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>

BOOST_AUTO_TEST_SUITE(keys_at_run_time)

using namespace sluice;
using namespace sluice::server;
using namespace std::chrono_literals;
using std::chrono::sys_seconds;

namespace {

const origin somebody{.actor = "admin", .remote = "127.0.0.1", .path = "/admin/v1/keys"};
const sys_seconds noon{std::chrono::hours(12)};

struct key_world : control_world {
    using control_world::control_world;

    refusal create(const std::string& id, std::string_view secret, std::string_view settings = "{}")
    {
        return plane->create_key(id, settings, config::sha256(secret), noon, somebody).refused;
    }

    refusal rotate(const std::string& id, std::string_view secret, milliseconds grace)
    {
        return plane->rotate_key(id, config::sha256(secret), grace, noon, somebody).refused;
    }

    // Whom it lets in; "" nobody.
    [[nodiscard]] std::string who(std::string_view secret, nanoseconds after_noon = 0s) const
    {
        const auto* key = plane->current()->find_key(
            config::sha256(secret), noon.time_since_epoch() + after_noon);
        return key == nullptr ? std::string() : key->id;
    }
};

std::string keyless()
{
    const auto text = sample_config();
    return text.substr(0, text.find("keys:"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_new_key_is_published_and_survives_a_restart)
{
    key_world world;
    BOOST_TEST(
        (world.create("new", "one", R"({"tenant":"x","models":["demo"]})") == refusal::none));
    BOOST_REQUIRE(world.published.size() == 1);
    BOOST_TEST(world.published.back()->find_key(config::sha256("one"), {})->tenant == "x");
    BOOST_TEST(world.audit->recent(1).at(0).find("\"create_key\"") != std::string::npos);
    BOOST_TEST(world.audit->recent(1).at(0).find(config::key_hash("one")) == std::string::npos);
    world.restart();
    BOOST_TEST(world.who("one") == "new");
    BOOST_TEST(world.who("team-key") == "team");
}

BOOST_AUTO_TEST_CASE(an_id_is_given_once)
{
    key_world world;
    BOOST_TEST((world.create("team", "one") == refusal::key_exists));
    BOOST_TEST((world.create("new", "one") == refusal::none));
    BOOST_TEST((world.create("new", "two") == refusal::key_exists));
    BOOST_TEST((world.create("", "two") == refusal::invalid));
    BOOST_TEST((world.create("a b", "two") == refusal::invalid));
    BOOST_TEST(world.who("two") == "");
}

BOOST_AUTO_TEST_CASE(settings_that_do_not_hold_change_nothing)
{
    key_world world;
    const auto report = world.plane->create_key(
        "new",
        R"({"models":["demos"],"limits":{"requests":"5"}})",
        config::sha256("one"),
        noon,
        somebody);
    BOOST_TEST((report.refused == refusal::invalid));
    BOOST_TEST(report.complaints.size() == 2U);
    BOOST_TEST(world.published.empty());
    BOOST_TEST((world.create("new", "one") == refusal::none));
    const auto before = world.plane->current();
    BOOST_TEST(
        (world.plane->change_key("new", R"({"tenant":"no name"})", {}, somebody).refused
         == refusal::invalid));
    BOOST_TEST(world.plane->current() == before);
}

BOOST_AUTO_TEST_CASE(a_change_keeps_what_it_does_not_mention)
{
    key_world world;
    (void)world.create("new", "one", R"({"tenant":"x","limits":{"requests":"50/s","burst":9}})");
    const auto report = world.plane->change_key(
        "new", R"({"limits":{"burst":3},"expires":"1970-01-02"})", {}, somebody);
    BOOST_TEST((report.refused == refusal::none));
    const auto* key = world.plane->current()->find_key(config::sha256("one"), 0s);
    BOOST_TEST_REQUIRE(key != nullptr);
    BOOST_TEST(key->tenant == "x");
    BOOST_TEST(key->limits.burst == 3U);
    BOOST_TEST(key->limits.requests->count == 50U);
    BOOST_TEST(world.who("one", 12h - 1ns) == "new");
    BOOST_TEST(world.who("one", 12h) == "");
}

BOOST_AUTO_TEST_CASE(a_disabled_key_lets_nobody_in_until_it_is_enabled)
{
    key_world world;
    (void)world.create("new", "one");
    for (const auto& [id, secret] : {std::pair{"new", "one"}, {"team", "team-key"}}) {
        (void)world.plane->change_key(id, "{}", true, somebody);
        BOOST_TEST(world.who(secret) == "");
        world.restart();
        BOOST_TEST(world.who(secret) == "");
        (void)world.plane->change_key(id, "{}", false, somebody);
        BOOST_TEST(world.who(secret) == id);
    }
}

BOOST_AUTO_TEST_CASE(of_a_key_of_the_file_only_whether_it_lets_in_is_changed)
{
    key_world world;
    const auto report = world.plane->change_key("team", R"({"tenant":"x"})", {}, somebody);
    BOOST_TEST((report.refused == refusal::invalid));
    BOOST_TEST(
        (world.plane->change_key("nobody", "{}", true, somebody).refused == refusal::unknown_key));
}

BOOST_AUTO_TEST_CASE(a_revoked_key_is_dead_over_restarts_and_reloads)
{
    key_world world;
    (void)world.create("new", "one");
    for (const auto* id : {"new", "team"})
        BOOST_TEST((world.plane->revoke_key(id, somebody).refused == refusal::none));
    for (int i = 0; i < 2; ++i) {
        BOOST_TEST(world.who("one") == "");
        BOOST_TEST(world.who("team-key") == "");
        BOOST_TEST(world.who("boss-key") == "boss");
        (void)world.plane->reload(somebody);
        BOOST_TEST(world.who("team-key") == "");
        world.restart();
    }
    BOOST_TEST((world.plane->revoke_key("new", somebody).refused == refusal::unknown_key));
}

BOOST_AUTO_TEST_CASE(a_revocation_comes_into_force_even_if_it_cannot_be_written)
{
    key_world world;
    (void)world.create("new", "one");
    std::filesystem::create_directory(world.directory->file("keys.json.next"));
    BOOST_TEST((world.create("other", "two") == refusal::not_durable));
    BOOST_TEST(world.who("two") == "");
    const auto report = world.plane->revoke_key("new", somebody);
    BOOST_TEST((report.refused == refusal::none));
    BOOST_TEST(!report.warnings.empty());
    BOOST_TEST(world.who("one") == "");
}

BOOST_AUTO_TEST_CASE(while_a_key_is_exchanged_both_secrets_let_in)
{
    key_world world;
    (void)world.create("new", "one");
    for (const auto& [id, secret] : {std::pair{"new", "one"}, {"team", "team-key"}}) {
        const std::string fresh = std::string("fresh-") + id;
        BOOST_TEST((world.rotate(id, fresh, 1h) == refusal::none));
        world.restart();
        BOOST_TEST(world.who(fresh, 2h) == id);
        BOOST_TEST(world.who(secret, 1h - 1ns) == id);
        BOOST_TEST(world.who(secret, 1h) == "");
    }
    BOOST_TEST((world.rotate("nobody", "x", 1h) == refusal::unknown_key));
}

BOOST_AUTO_TEST_CASE(a_second_exchange_does_not_prolong_the_first)
{
    key_world world;
    for (const auto* id : {"new", "team"}) {
        if (id == std::string_view("new"))
            (void)world.create("new", "new-key");
        const std::string first = std::string(id) + "-key";
        (void)world.rotate(id, std::string(id) + "-2", 1h);
        (void)world.rotate(id, std::string(id) + "-3", 5h);
        BOOST_TEST(world.who(first, 1h) == "");
        BOOST_TEST(world.who(std::string(id) + "-2", 5h - 1ns) == id);
        BOOST_TEST(world.who(std::string(id) + "-2", 5h) == "");
        BOOST_TEST(world.who(std::string(id) + "-3", 5h) == id);
    }
}

BOOST_AUTO_TEST_CASE(without_grace_the_old_secret_is_dead_at_once)
{
    key_world world;
    (void)world.create("new", "one");
    (void)world.rotate("new", "two", 0ms);
    BOOST_TEST(world.who("one") == "");
    BOOST_TEST(world.who("two") == "new");
}

BOOST_AUTO_TEST_CASE(so_many_secrets_let_in_and_no_more)
{
    key_world world;
    (void)world.create("new", "secret-0");
    for (std::size_t i = 1; i < config::max_secrets; ++i)
        BOOST_TEST((world.rotate("new", "secret-" + std::to_string(i), 1h) == refusal::none));
    BOOST_TEST((world.rotate("new", "one-more", 1h) == refusal::invalid));
    BOOST_TEST(world.who("secret-0") == "new");
    BOOST_TEST((world.rotate("new", "alone", 0ms) == refusal::none));
    BOOST_TEST(world.who("secret-0") == "");
}

BOOST_AUTO_TEST_CASE(an_open_gateway_is_closed_by_its_first_key_and_stays_so)
{
    key_world world(keyless());
    BOOST_TEST(world.plane->current()->open());
    (void)world.create("new", "one");
    BOOST_TEST(!world.plane->current()->open());
    (void)world.plane->revoke_key("new", somebody);
    BOOST_TEST(!world.plane->current()->open());
    world.restart();
    BOOST_TEST(!world.plane->current()->open());
}

BOOST_AUTO_TEST_CASE(a_list_that_is_of_no_use_brings_no_revoked_key_back)
{
    key_world world;
    (void)world.create("new", "one");
    (void)world.plane->revoke_key("team", somebody);
    BOOST_TEST(world.who("team-key") == "");
    std::ofstream(world.directory->file("keys.json")) << "{";
    world.restart();
    BOOST_TEST(world.who("team-key") == "");
    BOOST_TEST(world.who("one") == "new");
    world.restart();
    BOOST_TEST(world.who("team-key") == "");
}

BOOST_AUTO_TEST_CASE(lost_keys_are_told_and_leave_the_gateway_closed)
{
    key_world world(keyless());
    (void)world.create("new", "one");
    std::filesystem::remove(world.directory->file("keys.json.copy"));
    std::ofstream(world.directory->file("keys.json")) << "{";
    world.restart();
    BOOST_TEST(!world.plane->current()->open());
    BOOST_TEST(world.who("one") == "");
    const auto told = std::ranges::any_of(
        world.lines, [](const auto& line) { return line.find("keys_lost") != std::string::npos; });
    BOOST_TEST(told);
    BOOST_TEST(world.audit->recent(1).front().find("keys_lost") != std::string::npos);
    world.restart();
    BOOST_TEST(!world.plane->current()->open());
}

BOOST_AUTO_TEST_CASE(a_key_keeps_its_limits_state_over_changes)
{
    key_world world;
    (void)world.create("new", "one", R"({"limits":{"requests":"1/h"}})");
    const auto state = world.plane->current()->find_key(config::sha256("one"), {})->state;
    (void)world.plane->change_key("new", R"({"limits":{"requests":"2/h"}})", {}, somebody);
    BOOST_TEST(world.plane->current()->find_key(config::sha256("one"), {})->state == state);
}

BOOST_AUTO_TEST_CASE(a_change_meant_for_another_version_is_refused)
{
    key_world world;
    auto late = somebody;
    late.if_version = 0;
    const auto hash = config::sha256("one");
    auto& plane = *world.plane;
    BOOST_TEST((plane.create_key("new", "{}", hash, noon, late).refused == refusal::version));
    BOOST_TEST((plane.change_key("team", "{}", true, late).refused == refusal::version));
    BOOST_TEST((plane.rotate_key("team", hash, 1h, noon, late).refused == refusal::version));
    BOOST_TEST((plane.revoke_key("team", late).refused == refusal::version));
    BOOST_TEST(world.who("team-key") == "team");
}

BOOST_AUTO_TEST_SUITE_END()
