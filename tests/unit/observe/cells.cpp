#include <sluice/observe/cells.hpp>

#include <boost/test/unit_test.hpp>

#include <set>
#include <thread>

BOOST_AUTO_TEST_SUITE(counting)

namespace {

using namespace sluice;
using namespace sluice::observe;

BOOST_AUTO_TEST_SUITE(catalogue_)

BOOST_AUTO_TEST_CASE(ids_are_dense_and_stay_the_same)
{
    catalogue names;
    BOOST_TEST(names.arm("gpt-4o", "stable") == 1U);
    BOOST_TEST(names.arm("gpt-4o", "canary") == 2U);
    BOOST_TEST(names.key("team") == 1U);
    BOOST_TEST(names.provider("deepseek") == 1U);
    BOOST_TEST(names.arm("gpt-4o", "stable") == 1U);
    BOOST_TEST(names.arm("gpt-4o", "") == 3U);
    BOOST_TEST(names.size().arms == 4U);
    const auto read = names.read();
    BOOST_TEST(read.arms[0].model == "other");
    BOOST_TEST(read.arms[2].target == "canary");
    BOOST_TEST(read.arms[3].target == "none");
    BOOST_TEST(read.keys[1] == "team");
}

BOOST_AUTO_TEST_CASE(a_configured_name_other_shares_the_reserved_id)
{
    catalogue names;
    BOOST_TEST(names.arm("other", "other") == other_id);
    BOOST_TEST(names.key("other") == other_id);
    BOOST_TEST(names.provider("other") == other_id);
}

BOOST_AUTO_TEST_CASE(two_names_that_look_the_same_as_labels_are_one_id)
{
    catalogue names;
    const std::string shared(max_label_bytes, 'x');
    BOOST_TEST(names.key(shared + "1") == names.key(shared + "2"));
    BOOST_TEST(
        names.arm("a\nb", "c")
        == names.arm(
            "a\x01"
            "b",
            "c"));
    BOOST_TEST(names.arm("a", "b\nc") != names.arm("a\nb", "c"));
}

// As long as the configuration lets a model's be.
BOOST_AUTO_TEST_CASE(two_long_names_of_models_are_not_one)
{
    catalogue names;
    const std::string shared(255, 'm');
    BOOST_TEST(names.arm(shared + "1", "t") != names.arm(shared + "2", "t"));
}

BOOST_AUTO_TEST_CASE(the_way_to_a_fallback_has_an_id_and_cells_of_its_own)
{
    catalogue names;
    BOOST_TEST(names.fallback("other", "other") == other_id);
    const auto there = names.fallback("a", "b");
    const auto back = names.fallback("b", "a");
    BOOST_TEST(there != back);
    BOOST_TEST(names.fallback("a", "b") == there);
    BOOST_TEST(names.size().fallbacks == 3U);
    BOOST_TEST(names.read().fallbacks[back].to == "a");
    worker_cells cells;
    cells.ensure(names.size());
    cells.fallback(there).taken[fallback_cause::any].add();
    BOOST_TEST(cells.find_fallback(there)->taken[fallback_cause::any].read() == 1U);
    BOOST_TEST(cells.find_fallback(back)->taken[fallback_cause::any].read() == 0U);
}

BOOST_AUTO_TEST_CASE(a_label_is_valid_utf8_and_bounded)
{
    BOOST_TEST(label_value("modèle-δ") == "modèle-δ");
    BOOST_TEST(label_value("a\xff\xc0\xaf") == "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    BOOST_TEST(label_value("\xed\xa0\x80").size() == 9U);  // a surrogate is three bad bytes
    BOOST_TEST(label_value("a\"\\b") == "a\"\\b");
    const std::string nearly(max_label_bytes - 1, 'x');
    BOOST_TEST(label_value(nearly + "é") == nearly);
}

BOOST_AUTO_TEST_CASE(names_beyond_the_bound_are_counted_as_other)
{
    catalogue names;
    for (std::size_t i = 1; i < max_ids; ++i)
        BOOST_REQUIRE(names.key(std::to_string(i)) == i);
    BOOST_TEST(names.key("one more") == other_id);
    BOOST_TEST(names.key("17") == 17U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(worker_cells_)

BOOST_AUTO_TEST_CASE(a_bound_is_inclusive_and_the_last_bucket_takes_the_rest)
{
    constexpr std::array<std::int64_t, 5> some{1, 2, 5, 10, 20};
    const std::array<std::pair<std::int64_t, std::size_t>, 9> expected{
        {{0, 0}, {1, 0}, {2, 1}, {3, 2}, {5, 2}, {6, 3}, {20, 4}, {21, 5}, {1'000'000, 5}}};
    for (const auto& [value, bucket] : expected)
        BOOST_TEST(bucket_of(some, value) == bucket);
}

// Against the definition, for every length in use.
template <std::size_t N>
void check_buckets(const std::array<std::int64_t, N>& bounds)
{
    for (const std::int64_t bound : bounds)
        for (const std::int64_t value : {bound - 1, bound, bound + 1}) {
            const auto first = std::lower_bound(bounds.begin(), bounds.end(), value);
            BOOST_TEST(bucket_of(bounds, value) == std::size_t(first - bounds.begin()));
        }
}

BOOST_AUTO_TEST_CASE(every_familys_bounds_are_searched_rightly)
{
    check_buckets(bounds::duration);
    check_buckets(bounds::first_token);
    check_buckets(bounds::per_token);
    check_buckets(bounds::queue);
    check_buckets(bounds::overhead);
    check_buckets(bounds::lag);
}

BOOST_AUTO_TEST_CASE(a_negative_time_counts_as_zero)
{
    histogram<bounds::queue> waits;
    waits.observe(nanoseconds{-5});
    waits.observe(milliseconds{7});
    histogram_totals totals;
    waits.read(totals);
    BOOST_TEST(totals.count() == 2U);
    BOOST_TEST(totals.buckets[0] == 1U);
    BOOST_TEST(totals.sum_ns == 7'000'000U);
}

BOOST_AUTO_TEST_CASE(every_status_has_a_bucket_and_there_are_few)
{
    std::set<std::string_view> labels;
    for (unsigned status = 0; status < 100'000; ++status) {
        const std::size_t bucket = status_bucket(status);
        BOOST_REQUIRE(bucket < status_buckets);
        labels.insert(status_label(bucket));
        BOOST_REQUIRE(is_server_error(bucket) == (status >= 500 && status < 600));
    }
    BOOST_TEST(labels.size() == status_buckets);
    BOOST_TEST(status_label(status_bucket(429)) == "429");
    BOOST_TEST(status_label(status_bucket(529)) == "529");
    BOOST_TEST(status_label(status_bucket(302)) == "3xx");
    BOOST_TEST(status_label(status_bucket(520)) == "5xx");
    BOOST_TEST(status_label(status_bucket(999)) == "other");
}

BOOST_AUTO_TEST_CASE(an_id_that_is_not_usable_yet_counts_as_other)
{
    worker_cells cells;
    BOOST_TEST(cells.find_arm(500) == nullptr);
    BOOST_TEST(cells.find_arm(max_ids * 4) == nullptr);
    cells.arm(500).usage_unknown.add();
    BOOST_TEST(cells.find_arm(other_id)->usage_unknown.read() == 1U);
}

BOOST_AUTO_TEST_CASE(cells_do_not_move_when_more_are_made)
{
    worker_cells cells;
    cells.ensure(2, 1, 1);
    arm_cells* first = &cells.arm(1);
    first->usage_unknown.add(3);
    cells.ensure(max_ids, 100, 1);
    BOOST_TEST(&cells.arm(1) == first);
    std::set<const arm_cells*> all;
    for (std::size_t id = 0; id < max_ids; ++id) {
        BOOST_REQUIRE(cells.find_arm(id) == &cells.arm(id));
        all.insert(cells.find_arm(id));
    }
    BOOST_TEST(all.size() == max_ids);
    BOOST_TEST(sizeof(arm_cells) <= 3600U);
}

// A worker counts and grows while a scraper reads: what it reads never falls.
BOOST_AUTO_TEST_CASE(a_scraper_may_read_while_the_worker_counts_and_grows)
{
    worker_cells cells;
    std::atomic<bool> done = false;
    std::jthread worker([&] {
        for (std::size_t i = 0; i < 20'000; ++i) {
            if (i % 100 == 0)
                cells.ensure(i / 20 + 1, i / 50 + 1, 1);
            cells.arm(i % 997).request(200, i % 2 == 0, nanoseconds{static_cast<std::int64_t>(i)});
            cells.open_streams.add();
            cells.open_streams.sub();
        }
        done = true;
    });
    std::uint64_t before = 0;
    bool last_look = false;
    while (!last_look) {
        last_look = done;
        std::uint64_t now = 0;
        for (std::size_t id = 0; id < 997; ++id)
            if (const arm_cells* arm = cells.find_arm(id))
                for (const auto& by_status : arm->requests)
                    now += by_status[0].read();
        BOOST_REQUIRE(now >= before);
        before = now;
    }
    BOOST_TEST(before == 20'000U);
    BOOST_TEST(cells.open_streams.read() == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace

BOOST_AUTO_TEST_SUITE_END()
