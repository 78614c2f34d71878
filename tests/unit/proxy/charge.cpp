#include <sluice/proxy/charge.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(charge_)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::proxy;

namespace {

constexpr auto today = std::chrono::sys_days(2026y / 11 / 21);

// A dollar for a million of input, ten for output; twice that from tomorrow on.
config::target priced()
{
    config::target target;
    target.prices.versions = {
        {.from = std::chrono::sys_days(2025y / 1 / 1),
         .price = {.input = 1'000'000, .output = 10'000'000}},
        {.from = today + std::chrono::days(1),
         .price = {.input = 2'000'000, .output = 20'000'000}}};
    return target;
}

wire::usage usage_of(std::uint64_t input, std::uint64_t output)
{
    wire::usage said;
    said.input = input;
    said.output = output;
    said.known = true;
    return said;
}

}  // namespace

BOOST_AUTO_TEST_CASE(told_usage_is_paid_by_the_price_of_the_day)
{
    const auto owed = charge_of(priced(), usage_of(1000, 100), {}, today);
    BOOST_TEST(owed.due);
    BOOST_TEST(owed.priced);
    BOOST_TEST(!owed.estimated);
    BOOST_TEST(owed.nanodollars == 2'000'000);
    BOOST_TEST(owed.price_from == 1'735'689'600);
    BOOST_TEST(
        charge_of(priced(), usage_of(1000, 100), {}, today + std::chrono::days(1)).nanodollars
        == 4'000'000);
}

BOOST_AUTO_TEST_CASE(where_nobody_counted_the_estimate_is_paid_and_said_to_be_one)
{
    const auto owed = charge_of(priced(), {}, {.input = 100, .output = 10}, today);
    BOOST_TEST(owed.estimated);
    BOOST_TEST(owed.nanodollars == 200'000);
    BOOST_TEST(!owed.odd.any());
}

BOOST_AUTO_TEST_CASE(what_has_no_price_is_due_and_not_priced)
{
    const auto owed = charge_of({}, usage_of(1000, 100), {}, today);
    BOOST_TEST(owed.due);
    BOOST_TEST(!owed.priced);
    BOOST_TEST(owed.nanodollars == 0);
    const auto before =
        charge_of(priced(), usage_of(1000, 100), {}, std::chrono::sys_days(2024y / 12 / 31));
    BOOST_TEST(!before.priced);
}

BOOST_AUTO_TEST_CASE(an_absurd_count_is_replaced_by_what_was_relayed)
{
    auto said = usage_of(100, 0);
    said.absurd = true;
    const auto owed = charge_of(priced(), said, {.input = 5, .output = 10}, today);
    BOOST_TEST(owed.odd.has(policy::discrepancy::absurd));
    BOOST_TEST(owed.estimated);
    BOOST_TEST(owed.nanodollars == 200'000);
}

BOOST_AUTO_TEST_CASE(a_request_is_reserved_for_at_the_dearest_target)
{
    config::model model;
    model.targets = {priced(), {}, priced()};
    model.targets[2].prices.versions[0].price.reasoning = 30'000'000;
    const policy::token_estimate tokens{.input = 1000, .output = 100};
    BOOST_TEST(most_expensive(model, tokens, today) == 4'000'000);
    model.targets.pop_back();
    BOOST_TEST(most_expensive(model, tokens, today) == 2'000'000);
    model.targets.erase(model.targets.begin());
    BOOST_TEST(most_expensive(model, tokens, today) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
