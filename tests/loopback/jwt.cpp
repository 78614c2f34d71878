// Tokens as credentials, end to end.

#include "jwt_parts.hpp"
#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <ctime>

BOOST_AUTO_TEST_SUITE(jwt)

using namespace loopback;

namespace {

constexpr std::string_view secret = "0123456789abcdef0123456789abcdef";

std::string payload(std::string_view key, std::string_view more = {}, long for_seconds = 600)
{
    return R"({"iss":"i","aud":"a","sub":")" + std::string(key) + R"(","exp":)"
           + std::to_string(std::time(nullptr) + for_seconds) + std::string(more) + '}';
}

std::string bearer(const std::string& token)
{
    return "authorization: Bearer " + token + "\r\n";
}

provider echo_server()
{
    return provider([](connection& c) {
        for (;;)
            c.send(answer_text(c.request().body));
    });
}

constexpr std::string_view two_models =
    "{ m: { targets: [{ provider: one, model: up-m }] }, n: { targets: [{ provider: one, model: "
    "up-n }] } }";

}  // namespace

BOOST_AUTO_TEST_CASE(a_token_is_its_keys_and_a_bad_one_is_nobodys)
{
    auto echo = echo_server();
    gateway gate(
        config(echo.port())
            .set("models", two_models)
            .set(
                "jwt",
                "{ issuer: i, audience: [a], models: models, secret: " + std::string(secret) + " }")
            .set(
                "keys",
                "[{ id: team, limits: { requests: 2/h, burst: 2 } }, { id: wide, models: "
                "[m, n] }, { id: plain, hash: '"
                    + key_hash("sk-plain") + "' }]"));
    // A refusal ends its connection.
    const auto status = [&](const std::string& fields, std::string_view model = "m") {
        auto client = gate.connect();
        client.send(post_text(chat_body("", model), fields));
        return client.answer().status();
    };
    const auto sign = [](const std::string& claims) {
        return sluice::token_issuer::hs256(claims, secret);
    };
    const auto wide = sign(payload("wide"));
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(status(bearer(wide)) == 200U);
    BOOST_TEST(status("x-api-key: " + wide + "\r\n") == 200U);
    BOOST_TEST(status(bearer("sk-plain")) == 200U);

    const auto narrow = sign(payload("wide", R"(,"models":["n"])"));
    BOOST_TEST(status(bearer(narrow), "n") == 200U);
    BOOST_TEST(status(bearer(narrow), "m") == 403U);
    auto client = gate.connect();
    client.send(get_text("/v1/models", bearer(narrow)));
    const auto listed = client.answer();
    BOOST_TEST(listed.says("\"n\""));
    BOOST_TEST(!listed.says("\"m\""));

    // Two tokens of one key share its limit.
    BOOST_TEST(status(bearer(sign(payload("team", R"(,"n":1)")))) == 200U);
    BOOST_TEST(status(bearer(sign(payload("team", R"(,"n":2)")))) == 200U);
    BOOST_TEST(status(bearer(sign(payload("team", R"(,"n":3)")))) == 429U);

    BOOST_TEST(status(bearer(sign(payload("nobody")))) == 401U);
    BOOST_TEST(status(bearer(sign(payload("wide", "", -600)))) == 401U);
    BOOST_TEST(status(bearer(wide + "A")) == 401U);
    BOOST_TEST(
        status(bearer(sluice::token_issuer::hs256(payload("wide"), "a guess that is long enough")))
        == 401U);
    BOOST_TEST(gate.admin("DELETE", "/admin/v1/keys/wide").status() == 200U);
    const auto until = clock::now() + patience;
    while (status(bearer(wide)) != 401U)
        BOOST_REQUIRE(clock::now() < until);
}

BOOST_AUTO_TEST_CASE(keys_are_fetched_renewed_and_kept_when_their_place_is_gone)
{
    const sluice::token_issuer first;
    const sluice::token_issuer second;
    std::atomic<int> phase{0};
    std::atomic<int> refused{0};
    provider place([&](connection& c) {
        for (;;) {
            (void)c.request();
            auto text = answer_text(phase == 0 ? first.jwks("1-") : second.jwks("2-"));
            if (phase == 1) {
                ++refused;
                text = "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
            }
            c.send(text);
        }
    });
    auto echo = echo_server();
    gateway gate(config(echo.port())
                     .set(
                         "jwt",
                         "{ issuer: i, audience: [a], refresh: 1s, keys: 'http://127.0.0.1:"
                             + std::to_string(place.port()) + "/jwks' }")
                     .set("keys", "[{ id: team }]"));
    const auto status = [&](const std::string& token) {
        auto client = gate.connect();
        client.send(chat_text("", bearer(token)));
        return client.answer().status();
    };
    const auto becomes = [&](const std::string& token, unsigned wanted) {
        const auto until = clock::now() + patience;
        while (clock::now() < until)
            if (status(token) == wanted)
                return true;
        return false;
    };
    const auto by_first = first.rs256(payload("team"), R"({"alg":"RS256","kid":"1-rsa"})");
    const auto by_second = second.es256(payload("team"), R"({"alg":"ES256","kid":"2-ec"})");
    BOOST_TEST(becomes(by_first, 200));
    phase = 1;
    for (const auto until = clock::now() + patience; refused < 2;) {
        BOOST_REQUIRE(clock::now() < until);
        (void)status(by_first);
    }
    for (int i = 0; i < 4; ++i)
        BOOST_TEST(status(by_first) == 200U);
    BOOST_TEST(becomes(by_second, 401));
    phase = 2;
    BOOST_TEST(becomes(by_second, 200));
    BOOST_TEST(becomes(by_first, 401));
}

BOOST_AUTO_TEST_SUITE_END()
