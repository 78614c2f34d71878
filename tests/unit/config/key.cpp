#include <sluice/config/key.hpp>

#include <boost/test/unit_test.hpp>

#include <set>

BOOST_AUTO_TEST_SUITE(key_)

using namespace sluice::config;

BOOST_AUTO_TEST_CASE(hashes_are_sha_256)
{
    // FIPS 180-4's example, and the empty text.
    BOOST_TEST(
        key_hash("abc")
        == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    BOOST_TEST(
        key_hash("") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

BOOST_AUTO_TEST_CASE(new_keys_are_long_and_never_the_same)
{
    std::set<std::string> keys;
    for (int i = 0; i < 1000; ++i) {
        const auto key = new_key();
        BOOST_TEST_REQUIRE(key.starts_with("sk-sluice-"));
        BOOST_TEST_REQUIRE(key.size() == 10U + 64U);
        BOOST_TEST_REQUIRE(keys.insert(key).second);
    }
}

BOOST_AUTO_TEST_CASE(a_masked_secret_shows_eight_digits_of_its_hash)
{
    BOOST_TEST(masked("abc") == "sha256:ba7816bf");
    BOOST_TEST(masked("") == "");
}

BOOST_AUTO_TEST_SUITE_END()
