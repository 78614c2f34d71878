#include <sluice/policy/credential.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(credentials)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::policy;

using trouble = credential_trouble;

namespace {

constexpr time_point noon{12h};

std::vector<std::shared_ptr<credential_state>> some(std::size_t count)
{
    std::vector<std::shared_ptr<credential_state>> made;
    for (std::size_t i = 0; i < count; ++i)
        made.push_back(std::make_shared<credential_state>());
    return made;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_key_rests_until_its_clock_says_so)
{
    credential_state key;
    BOOST_TEST(key.usable(time_point::min()));
    key.rest(trouble::rate_limited, noon + 20s);
    BOOST_TEST(!key.usable(noon + 19999ms));
    BOOST_TEST((key.trouble(noon) == trouble::rate_limited));
    BOOST_TEST((noon + 20s - key.until() < 8ns));
    BOOST_TEST(key.usable(noon + 20s));
    BOOST_TEST((key.trouble(noon + 20s) == trouble::none));
}

BOOST_AUTO_TEST_CASE(the_rest_that_ends_later_counts)
{
    credential_state key;
    key.rest(trouble::refused, noon + 60s);
    key.rest(trouble::rate_limited, noon + 5s);
    BOOST_TEST((key.trouble(noon + 6s) == trouble::refused));
    key.rest(trouble::quota, noon + 90s);
    BOOST_TEST((key.trouble(noon + 61s) == trouble::quota));
    key.rest(trouble::none, noon + 24h);
    BOOST_TEST(key.usable(noon + 90s));
}

BOOST_AUTO_TEST_CASE(what_the_provider_asks_for_is_capped_and_only_for_the_rate)
{
    const credential_settings settings;
    BOOST_TEST((rest_of(settings, trouble::rate_limited, 7s) == 7s));
    BOOST_TEST((rest_of(settings, trouble::rate_limited, 365 * 24h) == 30s));
    BOOST_TEST((rest_of(settings, trouble::rate_limited, -1s) == 0s));
    BOOST_TEST((rest_of(settings, trouble::rate_limited, std::nullopt) == 1s));
    BOOST_TEST((rest_of(settings, trouble::refused, 7s) == 30s));
    BOOST_TEST((rest_of(settings, trouble::quota, 7s) == 60s));
    BOOST_TEST((rest_of(settings, trouble::none, 7s) == 0s));
}

BOOST_AUTO_TEST_CASE(usable_keys_are_taken_in_turn)
{
    const auto keys = some(3);
    for (std::size_t start = 0; start < 9; ++start)
        BOOST_TEST(pick_credential(keys, start, noon).value() == start % 3);
    keys[1]->rest(trouble::rate_limited, noon + 5s);
    BOOST_TEST(pick_credential(keys, 1, noon).value() == 2);
    BOOST_TEST(pick_credential(keys, 1, noon + 5s).value() == 1);
    BOOST_TEST(!pick_credential({}, 7, noon).has_value());
}

BOOST_AUTO_TEST_CASE(when_all_rest_it_says_why_and_for_how_long)
{
    const auto keys = some(3);
    keys[0]->rest(trouble::refused, noon + 4s);
    keys[1]->rest(trouble::quota, noon + 60s);
    keys[2]->rest(trouble::refused, noon + 30s);
    BOOST_TEST(!pick_credential(keys, 0, noon).has_value());
    BOOST_TEST(!why_exhausted(keys, noon).rate_limited);
    BOOST_TEST((why_exhausted(keys, noon).wait > 4s - 8ns));
    BOOST_TEST((why_exhausted(keys, noon).wait <= 4s));

    keys[2]->rest(trouble::rate_limited, noon + 40s);
    BOOST_TEST(why_exhausted(keys, noon).rate_limited);
    BOOST_TEST((why_exhausted(keys, noon).wait > 39s));
}

BOOST_AUTO_TEST_CASE(a_dead_key_is_tried_by_one_at_a_time_until_it_works)
{
    credential_state key;
    key.rest(trouble::refused, noon + 30s);
    BOOST_TEST(!key.take(noon + 29s));
    BOOST_TEST(key.take(noon + 30s));
    for (int i = 0; i < 100; ++i)
        BOOST_TEST(!key.take(noon + 31s));
    BOOST_TEST((key.trouble(noon + 31s) == trouble::refused));
    // Still dead.
    key.rest(trouble::refused, noon + 61s);
    key.succeeded(noon + 32s);  // of a request from before it was refused
    BOOST_TEST(!key.take(noon + 40s));
    // Nobody said anything about the second trial: there is another 5 s later.
    BOOST_TEST(key.take(noon + 61s));
    BOOST_TEST(!key.take(noon + 65s));
    BOOST_TEST(key.take(noon + 66s));
    key.succeeded(noon + 67s);
    for (int i = 0; i < 100; ++i)
        BOOST_TEST(key.take(noon + 67s));
}

BOOST_AUTO_TEST_CASE(success_does_not_shorten_the_clock_of_a_rate_limit)
{
    credential_state key;
    key.rest(trouble::rate_limited, noon + 3s);
    key.succeeded(noon);
    BOOST_TEST(!key.usable(noon + 2s));
    BOOST_TEST(key.take(noon + 3s));
    BOOST_TEST(key.take(noon + 3s));
}

BOOST_AUTO_TEST_CASE(of_four_threads_one_gets_the_trial_and_the_latest_clock_wins)
{
    for (int round = 0; round < 200; ++round) {
        credential_state key;
        key.rest(trouble::refused, noon);
        std::atomic<int> trials{0};
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                trials += key.take(noon + 1s) ? 1 : 0;
                for (int i = 0; i < 50; ++i)
                    key.rest(trouble::rate_limited, noon + seconds(10 + 4 * i + t));
            });
        for (auto& thread : threads)
            thread.join();
        BOOST_TEST_REQUIRE(trials.load() <= 1);
        BOOST_TEST_REQUIRE((noon + 209s - key.until() < 8ns));
    }
}

BOOST_AUTO_TEST_SUITE_END()
