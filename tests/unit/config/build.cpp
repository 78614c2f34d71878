#include "fake.hpp"
#include <sluice/config/build.hpp>
#include <sluice/config/key.hpp>
#include <sluice/config/render.hpp>

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <limits>

BOOST_AUTO_TEST_SUITE(build_)

using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::fake;
using namespace std::chrono_literals;

namespace {

std::string hash_of(std::string_view key)
{
    return '"' + key_hash(key) + '"';
}

const std::string full =
    "admin: {token: admin-secret}\n"
    "providers:\n"
    "  p: {base_url: \"http://127.0.0.1:1/v1\", api_key: provider-secret}\n"
    "  q: {base_url: \"https://q.example/v1\"}\n"
    "models:\n"
    "  m: {aliases: [n, \"mm*\"], targets: [{name: a, provider: p, weight: 95}, {name: b, "
    "provider: q, weight: 5}], canary: b, sticky: \"header:X-User\"}\n"
    "  gpt-*: {targets: [{provider: p}]}\n"
    "  gpt-4*: {targets: [{provider: p}]}\n"
    "  gpt-4o: {targets: [{provider: p}]}\n"
    "keys:\n"
    "  - {id: k1, hash: "
    + hash_of("one")
    + ", limits: {requests: 60/min, burst: 2, concurrent: 3}}\n"
      "  - {id: k2, hash: "
    + hash_of("two") + ", models: [n, \"gpt-4*\"]}\n";

document load_full(const std::string& text = full)
{
    const auto got = load_text(text);
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    return *got.document;
}

std::string replaced(std::string text, std::string_view from, std::string_view to)
{
    const auto at = text.find(from);
    BOOST_TEST_REQUIRE(at != std::string::npos, from);
    return text.replace(at, from.size(), to);
}

snapshot_ptr built(const std::string& text = full)
{
    observe::catalogue catalogue;
    return build(load_full(text), {}, 1, nullptr, catalogue).snapshot;
}

std::string changes(const std::string& before, const std::string& after)
{
    std::string all;
    for (const auto& change : difference(*built(before), *built(after)))
        all += to_string(change) + '\n';
    return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(models_are_found_by_name_then_alias_then_longest_prefix)
{
    const auto snapshot = built();
    const auto found = [&](std::string_view name) -> std::string {
        const auto* model = snapshot->find_model(name);
        return model == nullptr ? "(none)" : model->name;
    };
    BOOST_TEST(found("m") == "m");
    BOOST_TEST(found("n") == "m");
    BOOST_TEST(found("mm") == "m");
    BOOST_TEST(found("mm-large") == "m");
    BOOST_TEST(found("gpt-3.5") == "gpt-*");
    BOOST_TEST(found("gpt-4-turbo") == "gpt-4*");
    BOOST_TEST(found("gpt-4o") == "gpt-4o");
    BOOST_TEST(found("gpt-4o-mini") == "gpt-4*");
    BOOST_TEST(found("gpt-*") == "gpt-*");
    BOOST_TEST(found("M") == "(none)");
    BOOST_TEST(found("") == "(none)");
}

BOOST_AUTO_TEST_CASE(keys_are_found_by_the_whole_digest)
{
    const auto snapshot = built();
    BOOST_TEST(snapshot->find_key(sha256("one"), {})->id == "k1");
    BOOST_TEST(snapshot->find_key(sha256("two"), {})->id == "k2");
    BOOST_TEST(snapshot->find_key(sha256("three"), {}) == nullptr);
    for (const std::size_t octet : {0U, 7U, 8U, 31U}) {
        auto near = sha256("one");
        near[octet] ^= 1U;
        BOOST_TEST(snapshot->find_key(near, {}) == nullptr);
    }
}

BOOST_AUTO_TEST_CASE(keys_that_share_63_of_64_characters_are_different_identities)
{
    const std::string shared(63, 'a');
    snapshot settings;
    for (const char last : {'0', '1'}) {
        auto& key = settings.keys.emplace_back();
        key.secrets = {{.hash = sha256(shared + last)}};
        key.tenant = std::string("tenant-") + last;
    }
    settings.index();
    BOOST_TEST(settings.find_key(sha256(shared + '0'), {})->tenant == "tenant-0");
    BOOST_TEST(settings.find_key(sha256(shared + '1'), {})->tenant == "tenant-1");
    BOOST_TEST(settings.find_key(sha256(shared + '2'), {}) == nullptr);
    BOOST_TEST(settings.find_key(sha256(shared), {}) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_key_lets_in_until_it_expires_and_each_of_its_secrets_until_its_end)
{
    const std::chrono::sys_seconds noon{std::chrono::hours(12)};
    const auto at = [&](std::chrono::seconds after) { return noon.time_since_epoch() + after; };
    snapshot settings;
    settings.keys.resize(3);
    settings.keys[0].secrets = {{.hash = sha256("d")}};
    settings.keys[0].expires = noon;
    settings.keys[1].secrets = {{.hash = sha256("new")}, {.hash = sha256("old"), .until = noon}};
    settings.keys[2].secrets = {{.hash = sha256("off")}};
    settings.keys[2].disabled = true;
    settings.index();
    const auto lets_in = [&](std::string_view secret, nanoseconds now) {
        return settings.find_key(sha256(secret), now) != nullptr;
    };
    BOOST_TEST(lets_in("d", at(0s) - 1ns));
    BOOST_TEST(!lets_in("d", at(0s)));
    BOOST_TEST(lets_in("old", at(0s) - 1ns));
    BOOST_TEST(!lets_in("old", at(0s)));
    BOOST_TEST(lets_in("new", at(1s)));
    BOOST_TEST(!lets_in("off", at(-1s)));
}

BOOST_AUTO_TEST_CASE(a_key_may_use_what_its_list_names)
{
    const auto snapshot = built();
    const auto may = [&](std::size_t key, std::string_view asked) {
        return snapshot::may_use(snapshot->keys[key], *snapshot->find_model(asked), asked);
    };
    BOOST_TEST(may(0, "gpt-3.5"));
    BOOST_TEST(may(1, "n"));
    BOOST_TEST(may(1, "m"));  // the same model
    BOOST_TEST(may(1, "gpt-4o"));
    BOOST_TEST(may(1, "gpt-4-turbo"));
    BOOST_TEST(!may(1, "gpt-3.5"));
    BOOST_TEST(snapshot::may_use(snapshot->anonymous, snapshot->models[0], "m"));
    BOOST_TEST(!snapshot->anonymous.may_choose_target);
}

BOOST_AUTO_TEST_CASE(names_keep_their_ids_over_reloads)
{
    observe::catalogue catalogue;
    const auto first = build(load_full(), {}, 1, nullptr, catalogue).snapshot;
    const auto second =
        build(
            load_full(replaced(full, "name: a, provider: p", "name: c, provider: q")),
            {},
            2,
            first,
            catalogue)
            .snapshot;
    BOOST_TEST(second->version == 2U);
    BOOST_TEST(second->models[0].targets[1].arm == first->models[0].targets[1].arm);
    BOOST_TEST(second->models[0].targets[0].arm != first->models[0].targets[0].arm);
    BOOST_TEST(second->models[0].arm == first->models[0].arm);
    BOOST_TEST(second->keys[1].metric == first->keys[1].metric);
    BOOST_TEST(second->providers[1].metric == first->providers[1].metric);
    BOOST_TEST(first->anonymous.metric == observe::other_id);
    BOOST_TEST(catalogue.read().keys[first->keys[0].metric] == "k1");
    BOOST_TEST(catalogue.read().arms[first->models[0].arm].target == "none");
}

BOOST_AUTO_TEST_CASE(a_limit_is_carried_over_by_key_id_even_when_the_key_is_exchanged)
{
    observe::catalogue catalogue;
    const auto first = build(load_full(), {}, 1, nullptr, catalogue).snapshot;
    const time_point noon(std::chrono::hours(12));
    const auto take = [&](const snapshot_ptr& from) {
        return policy::take(*from->keys[0].state, from->keys[0].limits, noon).admitted;
    };
    BOOST_TEST(take(first));
    BOOST_TEST(take(first));
    const auto other = load_full(replaced(full, hash_of("one"), hash_of("new one")));
    const auto second = build(other, {}, 2, first, catalogue).snapshot;
    BOOST_TEST(!take(second));
    BOOST_TEST((second->keys[0].state == first->keys[0].state));
    BOOST_TEST((second->keys[1].state != first->keys[0].state));
    BOOST_TEST((second->anonymous.state == first->anonymous.state));

    const auto renamed = load_full(replaced(full, "id: k1", "id: k3"));
    BOOST_TEST(take(build(renamed, {}, 3, second, catalogue).snapshot));
}

BOOST_AUTO_TEST_CASE(overrides_replace_weights_and_the_split_follows)
{
    observe::catalogue catalogue;
    overrides live;
    live.weights["m"] = {{"b", 20}};
    const auto got = build(load_full(), live, 1, nullptr, catalogue);
    const auto& m = got.snapshot->models[0];
    BOOST_TEST(got.ignored.empty());
    BOOST_TEST(m.overridden);
    BOOST_TEST(!got.snapshot->models[1].overridden);
    BOOST_TEST(m.targets[0].weight == 95);
    BOOST_TEST(m.targets[1].weight == 20);
    BOOST_TEST(m.split.share(1) == 20.0 / 115);
    BOOST_TEST(m.split.pick({.canary = 0.1, .others = 0.5}) == 1U);
}

BOOST_AUTO_TEST_CASE(overrides_that_no_longer_fit_are_ignored_and_told)
{
    observe::catalogue catalogue;
    overrides live;
    live.weights["gone"] = {{"a", 1}};
    live.weights["m"] = {{"gone", 1}, {"a", -1}, {"b", std::numeric_limits<double>::quiet_NaN()}};
    live.weights["gpt-4o"] = {{"p", 0}};
    const auto got = build(load_full(), live, 1, nullptr, catalogue);
    const std::vector<std::string> wanted = {
        "override of gone: there is no such model any more",
        "override of gpt-4o: it would leave the model without a usable weight",
        "override of m / gone: there is no such target any more",
        "override of m / a: that is no weight",
        "override of m / b: that is no weight",
        "override of m: nothing of it is left"};
    BOOST_TEST(got.ignored == wanted, boost::test_tools::per_element());
    BOOST_TEST(got.snapshot->models[0].targets[0].weight == 95);
    BOOST_TEST(!got.snapshot->models[0].overridden);
    BOOST_TEST(got.snapshot->models[3].targets[0].weight == 1);
}

BOOST_AUTO_TEST_CASE(a_targets_state_is_carried_over_while_provider_and_upstream_model_stay)
{
    observe::catalogue catalogue;
    const auto first = build(load_full(), {}, 1, nullptr, catalogue).snapshot;
    const auto next = [&](std::string_view from, std::string_view to) {
        return build(load_full(replaced(full, from, to)), {}, 2, first, catalogue).snapshot;
    };
    const auto& a = first->models[0].targets[0].state;
    const auto& b = first->models[0].targets[1].state;
    BOOST_TEST_REQUIRE((a && b));
    BOOST_TEST((a != b));
    BOOST_TEST((first->models[1].targets[0].state != first->models[2].targets[0].state));

    const auto weighed = next("weight: 95", "weight: 50");
    BOOST_TEST((weighed->models[0].targets[0].state == a));
    BOOST_TEST((weighed->models[0].targets[1].state == b));
    const auto renamed = next("name: a", "name: c");
    BOOST_TEST((renamed->models[0].targets[0].state != a));
    BOOST_TEST((renamed->models[0].targets[1].state == b));
    const auto moved = next("name: a, provider: p", "name: a, provider: q");
    BOOST_TEST((moved->models[0].targets[0].state != a));
    const auto other = next("name: a, provider: p", "name: a, provider: p, model: other");
    BOOST_TEST((other->models[0].targets[0].state != a));
    BOOST_TEST((other->models[0].targets[0].state != nullptr));
}

BOOST_AUTO_TEST_CASE(a_credentials_clock_is_carried_over_by_provider_and_key)
{
    const auto with_keys = [](const std::string& keys) {
        return load_full(
            "providers:\n  p: {base_url: \"http://127.0.0.1:1/v1\"" + keys + "}\n" + models);
    };
    observe::catalogue catalogue;
    const auto first = build(with_keys(", api_keys: [k1, k2]"), {}, 1, nullptr, catalogue).snapshot;
    const auto& before = first->providers[0].credentials;
    BOOST_TEST_REQUIRE(before.size() == 2U);
    BOOST_TEST((before[0] && before[1] && before[0] != before[1]));
    const auto second = build(with_keys(", api_keys: [k3, k1]"), {}, 2, first, catalogue).snapshot;
    const auto& after = second->providers[0].credentials;
    BOOST_TEST_REQUIRE(after.size() == 2U);
    BOOST_TEST((after[1] == before[0]));
    BOOST_TEST((after[0] && after[0] != before[0] && after[0] != before[1]));

    const auto bare = build(with_keys(""), {}, 3, second, catalogue).snapshot;
    BOOST_TEST_REQUIRE(bare->providers[0].credentials.size() == 1U);
    BOOST_TEST(
        (bare->providers[0].credentials[0] && bare->providers[0].credentials[0] != after[1]));
    const auto again = build(with_keys(""), {}, 4, bare, catalogue).snapshot;
    BOOST_TEST((again->providers[0].credentials[0] == bare->providers[0].credentials[0]));
    const auto keyed = build(with_keys(", api_key: k1"), {}, 5, again, catalogue).snapshot;
    BOOST_TEST((keyed->providers[0].credentials[0] != again->providers[0].credentials[0]));
}

BOOST_AUTO_TEST_CASE(a_forced_breaker_is_in_the_snapshot_and_in_force_only_when_enforced)
{
    using control = policy::breaker::control;
    observe::catalogue catalogue;
    const auto first = build(load_full(), {}, 1, nullptr, catalogue).snapshot;
    overrides live;
    live.breakers["m"] = {{"a", control::open}, {"gone", control::open}};
    live.breakers["gone"] = {{"a", control::closed}};
    const auto got = build(load_full(), live, 2, first, catalogue);
    const std::vector<std::string> wanted = {
        "breakers of gone: there is no such model any more",
        "breaker of m / gone: there is no such target any more"};
    BOOST_TEST(got.ignored == wanted, boost::test_tools::per_element());
    const auto& a = got.snapshot->models[0].targets[0];
    BOOST_TEST((a.forced == control::open));
    BOOST_TEST((a.state->breaker.forced() == control::automatic));
    enforce(*got.snapshot);
    BOOST_TEST((a.state->breaker.forced() == control::open));
    BOOST_TEST((got.snapshot->models[0].targets[1].state->breaker.forced() == control::automatic));
    enforce(*first);
    BOOST_TEST((a.state->breaker.forced() == control::automatic));
    const auto changes = difference(*first, *got.snapshot);
    BOOST_TEST_REQUIRE(changes.size() == 1U);
    BOOST_TEST(to_string(changes[0]) == "models.m.targets[a].breaker: (nothing) -> \"open\"");
}

BOOST_AUTO_TEST_CASE(the_rendered_configuration_is_json_without_secrets)
{
    const auto json = render(*built());
    BOOST_TEST(!contains(json, "secret"));
    simdjson::dom::parser parser;
    const auto root = parser.parse(json);
    BOOST_TEST_REQUIRE((root.error() == simdjson::SUCCESS), json);
    BOOST_TEST(root["admin"]["token"].get_c_str().value() == masked("admin-secret"));
    BOOST_TEST(root["timeouts"]["request"].get_c_str().value() == std::string("10m"));
    BOOST_TEST(root["models"]["m"]["targets"].at(0)["weight"].get_double().value() == 95.0);
    BOOST_TEST(root["models"]["m"]["sticky"].get_c_str().value() == std::string("header:x-user"));
    BOOST_TEST(
        root["keys"].at(0)["limits"]["requests"].get_c_str().value() == std::string("60/min"));
    BOOST_TEST(
        root["providers"]["q"]["base_url"].get_c_str().value()
        == std::string("https://q.example/v1"));
}

BOOST_AUTO_TEST_CASE(the_difference_names_what_changed_and_what_waits_for_a_restart)
{
    BOOST_TEST(changes(full, full) == "");
    BOOST_TEST(
        changes(full, replaced(full, "weight: 95", "weight: 90"))
        == "models.m.targets[a].weight: 95 -> 90\n");
    BOOST_TEST(
        changes(full, "workers: 9\nlisten: [{address: \":81\"}]\nstate: {directory: /x}\n" + full)
        == "listen[0.0.0.0:8080].address: \"0.0.0.0:8080\" -> (nothing) (takes effect after a "
           "restart)\n"
           "listen[0.0.0.0:81].address: (nothing) -> \"0.0.0.0:81\" (takes effect after a "
           "restart)\n"
           "state.directory: \"/var/lib/sluice\" -> \"/x\" (takes effect after a restart)\n"
           "workers: 3 -> 9 (takes effect after a restart)\n");
    BOOST_TEST(
        changes(
            full,
            replaced(
                full, "{token: admin-secret}", "{token: admin-secret, address: \"127.0.0.1:1\"}"))
        == "admin.address: \"127.0.0.1:9090\" -> \"127.0.0.1:1\" (takes effect after a restart)\n");
    const auto secret = changes(full, replaced(full, "provider-secret", "another-one"));
    BOOST_TEST(secret.starts_with("providers.p.api_keys: [\"sha256:"));
    BOOST_TEST(!contains(secret, "another-one"));
    BOOST_TEST(contains(
        changes(full, replaced(full, "id: k2", "id: k9")), "keys[k9].id: (nothing) -> \"k9\"\n"));
}

BOOST_AUTO_TEST_SUITE_END()
