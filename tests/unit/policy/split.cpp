#include <sluice/base/random.hpp>
#include <sluice/policy/split.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(split_)

using namespace sluice;
using namespace sluice::policy;

namespace {

using weights = std::vector<double>;

std::vector<std::size_t> draws(const split& split, std::size_t count, std::size_t targets)
{
    random_engine random(42);
    std::vector<std::size_t> got(targets);
    for (std::size_t i = 0; i < count; ++i) {
        const double canary = random.uniform();
        ++got[split.pick({.canary = canary, .others = random.uniform()})];
    }
    return got;
}

void check_shares(const weights& given, std::optional<std::size_t> canary)
{
    constexpr std::size_t n = 100'000;
    const split split(given, canary);
    const auto got = draws(split, n, given.size());
    double total = 0;
    for (const double weight : given)
        total += weight;
    for (std::size_t i = 0; i < given.size(); ++i) {
        const double p = given[i] / total;
        BOOST_TEST(split.share(i) == p);
        const double sigma = std::sqrt(static_cast<double>(n) * p * (1 - p));
        BOOST_TEST(std::abs(static_cast<double>(got[i]) - n * p) <= 4 * sigma);
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_hundred_thousand_draws_land_within_four_standard_deviations)
{
    check_shares({87.5, 12.5}, 1);
    check_shares({87.5, 12.5}, std::nullopt);
    check_shares({12.5, 50, 37.5}, 0);
    check_shares({1, 2, 3, 4}, 2);
    check_shares({5}, std::nullopt);
    check_shares({5}, 0);
}

BOOST_AUTO_TEST_CASE(bounds_stand_exactly_where_the_weights_put_them)
{
    const split split(weights{75, 25}, 1);
    const double below = std::nextafter(0.25, 0.0);
    BOOST_TEST(split.pick({.canary = below, .others = 0}) == 1);
    BOOST_TEST(split.pick({.canary = 0.25, .others = 0}) == 0);

    const sluice::policy::split even(weights{1, 2, 1}, std::nullopt);
    BOOST_TEST(even.pick({.canary = 0, .others = std::nextafter(0.25, 0.0)}) == 0);
    BOOST_TEST(even.pick({.canary = 0, .others = 0.25}) == 1);
    BOOST_TEST(even.pick({.canary = 0, .others = 0.75}) == 2);
    BOOST_TEST(even.pick({.canary = 0, .others = std::nextafter(1.0, 0.0)}) == 2);
}

BOOST_AUTO_TEST_CASE(a_target_of_weight_zero_is_never_picked)
{
    for (const auto& some : {weights{0, 1, 0, 3, 0}, weights{0, 0, 1}, weights{1, 0, 0}})
        for (const auto canary :
             {std::optional<std::size_t>{},
              std::optional<std::size_t>{0},
              std::optional<std::size_t>{2}}) {
            const split split(some, canary);
            const auto got = draws(split, 10'000, some.size());
            for (std::size_t i = 0; i < some.size(); ++i)
                BOOST_TEST((got[i] > 0) == (some[i] > 0));
            // The edges of the unit interval too.
            for (const double edge : {0.0, std::nextafter(1.0, 0.0)})
                BOOST_TEST(some[split.pick({.canary = edge, .others = edge})] > 0);
        }
}

BOOST_AUTO_TEST_CASE(moving_the_canary_moves_clients_only_to_it_or_only_away_from_it)
{
    const weights base{50, 30, 20, 0};
    constexpr std::size_t canary = 3;
    std::vector<position> clients;
    for (int i = 0; i < 20'000; ++i)
        clients.push_back(position_of("m", "client-" + std::to_string(i)));

    const double percents[] = {0, 0.1, 1, 5, 12.5, 25, 50, 99, 100};
    split before(with_canary_percent(base, canary, 0), canary);
    for (const double percent : percents) {
        const split after(with_canary_percent(base, canary, percent), canary);
        std::size_t on_canary = 0;
        for (const auto& client : clients) {
            const auto was = before.pick(client);
            const auto is = after.pick(client);
            on_canary += is == canary ? 1U : 0U;
            // Raising: to the canary or not at all. Read from `after` to `before` it is the
            // lowering.
            BOOST_TEST_REQUIRE((is == was || is == canary));
        }
        const double n = static_cast<double>(clients.size());
        const double p = percent / 100;
        BOOST_TEST(
            std::abs(static_cast<double>(on_canary) - n * p) <= 4 * std::sqrt(n * p * (1 - p)));
        before = after;
    }
}

BOOST_AUTO_TEST_CASE(among_the_others_weights_decide_whatever_the_canary_has)
{
    const weights base{60, 40, 7};
    const split at_5(with_canary_percent(base, 2, 5), 2);
    const split at_60(with_canary_percent(base, 2, 60), 2);
    const auto few = draws(at_60, 100'000, 3);
    BOOST_TEST(
        std::abs(static_cast<double>(few[0]) / static_cast<double>(few[0] + few[1]) - 0.6) < 0.02);
    BOOST_TEST(std::abs(at_5.share(0) - 0.57) < 1e-12);
    BOOST_TEST(std::abs(at_60.share(1) - 0.16) < 1e-12);
}

BOOST_AUTO_TEST_CASE(percent_gives_the_rest_to_the_others_as_their_weights_were)
{
    BOOST_TEST(with_canary_percent(weights{95, 5}, 1, 12.5) == (weights{87.5, 12.5}));
    BOOST_TEST(with_canary_percent(weights{3, 1, 9}, 2, 20) == (weights{60, 20, 20}));
    BOOST_TEST(with_canary_percent(weights{3, 1}, 0, 100) == (weights{100, 0}));
    BOOST_TEST(with_canary_percent(weights{0, 0, 1}, 2, 50) == (weights{25, 25, 50}));
    BOOST_TEST(with_canary_percent(weights{7}, 0, 30) == (weights{100}));
}

BOOST_AUTO_TEST_CASE(an_identity_stands_in_the_same_place_in_every_process)
{
    // FNV-1a of "gpt-4o", NUL, "alice", then two steps of SplitMix64.
    const auto alice = position_of("gpt-4o", "alice");
    BOOST_TEST(alice.canary == 0x1.de3fffb0154c0p-6);
    BOOST_TEST(alice.others == 0x1.698fa21b0650ep-1);
    BOOST_TEST(position_of("gpt-4o", "bob").canary != alice.canary);
    BOOST_TEST(position_of("gpt-4", "oalice").canary != alice.canary);
    BOOST_TEST(position_of("o3", "alice").canary != alice.canary);
}

BOOST_AUTO_TEST_CASE(identities_spread_evenly_and_the_two_numbers_are_independent)
{
    constexpr int n = 40'000;
    int cells[4][4] = {};
    for (int i = 0; i < n; ++i) {
        const auto at = position_of("m", "user-" + std::to_string(i));
        BOOST_TEST_REQUIRE((at.canary >= 0 && at.canary < 1 && at.others >= 0 && at.others < 1));
        ++cells[static_cast<int>(at.canary * 4)][static_cast<int>(at.others * 4)];
    }
    const double sigma = std::sqrt(n * (1.0 / 16) * (15.0 / 16));
    for (const auto& row : cells)
        for (const int count : row)
            BOOST_TEST(std::abs(count - n / 16.0) < 4.5 * sigma);
}

BOOST_AUTO_TEST_SUITE_END()
