// What requests used and cost, as the ledger tells it: by whom, for what, over restarts, and once
// more from the access log.

#include "support/scripted.hpp"
#include "support/upstream.hpp"
#include <sluice/state/rebuild.hpp>

#include <boost/test/unit_test.hpp>

#include <filesystem>

BOOST_AUTO_TEST_SUITE(ledger)

using namespace loopback;

namespace {

// A dollar a token: an answer costs ten.
constexpr std::string_view priced =
    "{ m: { price: { input: 1000000, output: 1000000 }, targets: [{ provider: one }], "
    "retry: { attempts: 1 } } }";

config with_keys(std::uint16_t port, std::string_view models = priced)
{
    config made(port);
    made.set("models", models);
    made.set("state", "{ directory: '@DIR@/state' }");
    made.set(
        "keys",
        "[{ id: search, tenant: web, hash: '" + key_hash("sk-search")
            + "' }, { id: mail, tenant: office, hash: '" + key_hash("sk-mail") + "' }]");
    return made;
}

std::string from_key(std::string_view key, std::string_view more = {})
{
    return "authorization: Bearer " + std::string(key) + "\r\n" + std::string(more);
}

// The rows of the usage by this, as JSON text; as soon as there are this many bills.
std::string usage_by(gateway& gate, const std::string& by, unsigned bills)
{
    const auto wanted = "\"total\":{\"requests\":" + std::to_string(bills) + ',';
    std::string body;
    const bool all = comes_to_hold([&] {
        body = gate.admin("GET", "/admin/v1/usage?by=" + by).body;
        return body.find(wanted) != std::string::npos;
    });
    BOOST_REQUIRE_MESSAGE(all, "no " << bills << " bills: " << body);
    return body;
}

bool has(std::string_view text, std::string_view part)
{
    return text.find(part) != std::string_view::npos;
}

void answer_one(listener& provider, std::string_view text = {})
{
    auto upstream = provider.accept();
    (void)upstream.request();
    upstream.send(text.empty() ? answer_text(completion) : text);
}

config with_a_pair(std::uint16_t one, std::uint16_t two)
{
    config made = with_keys(one);
    made.set(
        "providers",
        "{ one: { base_url: '" + base_url(one) + "' }, two: { base_url: '" + base_url(two)
            + "' } }");
    made.set(
        "models",
        "{ m: { targets: [{ name: first, provider: one, price: { input: 1, output: 1 } }, "
        "{ name: other, provider: two, price: { input: 2, output: 2 } }], balance: cheapest, "
        "hedge: { after: 50ms, budget: 100% }, retry: { attempts: 1 } } }");
    return made;
}

}  // namespace

BOOST_AUTO_TEST_CASE(requests_are_told_by_key_tenant_model_and_tag)
{
    listener one;
    gateway gate(with_keys(one.port()));
    const auto ask = [&](std::string_view key, std::string_view tags) {
        auto client = gate.connect();
        client.send(chat_text("", from_key(key, tags) + "connection: close\r\n"));
        answer_one(one);
        BOOST_TEST(client.answer().status() == 200u);
    };
    ask("sk-search", "x-sluice-tags: feature=ads, team=x\r\n");
    ask("sk-search", "x-sluice-tags: feature=home\r\n");
    ask("sk-mail", "");
    auto rows = usage_by(gate, "key", 3);
    BOOST_TEST(has(rows, R"({"key":"mail","requests":1,"input_tokens":7,)"), rows);
    BOOST_TEST(has(rows, R"({"key":"search","requests":2,"input_tokens":14,)"), rows);
    BOOST_TEST(has(rows, R"("cost_usd":20.000000000)"), rows);
    BOOST_TEST(has(rows, R"("complete":true)"), rows);
    rows = usage_by(gate, "tenant,outcome", 3);
    BOOST_TEST(has(rows, R"({"tenant":"web","outcome":"answered","requests":2,)"), rows);
    rows = usage_by(gate, "tag:feature,model,target", 3);
    BOOST_TEST(has(rows, R"({"tag:feature":"ads","model":"m","target":"one","requests":1,)"), rows);
    rows = usage_by(gate, "tags&key=search", 2);
    BOOST_TEST(has(rows, R"({"tags":"feature=ads,team=x","requests":1,)"), rows);
    BOOST_TEST(!has(gate.admin("GET", "/metrics").body, "feature"));
    const auto line = gate.access_lines(3)[0];
    BOOST_TEST(has(line, R"("outcome":"answered","tags":"feature=ads,team=x","status":200)"), line);
    BOOST_TEST(has(line, R"("cost_usd":10.000000000)"), line);
}

BOOST_AUTO_TEST_CASE(tags_stay_with_the_gateway)
{
    listener one;
    gateway gate(with_keys(one.port()));
    auto client = gate.connect();
    client.send(chat_text("", from_key("sk-search", "x-sluice-tags: feature=ads\r\n")));
    auto upstream = one.accept();
    BOOST_TEST(!upstream.request().has("x-sluice-tags"));
}

BOOST_AUTO_TEST_CASE(what_did_not_reach_a_provider_is_not_billed)
{
    listener one;
    gateway gate(with_keys(one.port()));
    for (const auto& text :
         {get_text("/healthz"),
          chat_text("", from_key("sk-wrong")),
          post_text(chat_body("", "nothing"), from_key("sk-mail"))}) {
        auto client = gate.connect();
        client.send(text);
        (void)client.answer();
    }
    (void)usage_by(gate, "key", 0);
    for (const auto& line : gate.access_lines(3))
        BOOST_TEST(!has(line, "\"outcome\""), line);
}

BOOST_AUTO_TEST_CASE(failures_and_clients_that_leave_are_told_apart)
{
    listener one;
    gateway gate(with_keys(one.port()));
    auto client = gate.connect();
    client.send(chat_text("", from_key("sk-search")));
    answer_one(one, answer_text(R"({"error":{"message":"no"}})", 500));
    BOOST_TEST(client.answer().status() == 500u);
    auto other = gate.connect();
    other.send(chat_text(streaming, from_key("sk-search")));
    auto upstream = one.accept();
    (void)upstream.request();
    upstream.send(std::string(stream_head) + chunk(token_event("one")));
    (void)other.until("one");
    other.close();
    BOOST_TEST(upstream.ends());
    const auto rows = usage_by(gate, "outcome", 2);
    BOOST_TEST(has(rows, R"({"outcome":"cancelled","requests":1,)"), rows);
    BOOST_TEST(has(rows, R"({"outcome":"failed","requests":1,)"), rows);
}

BOOST_AUTO_TEST_CASE(a_copy_has_a_bill_and_a_line_of_its_own)
{
    listener one;
    listener two;
    config made = with_keys(one.port());
    made.set(
        "providers",
        "{ one: { base_url: '" + base_url(one.port()) + "' }, two: { base_url: '"
            + base_url(two.port()) + "' } }");
    made.set(
        "models",
        "{ m: { price: { input: 1000000, output: 1000000 }, targets: [{ provider: one }, "
        "{ provider: two, weight: 0 }], shadow: { target: two, percent: 100 } } }");
    gateway gate(made);
    auto client = gate.connect();
    client.send(chat_text(streaming, from_key("sk-mail", "x-sluice-tags: feature=digest\r\n")));
    answer_one(one);
    BOOST_TEST(client.answer().status() == 200u);
    answer_one(two);
    const auto rows = usage_by(gate, "outcome,target,key,tags", 2);
    BOOST_TEST(
        has(rows,
            R"({"outcome":"shadow","target":"two","key":"mail","tags":"feature=digest","requests":1,)"),
        rows);
    const auto lines = gate.access_lines(2);
    const auto& extra = has(lines[0], "\"shadow\"") ? lines[0] : lines[1];
    BOOST_TEST(has(extra, R"("outcome":"shadow")"), extra);
    BOOST_TEST(has(extra, R"("cost_usd":10.000000000)"), extra);
    BOOST_TEST(has(extra, R"("target":"two")"), extra);
    BOOST_TEST(has(extra, R"("stream":true)"), extra);
}

BOOST_AUTO_TEST_CASE(the_slower_attempt_of_a_pair_has_a_bill_and_a_line_of_its_own)
{
    listener one;
    listener two;
    gateway gate(with_a_pair(one.port(), two.port()));
    auto client = gate.connect();
    client.send(chat_text("", from_key("sk-mail")));
    auto slow = one.accept();
    (void)slow.request();
    answer_one(two);
    BOOST_TEST(client.answer().status() == 200u);
    BOOST_TEST(slow.ends());
    const auto rows = usage_by(gate, "outcome,target", 2);
    BOOST_TEST(has(rows, R"({"outcome":"answered","target":"other","requests":1,)"), rows);
    BOOST_TEST(has(rows, R"({"outcome":"hedge","target":"first","requests":1,)"), rows);
    const auto lines = gate.access_lines(2);
    BOOST_TEST((has(lines[0], R"("outcome":"hedge")") || has(lines[1], R"("outcome":"hedge")")));
}

BOOST_AUTO_TEST_CASE(a_losers_usage_is_read_however_its_chunks_are_cut)
{
    listener one;
    listener two;
    gateway gate(with_a_pair(one.port(), two.port()));
    auto client = gate.connect();
    client.send(chat_text(streaming, from_key("sk-mail")));
    auto slow = one.accept();
    (void)slow.request();
    slow.send(
        std::string(stream_head)
        + chunk(R"(data: {"choices":[{"index":0,"delta":{"role":"assistant"}}],"usage":{"prompt_)")
        + chunk("tokens\":50,\"completion_tokens\":1}}\n\n"));
    auto quick = two.accept();
    (void)quick.request();
    quick.send(std::string(stream_head) + chunk(token_event("hi")));
    BOOST_TEST(slow.ends());
    client.reset();
    const auto rows = usage_by(gate, "outcome,target", 2);
    BOOST_TEST(
        has(rows, R"({"outcome":"hedge","target":"first","requests":1,"input_tokens":50,)"), rows);
    BOOST_TEST(gate.settled("sluice_hedge_cost_usd_total", {"target=\"first\""}) > 0.00004);
}

BOOST_AUTO_TEST_CASE(both_attempts_of_a_client_that_left_have_a_bill)
{
    listener one;
    listener two;
    gateway gate(with_a_pair(one.port(), two.port()));
    auto client = gate.connect();
    client.send(chat_text("", from_key("sk-mail")));
    auto first = one.accept();
    (void)first.request();
    auto second = two.accept();
    (void)second.request();
    client.reset();
    BOOST_TEST(first.ends());
    BOOST_TEST(second.ends());
    const auto rows = usage_by(gate, "outcome,target", 2);
    BOOST_TEST(has(rows, R"({"outcome":"cancelled","target":"first","requests":1,)"), rows);
    BOOST_TEST(has(rows, R"({"outcome":"hedge","target":"other","requests":1,)"), rows);
}

BOOST_AUTO_TEST_CASE(a_fallback_is_billed_to_the_model_that_answered)
{
    listener one;
    listener two;
    config made = with_keys(one.port());
    made.set(
        "providers",
        "{ one: { base_url: '" + base_url(one.port()) + "' }, two: { base_url: '"
            + base_url(two.port()) + "' } }");
    made.set(
        "models",
        "{ m: { targets: [{ provider: one }], fallbacks: [n], retry: { attempts: 1 } }, "
        "n: { price: { input: 1000000, output: 1000000 }, targets: [{ provider: two }] } }");
    gateway gate(made);
    auto client = gate.connect();
    client.send(chat_text("", from_key("sk-mail")));
    answer_one(one, answer_text(R"({"error":{"message":"no"}})", 500));
    answer_one(two);
    BOOST_TEST(client.answer().status() == 200u);
    const auto rows = usage_by(gate, "model", 1);
    BOOST_TEST(has(rows, R"({"model":"n","requests":1,)"), rows);
    BOOST_TEST(has(rows, R"("cost_usd":10.000000000)"), rows);
    const auto line = gate.access_lines(1)[0];
    BOOST_TEST(has(line, R"("model":"m","answered_by":"n")"), line);
}

BOOST_AUTO_TEST_CASE(the_access_log_makes_the_same_ledger_again)
{
    listener one;
    gateway gate(with_keys(one.port()));
    for (int i = 0; i < 6; ++i) {
        auto client = gate.connect();
        const auto tags = "x-sluice-tags: n=" + std::to_string(i % 2) + "\r\n";
        client.send(chat_text(
            "", from_key(i % 3 == 0 ? "sk-mail" : "sk-search", tags) + "connection: close\r\n"));
        answer_one(one, i == 4 ? answer_text(R"({"error":{"message":"no"}})", 503) : std::string());
        (void)client.answer();
    }
    const auto expected = usage_by(gate, "hour,tenant,key,model,target,arm,outcome,tags", 6);
    const auto lines = gate.access_lines(6);
    const auto path = gate.directory() + "/again.db";
    sluice::state::usage_rebuilder again(path);
    for (const auto& line : lines)
        again.take(line);
    again.take("{\"time\":\"2026-11-2");
    again.take("");
    again.finish();
    BOOST_TEST(again.read().bills == 6U);
    BOOST_TEST(again.read().broken == 1U);
    BOOST_TEST(again.read().others == 0U);
    // A second gateway tells what is in it.
    const auto state = gate.directory() + "/other";
    std::filesystem::create_directory(state);
    std::filesystem::copy_file(path, state + "/usage.db");
    if (std::filesystem::exists(path + "-wal"))
        std::filesystem::copy_file(path + "-wal", state + "/usage.db-wal");
    gateway reader(with_keys(one.port()).set("state", "{ directory: '" + state + "' }"));
    BOOST_TEST(usage_by(reader, "hour,tenant,key,model,target,arm,outcome,tags", 6) == expected);
}

BOOST_AUTO_TEST_CASE(a_question_that_makes_no_sense_is_refused)
{
    listener one;
    gateway gate(with_keys(one.port()));
    for (const std::string query :
         {"by=nothing",
          "by=day,tag:a%20b",
          "since=yesterday",
          "until=2026-13-01",
          "tag=feature",
          "tag=feature=search&tag=digest",
          "by=day&by=key",
          "since=24h&since=48h",
          "by=day,hour,tenant,key,model,target,arm,outcome,tags"}) {
        const auto answer = gate.admin("GET", "/admin/v1/usage?" + query);
        BOOST_TEST(answer.status() == 400u, query);
        BOOST_TEST(answer.says("invalid_value"), query);
    }
    for (const std::string query :
         {"", "since=24h", "since=2026-11-21&until=2026-11-22", "since=2026-11-21T12:00:00Z"})
        BOOST_TEST(gate.admin("GET", "/admin/v1/usage?" + query).status() == 200u, query);
}

// What is kept is sums of whole hours: the answer does not claim to begin or end within one.
BOOST_AUTO_TEST_CASE(the_answer_tells_the_hours_it_is_of)
{
    listener one;
    gateway gate(with_keys(one.port()));
    const auto body =
        gate.admin("GET", "/admin/v1/usage?since=2026-11-21T12:30:00Z&until=2026-11-21T14:00:01Z")
            .body;
    BOOST_TEST(has(body, R"("since":"2026-11-21T12:00:00.000Z")"), body);
    BOOST_TEST(has(body, R"("until":"2026-11-21T15:00:00.000Z")"), body);
    const auto whole =
        gate.admin("GET", "/admin/v1/usage?since=2026-11-21T12:00:00Z&until=2026-11-21T14:00:00Z")
            .body;
    BOOST_TEST(has(whole, R"("since":"2026-11-21T12:00:00.000Z")"), whole);
    BOOST_TEST(has(whole, R"("until":"2026-11-21T14:00:00.000Z")"), whole);
}

BOOST_AUTO_TEST_CASE(budgets_are_listed_and_topped_up_live)
{
    listener one;
    config made = with_keys(one.port());
    made.set(
        "keys",
        "[{ id: search, tenant: web, hash: '" + key_hash("sk-search")
            + "', budget: { daily: 50 USD } }]");
    gateway gate(made);
    auto list = gate.admin("GET", "/admin/v1/budgets").body;
    BOOST_TEST(
        has(list, R"("id":"key:search:daily","period":"day","limit_usd":50.000000000)"), list);
    const auto before = gate.admin("GET", "/admin/v1/models").header("etag");
    const auto topped =
        gate.admin("POST", "/admin/v1/budgets/key%3Asearch%3Adaily/topup", R"({"usd":2.5})");
    BOOST_TEST(topped.status() == 200u, topped.body);
    const auto shown = gate.admin("GET", "/admin/v1/models").header("etag");
    BOOST_TEST(topped.header("etag") == shown);
    BOOST_TEST(topped.header("etag") != before);
    BOOST_TEST(topped.says(R"("limit_usd":52.500000000,"topped_up_usd":2.500000000)"), topped.body);
    list = gate.admin("GET", "/admin/v1/budgets").body;
    BOOST_TEST(has(list, R"("limit_usd":52.500000000)"), list);
    BOOST_TEST(has(gate.admin("GET", "/admin/v1/audit").body, "budget.topup"));
    const auto status = [&](std::string_view id, std::string_view body) {
        return gate.admin("POST", "/admin/v1/budgets/" + std::string(id) + "/topup", body).status();
    };
    BOOST_TEST(status("key%3Anobody%3Adaily", R"({"usd":1})") == 404u);
    BOOST_TEST(status("key%3Asearch%3Adaily", R"({"usd":-1})") == 400u);
    BOOST_TEST(status("key%3Asearch%3Adaily", R"({"eur":1})") == 400u);
    BOOST_TEST(status("key%3Asearch%3Adaily", "nonsense") == 400u);
}

BOOST_AUTO_TEST_SUITE_END()
