#include <sluice/simulate/behaviour.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(simulated_behaviour)

using namespace sluice;
using namespace sluice::simulate;

BOOST_AUTO_TEST_CASE(every_example_of_the_grammar_is_understood)
{
    for (const auto& clause : behaviour_grammar()) {
        const auto how = parse_behaviour("sim-" + std::string(clause.example));
        BOOST_TEST_CONTEXT(clause.example) BOOST_TEST(how.has_value());
    }
}

BOOST_AUTO_TEST_CASE(clauses_add_up)
{
    const auto how = parse_behaviour("sim-latency-250ms+tps-50+cut-10+sim-no-usage");
    BOOST_TEST_REQUIRE(how.has_value());
    BOOST_TEST((how->latency.at(0.3) == milliseconds{250}));
    BOOST_TEST(how->tokens_per_second == 50);
    BOOST_TEST((how->breaks == break_kind::fin));
    BOOST_TEST(how->break_after == 10U);
    BOOST_TEST((how->usage == usage_place::nowhere));
}

BOOST_AUTO_TEST_CASE(the_longer_pattern_is_not_mistaken_for_the_shorter)
{
    BOOST_TEST((parse_behaviour("cut-clean-2")->breaks == break_kind::clean_fin));
    BOOST_TEST((parse_behaviour("reset-head")->head == head_fault::reset));
    BOOST_TEST(parse_behaviour("error-in-200-5")->break_after == 5U);
    BOOST_TEST(parse_behaviour("error-500-5%")->error_rate == 0.05);
    BOOST_TEST(parse_behaviour("big-event-2MiB")->big_event_bytes == 2U << 20U);
    BOOST_TEST(parse_behaviour("429-2s-every-100")->limited_every == 100U);
}

BOOST_AUTO_TEST_CASE(what_is_not_understood_is_named)
{
    for (const std::string text :
         {"latency",
          "latency-250",
          "latency-1s-2ms-3ms",
          "error-200",
          "error-503-500%",
          "tokens-0",
          "cut",
          "cut--1",
          "cut-x",
          "cut-1.5",
          "error-503.7",
          "stall-1-2",
          "big-event-1TiB",
          "okay",
          "ok+",
          "+ok",
          "ok-",
          "sim-",
          "tps-1e3"}) {
        const auto how = parse_behaviour(text);
        BOOST_TEST_CONTEXT(text) BOOST_TEST(how.has_error());
    }
    BOOST_TEST(parse_behaviour("ok+cutt-1").error().find("'cutt-1'") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_latency_table_is_met_at_its_quantiles)
{
    const auto table = parse_behaviour("latency-50ms-200ms-2s")->latency;
    BOOST_TEST((table.at(0) == milliseconds{25}));
    BOOST_TEST((table.at(0.5) == milliseconds{50}));
    BOOST_TEST((table.at(0.9) == milliseconds{200}));
    BOOST_TEST((table.at(0.99) == seconds{2}));
    BOOST_TEST((table.at(0.9999) == seconds{2}));
    BOOST_TEST((table.at(0.7) > milliseconds{100}));
    BOOST_TEST((table.at(0.7) < milliseconds{150}));
}

BOOST_AUTO_TEST_SUITE_END()
