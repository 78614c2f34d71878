#include <sluice/proxy/chains.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(chains_)

using namespace std::chrono_literals;
using namespace sluice;

BOOST_AUTO_TEST_CASE(a_target_whose_price_is_not_known_is_not_the_cheapest)
{
    config::snapshot settings;
    settings.providers.emplace_back();
    auto& model = settings.models.emplace_back();
    for (int i = 0; i < 3; ++i)
        model.targets.emplace_back().state = std::make_shared<policy::target_state>();
    const policy::price dear{.input = 9'000'000, .output = 9'000'000};
    model.targets[0].prices.versions = {{.price = dear}};
    model.targets[1].prices.versions = {
        {.from = std::chrono::sys_days(2999y / 1 / 1), .price = {}}};
    const auto made = proxy::chains_of(settings);
    const auto& candidates = made.stages.at(0).candidates;
    BOOST_TEST(candidates[0].price == 18'000'000);
    BOOST_TEST(candidates[1].price > candidates[0].price);
    BOOST_TEST(candidates[2].price > candidates[0].price);
}

BOOST_AUTO_TEST_SUITE_END()
