#include <sluice/observe/exemplars.hpp>
#include <sluice/observe/span_rings.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(spans)

using namespace sluice;
using namespace sluice::observe;

namespace {

span sample(std::string_view model = "m")
{
    span one;
    one.numbers.trace_high = 1;
    one.numbers.trace_low = 2;
    one.numbers.id = 3;
    one.numbers.begin = seconds(1'700'000'000);
    one.numbers.duration = milliseconds(40);
    one.numbers.arm = 5;
    one[span_text::model] = model;
    one[span_text::request_id] = "req_1";
    return one;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_a_worker_writes_comes_out_in_order_and_whole)
{
    span_rings rings(2, 4096);
    rings.write(0, sample("first"));
    rings.write(0, sample("second"));
    rings.write(1, sample("third"));
    std::string taken;
    rings.take(taken);
    std::string_view rest = taken;
    span one;
    for (const std::string_view model : {"first", "second", "third"}) {
        BOOST_TEST_REQUIRE(unpack(rest, one));
        BOOST_TEST(one[span_text::model] == model);
        BOOST_TEST(one[span_text::request_id] == "req_1");
        BOOST_TEST(one[span_text::target].empty());
        BOOST_TEST(one.numbers.id == 3U);
        BOOST_TEST((one.numbers.duration == milliseconds(40)));
        BOOST_TEST(one.numbers.first_token.count() < 0);
    }
    BOOST_TEST(!unpack(rest, one));
}

BOOST_AUTO_TEST_CASE(a_long_text_is_cut_and_a_record_that_is_not_whole_is_none)
{
    const std::string long_text(1000, 'x');
    span long_one = sample();
    long_one.texts.fill(long_text);
    std::array<char, most_span_bytes> memory;
    const auto packed = pack(long_one, memory);
    BOOST_TEST(packed.size() == most_span_bytes);
    for (std::size_t size = 0; size < packed.size(); size += 7) {
        auto part = packed.substr(0, size);
        span one;
        BOOST_TEST(!unpack(part, one));
        BOOST_TEST(part.size() == size);
    }
    auto whole = packed;
    span one;
    BOOST_TEST(unpack(whole, one));
    BOOST_TEST(one[span_text::request_id] == std::string(most_span_text, 'x'));
}

BOOST_AUTO_TEST_CASE(what_a_full_ring_does_not_take_is_counted)
{
    span_rings rings(1, 1024);
    for (int i = 0; i < 100; ++i)
        rings.write(0, sample());
    std::string taken;
    rings.take(taken);
    std::string_view rest = taken;
    span one;
    std::uint64_t there = 0;
    while (unpack(rest, one))
        ++there;
    BOOST_TEST(there > 0U);
    BOOST_TEST(there + rings.lost() == 100U);
}

BOOST_AUTO_TEST_CASE(an_exemplar_is_the_last_request_of_its_bucket)
{
    exemplars all;
    all.note(sample());
    auto later = sample();
    later.numbers.trace_low = 9;
    later.numbers.duration = milliseconds(45);
    later.numbers.first_token = milliseconds(7);
    later[span_text::end] = "done";
    all.note(later);
    auto attempt = sample();
    attempt.numbers.kind = span_kind::retry;
    attempt.numbers.duration = seconds(2);
    all.note(attempt);
    const auto arms = all.read();
    BOOST_TEST_REQUIRE(arms.contains(5));
    const auto& arm = arms.at(5);
    for (std::size_t i = 0; i < arm.duration.size(); ++i)
        BOOST_TEST(arm.duration[i].there() == (i == 3), i);
    BOOST_TEST(arm.duration[3].trace_low == 9U);
    BOOST_TEST((arm.duration[3].value == milliseconds(45)));
    for (std::size_t i = 0; i < arm.first_token.size(); ++i)
        BOOST_TEST(arm.first_token[i].there() == (i == 1), i);
}

BOOST_AUTO_TEST_CASE(exemplars_of_more_arms_than_are_kept_are_left_out)
{
    exemplars all;
    auto one = sample();
    for (std::uint32_t arm = 0; arm < exemplars::most_arms + 10; ++arm) {
        one.numbers.arm = arm;
        all.note(one);
    }
    BOOST_TEST(all.read().size() == exemplars::most_arms);
}

BOOST_AUTO_TEST_SUITE_END()
