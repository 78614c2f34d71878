#include "admin_world.hpp"

BOOST_AUTO_TEST_SUITE(admin_)

using namespace sluice;
using namespace sluice::server;

namespace {

const std::string models = "/admin/v1/models";
const std::string hello = R"({"model":"demo","messages":[],"user":"alice"})";

}  // namespace

BOOST_AUTO_TEST_SUITE(admin_api_)

BOOST_AUTO_TEST_CASE(ready_turns_503_the_moment_a_drain_begins_and_live_does_not)
{
    admin_world admin;
    BOOST_TEST(admin.call("GET", "/livez").status == 200);
    BOOST_TEST(admin.call("GET", "/readyz").status == 200);
    admin.draining = true;
    BOOST_TEST(admin.call("GET", "/livez").status == 200);
    BOOST_TEST(admin.call("GET", "/readyz").status == 503);
}

BOOST_AUTO_TEST_CASE(metrics_come_in_the_format_that_is_asked_for)
{
    admin_world admin;
    const auto plain = admin.call("GET", "/metrics");
    BOOST_TEST(plain.status == 200);
    BOOST_TEST(plain.header("content-type").starts_with("text/plain"));
    BOOST_TEST(plain.says("sluice_config_version"));
    const auto open = admin.call(
        "GET", "/metrics", "", "accept: application/openmetrics-text; version=1.0.0\r\n");
    BOOST_TEST(open.header("content-type").starts_with("application/openmetrics-text"));
    BOOST_TEST(open.body.ends_with("# EOF\n"));
}

BOOST_AUTO_TEST_CASE(models_tell_targets_shares_and_recent_numbers)
{
    admin_world admin;
    auto all = admin.call("GET", models);
    BOOST_TEST(all.status == 200);
    BOOST_TEST(all.text("/models/0/name") == "demo");
    BOOST_TEST(all.number("/models/0/targets/2/share") == 0.1);
    BOOST_TEST(all.number("/models/0/targets/0/last_1m/requests") == 0);
    auto one = admin.call("GET", models + "/demo");
    BOOST_TEST(one.text("/targets/0/provider") == "p");
    BOOST_TEST(one.header("etag") == '"' + std::to_string(int(one.number("/version"))) + '"');
    BOOST_TEST(admin.call("GET", models + "/nick").text("/name") == "demo");
    BOOST_TEST(admin.call("GET", models + "/org%2Fname").text("/name") == "org/name");
    BOOST_TEST(admin.call("GET", models + "/org/name").text("/name") == "org/name");
    BOOST_TEST(admin.call("GET", models + "/nobody").status == 404);
    BOOST_TEST(admin.call("GET", models + "/%zz").status == 400);
    for (const auto& path : {models, std::string("/admin/v1/usage")}) {
        const auto head = admin.call("HEAD", path);
        BOOST_TEST(head.status == 200);
        BOOST_TEST(head.body.empty(), head.body);
        BOOST_TEST(head.header("content-length") != "0");
    }
}

BOOST_AUTO_TEST_CASE(the_canary_moves_and_the_answer_says_where_to)
{
    admin_world admin;
    auto moved = admin.call("PUT", models + "/demo/canary", R"({"percent":12.5})");
    BOOST_TEST(moved.status == 200);
    BOOST_TEST(moved.number("/targets/2/share") == 0.125);
    BOOST_TEST(moved.header("etag") == '"' + std::to_string(int(moved.number("/version"))) + '"');
    auto weights =
        admin.call("PUT", models + "/demo/weights", R"({"stable":1,"second":1,"canary":2})");
    BOOST_TEST(weights.number("/targets/2/share") == 0.5);
    BOOST_TEST(weights.number("/version") == moved.number("/version") + 1);
    auto audit = admin.call("GET", "/admin/v1/audit?limit=1");
    BOOST_TEST(audit.text("/entries/0/action") == "set_weights");
    BOOST_TEST(admin.call("GET", "/admin/v1/audit").says("set_canary"));
}

BOOST_AUTO_TEST_CASE(a_change_is_answered_once_every_worker_serves_by_it)
{
    admin_world admin(sample_config(), {.in_force = milliseconds{20'000}});
    admin.on_control_thread([&] { admin.in_force = false; });
    auto moved = std::async(std::launch::async, [&] {
        return admin.call("PUT", models + "/demo/canary", R"({"percent":20})").status;
    });
    // It is made, and whoever only looks is not kept waiting.
    while (admin.call("GET", models + "/demo").number("/targets/2/share") != 0.2)
        BOOST_REQUIRE((moved.wait_for(milliseconds{0}) == std::future_status::timeout));
    admin.on_control_thread([] {});
    BOOST_TEST((moved.wait_for(milliseconds{20}) == std::future_status::timeout));
    admin.every_worker_took_it_up();
    BOOST_TEST(moved.get() == 200U);
}

BOOST_AUTO_TEST_CASE(a_worker_that_stands_still_keeps_a_change_waiting_for_a_while_only)
{
    admin_world admin(sample_config(), {.in_force = milliseconds{20}});
    admin.on_control_thread([&] { admin.in_force = false; });
    BOOST_TEST(admin.call("PUT", models + "/demo/canary", R"({"percent":20})").status == 200U);
    const auto& lines = admin.world.lines;
    BOOST_TEST(std::ranges::any_of(
        lines, [](const auto& line) { return line.find("config_late") != std::string::npos; }));
}

BOOST_AUTO_TEST_CASE(targets_tell_their_breaker_budget_and_latency_and_providers_their_credentials)
{
    admin_world admin;
    admin.on_control_thread([&] {
        const auto& snapshot = *admin.world.plane->current();
        auto& state = *snapshot.models[0].targets[0].state;
        state.latency.sample(milliseconds{250}, steady::now());
        const auto given = state.breaker.ask(snapshot.models[0].breaker, steady::now(), 0);
        state.breaker.report(snapshot.models[0].breaker, true, given, steady::now());
        snapshot.providers[1].credentials[0]->rest(
            policy::credential_trouble::quota, steady::now() + seconds{60});
    });
    auto one = admin.call("GET", models + "/demo");
    BOOST_TEST(one.status == 200);
    BOOST_TEST(one.text("/targets/0/breaker/state") == "closed");
    BOOST_TEST(one.text("/targets/0/breaker/forced") == "automatic");
    BOOST_TEST(one.number("/targets/0/breaker/attempts") == 1);
    BOOST_TEST(one.number("/targets/0/breaker/failures") == 1);
    BOOST_TEST(one.number("/targets/0/breaker/admitted_share") == 1);
    BOOST_TEST(one.number("/targets/0/retry_budget_remaining") == 10);
    BOOST_TEST(one.number("/targets/0/latency_seconds") > 0.2);
    BOOST_TEST(one.json().at_pointer("/targets/1/latency_seconds").is_null());
    BOOST_TEST(one.text("/providers/0/credentials/0/state") == "usable");
    BOOST_TEST(one.text("/providers/1/name") == "q");
    BOOST_TEST(one.text("/providers/1/credentials/0/state") == "quota");
    BOOST_TEST(one.number("/providers/1/credentials/0/rests_for_seconds") > 50);
    auto lone = admin.call("GET", models + "/lone");
    BOOST_TEST((lone.json().at_pointer("/providers/1").error() != simdjson::SUCCESS));
    auto all = admin.call("GET", models);
    BOOST_TEST(all.text("/providers/1/credentials/0/state") == "quota");
}

BOOST_AUTO_TEST_CASE(a_breaker_is_held_by_hand_and_let_go_again)
{
    admin_world admin;
    const std::string path = models + "/demo/targets/canary/breaker";
    auto held = admin.call("PUT", path, R"({"state":"open"})");
    BOOST_TEST(held.status == 200, held.body);
    BOOST_TEST(held.text("/targets/2/breaker/state") == "open");
    BOOST_TEST(held.text("/targets/2/breaker/forced") == "open");
    BOOST_TEST(held.text("/targets/0/breaker/forced") == "automatic");
    BOOST_TEST(held.header("etag") == '"' + std::to_string(int(held.number("/version"))) + '"');
    BOOST_TEST(admin.call("GET", "/metrics")
                   .says(R"(sluice_breaker_state{model="demo",target="canary"} 2)"));
    auto shown = admin.call("GET", "/admin/v1/config");
    BOOST_TEST(shown.text("/breakers/demo/canary") == "open");
    auto audit = admin.call("GET", "/admin/v1/audit?limit=1");
    BOOST_TEST(audit.text("/entries/0/action") == "set_breaker");
    BOOST_TEST(audit.says("models.demo.targets[canary].breaker"));

    BOOST_TEST(
        admin.call("PUT", models + "/org/name/targets/only/breaker", R"({"state":"closed"})")
            .text("/targets/0/breaker/forced")
        == "closed");
    auto free = admin.call("PUT", path, R"({"state":"automatic"})");
    BOOST_TEST(free.text("/targets/2/breaker/state") == "closed");
    BOOST_TEST(free.text("/targets/2/breaker/forced") == "automatic");
    BOOST_TEST(!admin.call("GET", "/admin/v1/config").says("\"demo\":{\"canary\":\"open\""));
    const auto stale = admin.call("PUT", path, R"({"state":"open"})", "if-match: \"1\"\r\n");
    BOOST_TEST(stale.status == 412);
    BOOST_TEST(admin.call("GET", path).status == 405);
}

BOOST_AUTO_TEST_CASE(wrong_bodies_are_refused_by_name)
{
    admin_world admin;
    const auto refused = [&](const std::string& path,
                             const std::string& body,
                             unsigned status,
                             const std::string& code) {
        auto answer = admin.call("PUT", models + path, body);
        BOOST_TEST_CONTEXT(path + ' ' + body + " -> " + answer.body)
        {
            BOOST_TEST(answer.status == status);
            BOOST_TEST(answer.code() == code);
            BOOST_TEST(!answer.text("/error/message").empty());
        }
    };
    refused("/demo/canary", "", 400, "invalid_json");
    refused("/demo/canary", "{", 400, "invalid_json");
    refused("/demo/canary", "[1]", 400, "invalid_type");
    refused("/demo/canary", "{}", 400, "missing_required_parameter");
    refused("/demo/canary", R"({"percent":"5"})", 400, "invalid_type");
    refused("/demo/canary", R"({"percent":100.5})", 400, "invalid_value");
    refused("/demo/canary", R"({"percent":-1})", 400, "invalid_value");
    refused("/demo/canary", R"({"percent":1,"percent":2})", 400, "duplicate_parameter");
    refused("/demo/canary", R"({"percent":1,"x":2})", 400, "unknown_parameter");
    refused("/lone/canary", R"({"percent":1})", 400, "target_not_found");
    refused("/nobody/canary", R"({"percent":1})", 404, "model_not_found");
    refused("/demo/targets/canary/breaker", "{}", 400, "missing_required_parameter");
    refused("/demo/targets/canary/breaker", R"({"state":true})", 400, "invalid_type");
    refused("/demo/targets/canary/breaker", R"({"state":"shut"})", 400, "invalid_value");
    refused("/demo/targets/canary/breaker", R"({"position":"open"})", 400, "unknown_parameter");
    refused("/demo/targets/nobody/breaker", R"({"state":"open"})", 400, "target_not_found");
    refused("/nobody/targets/canary/breaker", R"({"state":"open"})", 404, "model_not_found");
    refused("/demo/weights", "{}", 400, "missing_required_parameter");
    refused("/demo/weights", R"({"stabel":1})", 400, "target_not_found");
    refused("/demo/weights", R"({"stable":-1})", 400, "invalid_value");
    refused("/demo/weights", R"({"stable":1000001})", 400, "invalid_value");
    refused("/demo/weights", R"({"stable":1e308})", 400, "invalid_value");
    refused("/demo/weights", R"({"stable":null})", 400, "invalid_type");
    refused("/demo/weights", R"({"stable":0,"second":0,"canary":0})", 400, "invalid_value");
}

BOOST_AUTO_TEST_CASE(paths_methods_and_queries_that_are_not_known_are_refused)
{
    admin_world admin;
    BOOST_TEST(admin.call("GET", "/nothing").status == 404);
    BOOST_TEST(admin.call("GET", "/console/../x").status == 404);
    BOOST_TEST(admin.call("GET", "/admin/v1/nothing").status == 404);
    auto wrong = admin.call("DELETE", "/admin/v1/config");
    BOOST_TEST(wrong.status == 405);
    BOOST_TEST(wrong.header("allow") == "get, head, put");
    BOOST_TEST(admin.call("GET", models + "/demo/canary").status == 405);
    BOOST_TEST(
        admin.call("PUT", "/admin/v1/config?dryrun=true", "x").code() == "unknown_parameter");
    BOOST_TEST(admin.call("PUT", "/admin/v1/config?dry_run=1", "x").status == 400);
    BOOST_TEST(admin.call("GET", "/admin/v1/audit?limit=0").status == 400);
    auto usage = admin.call("GET", "/admin/v1/usage?by=key");
    BOOST_TEST(usage.number("/total/requests") == 0);
}

BOOST_AUTO_TEST_CASE(without_the_token_nothing_under_admin_answers)
{
    admin_world admin(sample_config("{token: admin-secret}"));
    const auto status = [&](const std::string& header) {
        return admin.call("GET", models, "", header).status;
    };
    BOOST_TEST(status("") == 401);
    BOOST_TEST(!admin.call("GET", models).header("www-authenticate").empty());
    BOOST_TEST(status("authorization: Bearer wrong\r\n") == 401);
    BOOST_TEST(status("authorization: Bearer admin-secre\r\n") == 401);
    BOOST_TEST(status("authorization: Basic admin-secret\r\n") == 401);
    BOOST_TEST(status("authorization: Bearer team-key\r\n") == 403);
    BOOST_TEST(status("authorization: Bearer admin-secret\r\n") == 200);
    BOOST_TEST(status("authorization: bearer  admin-secret\r\n") == 200);
    BOOST_TEST(admin.call("GET", "/admin/v1/nothing").status == 401);
    for (const std::string open : {"/livez", "/readyz", "/metrics"})
        BOOST_TEST(admin.call("GET", open).status == 200);
    const auto web = admin.call(
        "POST",
        "/admin/v1/reload",
        "",
        "authorization: Bearer admin-secret\r\norigin: http://x\r\n");
    BOOST_TEST(web.status == 403);

    admin.world.write(sample_config("{token: another}"));
    BOOST_TEST(
        admin.call("POST", "/admin/v1/reload", "", "authorization: Bearer admin-secret\r\n").status
        == 200);
    BOOST_TEST(status("authorization: Bearer admin-secret\r\n") == 401);
    BOOST_TEST(status("authorization: Bearer another\r\n") == 200);
}

BOOST_AUTO_TEST_CASE(who_is_refused_is_in_the_log_and_what_they_said_is_not)
{
    admin_world admin(sample_config("{token: admin-secret}"));
    (void)admin.call("GET", "/admin/v1/guess", "", "authorization: Bearer a-guess\r\n");
    (void)admin.call("GET", models, "", "authorization: Bearer team-key\r\n");
    (void)admin.call("GET", models, "", "authorization: Bearer admin-secret\r\n");
    std::vector<std::string> lines;
    admin.on_control_thread([&] { lines = admin.world.lines; });
    BOOST_TEST_REQUIRE(lines.size() == 2u);
    for (const auto& line : lines) {
        BOOST_TEST(line.find(R"("event":"admin_refused")") != std::string::npos, line);
        BOOST_TEST(line.find(R"("remote":"127.0.0.1)") != std::string::npos, line);
        BOOST_TEST(line.find("guess") == std::string::npos, line);
    }
    BOOST_TEST(lines[0].find(R"("status":401)") != std::string::npos, lines[0]);
    BOOST_TEST(lines[1].find(R"("status":403)") != std::string::npos, lines[1]);
}

BOOST_AUTO_TEST_CASE(a_write_over_another_version_is_412_and_names_the_one_in_force)
{
    admin_world admin;
    const auto etag = admin.call("GET", models + "/demo").header("etag");
    const auto put = [&](const std::string& tag) {
        return admin.call(
            "PUT", models + "/demo/canary", R"({"percent":20})", "if-match: " + tag + "\r\n");
    };
    const auto moved = put(etag);
    BOOST_TEST(moved.status == 200);
    auto stale = put(etag);
    BOOST_TEST(stale.status == 412);
    BOOST_TEST(stale.code() == "precondition_failed");
    BOOST_TEST(stale.header("etag") == moved.header("etag"));
    BOOST_TEST(put("W/" + moved.header("etag")).status == 412);
    BOOST_TEST(put("nonsense").status == 412);
    BOOST_TEST(put(etag + ", " + moved.header("etag")).status == 200);
    BOOST_TEST(put("*").status == 200);
}

BOOST_AUTO_TEST_CASE(the_configuration_is_shown_tried_exchanged_and_read_again)
{
    admin_world admin;
    auto shown = admin.call("GET", "/admin/v1/config");
    BOOST_TEST(shown.status == 200);
    BOOST_TEST(shown.text("/result/heartbeat") == "15s");
    BOOST_TEST(!shown.says("provider-secret"));
    auto tried = admin.call("PUT", "/admin/v1/config?dry_run=true", sample_config("{}", "4s"));
    BOOST_TEST(tried.status == 200);
    BOOST_TEST(tried.text("/changes/0/key") == "heartbeat");
    BOOST_TEST(tried.header("etag") == shown.header("etag"));
    BOOST_TEST(admin.world.content() == sample_config());
    auto bad = admin.call("PUT", "/admin/v1/config?dry_run=true", "unknown: 1\nother: 2\n");
    BOOST_TEST(bad.status == 400);
    dom::array complaints;
    BOOST_REQUIRE(bad.json().at_pointer("/error/complaints").get(complaints) == simdjson::SUCCESS);
    BOOST_TEST(complaints.size() >= 2U);

    auto put = admin.call("PUT", "/admin/v1/config", sample_config("{}", "4s"));
    BOOST_TEST(put.status == 200);
    BOOST_TEST(put.header("etag") != shown.header("etag"));
    BOOST_TEST(admin.world.content() == sample_config("{}", "4s"));

    admin.world.write("models: [");
    auto refused = admin.call("POST", "/admin/v1/reload");
    BOOST_TEST(refused.status == 400);
    BOOST_TEST(refused.text("/error/complaints/0").starts_with(admin.world.file() + ":"));
    auto after = admin.call("GET", "/admin/v1/config");
    BOOST_TEST(after.number("/last_reload/failures") == 1);
    BOOST_TEST(after.text("/last_reload/complaints/0") == refused.text("/error/complaints/0"));
    admin.world.write(sample_config("{}", "5s"));
    BOOST_TEST(admin.call("POST", "/admin/v1/reload").text("/changes/0/key") == "heartbeat");
}

BOOST_AUTO_TEST_CASE(explain_tells_where_a_request_would_go_and_takes_nothing)
{
    admin_world admin;
    const auto explain = [&](const std::string& body) {
        return admin.call("POST", "/admin/v1/explain", body);
    };
    auto plain = explain(hello);
    BOOST_TEST(plain.status == 200);
    BOOST_TEST(plain.text("/verdict") == "forward");
    const auto& demo = admin.world.model("demo");
    const auto picked = demo.split.pick(policy::position_of("demo", "alice"));
    BOOST_TEST(plain.text("/target") == demo.targets[picked].name);
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(
            explain(R"({"key_id":"team","request":)" + hello + "}")
                .number("/key/requests/remaining")
            == 3);
    BOOST_TEST(
        explain(R"({"key_id":"team","request":{"model":"lone"}})").text("/error/code")
        == "model_not_allowed");
    BOOST_TEST(explain(R"({"model":"nobody"})").text("/error/code") == "model_not_found");
    BOOST_TEST(
        explain(R"({"model":"demo","model":"x"})").text("/error/code") == "duplicate_parameter");
    BOOST_TEST(
        explain(R"({"request":{"model":"demo","model":"x"}})").text("/error/code")
        == "duplicate_parameter");
    auto wished = explain(
        R"({"key_id":"boss","headers":{"X-Sluice-Target":"canary"},"request":)" + hello + "}");
    BOOST_TEST(wished.text("/target") == "canary");
    auto may_not = explain(
        R"({"key_id":"team","headers":{"x-sluice-target":"canary"},"request":)" + hello + "}");
    BOOST_TEST(may_not.says("is ignored"));
    BOOST_TEST(explain(R"({"model":"nick","stream":true})").says("drawn by the shares"));
    BOOST_TEST(explain(R"({"model":"wild-one"})").text("/matched") == "wildcard");
    auto sent = explain(
        R"({"key_id":"boss","headers":{"x-sluice-target":"stable"},"request":)" + hello + "}");
    BOOST_TEST(sent.text("/sent/model") == "real-name");
    BOOST_TEST(explain(R"({"key_id":"nobody","request":{}})").status == 400);
    BOOST_TEST(explain(R"({"key":"team","request":{}})").status == 400);
    BOOST_TEST(explain("nonsense").status == 400);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(admin_server_)

BOOST_AUTO_TEST_CASE(explain_shows_where_else_a_request_could_go_and_what_speaks_against_it)
{
    auto text = sample_config();
    const std::string_view lone = "lone: {targets:";
    text.replace(text.find(lone), lone.size(), "lone: {fallbacks: [demo], targets:");
    admin_world admin(text);
    const std::string lonely = R"({"model":"lone","messages":[]})";
    (void)admin.call("PUT", models + "/demo/targets/stable/breaker", R"({"state":"open"})");
    admin.on_control_thread([&] {
        admin.world.plane->current()->providers[1].credentials[0]->rest(
            policy::credential_trouble::refused, steady::now() + seconds{60});
    });
    auto told = admin.call("POST", "/admin/v1/explain", lonely);
    BOOST_TEST(told.status == 200);
    BOOST_TEST(told.text("/candidates/0/target") == "only");
    BOOST_TEST(told.text("/candidates/0/when") == "first");
    BOOST_TEST(told.json().at_pointer("/candidates/0/obstacle").is_null());
    BOOST_TEST(told.text("/candidates/1/model") == "demo");
    BOOST_TEST(told.text("/candidates/1/target") == "stable");
    BOOST_TEST(told.text("/candidates/1/when") == "as a fallback");
    BOOST_TEST(told.text("/candidates/1/breaker") == "open");
    BOOST_TEST(told.text("/candidates/1/obstacle") == "its breaker is held open by hand");
    BOOST_TEST(told.text("/candidates/2/target") == "second");
    BOOST_TEST(told.text("/candidates/3/target") == "canary");  // behind the others
    BOOST_TEST(told.text("/candidates/3/obstacle") == "all keys of its provider rest");
    auto wished = admin.call(
        "POST",
        "/admin/v1/explain",
        R"({"request":{"model":"demo","messages":[]},"headers":{"x-sluice-target":"second"}})");
    BOOST_TEST(wished.text("/candidates/0/target") == "second", wished.body);
    BOOST_TEST((wished.json().at_pointer("/candidates/1").error() != simdjson::SUCCESS));
}

BOOST_AUTO_TEST_CASE(limits_of_head_and_body_hold_at_the_octet_above)
{
    admin_world admin(sample_config(), {.head_bytes = 1'024, .body_bytes = 2'000});
    const std::string exact = R"({"percent":1)" + std::string(2'000 - 13, ' ') + "}";
    BOOST_TEST(exact.size() == 2'000U);
    BOOST_TEST(admin.call("PUT", models + "/demo/canary", exact).status == 200);
    const auto above = admin.call("PUT", models + "/demo/canary", ' ' + exact);
    BOOST_TEST(above.status == 413);
    BOOST_TEST(above.says("2000"));
    BOOST_TEST(
        admin.call("GET", "/livez", "", "x: " + std::string(1'200, 'y') + "\r\n").status == 431);
    BOOST_TEST(admin.raw("nonsense\r\n\r\n").status == 400);
}

BOOST_AUTO_TEST_CASE(a_slow_client_keeps_nobody_waiting_and_makes_room_when_it_is_full)
{
    admin_world admin(sample_config(), {.connections = 4, .read = milliseconds{60'000}});
    std::vector<tcp::socket> slow;
    for (int i = 0; i < 20; ++i) {
        slow.push_back(admin.connect());
        asio::write(slow.back(), asio::buffer(std::string_view("GET /livez HTT")));
    }
    BOOST_TEST(admin.call("GET", "/readyz").status == 200);
    BOOST_TEST(admin.call("GET", models).status == 200);
    char octet = 0;
    boost::system::error_code ec;
    slow.front().read_some(asio::buffer(&octet, 1), ec);
    BOOST_TEST(!!ec);
}

BOOST_AUTO_TEST_CASE(a_client_that_never_finishes_its_request_is_let_go)
{
    admin_world admin(sample_config(), {.read = milliseconds{50}});
    BOOST_TEST(admin.raw("GET /livez HTTP/1.1\r\nhost: x\r\n").status == 0U);
}

BOOST_AUTO_TEST_CASE(a_key_is_shown_as_expired_by_the_time_that_ends_it)
{
    admin_world admin;
    BOOST_TEST(
        admin.call("POST", "/admin/v1/keys", R"({"id":"k","expires":"2090-01-31T00:00:00Z"})")
            .status
        == 200);
    const auto state_at = [&](std::chrono::sys_seconds now) {
        admin.on_control_thread([&] { admin.now = now; });
        const auto body = admin.call("GET", "/admin/v1/keys/k").body;
        return body.substr(
            body.find("\"state\":"), body.find(",\"source\"") - body.find("\"state\":"));
    };
    using namespace std::chrono_literals;
    constexpr std::chrono::sys_days end = 2090y / 1 / 31;
    BOOST_TEST(state_at(end - 1s) == R"("state":"active")");
    BOOST_TEST(state_at(end) == R"("state":"expired")");
    BOOST_TEST(state_at(end - 1s) == R"("state":"active")", "it is asked each time");
}

BOOST_AUTO_TEST_CASE(one_connection_carries_several_requests)
{
    admin_world admin;
    const std::string get = "GET /livez HTTP/1.1\r\nhost: x\r\n";
    const auto both = admin.raw(get + "\r\n" + get + "connection: close\r\n\r\n");
    BOOST_TEST(both.status == 200);
    BOOST_TEST(both.says("HTTP/1.1 200 OK"));  // the second answer, behind the first one's body
}

BOOST_AUTO_TEST_CASE(an_address_that_is_taken_is_named)
{
    admin_world admin;
    const auto names_it = [&](const std::runtime_error& failure) {
        return std::string(failure.what()).find(std::to_string(admin.port)) != std::string::npos;
    };
    BOOST_CHECK_EXCEPTION(
        admin_world second(sample_config(), {}, admin.port), std::runtime_error, names_it);
}

BOOST_AUTO_TEST_CASE(a_stopped_server_closes_what_is_open)
{
    asio::io_context own;
    tcp::socket open(own);
    {
        admin_world admin;
        open.connect({asio::ip::make_address("127.0.0.1"), admin.port});
        BOOST_TEST(admin.call("GET", "/livez").status == 200);
    }
    char octet = 0;
    boost::system::error_code ec;
    open.read_some(asio::buffer(&octet, 1), ec);
    BOOST_TEST(!!ec);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
