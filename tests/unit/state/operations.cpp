#include <sluice/state/operations.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(operations)

using namespace sluice::state;

BOOST_AUTO_TEST_CASE(an_operation_is_known_by_its_whole_name_and_has_one_amount)
{
    std::string all;
    BOOST_TEST((booking_of(all, {5, "a"}) == booking::none));
    book(all, {5, "a"});
    book(all, {7, "7"});
    BOOST_TEST((booking_of(all, {5, "a"}) == booking::before));
    BOOST_TEST((booking_of(all, {7, "7"}) == booking::before));
    BOOST_TEST((booking_of(all, {50, "a"}) == booking::differs));
    for (const auto* other : {"5", "", "aa", "a 5"})
        BOOST_TEST((booking_of(all, {5, other}) == booking::none), other);
}

BOOST_AUTO_TEST_CASE(the_oldest_are_forgotten)
{
    std::string all;
    for (int i = 0; i < 1'000; ++i)
        book(all, {i + 1, "operation-" + std::to_string(i)});
    BOOST_TEST(all.size() <= longest_operations);
    BOOST_TEST((booking_of(all, {1'000, "operation-999"}) == booking::before));
    BOOST_TEST((booking_of(all, {1, "operation-0"}) == booking::none));
}

BOOST_AUTO_TEST_CASE(a_name_is_one_word_of_ascii)
{
    BOOST_TEST(is_operation("7f9c-\"quoted\"=="));
    BOOST_TEST(is_operation(std::string(longest_operation, 'x')));
    for (const auto& odd :
         {std::string(),
          std::string("two words"),
          std::string("a\nb"),
          std::string("\xc3\xa9"),
          std::string(longest_operation + 1, 'x')})
        BOOST_TEST(!is_operation(odd), odd);
}

BOOST_AUTO_TEST_SUITE_END()
