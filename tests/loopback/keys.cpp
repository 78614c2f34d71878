// Keys made, exchanged and revoked while the gateway serves.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

BOOST_AUTO_TEST_SUITE(keys)

using namespace loopback;

namespace {

struct world {
    world()
        : gate(config(echo.port())
                   .set("workers", "2")
                   .set("keys", "[{ id: f, hash: '" + key_hash("sk-file") + "' }]"))
    {
        // Enough connections that each of both workers has some of them.
        for (std::size_t i = 0; i < 16; ++i)
            clients.push_back(gate.connect());
    }

    // A refusal ends the connection, because the body behind it was not read.
    message ask(connection& client, std::string_view secret) const
    {
        client.send(chat_text("", "authorization: Bearer " + std::string(secret) + "\r\n"));
        auto answer = client.answer();
        if (answer.status() == 401)
            client = gate.connect();
        return answer;
    }

    // The status that every client gets, whichever worker serves it; 0: not all the same.
    unsigned status_of(std::string_view secret)
    {
        unsigned common = 0;
        for (auto& client : clients) {
            const auto status = ask(client, secret).status();
            if (common != 0 && status != common)
                return 0;
            common = status;
        }
        return common;
    }

    bool becomes(std::string_view secret, unsigned status, milliseconds within)
    {
        return comes_to_hold([&] { return status_of(secret) == status; }, within);
    }

    provider echo{[](connection& c) {
        for (;;)
            c.send(answer_text(c.request().body));
    }};
    gateway gate;
    std::vector<connection> clients;
};

std::string text_of(const message& answer, std::string_view name)
{
    simdjson::dom::parser parser;
    std::string_view text;
    if (parser.parse(answer.body)[name].get(text) != simdjson::SUCCESS)
        return {};
    return std::string(text);
}

constexpr std::string_view all = "/admin/v1/keys";

// A second, and what sanitizers on a busy machine make of it.
constexpr milliseconds soon{10'000};

}  // namespace

BOOST_AUTO_TEST_CASE(a_new_key_works_on_all_workers_and_dies_with_its_revocation)
{
    world w;
    BOOST_TEST(w.status_of("sk-file") == 200U);
    const auto made = w.gate.admin(
        "POST", all, R"({"id":"new","tenant":"t","models":["m"],"limits":{"requests":"9999/s"}})");
    BOOST_TEST_REQUIRE(made.status() == 200U, made.body);
    const auto secret = text_of(made, "secret");
    BOOST_TEST(secret.starts_with("sk-sluice-"));
    BOOST_TEST(made.has("etag"));
    BOOST_TEST(w.becomes(secret, 200, soon));
    const auto gone = w.gate.admin("DELETE", "/admin/v1/keys/new");
    BOOST_TEST(gone.status() == 200U, gone.body);
    BOOST_TEST(w.becomes(secret, 401, soon));
    BOOST_TEST(w.status_of("sk-file") == 200U);
    BOOST_TEST(w.gate.admin("DELETE", "/admin/v1/keys/new").status() == 404U);
}

BOOST_AUTO_TEST_CASE(blanks_around_a_key_are_no_part_of_it)
{
    world w;
    BOOST_TEST(w.status_of("sk-file") == 200U);
    BOOST_TEST(w.status_of(" \t sk-file\t ") == 200U);
    BOOST_TEST(w.status_of("sk- file") == 401U);
}

BOOST_AUTO_TEST_CASE(a_key_of_the_file_is_revoked_live)
{
    world w;
    BOOST_TEST(w.gate.admin("POST", all, R"({"id":"f"})").status() == 409U);
    BOOST_TEST(w.gate.admin("DELETE", "/admin/v1/keys/f").status() == 200U);
    BOOST_TEST(w.becomes("sk-file", 401, soon));
    BOOST_TEST(text_of(w.gate.admin("GET", "/admin/v1/keys/f"), "state") == "disabled");
}

BOOST_AUTO_TEST_CASE(an_exchanged_key_has_two_secrets_until_its_grace_ends)
{
    world w;
    const auto turned = w.gate.admin("POST", "/admin/v1/keys/f/rotate", R"({"grace":"24h"})");
    BOOST_TEST_REQUIRE(turned.status() == 200U, turned.body);
    const auto second = text_of(turned, "secret");
    BOOST_TEST(w.becomes(second, 200, soon));
    BOOST_TEST(w.status_of("sk-file") == 200U);
    const auto again = w.gate.admin("POST", "/admin/v1/keys/f/rotate", R"({"grace":"1s"})");
    const auto third = text_of(again, "secret");
    BOOST_TEST(w.becomes("sk-file", 401, soon));
    BOOST_TEST(w.becomes(second, 401, soon));
    BOOST_TEST(w.status_of(third) == 200U);
}

BOOST_AUTO_TEST_CASE(an_expired_key_gets_401_as_an_unknown_one_does)
{
    world w;
    const auto made = w.gate.admin("POST", all, R"({"id":"old","expires":"2001-01-01"})");
    BOOST_TEST_REQUIRE(made.status() == 200U, made.body);
    BOOST_TEST(text_of(made, "state") == "expired");
    auto& client = w.clients.front();
    const auto body_for = [&](const std::string& secret) {
        const auto answer = w.ask(client, secret);
        BOOST_TEST(answer.status() == 401U);
        return answer.body;
    };
    BOOST_TEST(body_for(text_of(made, "secret")) == body_for("sk-never-was"));
}

BOOST_AUTO_TEST_CASE(a_changed_key_has_its_new_rights_at_once)
{
    world w;
    const auto secret = text_of(w.gate.admin("POST", all, R"({"id":"new"})"), "secret");
    BOOST_TEST(w.becomes(secret, 200, soon));
    const auto off = w.gate.admin("PATCH", "/admin/v1/keys/new", R"({"disabled":true})");
    BOOST_TEST(text_of(off, "state") == "disabled");
    BOOST_TEST(w.becomes(secret, 401, soon));
    (void)w.gate.admin(
        "PATCH",
        "/admin/v1/keys/new",
        R"({"disabled":false,"limits":{"requests":"1/h","burst":1}})");
    BOOST_TEST(w.becomes(secret, 429, soon));
}

BOOST_AUTO_TEST_CASE(a_secret_is_told_once_and_is_nowhere_else)
{
    world w;
    const auto made = w.gate.admin("POST", all, R"({"id":"new"})");
    const auto secret = text_of(made, "secret");
    const auto turned = w.gate.admin("POST", "/admin/v1/keys/new/rotate");
    const auto other = text_of(turned, "secret");
    BOOST_TEST_REQUIRE(!secret.empty());
    BOOST_TEST_REQUIRE(!other.empty());
    BOOST_TEST(made.header("cache-control") == "no-store");
    (void)w.status_of(secret);
    std::string seen;
    for (const std::string_view path :
         {"/admin/v1/keys",
          "/admin/v1/keys/new",
          "/admin/v1/audit",
          "/admin/v1/config",
          "/metrics"})
        seen += w.gate.admin("GET", path).body;
    for (const auto& line : w.gate.access_lines(16))
        seen += line;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(w.gate.directory())) {
        std::ifstream in(entry.path());
        if (entry.is_regular_file())
            seen.append(std::istreambuf_iterator<char>(in), {});
    }
    BOOST_TEST(seen.find("\"new\"") != std::string::npos);
    for (const auto& one : {secret, other})
        BOOST_TEST(
            seen.find(one.substr(std::string_view("sk-sluice-").size())) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(wrong_bodies_are_refused_by_name)
{
    world w;
    const auto says = [&](std::string_view method, std::string_view path, std::string_view body) {
        const auto answer = w.gate.admin(method, path, body);
        return std::to_string(answer.status()) + ' ' + answer.body;
    };
    const auto wrong = [&](const std::string& got, std::string_view status, std::string_view part) {
        BOOST_TEST(got.starts_with(status), got);
        BOOST_TEST(got.find(part) != std::string::npos, got);
    };
    wrong(says("POST", all, "["), "400", "invalid_json");
    wrong(says("POST", all, R"({"id":5})"), "400", "id is a text");
    wrong(says("POST", all, R"({"id":"a b"})"), "400", "1 to 64 of");
    wrong(says("POST", all, R"({"id":"x","hash":"y"})"), "400", "hash: is not set here");
    wrong(says("POST", all, R"({"modles":["m"]})"), "400", "did you mean `models`?");
    wrong(says("POST", all, R"({"models":["mm"]})"), "400", "is no model and no alias");
    wrong(says("PATCH", "/admin/v1/keys/f", R"({"tenant":"x"})"), "400", "the file's");
    wrong(says("PATCH", "/admin/v1/keys/f", R"({"disabled":1})"), "400", "true or false");
    wrong(says("PATCH", "/admin/v1/keys/no", R"({"disabled":true})"), "404", "key_not_found");
    wrong(says("POST", "/admin/v1/keys/f/rotate", R"({"grace":"soon"})"), "400", "a duration");
    wrong(says("POST", "/admin/v1/keys/f/rotate", R"({"grade":"1h"})"), "400", "`grace`");
    wrong(says("PUT", "/admin/v1/keys/f", "{}"), "405", "");
}

BOOST_AUTO_TEST_CASE(a_key_revoked_on_a_full_disk_is_written_down_when_there_is_space)
{
    world w;
    const auto file = w.gate.directory() + "/state/keys.json";
    std::filesystem::create_directory(file + ".next");  // the file cannot be replaced
    const auto answer = w.gate.admin("DELETE", std::string(all) + "/f");
    BOOST_TEST(answer.status() == 200U);
    BOOST_TEST(answer.body.find("until it can be written") != std::string::npos, answer.body);
    BOOST_TEST(w.status_of("sk-file") == 401U);
    BOOST_TEST(w.gate.becomes("sluice_state_unwritten", {}, 1));
    BOOST_TEST(!std::filesystem::exists(file));
    std::filesystem::remove(file + ".next");
    BOOST_TEST(w.gate.becomes("sluice_state_unwritten", {}, 0));
    std::ifstream in(file);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    BOOST_TEST(text.find("\"disabled\":true") != std::string::npos, text);
}

BOOST_AUTO_TEST_SUITE_END()
