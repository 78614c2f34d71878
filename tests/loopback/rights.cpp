// Who may use what, and which target it gets.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

BOOST_AUTO_TEST_SUITE(rights)

using namespace loopback;

namespace {

constexpr std::string_view both_arms =
    "{ m: { targets: [{ name: stable, provider: one, model: up-s, weight: 80 },"
    " { name: canary, provider: one, model: up-c, weight: 20 }], canary: canary, sticky: STICKY } "
    "}";

std::string arms(std::string_view sticky)
{
    std::string made(both_arms);
    return made.replace(made.find("STICKY"), 6, sticky);
}

std::string key_entry(std::string_view id, std::string_view secret, std::string_view more = {})
{
    std::string made = "{ id: ";
    made.append(id).append(", hash: '").append(key_hash(secret)).append("'");
    return made.append(more).append(" }");
}

struct world {
    explicit world(std::string_view models, std::string_view keys = {})
        : gate(make(models, keys)),
          client(gate.connect())
    {
    }

    config make(std::string_view models, std::string_view keys) const
    {
        config made(echo.port());
        made.set("models", models);
        if (!keys.empty())
            made.set("keys", keys);
        return made;
    }

    message ask(const std::string& text)
    {
        client.send(text);
        return client.answer();
    }

    // The target that a chat with these fields and members gets.
    std::string target_of(std::string_view fields, std::string_view more = {})
    {
        return ask(chat_text(more, fields)).header("x-sluice-target");
    }

    provider echo{[](connection& c) {
        for (;;)
            c.send(answer_text(c.request().body));
    }};
    gateway gate;
    connection client;
};

constexpr std::string_view one_model = "{ m: { targets: [{ provider: one, model: upstream-m }] } }";

}  // namespace

BOOST_AUTO_TEST_CASE(a_key_may_be_given_in_three_ways)
{
    world w(one_model, "[" + key_entry("a", "sk-client-a") + "]");
    for (const std::string_view field :
         {"authorization: Bearer sk-client-a\r\n",
          "authorization: bearer sk-client-a\r\n",
          "x-api-key: sk-client-a\r\n",
          "x-goog-api-key: sk-client-a\r\n"})
        BOOST_TEST(w.ask(chat_text("", field)).status() == 200u, field);
}

BOOST_AUTO_TEST_CASE(nobody_else_gets_in)
{
    world w(one_model, "[" + key_entry("a", "sk-client-a") + "]");
    for (const std::string_view field :
         {"",
          "authorization: Bearer sk-client-b\r\n",
          "authorization: Bearer \r\n",
          "authorization: Basic sk-client-a\r\n",
          "authorization: sk-client-a\r\n",
          "x-api-key: sk-client-a \t x\r\n",
          "x-api-key: sk-client-a\r\nx-api-key: sk-client-a\r\n"}) {
        w.client = w.gate.connect();
        const auto answer = w.ask(chat_text("", field));
        BOOST_TEST(answer.status() == 401u, field);
        BOOST_TEST(answer.says("\"code\":\"invalid_api_key\""));
        BOOST_TEST(answer.has("www-authenticate"));
    }
    w.client = w.gate.connect();
    BOOST_TEST(w.ask(get_text("/v1/models")).status() == 401u);
    w.client = w.gate.connect();
    BOOST_TEST(w.ask(get_text("/healthz")).status() == 200u);
    BOOST_TEST(w.echo.accepted() == 0u);
}

BOOST_AUTO_TEST_CASE(a_client_without_a_key_does_not_have_its_body_read)
{
    world w(one_model, "[" + key_entry("a", "sk-client-a") + "]");
    w.client.send(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n");
    BOOST_TEST(w.client.answer().status() == 401u);
}

BOOST_AUTO_TEST_CASE(each_request_of_a_connection_has_its_own_key)
{
    world w(
        one_model,
        "[" + key_entry("a", "sk-client-a") + ", " + key_entry("b", "sk-client-b") + "]");
    for (unsigned i = 0; i < 4; ++i) {
        BOOST_TEST(w.ask(chat_text("", "x-api-key: sk-client-a\r\n")).status() == 200u);
        BOOST_TEST(w.ask(chat_text("", "x-api-key: sk-client-b\r\n")).status() == 200u);
        BOOST_TEST(w.ask(chat_text("", "x-api-key: sk-client-c\r\n")).status() == 401u);
        w.client = w.gate.connect();
    }
}

BOOST_AUTO_TEST_CASE(models_aliases_and_wildcards_are_found_and_guarded)
{
    world w(
        "{ gpt-4o: { aliases: [gpt-3.5-turbo], targets: [{ provider: one, model: up }] },"
        " 'gpt-*': { targets: [{ provider: one }] },"
        " other: { targets: [{ provider: one, model: up-other }] } }",
        "[" + key_entry("a", "sk-client-a", ", models: ['gpt-*']") + "]");
    const auto ask = [&w](std::string_view model) {
        return w.ask(post_text(chat_body("", model), "x-api-key: sk-client-a\r\n"));
    };
    BOOST_TEST(ask("gpt-4o").body == chat_body("", "up"));
    BOOST_TEST(ask("gpt-3.5-turbo").body == chat_body("", "up"));
    BOOST_TEST(ask("gpt-5-nano").body == chat_body("", "gpt-5-nano"));
    const auto forbidden = ask("other");
    BOOST_TEST(forbidden.status() == 403u);
    BOOST_TEST(forbidden.says("model_not_allowed"));
    const auto unknown = ask("claude");
    BOOST_TEST(unknown.status() == 404u);
    BOOST_TEST(unknown.says("model_not_found"));
    const auto listed = w.ask(get_text("/v1/models", "x-api-key: sk-client-a\r\n"));
    BOOST_TEST(listed.says("\"gpt-4o\""));
    BOOST_TEST(listed.says("\"gpt-3.5-turbo\""));
    BOOST_TEST(!listed.says("other"));
    BOOST_TEST(w.ask(get_text("/v1/models/gpt-4o", "x-api-key: sk-client-a\r\n")).status() == 200u);
    BOOST_TEST(w.ask(get_text("/v1/models/other", "x-api-key: sk-client-a\r\n")).status() == 404u);
}

BOOST_AUTO_TEST_CASE(a_models_name_in_a_path_is_read_as_clients_write_it)
{
    world w(
        "{ org/model.v1: { targets: [{ provider: one, model: up }] } }",
        "[" + key_entry("a", "sk-client-a") + "]");
    for (const std::string_view id :
         {"org/model.v1", "org%2Fmodel.v1", "org%2fmodel%2ev1", "%6Frg/model.v1"}) {
        const auto got =
            w.ask(get_text("/v1/models/" + std::string(id), "x-api-key: sk-client-a\r\n"));
        BOOST_TEST(got.status() == 200u);
        BOOST_TEST(got.says("\"id\":\"org/model.v1\""), got.body);
    }
    // Once, and no further.
    const auto twice = w.ask(get_text("/v1/models/org%252Fmodel.v1", "x-api-key: sk-client-a\r\n"));
    BOOST_TEST(twice.status() == 404u);
    BOOST_TEST(twice.says("`org%2Fmodel.v1`"), twice.body);
}

BOOST_AUTO_TEST_CASE(a_target_is_chosen_only_by_keys_that_may)
{
    world w(
        arms("none"),
        "[" + key_entry("may", "sk-client-may", ", may_choose_target: true") + ", "
            + key_entry("not", "sk-client-not") + "]");
    const std::string may = "x-api-key: sk-client-may\r\nx-sluice-target: canary\r\n";
    for (unsigned i = 0; i < 20; ++i)
        BOOST_TEST(w.target_of(may) == "canary");
    const std::string unknown = "x-api-key: sk-client-may\r\nx-sluice-target: nowhere\r\n";
    BOOST_TEST(w.ask(chat_text("", unknown)).status() == 400u);
    unsigned canary = 0;
    for (unsigned i = 0; i < 50; ++i)
        canary +=
            w.target_of("x-api-key: sk-client-not\r\nx-sluice-target: canary\r\n") == "canary";
    BOOST_TEST(canary < 50u);
}

BOOST_AUTO_TEST_CASE(the_canary_gets_its_share)
{
    world w(arms("none"));
    unsigned canary = 0;
    for (unsigned i = 0; i < 2000; ++i)
        canary += w.target_of("") == "canary";
    // 20 % of 2,000, five standard deviations of 17.9 either way.
    BOOST_TEST(canary > 400u - 90u);
    BOOST_TEST(canary < 400u + 90u);
}

BOOST_AUTO_TEST_CASE(a_sticky_client_stays_where_it_is)
{
    struct identity {
        std::string_view sticky;
        std::string fields;
        std::string members;
    };
    const auto of = [](std::string_view sticky, unsigned i) -> identity {
        const auto name = "client-" + std::to_string(i);
        if (sticky == "user")
            return {sticky, "x-api-key: sk-client-0\r\n", "\"user\":\"" + name + "\","};
        if (sticky == "key")
            return {sticky, "x-api-key: sk-" + name + "\r\n", ""};
        return {sticky, "x-api-key: sk-client-0\r\nx-tenant: " + name + "\r\n", ""};
    };
    std::string keys = "[";
    for (unsigned i = 0; i < 40; ++i)
        keys += key_entry("k" + std::to_string(i), "sk-client-" + std::to_string(i))
                + (i < 39 ? ", " : "]");
    for (const std::string_view sticky : {"user", "key", "'header:x-tenant'"}) {
        world w(arms(sticky), keys);
        std::map<std::string, unsigned> targets;
        for (unsigned i = 0; i < 40; ++i) {
            const auto who = of(sticky, i);
            const auto first = w.target_of(who.fields, who.members);
            ++targets[first];
            for (unsigned again = 0; again < 3; ++again)
                BOOST_TEST(w.target_of(who.fields, who.members) == first);
        }
        BOOST_TEST(targets["stable"] > 20u);
        BOOST_TEST(targets["canary"] > 0u, sticky);
    }
}

BOOST_AUTO_TEST_SUITE_END()
