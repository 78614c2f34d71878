#include <sluice/base/random.hpp>
#include <sluice/policy/reconcile.hpp>

#include <boost/test/unit_test.hpp>

BOOST_TEST_DONT_PRINT_LOG_VALUE(sluice::policy::token_counts)

BOOST_AUTO_TEST_SUITE(reconciliation)

using namespace sluice;
using namespace sluice::policy;

namespace {

constexpr token_estimate ours{.input = 70, .output = 40};
constexpr price listed{
    .input = 2'000'000, .cached_input = 500'000, .output = 8'000'000, .reasoning = 9'000'000};

bool only(const discrepancies& found, discrepancy what)
{
    for (std::size_t i = 0; i < discrepancy_count; ++i)
        if (found.has(static_cast<discrepancy>(i)) != (static_cast<discrepancy>(i) == what))
            return false;
    return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_adds_up_is_billed_as_it_is)
{
    const token_counts counts{
        .input = 100, .cached_input = 60, .cache_write = 40, .output = 50, .reasoning = 50};
    for (const std::uint64_t total : {0U, 150U}) {
        const auto got = reconcile({.counts = counts, .total = total}, ours);
        BOOST_TEST((got.counts == counts));
        BOOST_TEST(!got.found.any());
        BOOST_TEST(total_of(got.counts) == 150U);
    }
}

BOOST_AUTO_TEST_CASE(a_total_tells_reasoning_that_is_apart)
{
    const auto got = reconcile(
        {.counts = {.input = 331, .cached_input = 283, .output = 11, .reasoning = 332},
         .total = 674},
        ours);
    BOOST_TEST(got.counts.reasoning_apart);
    BOOST_TEST(!got.found.any());
    BOOST_TEST(total_of(got.counts) == 674U);
    // The same where the reasoning is the smaller part, which nothing else would show.
    const auto less =
        reconcile({.counts = {.input = 10, .output = 50, .reasoning = 20}, .total = 80}, ours);
    BOOST_TEST(less.counts.reasoning_apart);
    BOOST_TEST(cost(listed, less.counts) == 10 * 2000 + 50 * 8000 + 20 * 9000);
    // A caller that knows it says so, total or not.
    const auto told = reconcile(
        {.counts = {.input = 10, .output = 50, .reasoning = 20, .reasoning_apart = true},
         .total = 80},
        ours);
    BOOST_TEST(!told.found.any());
    BOOST_TEST((told.counts == less.counts));
}

BOOST_AUTO_TEST_CASE(a_total_tells_audio_that_is_apart)
{
    const token_counts counts{.input = 11, .cached_input = 9, .output = 15};
    const auto apart = reconcile({.counts = counts, .total = 401, .input_audio = 375}, ours);
    BOOST_TEST(apart.counts.input == 386U);
    BOOST_TEST(apart.counts.output == 15U);
    BOOST_TEST(!apart.found.any());
    // OpenAI counts it into the prompt.
    const auto within =
        reconcile({.counts = {.input = 386, .output = 15}, .total = 401, .input_audio = 375}, ours);
    BOOST_TEST((within.counts == token_counts{.input = 386, .output = 15}));
    BOOST_TEST(!within.found.any());
}

BOOST_AUTO_TEST_CASE(a_total_that_is_greater_was_generated)
{
    const auto got = reconcile({.counts = {.input = 66, .output = 6}, .total = 100}, ours);
    BOOST_TEST(got.counts.output == 34U);
    BOOST_TEST(only(got.found, discrepancy::total_differs));
    // Where it is the only count, it was the input.
    const auto embedded = reconcile({.counts = {}, .total = 8}, ours);
    BOOST_TEST(embedded.counts.input == 8U);
    BOOST_TEST(embedded.counts.output == 0U);
    BOOST_TEST(!embedded.found.any());
}

BOOST_AUTO_TEST_CASE(a_total_that_is_smaller_lowers_nothing)
{
    const auto got = reconcile({.counts = {.input = 66, .output = 6}, .total = 1}, ours);
    BOOST_TEST((got.counts == token_counts{.input = 66, .output = 6}));
    BOOST_TEST(only(got.found, discrepancy::total_differs));
}

BOOST_AUTO_TEST_CASE(parts_that_exceed_their_whole_are_paid_beside_it)
{
    const auto cached = reconcile(
        {.counts = {.input = 235, .cached_input = 373, .output = 90}, .total = 325}, ours);
    BOOST_TEST(only(cached.found, discrepancy::cached_above_input));
    BOOST_TEST(cost(listed, cached.counts) == 235 * 2000 + 373 * 500 + 90 * 8000);
    const auto both = reconcile(
        {.counts = {.input = 100, .cached_input = 60, .cache_write = 50}, .total = 100}, ours);
    BOOST_TEST(only(both.found, discrepancy::cached_above_input));
    BOOST_TEST(cost(listed, both.counts) == 40 * 2000 + 60 * 500 + 50 * 2000);
    // As a gateway bills it that says 18 + 137 tokens and a total without the 137.
    const auto reasoned =
        reconcile({.counts = {.input = 61, .output = 18, .reasoning = 137}, .total = 79}, ours);
    BOOST_TEST(only(reasoned.found, discrepancy::reasoning_above_output));
    BOOST_TEST(cost({.input = 2'000'000, .output = 12'000'000}, reasoned.counts) == 1'982'000);
}

BOOST_AUTO_TEST_CASE(a_count_that_is_none_is_replaced_by_our_own)
{
    // -1 and 1e308 reach here as 0 and `absurd`.
    const auto output = reconcile({.counts = {.input = 66}, .total = 65, .absurd = true}, ours);
    BOOST_TEST((output.counts == token_counts{.input = 66, .output = 40}));
    BOOST_TEST(only(output.found, discrepancy::absurd));
    const auto input = reconcile({.counts = {.output = 5}, .absurd = true}, ours);
    BOOST_TEST((input.counts == token_counts{.input = 70, .output = 5}));
    const auto all = reconcile({.counts = {}, .absurd = true}, ours);
    BOOST_TEST((all.counts == token_counts{.input = 70, .output = 40}));
}

BOOST_AUTO_TEST_CASE(counts_that_are_all_nothing_are_replaced_too)
{
    const auto got = reconcile({}, ours);
    BOOST_TEST((got.counts == token_counts{.input = 70, .output = 40}));
    BOOST_TEST(only(got.found, discrepancy::absurd));
    BOOST_TEST(got.estimated);
    for (const reported_usage& said :
         {reported_usage{.counts = {.input = 1}},
          reported_usage{.counts = {.output = 1}},
          reported_usage{.counts = {}, .total = 1}})
        BOOST_TEST(!reconcile(said, ours).estimated);
}

BOOST_AUTO_TEST_CASE(what_is_told_early_is_raised_to_what_was_relayed)
{
    const auto raised = reconcile({.counts = {.input = 12}, .total = 12, .early = true}, ours);
    BOOST_TEST((raised.counts == token_counts{.input = 12, .output = 40}));
    BOOST_TEST(raised.estimated);
    BOOST_TEST(!raised.found.any());
    const auto more = reconcile({.counts = {.input = 12, .output = 41}, .early = true}, ours);
    BOOST_TEST((more.counts == token_counts{.input = 12, .output = 41}));
    BOOST_TEST(!more.estimated);
    const auto last = reconcile({.counts = {.input = 12, .output = 3}}, ours);
    BOOST_TEST((last.counts == token_counts{.input = 12, .output = 3}));
    BOOST_TEST(!last.estimated);
    // Reasoning that is apart was relayed too.
    const auto apart = reconcile(
        {.counts = {.input = 10, .output = 5, .reasoning = 30}, .total = 45, .early = true}, ours);
    BOOST_TEST(apart.counts.reasoning_apart);
    BOOST_TEST(total_of(apart.counts) == 50U);
    BOOST_TEST(apart.counts.output == 10U);
}

BOOST_AUTO_TEST_CASE(a_count_beyond_belief_is_replaced_too)
{
    constexpr auto huge = std::uint64_t{1'000'000'000'000};
    const auto input = reconcile({.counts = {.input = huge, .output = 6}, .total = huge + 6}, ours);
    BOOST_TEST((input.counts == token_counts{.input = 70, .output = 6}));
    BOOST_TEST(only(input.found, discrepancy::absurd));
    // A part that is not believed makes nothing cheaper.
    const auto cached =
        reconcile({.counts = {.input = 66, .cached_input = huge, .output = 6}}, ours);
    BOOST_TEST((cached.counts == token_counts{.input = 66, .output = 6}));
    const auto total = reconcile({.counts = {.input = 66, .output = 6}, .total = huge}, ours);
    BOOST_TEST((total.counts == token_counts{.input = 66, .output = 6}));
    BOOST_TEST(only(total.found, discrepancy::absurd));
}

BOOST_AUTO_TEST_CASE(no_contradiction_lowers_the_cost)
{
    random_engine draw(3);
    const auto some = [&] {
        constexpr std::uint64_t kinds[] = {0, 1, 50, 1000, 123'456, 999'999'999, 1'000'000'001};
        return kinds[draw() % std::size(kinds)];
    };
    for (int i = 0; i < 20'000; ++i) {
        const token_counts counts{
            .input = some(),
            .cached_input = some(),
            .cache_write = some(),
            .output = some(),
            .reasoning = some()};
        const auto got = reconcile({.counts = counts, .total = some()}, ours);
        token_counts believed = counts;
        for (auto* const count :
             {&believed.input,
              &believed.cached_input,
              &believed.cache_write,
              &believed.output,
              &believed.reasoning})
            if (*count > most_believed)
                *count = 0;
        BOOST_TEST_REQUIRE(got.counts.input >= believed.input);
        BOOST_TEST_REQUIRE(got.counts.output >= believed.output);
        const price flat{.input = 1'000'000, .output = 1'000'000};
        BOOST_TEST_REQUIRE(
            cost(flat, got.counts)
            >= static_cast<std::int64_t>(believed.input + believed.output) * 1000);
    }
}

BOOST_AUTO_TEST_CASE(every_discrepancy_has_a_name)
{
    BOOST_TEST(label_of(discrepancy::cached_above_input) == "cached_above_input");
    BOOST_TEST(label_of(discrepancy::reasoning_above_output) == "reasoning_above_output");
    BOOST_TEST(label_of(discrepancy::total_differs) == "total_differs");
    BOOST_TEST(label_of(discrepancy::absurd) == "absurd");
}

BOOST_AUTO_TEST_SUITE_END()
