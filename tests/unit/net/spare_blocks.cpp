#include <sluice/net/spare_blocks.hpp>

#include <boost/test/unit_test.hpp>

#include <new>

BOOST_AUTO_TEST_SUITE(spare_blocks_)

namespace {

using sluice::net::low_water;
using sluice::net::spare_blocks;

void fill(spare_blocks& with, int count)
{
    for (int i = 0; i < count; ++i)
        with.put(::operator new(64));
}

BOOST_AUTO_TEST_CASE(the_last_block_put_is_the_first_one_taken)
{
    spare_blocks spare;
    BOOST_TEST(spare.take() == nullptr);
    fill(spare, 2);
    auto* one = spare.take();
    auto* other = spare.take();
    BOOST_TEST(spare.take() == nullptr);
    spare.put(one);
    spare.put(other);
    BOOST_TEST(spare.take() == other);
    spare.put(other);
    BOOST_TEST(spare.count() == 2U);
}

BOOST_AUTO_TEST_CASE(a_trim_leaves_what_was_needed_since_the_last_one)
{
    spare_blocks spare;
    fill(spare, 10);
    BOOST_TEST(spare.trim() == 0U);  // all of it has just come
    for (int round = 0; round < 3; ++round) {
        auto* one = spare.take();
        auto* other = spare.take();
        spare.put(one);
        spare.put(other);
        BOOST_TEST(spare.trim() == (round == 0 ? 8U : 0U));
        BOOST_TEST(spare.count() == 2U);
    }
    BOOST_TEST(spare.trim() == 2U);
    BOOST_TEST(spare.count() == 0U);
}

BOOST_AUTO_TEST_CASE(more_than_is_there_is_never_unneeded)
{
    low_water needed;
    BOOST_TEST(needed.unneeded(5) == 0U);
    needed.fell_to(3);
    BOOST_TEST(needed.unneeded(2) == 2U);
    BOOST_TEST(needed.unneeded(0) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
