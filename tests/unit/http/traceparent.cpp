#include <sluice/http/traceparent.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(traceparents)

using namespace sluice::http;

namespace {

const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

bool taken(const std::string& text)
{
    return parse_traceparent(text).has_value();
}

// With this at that place.
std::string with(std::size_t at, std::string_view text)
{
    auto changed = good;
    changed.replace(at, text.size(), text);
    return changed;
}

std::string written(const traceparent& from)
{
    const auto text = text_of(from);
    return {text.data(), text.size()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_valid_one_is_read_and_written_as_it_was)
{
    const auto found = parse_traceparent(good);
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST(found->trace_high == 0x0af7651916cd43ddU);
    BOOST_TEST(found->trace_low == 0x8448eb211c80319cU);
    BOOST_TEST(found->span == 0xb7ad6b7169203331U);
    BOOST_TEST(found->sampled());
    BOOST_TEST(written(*found) == good);
}

BOOST_AUTO_TEST_CASE(the_lowest_flag_decides_and_unknown_ones_are_not_passed_on)
{
    BOOST_TEST(!parse_traceparent(with(53, "00"))->sampled());
    BOOST_TEST(!parse_traceparent(with(53, "fe"))->sampled());
    BOOST_TEST(parse_traceparent(with(53, "ff"))->sampled());
    BOOST_TEST(written(*parse_traceparent(with(53, "ff"))) == with(53, "03"));
    BOOST_TEST(written(*parse_traceparent(with(53, "02"))) == with(53, "02"));
}

BOOST_AUTO_TEST_CASE(every_wrong_length_is_refused)
{
    for (std::size_t size = 0; size < good.size(); ++size)
        BOOST_TEST(!taken(good.substr(0, size)), size);
    BOOST_TEST(!taken(good + "-"));
    BOOST_TEST(!taken(good + "-00"));
    BOOST_TEST(!taken(good + " "));
    BOOST_TEST(!taken(" " + good));
    BOOST_TEST(!taken(good + ", " + good));
}

BOOST_AUTO_TEST_CASE(at_every_place_only_what_belongs_there_is_taken)
{
    for (std::size_t at = 0; at < good.size(); ++at) {
        const bool dash = at == 2 || at == 35 || at == 52;
        for (int c = 0; c < 256; ++c) {
            const char one = static_cast<char>(c);
            const bool hex = (one >= '0' && one <= '9') || (one >= 'a' && one <= 'f');
            // The two digits of the version make a later one, which may look the same.
            const bool fits = dash ? one == '-' : hex;
            BOOST_TEST(taken(with(at, {&one, 1})) == fits, "octet " << c << " at " << at);
        }
    }
}

BOOST_AUTO_TEST_CASE(ids_of_zeros_are_none)
{
    BOOST_TEST(!taken(with(3, "00000000000000000000000000000000")));
    BOOST_TEST(!taken(with(36, "0000000000000000")));
    BOOST_TEST(taken(with(3, "00000000000000000000000000000001")));
    BOOST_TEST(taken(with(3, "10000000000000000000000000000000")));
    BOOST_TEST(taken(with(36, "0000000000000001")));
}

BOOST_AUTO_TEST_CASE(a_later_version_may_have_more_behind_a_dash)
{
    BOOST_TEST(taken(with(0, "01")));
    BOOST_TEST(taken(with(0, "cc") + "-what-comes-later"));
    BOOST_TEST(!taken(with(0, "cc") + ".what-comes-later"));
    BOOST_TEST(!taken(with(0, "ff")));
    BOOST_TEST(written(*parse_traceparent(with(0, "cc") + "-more")) == good);
}

BOOST_AUTO_TEST_SUITE_END()
