#include "fake.hpp"
#include <sluice/config/render.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(quotas)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::fake;
namespace data = boost::unit_test::data;

namespace {

constexpr std::int64_t dollar = 1'000'000'000;

// A key k with `of_key`, of the tenant t with `of_tenant`; the model m with a price and `of_model`,
// the model bare without one.
std::string with(
    const std::string& of_key, const std::string& of_tenant = "", const std::string& of_model = "")
{
    const auto after = [](const std::string& more) { return more.empty() ? "" : ", " + more; };
    return "keys: [{id: k, hash: \"sha256:" + std::string(64, 'a') + "\", tenant: t" + after(of_key)
           + "}]\ntenants: {t: {" + of_tenant + "}}\n" + providers
           + "models: {m: {aliases: [alias], targets: [{provider: p}], price: {input: 1, output: 2}"
           + after(of_model) + "}, bare: {targets: [{provider: p}]}}\n";
}

document loaded(
    const std::string& of_key, const std::string& of_tenant = "", const std::string& of_model = "")
{
    auto got = load_text(with(of_key, of_tenant, of_model));
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    return std::move(*got.document);
}

struct wrong_case {
    const char* of_key;
    const char* of_tenant;
    const char* of_model;
    const char* complaint;  // the only one, behind the place
};

std::ostream& operator<<(std::ostream& out, const wrong_case& one)
{
    return out << one.of_key;
}

// clang-format off
const std::vector<wrong_case> wrong_cases = {
    {"limits: {tokens: 1000}", "", "", "keys[0].limits.tokens: \"1000\" does not fit, allowed: 1 to 1000000000 per s"},
    {"limits: {token_burst: 10}", "", "", "keys[0].limits.token_burst: means nothing without tokens"},
    {"limits: {tokens: 1/d, token_burst: 100000}", "", "", "keys[0].limits.token_burst: at this rate the burst would not come back"},
    {"limits: {max_wait: 1s}", "", "", "keys[0].limits.max_wait: means nothing without requests or tokens"},
    {"limits: {burst: 1}", "", "", "keys[0].limits.burst: means nothing without requests"},
    {"limits: {shadow: yes}", "", "", "keys[0].limits.shadow: \"yes\" does not fit, allowed: true or false"},
    {"limits: {on_store_failure: open}", "", "", "keys[0].limits.on_store_failure: \"open\" is not supported by this version, allowed: keep_share, refuse, local"},
    {"budget: 5 USD", "", "", "keys[0].budget: has to be a map of keys"},
    {"budget: {daily: 5}", "", "", "keys[0].budget.daily: \"5\" does not fit, allowed: 0 USD to 1000000 USD"},
    {"budget: {weekly: 5 USD}", "", "", "keys[0].budget.weekly: unknown key"},
    {"budget: {soft: 0%}", "", "", "keys[0].budget.soft: \"0%\" does not fit, allowed: above 0% to 100%"},
    {"budget: {models: {n: 1 USD}}", "", "", "keys[0].budget.models.n: is not one of models"},
    {"budget: {models: {bare: 1 USD}}", "", "", "keys[0].budget.models.bare: cannot be kept to: a target of the model has no price"},
    {"budget: {models: {m: 1 USD, alias: 1 USD}}", "", "", "keys[0].budget.models.alias: another name of a model that stands here already"},
    {"budget: {models: {m: 1}}", "", "", "keys[0].budget.models.m: \"1\" does not fit"},
    {"", "weight: 0", "", "tenants.t.weight: \"0\" does not fit, allowed: above 0 to 1000000"},
    {"", "limit: {}", "", "tenants.t.limit: unknown key, did you mean `limits`?"},
    {"", "budget: {models: {m: 1 USD}}", "", "tenants.t.budget.models: unknown key"},
    {"", "", "budget: {daily: 1 EUR}", "models.m.budget.daily: \"1 EUR\" does not fit"},
    {"", "", "limits: {concurrent: 0}", "models.m.limits.concurrent: \"0\" does not fit"},
};
// clang-format on

const budget* find(const snapshot& of, std::string_view id)
{
    const auto found = std::ranges::find(of.budgets, id, &budget::id);
    return found == of.budgets.end() ? nullptr : &*found;
}

}  // namespace

BOOST_DATA_TEST_CASE(what_does_not_fit_in_limits_and_budgets_is_told, data::make(wrong_cases), one)
{
    const auto got = load_text(with(one.of_key, one.of_tenant, one.of_model));
    BOOST_TEST(
        contains(lines(got), one.complaint),
        "wanted: " << one.complaint << "\ngot: " << lines(got));
    BOOST_TEST(got.complaints.size() == 1U, lines(got));
}

BOOST_AUTO_TEST_CASE(limits_of_tokens_are_read)
{
    const auto settings =
        loaded("limits: {tokens: 1000000/min, max_wait: 2s, shadow: true}").settings;
    const auto& limits = settings.keys[0].limits;
    BOOST_TEST(limits.tokens.value().count == 1'000'000U);
    BOOST_TEST((limits.tokens->period == 1min));
    BOOST_TEST(limits.token_burst == 5'000U);
    BOOST_TEST(!limits.requests.has_value());
    BOOST_TEST((limits.max_wait == 2s));
    BOOST_TEST(limits.shadow);
    BOOST_TEST(loaded("limits: {tokens: 50/s}").settings.keys[0].limits.token_burst == 1U);
    BOOST_TEST(
        loaded("limits: {tokens: 50/s, token_burst: 7}").settings.keys[0].limits.token_burst == 7U);
    BOOST_TEST(!loaded("").settings.keys[0].limits.tokens.has_value());
}

BOOST_AUTO_TEST_CASE(a_provider_has_limits_of_each_of_its_keys)
{
    const auto got = load_text(
        "providers: {p: {base_url: \"http://127.0.0.1:1/v1\", api_keys: [a, b], limits: {requests: "
        "120/min, concurrent: 3}}}\n"
        + models);
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    observe::catalogue catalogue;
    const auto first = build(*got.document, {}, 1, nullptr, catalogue).snapshot;
    const auto& provider = first->providers[0];
    BOOST_TEST(provider.limits.burst == 2U);
    BOOST_TEST(provider.limits.concurrent.value() == 3U);
    BOOST_TEST_REQUIRE(provider.credential_quotas.size() == 2U);
    BOOST_TEST(provider.credential_quotas[0].state != provider.credential_quotas[1].state);
    const auto turned = load_text(
        "providers: {p: {base_url: \"http://127.0.0.1:1/v1\", api_keys: [b, c]}}\n" + models);
    const auto second = build(turned.document.value(), {}, 2, first, catalogue).snapshot;
    BOOST_TEST(
        second->providers[0].credential_quotas[0].state == provider.credential_quotas[1].state);
    BOOST_TEST(
        second->providers[0].credential_quotas[1].state != provider.credential_quotas[0].state);
}

BOOST_AUTO_TEST_CASE(budgets_are_a_flat_list_with_ids_of_their_own)
{
    const auto document = loaded(
        "budget: {daily: 50 USD, monthly: 0.000001 USD, models: {alias: 10 USD}, soft: 50%}",
        "budget: {monthly: 4 USD}",
        "budget: {daily: 3 USD, soft: 100%}");
    observe::catalogue catalogue;
    const auto snapshot = build(document, {}, 1, nullptr, catalogue).snapshot;
    BOOST_TEST(snapshot->budgets.size() == 5U);
    const auto check =
        [&](std::string_view id, period each, std::int64_t limit, std::int64_t soft) {
            const auto* one = find(*snapshot, id);
            BOOST_TEST_REQUIRE(one != nullptr, id);
            BOOST_TEST((one->period == each));
            BOOST_TEST(one->limit == limit);
            BOOST_TEST(one->soft == soft);
            BOOST_TEST(one->purse != nullptr);
        };
    check("key:k:daily", period::day, 50 * dollar, 25 * dollar);
    check("key:k:monthly", period::month, 1000, 500);
    check("key:k:model:m:daily", period::day, 10 * dollar, 5 * dollar);
    check("tenant:t:monthly", period::month, 4 * dollar, 16 * dollar / 5);
    check("model:m:daily", period::day, 3 * dollar, 3 * dollar);
    const auto& key = snapshot->keys[0];
    BOOST_TEST_REQUIRE(key.budgets.size() == 2U);
    BOOST_TEST(snapshot->budgets[key.budgets[1]].id == "key:k:monthly");
    BOOST_TEST_REQUIRE(key.model_budgets.size() == 1U);
    BOOST_TEST(snapshot->models[key.model_budgets[0].model_at].name == "m");
    BOOST_TEST(snapshot->budgets[key.model_budgets[0].budget_at].id == "key:k:model:m:daily");
    BOOST_TEST(key.tenant_at.value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_reload_forgets_neither_what_is_spent_nor_what_was_admitted)
{
    observe::catalogue catalogue;
    const auto first =
        build(
            loaded("budget: {daily: 50 USD}", "budget: {daily: 9 USD}"), {}, 1, nullptr, catalogue)
            .snapshot;
    const auto second = build(
                            loaded(
                                "budget: {daily: 20 USD, models: {m: 1 USD}}",
                                "limits: {concurrent: 2}",
                                "budget: {monthly: 1 USD}"),
                            {},
                            2,
                            first,
                            catalogue)
                            .snapshot;
    BOOST_TEST(find(*second, "key:k:daily")->purse == find(*first, "key:k:daily")->purse);
    BOOST_TEST(find(*second, "key:k:daily")->limit == 20 * dollar);
    BOOST_TEST(find(*second, "tenant:t:daily") == nullptr);
    BOOST_TEST(find(*second, "model:m:monthly")->purse != nullptr);
    BOOST_TEST(second->keys[0].state == first->keys[0].state);
    BOOST_TEST(second->tenants[0].state == first->tenants[0].state);
    BOOST_TEST(second->models[1].state == first->models[1].state);
    BOOST_TEST(second->models[0].state != first->models[1].state);
    BOOST_TEST(second->anonymous.state == first->anonymous.state);
}

BOOST_AUTO_TEST_CASE(a_tenant_that_only_keys_name_needs_no_entry)
{
    observe::catalogue catalogue;
    const auto got =
        load_with("keys: [{id: k, tenant: u, hash: \"sha256:" + std::string(64, 'a') + "\"}]\n");
    const auto snapshot = build(got.document.value(), {}, 1, nullptr, catalogue).snapshot;
    BOOST_TEST(!snapshot->keys[0].tenant_at.has_value());
    BOOST_TEST(snapshot->budgets.empty());
}

BOOST_AUTO_TEST_CASE(what_is_let_through_without_the_store_is_each_ones_own)
{
    observe::catalogue catalogue;
    const auto got = build(
                         loaded(
                             "limits: {on_store_failure: refuse}, budget: {daily: 5 USD, models: "
                             "{m: 1 USD}}",
                             "limits: {on_store_failure: local}, budget: {daily: 5 USD}",
                             "budget: {daily: 5 USD}"),
                         {},
                         1,
                         nullptr,
                         catalogue)
                         .snapshot;
    BOOST_TEST((got->keys[0].on_store_failure == store_failure::refuse));
    BOOST_TEST((got->tenants[0].on_store_failure == store_failure::local));
    BOOST_TEST((got->models[0].on_store_failure == store_failure::keep_share));
    for (const auto& budget : got->budgets) {
        const auto whose = budget.id.substr(0, budget.id.find(':'));
        const auto wanted = whose == "key"      ? store_failure::refuse
                            : whose == "tenant" ? store_failure::local
                                                : store_failure::keep_share;
        BOOST_TEST((budget.on_store_failure == wanted), budget.id);
    }
}

BOOST_AUTO_TEST_CASE(what_was_changed_is_shown)
{
    observe::catalogue catalogue;
    const auto first = build(loaded(""), {}, 1, nullptr, catalogue).snapshot;
    const auto second = build(
                            loaded(
                                "limits: {tokens: 300/s, max_wait: 1s, on_store_failure: refuse}, "
                                "budget: {daily: 5.5 USD, "
                                "models: {m: 1 USD}}",
                                "weight: 3, limits: {shadow: true}",
                                "budget: {monthly: 7 USD}"),
                            {},
                            2,
                            first,
                            catalogue)
                            .snapshot;
    std::string all;
    for (const auto& change : difference(*first, *second))
        all += to_string(change) + '\n';
    for (const std::string_view line :
         {"keys[k].limits.tokens: (nothing) -> \"300/s\"\n",
          "keys[k].limits.token_burst: (nothing) -> 1\n",
          "keys[k].limits.on_store_failure: (nothing) -> \"refuse\"\n",
          "keys[k].budget.daily: (nothing) -> \"5.5 USD\"\n",
          "keys[k].budget.models.m: (nothing) -> \"1 USD\"\n",
          "models.m.budget.monthly: (nothing) -> \"7 USD\"\n",
          "tenants.t.weight: 1 -> 3\n",
          "tenants.t.limits.shadow: (nothing) -> true\n"})
        BOOST_TEST(contains(all, line), all);
}

BOOST_AUTO_TEST_CASE(where_days_begin_and_who_is_told_of_spent_budgets_is_read)
{
    BOOST_TEST(loaded("").settings.time_zone == "UTC");
    machine machine;
    machine.files = {{"/usr/share/zoneinfo/Asia/Tokyo", zone_file()}};
    const auto zone = load_with("time_zone: Asia/Tokyo\n", machine);
    BOOST_TEST(zone.document.value().settings.time_zone == "Asia/Tokyo");
    for (const std::string name : {"Asia/Kyoto", "../../etc/passwd", "\"\""})
        BOOST_TEST(contains(
            lines(load_with("time_zone: " + name + "\n", machine)),
            "is no time zone of this machine"));
    const auto told = load_with("budget_webhook: \"https://hooks.example/x?y\"\n");
    BOOST_TEST(told.document.value().settings.budget_webhook.value().host == "hooks.example");
    const auto wrong = load_with("budget_webhook: \"ftp://hunter2\"\n");
    BOOST_TEST(contains(lines(wrong), "budget_webhook: it has to begin with http:// or https://"));
    BOOST_TEST(!contains(lines(wrong), "hunter2"));
}

BOOST_AUTO_TEST_SUITE_END()
