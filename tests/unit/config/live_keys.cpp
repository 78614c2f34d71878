#include "fake.hpp"
#include <sluice/config/build.hpp>
#include <sluice/config/key.hpp>
#include <sluice/config/live_keys.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(live_keys_)

using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::fake;
using namespace std::chrono_literals;

namespace {

using std::chrono::sys_seconds;

const sys_seconds noon{std::chrono::hours(12)};

document file_with(const std::string& keys)
{
    auto loaded = load_text(
        "providers: {p: {base_url: \"http://127.0.0.1:1/v1\"}}\n"
        "models: {m: {aliases: [n], targets: [{provider: p}]}}\n"
            + keys,
        machine{});
    return std::move(loaded.document).value();
}

document one_key_file()
{
    return file_with("keys: [{id: f, hash: \"" + key_hash("file") + "\", tenant: t}]\n");
}

snapshot_ptr built(const document& file, const live_keys& keys)
{
    observe::catalogue names;
    overrides live;
    live.keys = keys;
    return build(file, live, 1, nullptr, names).snapshot;
}

live_key made(std::string settings, std::string_view secret)
{
    live_key one;
    one.settings = std::move(settings);
    one.secrets = {{.hash = sha256(secret)}};
    return one;
}

std::string joined(const std::vector<std::string>& lines)
{
    std::string out;
    for (const auto& line : lines)
        out += line + '\n';
    return out;
}

std::string wrong_with(std::string_view json)
{
    key into;
    return joined(read_key_settings(json, one_key_file().settings, into));
}

}  // namespace

BOOST_AUTO_TEST_CASE(settings_are_read_as_a_key_of_the_file)
{
    key into;
    const auto wrong = read_key_settings(
        R"({"tenant":"search","models":["n"],"limits":{"requests":"50/s","burst":7},)"
        R"("expires":"2031-05-01","may_choose_target":true})",
        one_key_file().settings,
        into);
    BOOST_TEST(joined(wrong) == "");
    BOOST_TEST(into.tenant == "search");
    BOOST_TEST(into.models.at(0) == "n");
    BOOST_TEST(into.limits.requests->count == 50U);
    BOOST_TEST(into.limits.burst == 7U);
    BOOST_TEST(into.may_choose_target);
    BOOST_TEST(into.expires->time_since_epoch().count() == 1'935'360'000);
}

BOOST_AUTO_TEST_CASE(complaints_about_settings_are_those_about_the_file)
{
    BOOST_TEST(wrong_with("{}") == "");
    BOOST_TEST(
        wrong_with(R"({"models":["mm"]})") == "models[0]: \"mm\" is no model and no alias\n");
    BOOST_TEST(
        wrong_with(R"({"tennant":"t"})") == "tennant: unknown key, did you mean `tenant`?\n");
    BOOST_TEST(
        wrong_with(R"({"limits":{"burst":7}})")
        == "limits.burst: means nothing without requests, set that too\n");
    BOOST_TEST(wrong_with(R"({"id":"x"})") == "id: is not set here\n");
    BOOST_TEST(wrong_with(R"({"hash":"x"})") == "hash: is not set here\n");
    BOOST_TEST(wrong_with(R"(["tenant"])") == "a key's settings are a JSON object\n");
    BOOST_TEST(!wrong_with(R"({"tenant":"${SECRET}"})").empty());
    BOOST_TEST(!wrong_with(R"({"tenant":"${file:/etc/passwd}"})").empty());
}

BOOST_AUTO_TEST_CASE(changes_take_the_place_of_members_and_null_takes_them_away)
{
    BOOST_TEST(
        with_changes(
            R"({"tenant":"a","models":["m"]})", R"({"models":null,"expires":"2031-01-01"})")
        == R"({"expires":"2031-01-01","tenant":"a"})");
    BOOST_TEST(
        with_changes(
            R"({"limits":{"burst":5,"requests":"9/s"}})",
            R"({"limits":{"burst":null,"concurrent":2},"budget":{"daily":"5 USD","monthly":null}})")
        == R"({"budget":{"daily":"5 USD"},"limits":{"concurrent":2,"requests":"9/s"}})");
    BOOST_TEST(with_changes("{}", "[]") == "");
    BOOST_TEST(with_changes("{}", "{") == "");
}

BOOST_AUTO_TEST_CASE(of_changes_put_together_the_later_count_and_null_still_takes_away)
{
    BOOST_TEST(
        changes_together(
            R"({"tenant":"a","budget":null,"limits":{"burst":5,"tokens":null}})",
            R"({"tenant":"b","expires":null,"limits":{"burst":null},"models":["m"]})")
        == R"({"budget":null,"expires":null,"limits":{"burst":null,"tokens":null},)"
           R"("models":["m"],"tenant":"b"})");
    BOOST_TEST(
        changes_together("{}", R"({"limits":{"burst":null}})") == R"({"limits":{"burst":null}})");
    BOOST_TEST(changes_together("[]", "{}") == "");
}

BOOST_AUTO_TEST_CASE(a_live_key_lets_in_beside_those_of_the_file)
{
    live_keys keys;
    keys.by_id["made"] = made(R"({"tenant":"x","models":["m"]})", "live");
    const auto file = one_key_file();
    BOOST_TEST(joined(parse_settings(keys, file.settings)) == "");
    const auto snapshot = built(file, keys);
    const auto* found = snapshot->find_key(sha256("live"), {});
    BOOST_TEST_REQUIRE(found != nullptr);
    BOOST_TEST(found->id == "made");
    BOOST_TEST(found->tenant == "x");
    BOOST_TEST(found->live);
    BOOST_TEST(static_cast<bool>(found->state));
    BOOST_TEST(snapshot->find_key(sha256("file"), {})->id == "f");
}

BOOST_AUTO_TEST_CASE(what_lies_over_a_key_of_the_file_retires_its_secret_and_adds_others)
{
    live_keys keys;
    live_key over;
    over.of_file = true;
    over.secrets = {{.hash = sha256("fresh")}};
    over.retired = {{.hash = sha256("file"), .until = noon}};
    keys.by_id["f"] = over;
    const auto snapshot = built(one_key_file(), keys);
    const auto before_noon = noon.time_since_epoch() - 1ns;
    BOOST_TEST(snapshot->find_key(sha256("fresh"), noon.time_since_epoch())->id == "f");
    BOOST_TEST(snapshot->find_key(sha256("file"), before_noon)->id == "f");
    BOOST_TEST(snapshot->find_key(sha256("file"), noon.time_since_epoch()) == nullptr);
    BOOST_TEST(snapshot->find_key(sha256("fresh"), {})->tenant == "t");
    // Another hash in the file is another secret.
    const auto exchanged =
        built(file_with("keys: [{id: f, hash: \"" + key_hash("other") + "\"}]"), keys);
    BOOST_TEST(exchanged->find_key(sha256("other"), noon.time_since_epoch())->id == "f");
    BOOST_TEST(exchanged->find_key(sha256("file"), {}) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_key_of_the_file_can_be_switched_off)
{
    live_keys keys;
    keys.by_id["f"].of_file = true;
    keys.by_id["f"].disabled = true;
    const auto snapshot = built(one_key_file(), keys);
    BOOST_TEST(snapshot->find_key(sha256("file"), {}) == nullptr);
    BOOST_TEST(snapshot->keys.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_file_goes_before_a_live_key_of_the_same_id)
{
    live_keys keys;
    keys.by_id["f"] = made("{}", "live");
    const auto file = one_key_file();
    (void)parse_settings(keys, file.settings);
    observe::catalogue names;
    overrides live;
    live.keys = keys;
    const auto result = build(file, live, 1, nullptr, names);
    BOOST_TEST(result.snapshot->find_key(sha256("live"), {}) == nullptr);
    BOOST_TEST(result.snapshot->find_key(sha256("file"), {})->id == "f");
    BOOST_TEST(joined(result.ignored) == "live key f: the file has a key of this id now\n");
}

BOOST_AUTO_TEST_CASE(a_right_to_a_model_that_is_gone_gives_nothing_and_the_key_stays)
{
    live_keys keys;
    keys.by_id["made"] = made(R"({"models":["gone","m"]})", "live");
    const auto file = file_with("");
    BOOST_TEST(joined(parse_settings(keys, file.settings)) == "");
    const auto snapshot = built(file, keys);
    const auto* found = snapshot->find_key(sha256("live"), {});
    BOOST_TEST_REQUIRE(found != nullptr);
    BOOST_TEST(snapshot::may_use(*found, *snapshot->find_model("m"), "m"));
}

BOOST_AUTO_TEST_CASE(a_budget_for_a_model_that_is_gone_waits_for_it_to_come_back)
{
    const auto priced = [](const std::string& name) {
        return load_text(
                   "providers: {p: {base_url: \"http://127.0.0.1:1/v1\"}}\nmodels: {" + name
                       + ": {targets: [{provider: p}], price: {input: 1, output: 1}}}\n",
                   machine{})
            .document.value();
    };
    live_keys keys;
    keys.by_id["made"] = made(R"({"budget":{"models":{"m":"5 USD"}}})", "live");
    BOOST_TEST(joined(parse_settings(keys, priced("m").settings)) == "");
    BOOST_TEST(built(priced("m"), keys)->budgets.size() == 1U);
    // Also where it was read when the model was there.
    BOOST_TEST(built(priced("o"), keys)->budgets.empty());
    BOOST_TEST(joined(parse_settings(keys, priced("o").settings)) == "");
    BOOST_TEST(built(priced("o"), keys)->find_key(sha256("live"), {})->id == "made");
    (void)parse_settings(keys, priced("m").settings);
    BOOST_TEST(built(priced("m"), keys)->budgets.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_key_whose_settings_do_not_hold_lets_nobody_in)
{
    live_keys keys;
    keys.by_id["made"] = made(R"({"limits":{"requests":"often"}})", "live");
    const auto file = file_with("");
    const auto wrong = joined(parse_settings(keys, file.settings));
    BOOST_TEST(wrong.starts_with("key made lets nobody in: limits.requests: "), wrong);
    BOOST_TEST(built(file, keys)->find_key(sha256("live"), {}) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_gateway_that_had_a_live_key_stays_closed_without_one)
{
    const auto file = file_with("");
    BOOST_TEST(built(file, {})->open());
    live_keys keys;
    keys.closed = true;
    BOOST_TEST(!built(file, keys)->open());
}

BOOST_AUTO_TEST_SUITE_END()
