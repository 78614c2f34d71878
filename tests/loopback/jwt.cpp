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

// Answers with its first key set, with the second one's or, where told so, not at all.
struct key_place {
    enum phase_of { first_keys, nothing, second_keys };

    explicit key_place(phase_of begin)
        : phase(begin)
    {
    }

    [[nodiscard]] std::string settings(
        std::string_view refresh, std::string_view host = "127.0.0.1")
    {
        return "{ issuer: i, audience: [a], refresh: " + std::string(refresh) + ", keys: 'http://"
               + std::string(host) + ':' + std::to_string(server.port()) + "/jwks' }";
    }
    [[nodiscard]] std::string token_of_first() const
    {
        return first.rs256(payload("team"), R"({"alg":"RS256","kid":"1-rsa"})");
    }
    [[nodiscard]] std::string token_of_second() const
    {
        return second.es256(payload("team"), R"({"alg":"ES256","kid":"2-ec"})");
    }
    void wait_until_asked(int times)
    {
        for (const auto until = clock::now() + patience; asked < times;)
            BOOST_REQUIRE(clock::now() < until);
    }

    const sluice::token_issuer first;
    const sluice::token_issuer second;
    std::atomic<phase_of> phase;
    std::atomic<int> asked{0};
    provider server{[this](connection& c) {
        (void)c.request();
        ++asked;
        if (phase == nothing)
            c.send("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
        else
            c.send(answer_text(phase == first_keys ? first.jwks("1-") : second.jwks("2-")));
    }};
};

message answer_to(gateway& gate, const std::string& token)
{
    auto client = gate.connect();
    client.send(chat_text("", bearer(token)));
    return client.answer();
}

bool becomes(gateway& gate, const std::string& token, unsigned wanted)
{
    return comes_to_hold([&] { return answer_to(gate, token).status() == wanted; });
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
    key_place place(key_place::first_keys);
    auto echo = echo_server();
    gateway gate(
        config(echo.port()).set("jwt", place.settings("1s")).set("keys", "[{ id: team }]"));
    const auto by_first = place.token_of_first();
    const auto by_second = place.token_of_second();
    BOOST_TEST(becomes(gate, by_first, 200));
    place.phase = key_place::nothing;
    place.wait_until_asked(place.asked + 2);
    for (int i = 0; i < 4; ++i)
        BOOST_TEST(answer_to(gate, by_first).status() == 200U);
    BOOST_TEST(becomes(gate, by_second, 401));
    place.phase = key_place::second_keys;
    BOOST_TEST(becomes(gate, by_second, 200));
    BOOST_TEST(becomes(gate, by_first, 401));
}

BOOST_AUTO_TEST_CASE(before_there_are_keys_a_token_is_told_to_come_again)
{
    key_place place(key_place::nothing);
    auto echo = echo_server();
    gateway gate(
        config(echo.port())
            .set("jwt", place.settings("1d"))
            .set("keys", "[{ id: team }, { id: plain, hash: '" + key_hash("sk-plain") + "' }]"));
    const auto early = answer_to(gate, place.token_of_first());
    BOOST_TEST(early.status() == 503U);
    BOOST_TEST(early.says("token_keys_unknown"));
    BOOST_TEST(early.has("retry-after"));
    BOOST_TEST(answer_to(gate, "sk-plain").status() == 200U);
    BOOST_TEST(answer_to(gate, "sk-other").status() == 401U);
    place.phase = key_place::first_keys;
    BOOST_TEST(becomes(gate, place.token_of_first(), 200));
    BOOST_TEST(answer_to(gate, place.token_of_second()).status() == 401U);
}

BOOST_AUTO_TEST_CASE(a_token_of_a_new_key_has_it_fetched_and_made_up_ones_not_again_and_again)
{
    key_place place(key_place::first_keys);
    auto echo = echo_server();
    gateway gate(
        config(echo.port()).set("jwt", place.settings("1d")).set("keys", "[{ id: team }]"));
    BOOST_TEST(becomes(gate, place.token_of_first(), 200));
    place.phase = key_place::second_keys;
    BOOST_TEST(becomes(gate, place.token_of_second(), 200));
    BOOST_TEST(place.asked == 2);
    // Longer than it takes to look for them.
    const auto begin = clock::now();
    for (int i = 0; clock::now() < begin + std::chrono::seconds(2); ++i) {
        const auto made_up = R"({"alg":"ES256","kid":")" + std::to_string(i) + R"("})";
        BOOST_REQUIRE(
            answer_to(gate, place.second.es256(payload("team"), made_up)).status() == 401U);
    }
    BOOST_TEST(place.asked <= 2 + (clock::now() - begin) / std::chrono::seconds(30));
}

BOOST_AUTO_TEST_CASE(another_refresh_is_in_force_at_once)
{
    key_place place(key_place::first_keys);
    auto echo = echo_server();
    const auto with = [&](std::string_view refresh) {
        return config(echo.port())
            .set("jwt", place.settings(refresh))
            .set("keys", "[{ id: team }]");
    };
    gateway gate(with("1d"));
    BOOST_TEST(becomes(gate, place.token_of_first(), 200));
    place.phase = key_place::second_keys;
    BOOST_TEST(gate.reload(with("1s")).status() == 200U);
    BOOST_TEST(becomes(gate, place.token_of_second(), 200));
    place.phase = key_place::first_keys;
    BOOST_TEST(becomes(gate, place.token_of_first(), 200));
}

BOOST_AUTO_TEST_CASE(what_could_not_be_fetched_is_asked_for_again_before_the_next_refresh)
{
    key_place place(key_place::first_keys);
    auto echo = echo_server();
    const auto with = [&](std::string_view host) {
        return config(echo.port())
            .set("jwt", place.settings("1d", host))
            .set("keys", "[{ id: team }]");
    };
    gateway gate(with("127.0.0.1"));
    BOOST_TEST(becomes(gate, place.token_of_first(), 200));
    place.phase = key_place::nothing;
    BOOST_TEST(gate.reload(with("localhost")).status() == 200U);
    BOOST_TEST(gate.reload(with("127.0.0.1")).status() == 200U);
    place.wait_until_asked(3);
    place.phase = key_place::second_keys;
    BOOST_TEST(becomes(gate, place.token_of_second(), 200));
}

BOOST_AUTO_TEST_SUITE_END()
