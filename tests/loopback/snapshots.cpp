// Changes while requests run: no request notices, and each keeps the configuration it began with.

#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(snapshots)

using namespace loopback;

namespace {

constexpr std::string_view arms =
    "{ m: { targets: [{ name: stable, provider: one, model: up-s, weight: 100 },"
    " { name: canary, provider: one, model: up-c, weight: 0 }], canary: canary } }";

std::string percent(unsigned value)
{
    return "{\"percent\": " + std::to_string(value) + "}";
}

// Its writer opens a file in its own time.
bool writes_to(gateway& gate, const std::string& name)
{
    const auto path = gate.directory() + "/" + name;
    for (const auto until = clock::now() + patience; clock::now() < until;) {
        auto client = gate.connect();
        client.send(chat_text());
        (void)client.answer();
        std::error_code none;
        if (const auto size = std::filesystem::file_size(path, none); !none && size > 0)
            return true;
    }
    return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(moving_the_canary_breaks_no_request)
{
    provider echo{[](connection& c) {
        for (;;)
            c.send(answer_text(c.request().body));
    }};
    gateway gate(config(echo.port()).set("models", arms).set("workers", "2"));
    std::atomic<bool> enough{false};
    std::atomic<unsigned> served{0};
    std::atomic<unsigned> wrong{0};
    {
        std::vector<std::jthread> clients;
        for (unsigned i = 0; i < 4; ++i)
            clients.emplace_back([&] {
                auto client = gate.connect();
                while (!enough) {
                    client.send(chat_text());
                    const auto answer = client.answer();
                    const auto target = answer.header("x-sluice-target");
                    const bool consistent =
                        answer.status() == 200
                        && answer.body == chat_body("", target == "canary" ? "up-c" : "up-s");
                    ++(consistent ? served : wrong);
                }
            });
        for (unsigned i = 0; i < 100; ++i) {
            const auto answer =
                gate.admin("PUT", "/admin/v1/models/m/canary", percent(i % 2 == 0 ? 100 : 0));
            BOOST_TEST(answer.status() == 200u);
        }
        enough = true;
    }
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(served > 0u);
    BOOST_TEST(gate.metric("sluice_config_version") == 101.0);
}

// Also of a gateway whose workers have hardly begun.
BOOST_AUTO_TEST_CASE(a_change_that_was_answered_holds_for_every_later_request)
{
    provider echo{always(answer_text("{}"))};
    for (unsigned begun = 0; begun < 20; ++begun) {
        gateway gate(config(echo.port()).set("models", arms).set("workers", "2"));
        std::vector<connection> clients;
        for (unsigned i = 0; i < 8; ++i) {
            const bool canary = i % 2 == 0;
            const auto moved =
                gate.admin("PUT", "/admin/v1/models/m/canary", percent(canary ? 100 : 0));
            BOOST_TEST(moved.status() == 200u);
            clients.push_back(gate.connect());
            for (auto& client : clients) {
                client.send(chat_text());
                const auto answer = client.answer();
                BOOST_TEST(answer.status() == 200u);
                BOOST_TEST(answer.header("x-sluice-target") == (canary ? "canary" : "stable"));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_reload_changes_new_requests_only)
{
    listener before;
    listener after;
    gateway gate{config(before.port())};
    auto streaming_client = gate.connect();
    streaming_client.send(chat_text(streaming));
    auto old_upstream = before.accept();
    (void)old_upstream.request();
    old_upstream.send(std::string(stream_head) + chunk(token_event("one")));
    BOOST_TEST(streaming_client.head().header("x-sluice-config") == "1");

    auto next = config(after.port()).set("models", "{ renamed: { targets: [{ provider: one }] } }");
    BOOST_TEST(gate.reload(next).status() == 200u);
    auto client = gate.connect();
    client.send(post_text(chat_body("", "renamed")));
    auto new_upstream = after.accept();
    BOOST_TEST(new_upstream.request().body == chat_body("", "renamed"));
    new_upstream.send(answer_text("{}"));
    const auto answer = client.answer();
    BOOST_TEST(answer.status() == 200u);
    BOOST_TEST(answer.header("x-sluice-config") == "2");
    client.send(chat_text());
    BOOST_TEST(client.answer().status() == 404u);

    old_upstream.send(
        chunk(token_event("two") + std::string(done_event)) + std::string(last_chunk));
    (void)streaming_client.until("[DONE]\n\n\r\n0\r\n\r\n");
    // Its connection carries the next request under the new configuration.
    streaming_client.send(chat_text());
    BOOST_TEST(streaming_client.answer().status() == 404u);
    BOOST_TEST(old_upstream.ends(), "a provider that is gone keeps no connection");
}

BOOST_AUTO_TEST_CASE(a_file_that_does_not_hold_changes_nothing)
{
    provider echo{always(answer_text("{}"))};
    gateway gate{config(echo.port())};
    auto broken = config(echo.port()).set("models", "{ m: { targets: [{ provider: nowhere }] } }");
    const auto refused = gate.reload(broken);
    BOOST_TEST(refused.status() >= 400u);
    BOOST_TEST(refused.says("models.m.targets[0].provider"), refused.body);
    auto client = gate.connect();
    client.send(chat_text());
    const auto answer = client.answer();
    BOOST_TEST(answer.status() == 200u);
    BOOST_TEST(answer.header("x-sluice-config") == "1");
    BOOST_TEST(gate.becomes("sluice_config_reload_failures_total", {}, 1));
}

BOOST_AUTO_TEST_CASE(a_reload_opens_the_access_log_again_even_if_the_file_does_not_hold)
{
    provider echo{always(answer_text("{}"))};
    const config good(echo.port());
    gateway gate(good);
    BOOST_TEST(writes_to(gate, "access.log"));
    const auto rotate = [&gate] {
        const auto log = gate.directory() + "/access.log";
        std::filesystem::rename(log, log + ".1");
    };
    rotate();
    BOOST_TEST(gate.reload(good).status() == 200u);
    BOOST_TEST(writes_to(gate, "access.log"));
    rotate();
    auto broken = config(echo.port()).set("unknown", "1");
    BOOST_TEST(gate.reload(broken).status() >= 400u);
    BOOST_TEST(writes_to(gate, "access.log"));
}

BOOST_AUTO_TEST_CASE(another_access_log_is_written_at_once)
{
    provider echo{always(answer_text("{}"))};
    gateway gate{config(echo.port())};
    const auto into = [&](const std::string& name) {
        return config(echo.port()).set("access_log", "'@DIR@/" + name + "'");
    };
    BOOST_TEST(gate.reload(into("second.log")).status() == 200u);
    BOOST_TEST(writes_to(gate, "second.log"));
    auto text = into("third.log").text();
    while (text.find("@DIR@") != std::string::npos)
        text.replace(text.find("@DIR@"), 5, gate.directory());
    BOOST_TEST(gate.admin("PUT", "/admin/v1/config", text).status() == 200u);
    BOOST_TEST(writes_to(gate, "third.log"));
}

BOOST_AUTO_TEST_CASE(limits_outlive_a_reload)
{
    provider echo{always(answer_text("{}"))};
    const auto how = config(echo.port())
                         .set(
                             "keys",
                             "[{ id: a, hash: '" + key_hash("sk-client-a")
                                 + "', limits: { requests: 1/h, burst: 2 } }]");
    gateway gate(how);
    auto client = gate.connect();
    const auto ask = [&client] {
        client.send(chat_text("", "x-api-key: sk-client-a\r\n"));
        return client.answer().status();
    };
    BOOST_TEST(ask() == 200u);
    BOOST_TEST(ask() == 200u);
    BOOST_TEST(gate.reload(how).status() == 200u);
    BOOST_TEST(ask() == 429u);
}

BOOST_AUTO_TEST_SUITE_END()
