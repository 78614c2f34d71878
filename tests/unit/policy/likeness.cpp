#include <sluice/policy/likeness.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(likeness_of_texts)

using sluice::policy::likeness;

BOOST_AUTO_TEST_CASE(the_same_words_in_the_same_order_are_alike)
{
    BOOST_TEST(likeness("The quick brown fox.", "the  QUICK brown fox") == 1.0);
    BOOST_TEST(likeness("", "") == 1.0);
    BOOST_TEST(likeness("Gr\xc3\xbc\xc3\x9f Gott", "gr\xc3\xbc\xc3\x9f gott!") == 1.0);
}

BOOST_AUTO_TEST_CASE(nothing_in_common_is_nothing)
{
    BOOST_TEST(likeness("one two three", "four five six") == 0.0);
    BOOST_TEST(likeness("one", "") == 0.0);
    BOOST_TEST(likeness("", "...") == 0.0);
    BOOST_TEST(likeness("!!", "...") == 1.0);
}

BOOST_AUTO_TEST_CASE(the_share_of_common_pairs_decides)
{
    // Pairs: ab bc cd de | ab bc cx: 2 * 2 / (4 + 3).
    BOOST_TEST(likeness("a b c d e", "a b c x") == 4.0 / 7.0);
    BOOST_TEST(likeness("a b", "b a") == 0.0);
    BOOST_TEST(likeness("yes", "Yes!") == 1.0);
}

BOOST_AUTO_TEST_CASE(a_pair_counts_as_often_as_both_have_it)
{
    // aa aa | aa: 2 * 1 / (2 + 1).
    BOOST_TEST(likeness("a a a", "a a") == 2.0 / 3.0);
}

BOOST_AUTO_TEST_CASE(it_is_symmetric_and_within_its_range)
{
    const std::string a = "the answer is forty two because it always was";
    const std::string b = "because it was always forty two the answer is";
    BOOST_TEST(likeness(a, b) == likeness(b, a));
    BOOST_TEST(likeness(a, b) > 0.0);
    BOOST_TEST(likeness(a, b) < 1.0);
}

BOOST_AUTO_TEST_SUITE_END()
