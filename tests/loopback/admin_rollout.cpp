#include "admin_world.hpp"

BOOST_AUTO_TEST_SUITE(admin_rollout)

using namespace std::chrono_literals;
using namespace sluice;
using namespace sluice::server;

namespace {

const std::string demo = "/admin/v1/models/demo";
const std::string schedule = R"({"steps":[10,50],"every":"10s","minimum":20})";

// A second in which both arms did something; the canary fails `failed` times.
void second(admin_world& admin, int number, std::uint64_t failed)
{
    admin.on_control_thread([&] {
        const auto& model = admin.world.model("demo");
        auto& canary = admin.world.cells.arm(model.targets[2].arm);
        canary.attempts_begun.add(20);
        canary.attempts[observe::attempt_outcome::status_5xx].add(failed);
        admin.world.cells.arm(model.targets[0].arm).attempts_begun.add(180);
        admin.world.canaries->look(time_point{seconds{1'000 + number}});
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_schedule_that_is_put_begins_and_its_state_is_shown)
{
    admin_world admin;
    BOOST_TEST(admin.call("GET", demo).says(R"("rollout":null)"));
    auto put = admin.call("PUT", demo + "/rollout", schedule);
    BOOST_TEST_REQUIRE(put.status == 200);
    BOOST_TEST(put.text("/rollout/state") == "running");
    BOOST_TEST(put.number("/targets/2/share") == 0.1);
    BOOST_TEST(put.header("etag") == '"' + std::to_string(int(put.number("/version"))) + '"');
    BOOST_TEST(put.text("/rollout/settings/steps/1") == "50%");
    BOOST_TEST(put.text("/rollout/settings/guards/errors_above_stable") == "0.2%");
    for (int i = 0; i < 3; ++i)
        second(admin, i, i == 1 ? 1 : 0);
    auto shown = admin.call("GET", demo);
    BOOST_TEST(shown.number("/rollout/step") == 1);
    BOOST_TEST(shown.number("/rollout/steps") == 2);
    BOOST_TEST(shown.number("/rollout/seconds_on_step") == 2);
    BOOST_TEST(shown.number("/rollout/next/seconds") == 8);
    BOOST_TEST(shown.number("/rollout/evidence/canary/attempts") == 60);
    BOOST_TEST(shown.number("/rollout/evidence/canary/failed") == 1);
    BOOST_TEST(shown.number("/rollout/evidence/stable/attempts") == 540);
    BOOST_TEST(shown.text("/rollout/guards/0/guard") == "errors_above_stable");
    BOOST_TEST(shown.number("/rollout/guards/0/evidence") > 1);
    BOOST_TEST(shown.number("/rollout/guards/0/rolls_back_at") == 400);
}

BOOST_AUTO_TEST_CASE(a_canary_that_fails_is_gone_within_two_seconds_and_everything_says_why)
{
    admin_world admin;
    BOOST_TEST_REQUIRE(admin.call("PUT", demo + "/rollout", schedule).status == 200);
    second(admin, 0, 0);
    second(admin, 1, 20);
    auto shown = admin.call("GET", demo);
    BOOST_TEST(shown.text("/rollout/state") == "rolled_back");
    BOOST_TEST(shown.text("/rollout/reason").starts_with("errors_above_stable: "));
    BOOST_TEST(shown.number("/targets/2/share") == 0);
    auto audit = admin.call("GET", "/admin/v1/audit?limit=1");
    BOOST_TEST(audit.text("/entries/0/actor") == "rollout");
    BOOST_TEST(audit.text("/entries/0/reason") == shown.text("/rollout/reason"));
    const auto metrics = admin.call("GET", "/metrics");
    BOOST_TEST(
        metrics.says(R"(sluice_rollbacks_total{model="demo",reason="errors_above_stable"} 1)"));
    BOOST_TEST(metrics.says(R"(sluice_rollout_step{model="demo",target="canary"} 0)"));
    BOOST_TEST(metrics.says(R"(sluice_rollout_state{model="demo",state="rolled_back"} 1)"));
}

BOOST_AUTO_TEST_CASE(promote_freeze_resume_rollback_and_kill_answer_the_model)
{
    admin_world admin;
    const auto post = [&](const std::string& what) { return admin.call("POST", demo + what); };
    BOOST_TEST_REQUIRE(admin.call("PUT", demo + "/rollout", schedule).status == 200);
    BOOST_TEST(post("/freeze").text("/rollout/state") == "frozen");
    BOOST_TEST(post("/promote").number("/rollout/step") == 2);
    BOOST_TEST(post("/resume").text("/rollout/state") == "running");
    BOOST_TEST(post("/promote").text("/rollout/state") == "done");
    BOOST_TEST(post("/rollback").text("/rollout/state") == "rolled_back");
    BOOST_TEST(admin.call("PUT", demo + "/canary", R"({"percent":40})").status == 200);
    auto killed = post("/kill");
    BOOST_TEST(killed.text("/rollout/state") == "stopped");
    BOOST_TEST(killed.number("/targets/2/share") == 0);
    BOOST_TEST(admin.call("PUT", demo + "/canary", R"({"percent":40})").status == 200);
    auto all = admin.call("POST", "/admin/v1/kill");
    BOOST_TEST(all.status == 200);
    BOOST_TEST(all.number("/models/0/targets/2/share") == 0);
    BOOST_TEST(admin.call("GET", "/admin/v1/audit").says("kill switch"));
}

BOOST_AUTO_TEST_CASE(wrong_use_is_told_apart)
{
    admin_world admin;
    const auto refused = [&](const std::string& verb,
                             const std::string& path,
                             const std::string& body,
                             unsigned status,
                             const std::string& code) {
        auto answer = admin.call(verb, "/admin/v1/models" + path, body);
        BOOST_TEST_CONTEXT(path + ' ' + body + " -> " + answer.body)
        {
            BOOST_TEST(answer.status == status);
            BOOST_TEST(answer.code() == code);
            BOOST_TEST(!answer.text("/error/message").empty());
        }
    };
    refused("PUT", "/demo/rollout", "", 409, "no_rollout");
    refused("PUT", "/lone/rollout", schedule, 400, "target_not_found");
    refused("PUT", "/nobody/rollout", schedule, 404, "model_not_found");
    refused("PUT", "/demo/rollout", "[", 400, "invalid_json");
    refused("PUT", "/demo/rollout", R"({"steps":[50,5]})", 400, "invalid_value");
    refused("PUT", "/demo/rollout", R"({"stepz":[5]})", 400, "invalid_value");
    refused("PUT", "/demo/rollout", R"({"every":10})", 400, "invalid_value");
    refused("PUT", "/demo/rollout", R"({"guards":{"errors":"many"}})", 400, "invalid_value");
    refused("PUT", "/demo/rollout", R"({"guards":{"p42":"1s"}})", 400, "invalid_value");
    refused("PUT", "/demo/rollout", R"({"guards":{"cost":"1 USD"}})", 400, "invalid_value");
    refused("POST", "/demo/promote", "", 409, "no_rollout");
    refused("POST", "/demo/rollback", "", 409, "no_rollout");
    refused("POST", "/nobody/freeze", "", 404, "model_not_found");
    refused("POST", "/lone/kill", "", 400, "target_not_found");
    BOOST_TEST(admin.call("PUT", demo + "/rollout", schedule).status == 200);
    refused("POST", "/demo/resume", "", 409, "rollout_state");
    BOOST_TEST(admin.call("POST", demo + "/kill").status == 200);
    refused("POST", "/demo/promote", "", 409, "rollout_state");
    refused("POST", "/demo/freeze", "", 409, "rollout_state");
    refused("POST", "/demo/rollback", "", 409, "rollout_state");
    BOOST_TEST(admin.call("GET", demo + "/promote").status == 405);
}

BOOST_AUTO_TEST_CASE(a_schedule_that_is_put_keeps_the_files_bounds)
{
    admin_world admin;
    struct beyond {
        std::string member;
        std::string body;
        std::string allowed;
    };
    const auto guard = [](const std::string& name, const std::string& value) {
        return R"({"guards":{")" + name + "\":\"" + value + "\"}}";
    };
    for (const auto& each : std::initializer_list<beyond>{
             {"every", R"({"every":"366d"})", "1s to 365d"},
             {"minimum", R"({"minimum":1000000001})", "0 to 1000000000"},
             {"minimum", R"({"minimum":18446744073709551615})", "0 to 1000000000"},
             {"guards.errors", guard("errors", "99.5%"), "0% to 99%, or `off`"},
             {"guards.p99", guard("p99", "25h"), "1ms to 1d, or `off`"},
             {"guards.first_token", guard("first_token", "2d"), "1ms to 1d, or `off`"}}) {
        auto answer = admin.call("PUT", demo + "/rollout", each.body);
        BOOST_TEST(answer.status == 400, each.body);
        BOOST_TEST(answer.text("/error/param") == each.member);
        BOOST_TEST(answer.text("/error/message") == each.member + " is " + each.allowed);
    }
    for (const std::string last :
         {R"({"every":"365d","minimum":1000000000,"guards":{"errors":"99%","p99":"1d"}})",
          R"({"every":"1s","minimum":0,"guards":{"truncated":0.29,"p99":"1ms"}})"})
        BOOST_TEST(admin.call("PUT", demo + "/rollout", last).status == 200, last);
}

BOOST_AUTO_TEST_CASE(every_write_honours_if_match)
{
    admin_world admin;
    const std::string stale = "if-match: \"999\"\r\n";
    BOOST_TEST(admin.call("PUT", demo + "/rollout", schedule, stale).status == 412);
    BOOST_TEST(admin.call("PUT", demo + "/rollout", schedule).status == 200);
    for (const std::string what : {"/freeze", "/resume", "/promote", "/rollback", "/kill"})
        BOOST_TEST(admin.call("POST", demo + what, "", stale).status == 412);
    BOOST_TEST(admin.call("POST", "/admin/v1/kill", "", stale).status == 412);
    auto shown = admin.call("GET", demo);
    BOOST_TEST(shown.text("/rollout/state") == "running");
    const auto etag = "if-match: " + shown.header("etag") + "\r\n";
    BOOST_TEST(admin.call("POST", demo + "/promote", "", etag).status == 200);
    BOOST_TEST(admin.call("POST", demo + "/kill", "", etag).status == 412);
    BOOST_TEST(
        admin.call("POST", "/admin/v1/budgets/key:team:daily/topup", R"({"usd":1})", stale).status
        == 412);
}

BOOST_AUTO_TEST_CASE(a_rollout_that_is_held_or_goes_on_is_a_version_of_its_own)
{
    admin_world admin;
    auto last = admin.call("PUT", demo + "/rollout", schedule);
    for (const std::string what : {"/freeze", "/resume"}) {
        const auto before = last.number("/version");
        last = admin.call("POST", demo + what);
        BOOST_TEST(last.status == 200);
        BOOST_TEST(last.number("/version") == before + 1);
        BOOST_TEST(last.header("etag") == '"' + std::to_string(int(before) + 1) + '"');
        const auto meant = "if-match: \"" + std::to_string(int(before)) + "\"\r\n";
        BOOST_TEST(admin.call("POST", demo + "/promote", "", meant).status == 412);
    }
    auto audit = admin.call("GET", "/admin/v1/audit?limit=2");
    BOOST_TEST(audit.text("/entries/0/action") == "resume_rollout");
    BOOST_TEST(audit.text("/entries/1/action") == "freeze_rollout");
    BOOST_TEST(audit.text("/entries/0/from") == R"({"models.demo.rollout":"frozen"})");
    BOOST_TEST(audit.text("/entries/1/from") == R"({"models.demo.rollout":"running"})");
    BOOST_TEST(audit.number("/entries/0/version") == last.number("/version"));
}

BOOST_AUTO_TEST_CASE(a_schedule_in_the_file_is_taken_and_the_body_changes_parts_of_it)
{
    auto text = sample_config();
    const std::string at = "    sticky: user\n";
    text.insert(
        text.find(at),
        "    rollout: {steps: [20%, 60%], every: 5m, guards: {errors: 1%, p99: 2s}}\n");
    admin_world admin(text);
    auto begun = admin.call("PUT", demo + "/rollout");
    BOOST_TEST_REQUIRE(begun.status == 200);
    BOOST_TEST(begun.number("/targets/2/share") == 0.2);
    BOOST_TEST(begun.text("/rollout/settings/guards/p99") == "2s");
    auto changed = admin.call("PUT", demo + "/rollout", R"({"every":"7m","guards":{"p99":"off"}})");
    BOOST_TEST(changed.text("/rollout/settings/every") == "7m");
    BOOST_TEST(changed.text("/rollout/settings/guards/p99") == "off");
    BOOST_TEST(changed.text("/rollout/settings/guards/errors") == "1%");
    BOOST_TEST(changed.text("/rollout/settings/steps/0") == "20%");
}

BOOST_AUTO_TEST_SUITE_END()
