#include "jwt_parts.hpp"
#include <sluice/wire/jwt.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(jwt_)

using namespace sluice;
using namespace sluice::wire;

namespace {

std::string token_of(
    std::string_view header, std::string_view payload = "{}", std::string_view signature = "s")
{
    return base64url(header) + '.' + base64url(payload) + '.' + base64url(signature);
}

std::vector<std::string> many(std::size_t count)
{
    return std::vector<std::string>(count, "x");
}

}  // namespace

BOOST_AUTO_TEST_CASE(base64url_has_one_spelling)
{
    BOOST_TEST(base64url_decoded("").value() == "");
    BOOST_TEST(base64url_decoded("Zg").value() == "f");
    BOOST_TEST(base64url_decoded("Zm9v").value() == "foo");
    BOOST_TEST(base64url_decoded("-_8").value() == "\xfb\xff");
    for (const auto* wrong : {"Z", "Zg==", "Zh", "Zm9", "Zm9v\n", "Zm 9v", "+/8", "Zm9vY"})
        BOOST_TEST(!base64url_decoded(wrong).has_value(), wrong);
}

BOOST_AUTO_TEST_CASE(a_token_is_taken_apart)
{
    const auto token = token_of(R"({"alg":"ES256","kid":"k1","typ":"JWT"})", R"({"a":1})", "sig");
    const auto parsed = parse_jwt(token);
    BOOST_TEST_REQUIRE(parsed.has_value());
    BOOST_TEST((parsed->algorithm == jwt_algorithm::es256));
    BOOST_TEST(parsed->key_id == "k1");
    BOOST_TEST(parsed->payload == R"({"a":1})");
    BOOST_TEST(parsed->signature == "sig");
    BOOST_TEST(parsed->signed_part == token.substr(0, token.rfind('.')));
}

BOOST_AUTO_TEST_CASE(a_header_may_be_written_over_several_lines)
{
    for (const auto* header :
         {"{\n  \"alg\": \"RS256\"\n}",
          "{\r\n\"alg\":\"RS256\"}",
          "{\t\"alg\":\"RS256\"}",
          R"({ "alg":"RS256"})"})
        BOOST_TEST(parse_jwt(token_of(header)).has_value(), header);
}

BOOST_AUTO_TEST_CASE(what_is_no_token_of_ours_is_refused)
{
    for (const auto* header :
         {R"({"alg":"none"})",
          R"({"alg":"None"})",
          R"({"alg":""})",
          R"({"alg":"rs256"})",
          R"({"alg":"RS512"})",
          R"({"alg":"EdDSA"})",
          R"({"alg":1})",
          R"({"typ":"JWT"})",
          R"({"alg":"RS256","alg":"HS256"})",
          R"({"alg":"RS256","crit":["b64"],"b64":false})",
          R"({"alg":"RS256","kid":5})",
          R"({"alg":"RS256")",
          R"(["RS256"])",
          ""})
        BOOST_TEST(!parse_jwt(token_of(header)).has_value(), header);
    const auto good = token_of(R"({"alg":"RS256"})");
    BOOST_TEST_REQUIRE(parse_jwt(good).has_value());
    BOOST_TEST(!parse_jwt(good + '.').has_value());
    BOOST_TEST(!parse_jwt(good + '=').has_value());
    BOOST_TEST(!parse_jwt(good.substr(0, good.rfind('.') + 1)).has_value());
    BOOST_TEST(!parse_jwt(good.substr(0, good.rfind('.'))).has_value());
    BOOST_TEST(!parse_jwt(' ' + good).has_value());
    BOOST_TEST(!parse_jwt("").has_value());
    BOOST_TEST(!parse_jwt("..").has_value());
    BOOST_TEST(!parse_jwt(good + std::string(max_jwt_bytes, 'A')).has_value());
}

BOOST_AUTO_TEST_CASE(claims_are_read_by_their_types)
{
    const auto claims = read_claims(
        R"({"iss":"i","aud":["a","b"],"exp":1700000000.9,"nbf":-5,"iat":7,"sub":"s",)"
        R"("roles":["x","y"],"deep":{"exp":1}})",
        {"sub", "roles", "none"});
    BOOST_TEST_REQUIRE(claims.has_value());
    BOOST_TEST(claims->issuer == "i");
    BOOST_TEST(claims->audience.size() == 2U);
    BOOST_TEST(claims->expires.value() == 1'700'000'000);
    BOOST_TEST(claims->not_before.value() == -5);
    BOOST_TEST(claims->issued.value() == 7);
    BOOST_TEST(claims->asked.at(0)->at(0) == "s");
    BOOST_TEST(claims->asked.at(1)->size() == 2U);
    BOOST_TEST(!claims->asked.at(2).has_value());
    BOOST_TEST(read_claims(R"({"aud":"one"})", {})->audience.at(0) == "one");
}

BOOST_AUTO_TEST_CASE(claims_of_another_type_are_refused)
{
    for (const auto* payload :
         {"",
          "[]",
          R"({"exp":1,"exp":2})",
          R"({"exp":"1"})",
          R"({"exp":1e300})",
          R"({"exp":null})",
          R"({"iss":5})",
          R"({"aud":{}})",
          R"({"aud":["a",1]})",
          R"({"sub":5})",
          R"({"sub":["a",[]]})"})
        BOOST_TEST(!read_claims(payload, {"sub"}).has_value(), payload);
    BOOST_TEST(read_claims("{}", many(3)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
