#include <sluice/policy/price.hpp>

#include <boost/test/unit_test.hpp>

#include <limits>

BOOST_AUTO_TEST_SUITE(prices)

using namespace sluice::policy;

namespace {

constexpr std::uint64_t million = 1'000'000;
// 0.21, 0.02 and 0.42 USD per million.
constexpr price plain{.input = 210'000, .cached_input = 20'000, .output = 420'000};

}  // namespace

BOOST_AUTO_TEST_CASE(a_million_tokens_cost_what_the_list_says)
{
    BOOST_TEST(cost(plain, {.input = million}) == 210'000'000);
    BOOST_TEST(cost(plain, {.output = million}) == 420'000'000);
    BOOST_TEST(cost(plain, {.input = million, .cached_input = million}) == 20'000'000);
    BOOST_TEST(cost({.input = 1'000'000}, {.input = million}) == nanodollars_per_dollar);
    BOOST_TEST(cost(plain, {}) == 0);
}

BOOST_AUTO_TEST_CASE(cached_and_reasoning_tokens_are_part_of_input_and_output)
{
    const price listed{
        .input = 2'000'000, .cached_input = 500'000, .output = 8'000'000, .reasoning = 4'000'000};
    BOOST_TEST(
        cost(listed, {.input = 1000, .cached_input = 600, .output = 500, .reasoning = 300})
        == 400 * 2000 + 600 * 500 + 200 * 8000 + 300 * 4000);
    const price simple{.input = 2'000'000, .output = 8'000'000};
    BOOST_TEST(
        cost(simple, {.input = 1000, .cached_input = 600, .output = 500, .reasoning = 300})
        == 1000 * 2000 + 500 * 8000);
}

BOOST_AUTO_TEST_CASE(parts_that_were_counted_beside_their_whole_are_paid_beside_it)
{
    BOOST_TEST(cost(plain, {.input = 100, .cached_input = 101}) == 100 * 210 + 101 * 20);
    BOOST_TEST(cost(plain, {.output = 100, .reasoning = 300}) == 400 * 420);
    BOOST_TEST(
        cost(plain, {.output = 300, .reasoning = 100, .reasoning_apart = true}) == 400 * 420);
}

BOOST_AUTO_TEST_CASE(the_sum_is_rounded_once_half_up)
{
    // Pico-dollars: 499 and 500 of them, and parts that only together reach the half.
    BOOST_TEST(cost({.input = 499}, {.input = 1}) == 0);
    BOOST_TEST(cost({.input = 500}, {.input = 1}) == 1);
    BOOST_TEST(cost({.input = 300, .output = 200}, {.input = 1, .output = 1}) == 1);
    BOOST_TEST(cost({.input = 1499}, {.input = 1}) == 1);
    BOOST_TEST(cost({.input = 1}, {.input = 2'499}) == 2);
}

BOOST_AUTO_TEST_CASE(few_tokens_and_many_are_added_up_alike)
{
    constexpr std::uint64_t edge = std::uint64_t{1} << 30U;
    for (const std::uint64_t each : {edge - 1, edge, edge + 1}) {
        const auto dear = static_cast<std::int64_t>(each);
        const price all{
            .input = dear,
            .cached_input = dear,
            .cache_write = dear,
            .output = dear,
            .reasoning = dear};
        const token_counts most{
            .input = each,
            .cached_input = each + 1,
            .cache_write = each + 1,
            .output = each,
            .reasoning = each + 1};
        __extension__ using wide = unsigned __int128;
        const wide exact = (wide{5 * each + 3} * each + 500) / 1000;
        BOOST_TEST(cost(all, most) == static_cast<std::int64_t>(exact));
        BOOST_TEST(cost({.input = dear}, {.input = 3}) == (dear * 3 + 500) / 1000);
        BOOST_TEST(cost({.input = 3}, {.input = each}) == (dear * 3 + 500) / 1000);
    }
}

BOOST_AUTO_TEST_CASE(the_greatest_counts_and_prices_do_not_overflow)
{
    constexpr auto most_tokens = std::uint64_t{1'000'000'000'000};
    BOOST_TEST(cost({.input = 1'000'000'000}, {.input = most_tokens}) == 1'000'000'000'000'000'000);
    BOOST_TEST(
        cost({.input = 1'000'000'000'000'000}, {.input = most_tokens})
        == std::numeric_limits<std::int64_t>::max());
    constexpr auto all = std::numeric_limits<std::uint64_t>::max();
    constexpr auto dear = std::numeric_limits<std::int64_t>::max();
    BOOST_TEST(
        cost({.input = dear, .output = dear}, {.input = all, .output = all, .reasoning = all})
        == dear);
}

BOOST_AUTO_TEST_CASE(cache_writes_are_part_of_the_input_and_have_their_own_price)
{
    const price listed{
        .input = 3'000'000,
        .cached_input = 300'000,
        .cache_write = 3'750'000,
        .output = 15'000'000};
    const token_counts counts{.input = 1000, .cached_input = 600, .cache_write = 300, .output = 10};
    BOOST_TEST(cost(listed, counts) == 100 * 3000 + 600 * 300 + 300 * 3750 + 10 * 15'000);
    BOOST_TEST(
        cost({.input = 3'000'000, .output = 15'000'000}, counts) == 1000 * 3000 + 10 * 15'000);
    BOOST_TEST(total_of(counts) == 1010U);
}

BOOST_AUTO_TEST_CASE(what_may_be_cached_or_reasoned_is_reserved_as_the_dearest)
{
    const price listed{
        .input = 3'000'000,
        .cached_input = 300'000,
        .cache_write = 3'750'000,
        .output = 15'000'000};
    BOOST_TEST(most_for(listed, 1000, 10) == 1000 * 3750 + 10 * 15'000);
    BOOST_TEST(
        most_for({.input = 2'000'000, .output = 1'000'000, .reasoning = 4'000'000}, 7, 5)
        == 7 * 2000 + 5 * 4000);
    const price plain{.input = 210'000, .cached_input = 21'000, .output = 420'000};
    BOOST_TEST(most_for(plain, 999, 77) == cost(plain, {.input = 999, .output = 77}));
    BOOST_TEST(
        most_for({.input = 1'000'000'000'000'000}, std::uint64_t{1} << 63U, 0)
        == std::numeric_limits<std::int64_t>::max());
}

BOOST_AUTO_TEST_CASE(every_token_counts_once_against_a_limit)
{
    BOOST_TEST(total_of({.input = 100, .cached_input = 40, .output = 50, .reasoning = 20}) == 150U);
    BOOST_TEST(
        total_of({.input = 100, .output = 50, .reasoning = 20, .reasoning_apart = true}) == 170U);
    BOOST_TEST(total_of({.input = 100, .cached_input = 101, .output = 5, .reasoning = 6}) == 212U);
}

BOOST_AUTO_TEST_CASE(a_price_holds_from_its_instant_until_the_next_one)
{
    using namespace std::chrono;
    using namespace std::chrono_literals;
    const sys_seconds may = sys_days(2026y / May / 1);
    const sys_seconds june = sys_days(2026y / June / 1);
    const price_list list{
        .versions = {
            {.from = may, .price = {.input = 1'000'000}},
            {.from = june, .price = {.input = 500'000}}}};
    BOOST_TEST(list.at(may - 1s) == nullptr);
    const auto costs = [&](sys_seconds at) { return cost(list.at(at)->price, {.input = million}); };
    BOOST_TEST(costs(may) == 1'000'000'000);
    BOOST_TEST(costs(june - 1s) == 1'000'000'000);
    BOOST_TEST(costs(june) == 500'000'000);
    BOOST_TEST(costs(june + years(50)) == 500'000'000);
    BOOST_TEST((list.at(june)->from == june));

    // Without a date it has always been.
    const price_list always{.versions = {{.price = {.input = 7}}, {.from = may, .price = {}}}};
    BOOST_TEST(always.at(sys_seconds::min())->price.input == 7);
    BOOST_TEST(always.at(may)->price.input == 0);
    BOOST_TEST(price_list{}.at(may) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
