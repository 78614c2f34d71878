#include "printing.hpp"
#include <sluice/wire/usage.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(usage_objects)

using namespace sluice::wire;

BOOST_AUTO_TEST_CASE(the_chat_shape_is_read)
{
    const usage want{
        .input = 20,
        .cached_input = 3,
        .input_audio = 9,
        .output = 30,
        .reasoning = 4,
        .total = 50,
        .known = true};
    BOOST_TEST(
        (read_usage(R"({"prompt_tokens":20,"completion_tokens":30,"total_tokens":50,
          "prompt_tokens_details":{"audio_tokens":9,"cached_tokens":3},
          "completion_tokens_details":{"accepted_prediction_tokens":8,"reasoning_tokens":4}})")
         == want));
}

BOOST_AUTO_TEST_CASE(the_responses_shape_is_read)
{
    const usage want{
        .input = 20, .cached_input = 3, .output = 30, .reasoning = 4, .total = 50, .known = true};
    BOOST_TEST(
        (read_usage(
             R"({"input_tokens":20,"input_tokens_details":{"cached_tokens":3},"output_tokens":30,
          "output_tokens_details":{"reasoning_tokens":4},"total_tokens":50})")
         == want));
}

BOOST_AUTO_TEST_CASE(deepseeks_cache_count_is_read)
{
    BOOST_TEST(
        read_usage(
            R"({"prompt_tokens":10,"completion_tokens":1,"prompt_cache_hit_tokens":6,"prompt_cache_miss_tokens":4})")
            .cached_input
        == 6U);
}

BOOST_AUTO_TEST_CASE(other_names_for_cached_tokens_are_read)
{
    for (const auto name : {"cached_tokens", "num_cached_tokens", "prompt_cache_hit_tokens"})
        BOOST_TEST(
            read_usage("{\"prompt_tokens\":10,\"" + std::string(name) + "\":6}").cached_input == 6U,
            name);
}

BOOST_AUTO_TEST_CASE(cache_writes_are_read)
{
    BOOST_TEST(
        read_usage(
            R"({"input_tokens":9,"input_tokens_details":{"cache_write_tokens":7,"cached_tokens":1}})")
            .cache_write
        == 7U);
    BOOST_TEST(
        read_usage(R"({"prompt_tokens":9,"cache_creation_input_tokens":8})").cache_write == 8U);
}

BOOST_AUTO_TEST_CASE(the_prompts_audio_is_read)
{
    const auto found = read_usage(
        R"({"prompt_tokens":11,"prompt_tokens_details":{"audio_tokens":375,"cached_tokens":9},
        "completion_tokens_details":{"audio_tokens":3}})");
    BOOST_TEST(found.input_audio == 375U);
    BOOST_TEST(found.cached_input == 9U);
}

BOOST_AUTO_TEST_CASE(a_total_alone_tells_what_was_used)
{
    BOOST_TEST((read_usage(R"({"total_tokens":5})") == usage{.total = 5, .known = true}));
}

BOOST_AUTO_TEST_CASE(counts_that_cannot_be_are_ignored)
{
    for (const auto value :
         {"-1",
          "1.5",
          "1e3",
          "1000000000001",
          "99999999999999999999999",
          "1e308",
          "\"7\"",
          "[7]",
          "{\"a\":7}",
          "true"}) {
        const auto found =
            read_usage(R"({"prompt_tokens":)" + std::string(value) + R"(,"completion_tokens":2})");
        BOOST_TEST(found.known, value);
        BOOST_TEST(found.input == 0U, value);
        BOOST_TEST(found.output == 2U, value);
        BOOST_TEST(found.absurd, value);
    }
    BOOST_TEST(!read_usage(R"({"prompt_tokens":null,"completion_tokens":2})").absurd);
    BOOST_TEST(read_usage(R"({"prompt_tokens":1000000000000})").input == max_token_count);
}

BOOST_AUTO_TEST_CASE(names_count_only_where_they_belong)
{
    const auto found = read_usage(
        R"({"x":{"prompt_tokens":99},"completion_tokens_details":{"cached_tokens":99},"cache_write_tokens":99,
        "prompt_tokens_details":{"y":{"cached_tokens":99},"reasoning_tokens":99},"completion_tokens":1})");
    BOOST_TEST((found == usage{.output = 1, .known = true}));
}

BOOST_AUTO_TEST_CASE(what_names_no_count_is_unknown)
{
    for (const auto text :
         {"",
          "{}",
          "null",
          "[]",
          R"({"cached_tokens":5})",
          R"({"prompt_tokens":5)",
          "\"prompt_tokens\":5"})
        BOOST_TEST(!read_usage(text).known, text);
}

BOOST_AUTO_TEST_SUITE_END()
