#include "fake.hpp"
#include "source_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <fstream>

BOOST_AUTO_TEST_SUITE(prices)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::fake;

namespace {

machine with_table(const std::string& table)
{
    machine machine;
    machine.files = {{"/prices.yaml", table}};
    return machine;
}

load_result load_table(const std::string& table, const std::string& more = models)
{
    return load_text("prices: /prices.yaml\n" + providers + more, with_table(table));
}

const policy::price& at(const policy::price_list& list, std::chrono::sys_days day)
{
    const auto* found = list.at(day);
    BOOST_TEST_REQUIRE(found != nullptr);
    return found->price;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_target_costs_what_its_own_price_the_models_or_the_table_says)
{
    const auto got = load_table(
        "up: [{from: 2025-01-01, input: 1, output: 2}]\n"
        "up-*: [{input: 3, output: 4}]\nup-large*: [{input: 5, output: 6}]\nplain: [{input: 7, "
        "output: 8}]\n",
        "models:\n"
        "  plain: {targets: [{provider: p}, {provider: p, name: b, model: up}, {provider: p, name: "
        "c, "
        "model: up-small}, {provider: p, name: d, model: up-large-1}, {provider: p, name: e, "
        "model: x}, "
        "{provider: p, name: f, model: up, price: {input: 9, output: 9}}]}\n"
        "  priced: {targets: [{provider: p, model: up}], price: {input: 10, output: 10}}\n"
        "  plain*: {targets: [{provider: p}]}\n");
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    const auto& models = got.document->settings.models;
    const auto input = [&](std::size_t model, std::size_t target) -> std::int64_t {
        const auto& list = models[model].targets[target].prices;
        return list.versions.empty() ? -1 : list.versions.back().price.input / 1'000'000;
    };
    BOOST_TEST(input(0, 0) == 7);
    BOOST_TEST(input(0, 1) == 1);
    BOOST_TEST(input(0, 2) == 3);
    BOOST_TEST(input(0, 3) == 5);
    BOOST_TEST(input(0, 4) == -1);
    BOOST_TEST(input(0, 5) == 9);
    BOOST_TEST(input(1, 0) == 10);
    BOOST_TEST(input(2, 0) == -1);
}

BOOST_AUTO_TEST_CASE(a_price_holds_from_its_day_on)
{
    const auto got = load_table("m:\n  - {from: 2025-02-28, input: 1, output: 2}\n  - {from: "
                                "2026-01-01, input: 3, output: 4, "
                                "cached_input: 0.5, cache_write: 3.75, reasoning: 5}\n");
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    const auto& list = got.document->settings.models[0].targets[0].prices;
    BOOST_TEST(list.at(std::chrono::sys_days(2025y / 2 / 27)) == nullptr);
    BOOST_TEST(at(list, 2025y / 2 / 28).input == 1'000'000);
    BOOST_TEST(at(list, 2025y / 12 / 31).output == 2'000'000);
    BOOST_TEST(at(list, 2026y / 1 / 1).cache_write.value() == 3'750'000);
    BOOST_TEST(at(list, 2026y / 1 / 1).reasoning.value() == 5'000'000);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_the_table_is_told_where_it_stands)
{
    const auto check = [](const std::string& table, const std::string& complaint) {
        const auto got = load_table(table);
        BOOST_TEST(!got.document.has_value());
        BOOST_TEST(contains(lines(got), "/prices.yaml:" + complaint), lines(got));
    };
    check("[a]\n", "1:1: has to be a map");
    check("m: 5\n", "1:1: m: has to be a list of prices");
    check("m: []\n", "1:1: m: has to be a list of prices");
    check("m*x: [{input: 1, output: 1}]\n", "1:1: m*x: a * is only allowed at the end");
    check("m: [{input: 1}]\n", "1:5: m: needs input and output");
    check("m: [{input: -1, output: 1}]\n", "1:6: m.input: is no price");
    check("m: [{input: 1, output: 1, cache: 1}]\n", "1:27: m.cache: unknown key, allowed: from,");
    check("m: [{from: 2025-02-30, input: 1, output: 1}]\n", "1:6: m.from: is no date");
    check(
        "m: [{from: 2025-02-02, input: 1, output: 1}, {from: 2025-02-01, input: 1, output: 1}]\n",
        "1:46: m: each price has to be later than the one before it");
    const auto missing = load_text("prices: /nowhere\n" + providers + models);
    BOOST_TEST(
        contains(lines(missing), "f.yaml:1:9: prices: \"/nowhere\" cannot be read"),
        lines(missing));
}

BOOST_AUTO_TEST_CASE(complaints_of_the_table_come_behind_those_of_the_file)
{
    const auto got = load_table("m: 5\n", "models: {m: {targets: [{provider: q}]}}\n");
    BOOST_TEST_REQUIRE(got.complaints.size() == 2U, lines(got));
    BOOST_TEST(got.complaints[0].file == "f.yaml");
    BOOST_TEST(got.complaints[1].file == "/prices.yaml");
}

BOOST_AUTO_TEST_CASE(the_table_that_comes_with_it_loads_and_knows_the_models_it_should)
{
    std::ifstream in(source_dir() / "deploy" / "prices.yaml");
    const std::string table{std::istreambuf_iterator<char>(in), {}};
    const auto got = load_table(table);
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    const auto& known = got.document->settings.prices;
    for (const std::string_view name :
         {"deepseek-chat",
          "deepseek-v3.2-exp",
          "kimi-k2-0905-preview",
          "gemini-2.5-flash",
          "gpt-4.1",
          "gpt-4.1-mini-2025-04-14",
          "claude-sonnet-4-5-20250929",
          "claude-haiku-4-5"})
        BOOST_TEST(find_prices(known, name) != nullptr, name);
    BOOST_TEST(find_prices(known, "gpt-4.1-mini")->versions[0].price.input == 400'000);
    BOOST_TEST(find_prices(known, "gpt") == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
