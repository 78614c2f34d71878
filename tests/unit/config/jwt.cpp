#include "fake.hpp"
#include "jwt_parts.hpp"
#include <sluice/config/jwt.hpp>
#include <sluice/config/key.hpp>

#include <boost/test/unit_test.hpp>
#include <openssl/err.h>

BOOST_AUTO_TEST_SUITE(jwt_keys_)

using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::fake;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view secret = "0123456789abcdef0123456789abcdef";
constexpr nanoseconds now = 1'000'000s;

const token_issuer& issuer()
{
    static const token_issuer one;
    return one;
}

jwt_settings by_keys()
{
    jwt_settings settings;
    settings.issuer = "https://issuer.example";
    settings.audience = {"sluice", "other"};
    settings.algorithms = {wire::jwt_algorithm::rs256, wire::jwt_algorithm::es256};
    settings.key_claim = "sub";
    settings.leeway = 30s;
    settings.keys = jwt_keys::from_jwks(issuer().jwks()).keys;
    return settings;
}

jwt_settings by_secret()
{
    auto settings = by_keys();
    settings.algorithms = {wire::jwt_algorithm::hs256};
    settings.keys = jwt_keys::from_secret(std::string(secret));
    return settings;
}

// Good from 999,000 to 1,001,000.
std::string payload(const std::string& more = {}, const std::string& instead = {})
{
    if (!instead.empty())
        return instead;
    return R"({"iss":"https://issuer.example","aud":"sluice","sub":"team","iat":999000,"exp":1001000)"
           + more + '}';
}

bool holds(const std::string& token, const jwt_settings& settings, nanoseconds at = now)
{
    return verify_jwt(token, settings, at).has_value();
}

// The last character of the part's first one exchanged.
std::string bent(std::string token, std::size_t part)
{
    std::size_t at = 0;
    for (std::size_t i = 0; i < part; ++i)
        at = token.find('.', at) + 1;
    at += 4;
    token[at] = token[at] == 'A' ? 'B' : 'A';
    return token;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_of_the_three_signatures_holds_under_its_key)
{
    BOOST_TEST(holds(issuer().rs256(payload()), by_keys()));
    BOOST_TEST(holds(issuer().es256(payload()), by_keys()));
    BOOST_TEST(holds(token_issuer::hs256(payload(), secret), by_secret()));
    const auto identity = verify_jwt(issuer().rs256(payload()), by_keys(), now);
    BOOST_TEST(identity->key == "team");
    BOOST_TEST((identity->ends == 1'001'030s));
    BOOST_TEST((identity->begins == 998'970s));
}

BOOST_AUTO_TEST_CASE(a_token_with_one_bit_changed_does_not_hold)
{
    for (const auto& token : {issuer().rs256(payload()), issuer().es256(payload())})
        for (const std::size_t part : {1U, 2U})
            BOOST_TEST(!holds(bent(token, part), by_keys()));
    const auto token = token_issuer::hs256(payload(), secret);
    for (const std::size_t part : {1U, 2U})
        BOOST_TEST(!holds(bent(token, part), by_secret()));
    BOOST_TEST(ERR_peek_error() == 0U);
}

BOOST_AUTO_TEST_CASE(another_issuers_signature_does_not_hold)
{
    const token_issuer other;
    BOOST_TEST(!holds(other.rs256(payload()), by_keys()));
    BOOST_TEST(!holds(other.es256(payload()), by_keys()));
    BOOST_TEST(
        !holds(token_issuer::hs256(payload(), "another secret, as long as that"), by_secret()));
}

BOOST_AUTO_TEST_CASE(a_public_key_is_no_secret_and_the_other_way_round)
{
    // Signed with what everybody knows: the key set itself, in the hope that it is taken for the
    // secret of HS256.
    for (const std::string_view header : {R"({"alg":"HS256"})", R"({"alg":"HS256","kid":"rsa"})"})
        BOOST_TEST(!holds(token_issuer::hs256(payload(), issuer().jwks(), header), by_keys()));
    auto all = by_keys();
    all.algorithms.push_back(wire::jwt_algorithm::hs256);
    BOOST_TEST(!holds(token_issuer::hs256(payload(), "", R"({"alg":"HS256"})"), all));
    BOOST_TEST(!holds(issuer().rs256(payload()), by_secret()));
    // An RSA signature called ES256, and an EC one called RS256.
    BOOST_TEST(!holds(issuer().rs256(payload(), R"({"alg":"ES256","kid":"rsa"})"), by_keys()));
    BOOST_TEST(!holds(issuer().es256(payload(), R"({"alg":"RS256","kid":"ec"})"), by_keys()));
    auto only_rsa = by_keys();
    only_rsa.algorithms = {wire::jwt_algorithm::rs256};
    BOOST_TEST(!holds(issuer().es256(payload()), only_rsa));
}

BOOST_AUTO_TEST_CASE(unsigned_tokens_do_not_hold)
{
    for (const auto* header : {R"({"alg":"none"})", R"({"alg":"NONE"})", R"({})"}) {
        const auto text = base64url(header) + '.' + base64url(payload()) + '.';
        BOOST_TEST(!holds(text, by_keys()));
        BOOST_TEST(!holds(text + base64url("x"), by_keys()));
    }
}

BOOST_AUTO_TEST_CASE(the_key_is_the_one_the_token_names_or_any_when_it_names_none)
{
    BOOST_TEST(holds(issuer().rs256(payload(), R"({"alg":"RS256"})"), by_keys()));
    BOOST_TEST(!holds(issuer().rs256(payload(), R"({"alg":"RS256","kid":"ec"})"), by_keys()));
    BOOST_TEST(!holds(issuer().rs256(payload(), R"({"alg":"RS256","kid":"new"})"), by_keys()));
}

BOOST_AUTO_TEST_CASE(it_is_for_us_by_the_right_issuer_and_names_a_key)
{
    const auto with = [](const std::string& members) {
        return holds(issuer().es256(payload("", '{' + members + R"(,"exp":1001000})")), by_keys());
    };
    const std::string iss = R"("iss":"https://issuer.example")";
    BOOST_TEST(with(iss + R"(,"aud":"other","sub":"team")"));
    BOOST_TEST(with(iss + R"(,"aud":["x","sluice"],"sub":"team")"));
    BOOST_TEST(!with(iss + R"(,"aud":["x"],"sub":"team")"));
    BOOST_TEST(!with(iss + R"(,"sub":"team")"));
    BOOST_TEST(!with(R"("iss":"https://issuer.example/","aud":"sluice","sub":"team")"));
    BOOST_TEST(!with(R"("aud":"sluice","sub":"team")"));
    BOOST_TEST(!with(iss + R"(,"aud":"sluice")"));
    BOOST_TEST(!with(iss + R"(,"aud":"sluice","sub":"")"));
    BOOST_TEST(!with(iss + R"(,"aud":"sluice","sub":["a","b"])"));
}

BOOST_AUTO_TEST_CASE(it_holds_in_its_time_and_needs_an_end)
{
    const auto token = issuer().es256(payload());
    BOOST_TEST(holds(token, by_keys(), 998'970s));
    BOOST_TEST(!holds(token, by_keys(), 998'970s - 1ns));
    BOOST_TEST(holds(token, by_keys(), 1'001'030s - 1ns));
    BOOST_TEST(!holds(token, by_keys(), 1'001'030s));
    const auto later = issuer().es256(payload(R"(,"nbf":1000500)"));
    BOOST_TEST(!holds(later, by_keys()));
    BOOST_TEST(holds(later, by_keys(), 1'000'470s));
    BOOST_TEST(!holds(
        issuer().es256(payload(
            "", R"({"iss":"https://issuer.example","aud":"sluice","sub":"team","iat":999000})")),
        by_keys()));
    const auto for_ever = issuer().es256(payload(
        "",
        R"({"iss":"https://issuer.example","aud":"sluice","sub":"team","exp":99999999999999})"));
    BOOST_TEST(holds(for_ever, by_keys()));
}

BOOST_AUTO_TEST_CASE(tenant_and_models_are_told_where_they_are_asked_for)
{
    auto settings = by_keys();
    settings.tenant_claim = "org";
    settings.models_claim = "models";
    const auto identity =
        verify_jwt(issuer().es256(payload(R"(,"org":"t","models":["m","gpt-*"])")), settings, now);
    BOOST_TEST_REQUIRE(identity.has_value());
    BOOST_TEST(identity->tenant.value() == "t");
    BOOST_TEST(identity->models->size() == 2U);
    const auto free = verify_jwt(issuer().es256(payload(R"(,"org":"t")")), settings, now);
    BOOST_TEST(!free->models.has_value());
    BOOST_TEST(!holds(issuer().es256(payload()), settings));
}

BOOST_AUTO_TEST_CASE(without_keys_nothing_holds)
{
    auto settings = by_keys();
    settings.keys = nullptr;
    BOOST_TEST(!holds(issuer().rs256(payload()), settings));
}

BOOST_AUTO_TEST_CASE(a_key_set_that_is_none_is_told)
{
    const auto wrong = [](std::string_view text) { return jwt_keys::from_jwks(text).wrong; };
    BOOST_TEST(wrong("") == "is no JSON Web Key Set");
    BOOST_TEST(wrong("[]") == "is no JSON Web Key Set");
    BOOST_TEST(wrong(R"({"keys":{}})") == "is no JSON Web Key Set");
    const std::string none = "has no key for RS256 (2048 to 8192 bits) or ES256";
    BOOST_TEST(wrong(R"({"keys":[]})") == none);
    BOOST_TEST(wrong(R"({"keys":[5,{},{"kty":"oct","k":"c2VjcmV0"}]})") == none);
    // Of 1024 and of 16,000 bits; a point that is not on the curve.
    const auto rsa = [](std::size_t bytes) {
        return R"({"keys":[{"kty":"RSA","e":"AQAB","n":")" + base64url(std::string(bytes, '\xff'))
               + "\"}]}";
    };
    BOOST_TEST(wrong(rsa(128)) == none);
    BOOST_TEST(wrong(rsa(2000)) == none);
    const auto number = base64url(std::string(32, '\x01'));
    BOOST_TEST(
        wrong(
            R"({"keys":[{"kty":"EC","crv":"P-256","x":")" + number + R"(","y":")" + number
            + "\"}]}")
        == none);
    BOOST_TEST(ERR_peek_error() == 0U);
}

BOOST_AUTO_TEST_CASE(a_key_is_for_what_its_maker_says)
{
    const auto holds_with = [](std::string_view members) {
        const std::string as_it_is = R"("use":"sig","alg":"RS256")";
        auto text = issuer().jwks();
        text.replace(text.find(as_it_is), as_it_is.size(), members);
        auto settings = by_keys();
        settings.keys = jwt_keys::from_jwks(text).keys;
        return holds(issuer().rs256(payload()), settings);
    };
    for (const auto* fits :
         {R"("use":"sig")",
          R"("alg":"RS256")",
          R"("key_ops":["verify"])",
          R"("key_ops":["sign","verify"],"use":"sig")"})
        BOOST_TEST(holds_with(fits), fits);
    for (const auto* other :
         {R"("use":"enc")",
          R"("alg":"RS512")",
          R"("alg":"PS256","use":"sig")",
          R"("key_ops":["encrypt","wrapKey"])",
          R"("key_ops":[])"})
        BOOST_TEST(!holds_with(other), other);
}

BOOST_AUTO_TEST_CASE(the_file_says_it_all)
{
    machine machine;
    machine.files["/etc/jwks.json"] = issuer().jwks();
    const auto got = load_with(
        "jwt: {issuer: i, audience: [a], keys: /etc/jwks.json, tenant: org}\n"
        "keys: [{id: team, tenant: t}]\n",
        machine);
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    const auto& jwt = got.document->settings.jwt.value();
    BOOST_TEST(jwt.algorithms.size() == 2U);
    BOOST_TEST(jwt.key_claim == "sub");
    BOOST_TEST(jwt.tenant_claim == "org");
    BOOST_TEST((jwt.leeway == 30s));
    BOOST_TEST(static_cast<bool>(jwt.keys));
    BOOST_TEST(!got.document->settings.open());
}

BOOST_AUTO_TEST_CASE(wrong_settings_are_complained_about)
{
    const auto says = [](const std::string& jwt, std::string_view part) {
        machine machine;
        machine.files["/etc/jwks.json"] = issuer().jwks();
        machine.files["/etc/none.json"] = "{}";
        const auto got = load_with("jwt: {issuer: i, audience: [a]" + jwt + "}\n", machine);
        BOOST_TEST(contains(lines(got), part), jwt << '\n' << lines(got));
    };
    const std::string long_secret = ", secret: " + std::string(secret);
    says("", "jwt.keys: one of `keys` and `secret` has to be there");
    says(", keys: /etc/jwks.json" + long_secret, "one of `keys` and `secret`");
    says(", keys: /etc/gone.json", "jwt.keys: \"/etc/gone.json\" cannot be read");
    says(", keys: /etc/none.json", "is no JSON Web Key Set");
    says(", keys: \"http://issuer.example/keys\"", "could be anybody's");
    says(", keys: \"http://127.issuer.example/keys\"", "could be anybody's");
    says(
        ", keys: \"https://user@issuer.example/keys\"",
        "jwt.keys: a user or password is not allowed, allowed: ");
    says(", secret: short", "is shorter than 32 characters");
    says(long_secret + ", algorithms: [RS256]", "HS256 is for `secret`");
    says(", keys: /etc/jwks.json, algorithms: [HS256]", "HS256 is for `secret`");
    says(", keys: /etc/jwks.json, algorithms: [none]", "is none of RS256, ES256 and HS256");
    says(", keys: /etc/jwks.json, algorithms: []", "without an algorithm");
    says(", keys: /etc/jwks.json, tenant: \"\"", "jwt.tenant");
    BOOST_TEST(contains(
        lines(load_with("keys: [{id: team}]\n")), "keys[0].hash: is missing, allowed: `sha256:`"));
    BOOST_TEST(contains(
        lines(load_with(
            "jwt: {issuer: i, audience: [a, \"\"], secret: " + std::string(secret) + "}\n")),
        "jwt.audience[1]: the value is empty"));
    BOOST_TEST(contains(
        lines(load_with("jwt: {secret: " + std::string(secret) + "}\n")),
        "jwt.issuer: is missing"));
}

BOOST_AUTO_TEST_CASE(keys_may_come_over_http_from_this_machine)
{
    for (const std::string_view host :
         {"127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST", "[::1]"})
        BOOST_TEST(
            lines(load_with(
                "jwt: {issuer: i, audience: [a], keys: \"http://" + std::string(host)
                + ":8080/k\"}\n"))
            == "");
}

BOOST_AUTO_TEST_CASE(fetched_keys_are_of_the_url_that_is_configured)
{
    const auto file =
        load_with("jwt: {issuer: i, audience: [a], keys: \"https://issuer.example/k\"}\n")
            .document.value();
    observe::catalogue names;
    overrides live;
    live.fetched = {"https://issuer.example/k", jwt_keys::from_jwks(issuer().jwks()).keys};
    BOOST_TEST(build(file, live, 1, nullptr, names).snapshot->jwt->keys == live.fetched.keys);
    live.fetched.url = "https://elsewhere.example/k";
    BOOST_TEST(!build(file, live, 1, nullptr, names).snapshot->jwt->keys);
}

BOOST_AUTO_TEST_SUITE_END()
