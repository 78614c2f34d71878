#include <sluice/base/random.hpp>
#include <sluice/policy/estimate.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(estimates)

using namespace sluice;
using namespace sluice::policy;

BOOST_AUTO_TEST_CASE(four_bytes_a_token_until_more_is_known)
{
    const estimator of;
    BOOST_TEST(of.estimate(4000, std::nullopt).input == 1000U);
    BOOST_TEST(of.estimate(4001, std::nullopt).input == 1001U);
    BOOST_TEST(of.estimate(0, std::nullopt).input == 1U);
    BOOST_TEST(of.estimate(4000, std::nullopt).output == 1024U);
}

BOOST_AUTO_TEST_CASE(a_conversation_is_certainly_as_long_as_the_longest_tokens_would_make_it)
{
    BOOST_TEST(!certainly_longer("", 1));
    BOOST_TEST(!certainly_longer(std::string(1407, 'x'), 10));
    BOOST_TEST(certainly_longer(std::string(1408, 'x'), 10));
    BOOST_TEST(!certainly_longer("data:image/png;base64," + std::string(9999, 'A'), 10));
    BOOST_TEST(!certainly_longer(R"({"input_audio":{"data":")" + std::string(9999, 'A'), 10));
}

BOOST_AUTO_TEST_CASE(the_output_is_what_the_request_allows)
{
    const estimator of;
    BOOST_TEST(of.estimate(4000, 77).output == 77U);
    BOOST_TEST(of.estimate(4000, 0).output == 0U);
    BOOST_TEST(of.estimate(4000, 1'000'000).output == 1'000'000U);
}

BOOST_AUTO_TEST_CASE(several_answers_use_several_times_the_output)
{
    BOOST_TEST(for_answers({.input = 7, .output = 9}, 1).output == 9U);
    BOOST_TEST(for_answers({.input = 7, .output = 9}, 4).output == 36U);
    BOOST_TEST(for_answers({.input = 7, .output = 9}, 4).input == 7U);
    BOOST_TEST(for_answers({.input = 7, .output = 0}, most_output_tokens).output == 0U);
    BOOST_TEST(
        for_answers({.input = 7, .output = 2}, most_output_tokens).output == most_output_tokens);
}

BOOST_AUTO_TEST_CASE(bytes_a_token_are_learned_so_that_the_sum_of_estimates_is_right)
{
    estimator of;
    random_engine draw(5);
    double estimated = 0;
    double used = 0;
    for (int i = 0; i < 5000; ++i) {
        // Sizes over three decades, 2.2 to 3.4 bytes a token.
        const auto bytes = static_cast<std::uint64_t>(std::pow(10, 2 + 3 * draw.uniform()));
        const double each = 2.2 + 1.2 * draw.uniform();
        const auto tokens = static_cast<std::uint64_t>(static_cast<double>(bytes) / each);
        if (i >= 200) {
            estimated += static_cast<double>(of.estimate(bytes, 1).input);
            used += static_cast<double>(tokens);
        }
        of.learn(bytes, tokens, 1, false);
    }
    BOOST_TEST(std::abs(estimated / used - 1) < 0.02, estimated / used);
}

BOOST_AUTO_TEST_CASE(what_is_learned_stays_within_its_bounds)
{
    estimator of;
    for (int i = 0; i < 1000; ++i)
        of.learn(1'000'000, 1, 0, true);
    BOOST_TEST(of.bytes_per_token() <= 16);
    BOOST_TEST(of.bytes_per_token() > 15.9);
    BOOST_TEST(of.usual_output() == 1);
    for (int i = 0; i < 1000; ++i)
        of.learn(1000, std::numeric_limits<std::uint64_t>::max(), ~std::uint64_t{0}, true);
    BOOST_TEST(of.bytes_per_token() >= 1);
    BOOST_TEST(of.bytes_per_token() < 1.1);
    BOOST_TEST(of.usual_output() == 1e6F);
    of.learn(0, 0, 0, false);
    BOOST_TEST(of.estimate(~std::uint64_t{0}, 1).input > 0U);
}

BOOST_AUTO_TEST_CASE(nine_of_ten_answers_stay_within_the_usual_output)
{
    for (const double middle : {40.0, 600.0, 9000.0}) {
        estimator of;
        random_engine draw(9);
        int within = 0;
        constexpr int answers = 20'000;
        for (int i = 0; i < answers + 2000; ++i) {
            // Spread over a decade around the middle.
            const auto tokens =
                static_cast<std::uint64_t>(middle * std::pow(10, draw.uniform() - 0.5));
            if (i >= 2000)
                within += tokens <= of.estimate(100, std::nullopt).output ? 1 : 0;
            of.learn(100, 25, tokens, true);
        }
        const double part = double(within) / answers;
        BOOST_TEST((part > 0.88 && part < 0.92), middle << ": " << part);
    }
}

BOOST_AUTO_TEST_CASE(an_answer_that_was_cut_teaches_nothing_of_the_output)
{
    estimator of;
    for (int i = 0; i < 100; ++i)
        of.learn(100, 25, 5, false);
    BOOST_TEST(of.usual_output() == 1024);
}

BOOST_AUTO_TEST_CASE(threads_that_learn_the_same_come_to_it)
{
    estimator of;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&of] {
            for (int k = 0; k < 5000; ++k)
                of.learn(3000, 1000, 200, true);
        });
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(std::abs(of.bytes_per_token() - 3) < 0.01);
    BOOST_TEST(of.usual_output() >= 195);
    BOOST_TEST(of.usual_output() <= 240);
}

BOOST_AUTO_TEST_SUITE_END()
