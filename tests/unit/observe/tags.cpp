#include <sluice/observe/tags.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <string>

BOOST_AUTO_TEST_SUITE(tags)

using namespace sluice::observe;

namespace {

std::string read(std::string_view header)
{
    std::array<char, most_tags_bytes> memory;
    return std::string(read_tags(header, memory));
}

}  // namespace

BOOST_AUTO_TEST_CASE(pairs_are_sorted_by_name)
{
    BOOST_TEST(read("team=x, feature=search") == "feature=search,team=x");
    BOOST_TEST(read(" a = b c ") == "a=b c");
    BOOST_TEST(read("") == "");
}

BOOST_AUTO_TEST_CASE(the_first_of_a_name_counts)
{
    BOOST_TEST(read("a=1,a=2") == "a=1");
}

BOOST_AUTO_TEST_CASE(what_is_no_pair_is_left_out)
{
    BOOST_TEST(
        read("nonsense,a=,=b,a b=c,n=\x01,q=\"x\",e=a=b,ok=1,\xc3\xa4=1,v=\xc3\xa4") == "ok=1");
    BOOST_TEST(read(",,,") == "");
}

BOOST_AUTO_TEST_CASE(the_bounds_hold_for_any_header)
{
    std::string many;
    for (int i = 0; i < 40; ++i)
        many += "n" + std::to_string(i) + "=v,";
    const auto sixteen = read(many);
    BOOST_TEST(std::ranges::count(sixteen, '=') == 16);
    const std::string value(120, 'v');
    const auto two = read("a=" + value + ",b=" + value + ",c=" + value + ",d=short");
    BOOST_TEST(two == "a=" + value + ",b=" + value + ",d=short");
    BOOST_TEST(two.size() <= most_tags_bytes);
    BOOST_TEST(read("a=" + std::string(129, 'v')) == "");
    BOOST_TEST(read(std::string(65, 'n') + "=v") == "");
}

BOOST_AUTO_TEST_CASE(a_value_is_found_by_its_name)
{
    const auto all = read("feature=search,team=x");
    BOOST_TEST(tag_value(all, "feature") == "search");
    BOOST_TEST(tag_value(all, "team") == "x");
    BOOST_TEST(tag_value(all, "eam") == "");
    BOOST_TEST(tag_value("", "team") == "");
}

BOOST_AUTO_TEST_SUITE_END()
