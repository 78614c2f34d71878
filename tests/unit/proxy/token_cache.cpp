#include "jwt_parts.hpp"
#include <sluice/config/key.hpp>
#include <sluice/proxy/token_cache.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(token_caches)

using namespace sluice;
using namespace sluice::proxy;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view secret = "0123456789abcdef0123456789abcdef";
constexpr nanoseconds now = 1'000s;

config::snapshot with_tokens(std::uint64_t version = 1)
{
    config::snapshot settings;
    settings.version = version;
    auto& jwt = settings.jwt.emplace();
    jwt.issuer = "i";
    jwt.audience = {"a"};
    jwt.algorithms = {wire::jwt_algorithm::hs256};
    jwt.key_claim = "sub";
    jwt.tenant_claim = "org";
    jwt.keys = config::jwt_keys::from_secret(std::string(secret));
    for (const auto* id : {"team", "other"}) {
        auto& key = settings.keys.emplace_back();
        key.id = id;
        key.tenant = "t";
    }
    settings.index();
    return settings;
}

std::string token(
    std::string_view key, std::string_view tenant = "t", int number = 0, int end = 2'000)
{
    return token_issuer::hs256(
        R"({"iss":"i","aud":"a","sub":")" + std::string(key) + R"(","org":")" + std::string(tenant)
            + R"(","n":)" + std::to_string(number) + R"(,"exp":)" + std::to_string(end) + '}',
        secret);
}

struct fixture {
    std::string who(const std::string& text, nanoseconds at = now) { return who(text, at, at); }

    std::string who(const std::string& text, nanoseconds at, nanoseconds believed)
    {
        const auto found = tokens.find(settings, config::sha256(text), text, at, believed);
        return found ? found->key->id : std::string();
    }

    config::snapshot settings = with_tokens();
    token_cache tokens;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(token_cache_, fixture)

BOOST_AUTO_TEST_CASE(a_good_token_is_verified_once)
{
    const auto good = token("team");
    for (int i = 0; i < 10; ++i)
        BOOST_TEST(who(good) == "team");
    BOOST_TEST(tokens.verified() == 1U);
    BOOST_TEST(who(token("other")) == "other");
    BOOST_TEST(tokens.verified() == 2U);
}

BOOST_AUTO_TEST_CASE(a_token_ends_although_it_is_known)
{
    const auto good = token("team");
    BOOST_TEST(who(good) == "team");
    BOOST_TEST(who(good, 2'000s - 1ns) == "team");
    BOOST_TEST(who(good, 2'000s) == "");
}

BOOST_AUTO_TEST_CASE(a_token_without_a_key_or_with_another_tenant_lets_nobody_in)
{
    BOOST_TEST(who(token("nobody")) == "");
    BOOST_TEST(who(token("team", "elsewhere")) == "");
    BOOST_TEST(who(token("team")) == "team");
}

BOOST_AUTO_TEST_CASE(what_let_in_under_one_snapshot_is_asked_again_under_the_next)
{
    const auto good = token("team");
    BOOST_TEST(who(good) == "team");
    auto next = with_tokens(2);
    next.keys[0].disabled = true;
    settings = std::move(next);
    settings.index();
    BOOST_TEST(who(good) == "");
    settings = with_tokens(3);
    settings.jwt->keys = config::jwt_keys::from_secret("another secret, as long as that!");
    BOOST_TEST(who(good) == "");
    settings = with_tokens(4);
    BOOST_TEST(who(good) == "team");
}

BOOST_AUTO_TEST_CASE(a_key_that_expires_takes_its_tokens_along)
{
    settings.keys[0].expires = std::chrono::sys_seconds(1'500s);
    const auto good = token("team");
    BOOST_TEST(who(good) == "team");
    BOOST_TEST(who(good, 1'500s) == "");
}

BOOST_AUTO_TEST_CASE(a_token_ends_by_the_systems_clock_and_its_key_by_the_believed_one)
{
    settings.keys[0].expires = std::chrono::sys_seconds(1'500s);
    const auto good = token("team");
    for (int twice = 0; twice < 2; ++twice) {  // verified, and known
        BOOST_TEST(who(good, 1'600s, 1'400s) == "team");
        BOOST_TEST(who(good, 1'400s, 1'600s) == "");
        BOOST_TEST(who(good, 2'100s, 1'400s) == "");
    }
}

BOOST_AUTO_TEST_CASE(it_holds_so_many_tokens_and_knows_the_last_one)
{
    constexpr auto many = 2 * token_cache::sets * token_cache::ways;
    for (std::size_t i = 0; i < many; ++i)
        (void)who(token("team", "t", static_cast<int>(i)));
    BOOST_TEST(tokens.verified() == many);
    BOOST_TEST(who(token("team", "t", static_cast<int>(many - 1))) == "team");
    BOOST_TEST(tokens.verified() == many);
    std::size_t known = 0;
    for (std::size_t i = 0; i < many; ++i) {
        const auto before = tokens.verified();
        (void)who(token("team", "t", static_cast<int>(i)));
        known += before == tokens.verified() ? 1U : 0U;
    }
    BOOST_TEST(known <= token_cache::sets * token_cache::ways);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
