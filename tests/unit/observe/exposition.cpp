#include <sluice/observe/exposition.hpp>
#include <sluice/observe/metric_table.hpp>

#include <boost/test/unit_test.hpp>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>

BOOST_AUTO_TEST_SUITE(expositions)

namespace {

using namespace sluice;
using namespace sluice::observe;

struct scraped {
    std::map<std::string, std::string> types;  // by family
    std::map<std::string, double> series;      // by name{labels}
    std::set<std::string> problems;
};

// What the text format demands (Prometheus, "Exposition formats"): HELP and TYPE once per family
// and before its samples, families in one piece, well-formed names, labels and numbers, no series
// twice.
scraped parse(const std::string& text)
{
    static const std::regex comment(R"(# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+))");
    static const std::regex sample(
        R"(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-z_]+="([^"\\\n]|\\[\\"n])*"(,|(?=\})))+\})? (\S+))");
    scraped out;
    std::set<std::string> seen;
    std::string family;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        std::smatch parts;
        if (line == "# EOF")
            continue;
        if (std::regex_match(line, parts, comment)) {
            if (!seen.insert(parts[1].str() + ' ' + parts[2].str()).second)
                out.problems.insert("twice: " + line);
            family = parts[2];
            if (parts[1] == "TYPE")
                out.types[family] = parts[3];
        } else if (std::regex_match(line, parts, sample)) {
            if (!parts[1].str().starts_with(family) || !out.types.contains(family))
                out.problems.insert("outside its family: " + line);
            if (!out.series.emplace(parts[1].str() + parts[2].str(), std::stod(parts[6])).second)
                out.problems.insert("series twice: " + line);
        } else {
            out.problems.insert("malformed: " + line);
        }
    }
    return out;
}

struct fixture {
    fixture()
    {
        stable = names.arm("gpt-4o", "stable");
        canary = names.arm("gpt-4o", "canary");
        team = names.key("team");
        relay = names.provider("relay");
        spare = names.fallback("gpt-4o", "spare");
        for (worker_cells* worker : {&first, &second})
            worker->ensure(names.size());
    }
    [[nodiscard]] exposition scraper() const
    {
        return exposition({.names = &names, .workers = {&first, &second}, .control = &control});
    }
    // Something of everything.
    void traffic()
    {
        for (worker_cells* worker : {&first, &second}) {
            arm_cells& arm = worker->arm(stable);
            arm.request(200, true, milliseconds{75});
            arm.request(502, false, milliseconds{3});
            arm.first_token.observe(milliseconds{40});
            arm.per_token.observe(milliseconds{15});
            arm.attempts[attempt_outcome::reset].add();
            arm.stream_ends[stream_end::done].add();
            arm.tokens[token_kind::output].add(100);
            arm.usage_unknown.add();
            arm.price_unknown.add(2);
            worker->spent.add(stable, team, 1'250'000'000);
            arm.cost_estimated.add(250'000'000);
            arm.discrepancies[0].add();
            worker->key(team).shadow_limited[limit_reason::tokens].add();
            arm.hedge_cost.add(1);
            arm.hedges[hedge_outcome::won].add();
            worker->fallback(spare).taken[fallback_cause::context_length].add();
            worker->key(team).requests.add(2);
            worker->key(team).tokens.ended(100, 30);
            worker->key(team).tokens.ended(100, 120);
            worker->key(team).money.ended(2'000'000'000, 500'000'000);
            worker->key(team).limited[limit_reason::queue_timeout].add();
            worker->provider(relay).connects.add(2);
            worker->provider(relay).limited.add();
            worker->provider(relay).idle.add(1);
            worker->queue.observe(milliseconds{20});
            worker->loop_lag.observe(nanoseconds{70'000});
            worker->overhead_took(phase::decide, nanoseconds{1500});
            worker->open_streams.add(3);
            worker->redactions.add();
        }
        const auto shadow = names.shadow("gpt-4o", "candidate");
        shadow->count(shadow_outcome::dropped_load);
        for (auto* ratios : {&shadow->duration, &shadow->first_token, &shadow->cost})
            ratios->observe(billionths(1.5));
        shadow->likeness.observe(billionths(0.25));
        shadow->calls_different.add();
        shadow->nanodollars = 500'000'000;
        control.installed(7, {{stable, 87.5}, {canary, 12.5}});
        control.reload_failed();
        control.rollouts({{.arm = canary, .step = 2, .state = "running"}});
        control.rolled_back("gpt-4o", "errors");
        control.webhook_failed();
        control.shared_store(
            {.up = true,
             .gateways = 3,
             .operations = 10,
             .failures = 4,
             .lag_seconds = 0.25,
             .granted = 2,
             .granted_alone = 5});
        control.spread_state(
            {.pending = 1,
             .unfit = 2,
             .taken = 6,
             .won = 3,
             .lost = 4,
             .lag_seconds = 0.5,
             .leads = true});
        control.budgets(
            {{.id = "key:team:daily", .limit = 50'000'000'000, .spent = 12'500'000'000}});
        const auto target = std::make_shared<policy::target_state>();
        target->breaker.force(policy::breaker::control::open);
        const auto limited = std::make_shared<policy::credential_state>();
        limited->rest(policy::credential_trouble::rate_limited, steady::now() + seconds{60});
        control.shared(
            {{stable, target, {}, {}},
             {stable, std::make_shared<policy::target_state>(), {}, {}},
             {canary, std::make_shared<policy::target_state>(), {}, {.share_ppm = 0}}},
            {{relay, 0, limited}, {relay, 1, std::make_shared<policy::credential_state>()}});
    }

    catalogue names;
    std::size_t stable = 0;
    std::size_t canary = 0;
    std::size_t team = 0;
    std::size_t relay = 0;
    std::size_t spare = 0;
    worker_cells first;
    worker_cells second;
    control_values control;
};

BOOST_FIXTURE_TEST_SUITE(exposition_, fixture)

BOOST_AUTO_TEST_CASE(a_budget_of_repeats_that_are_not_allowed_is_not_used_up)
{
    traffic();
    const auto text = scraper().render(exposition::format::prometheus);
    BOOST_TEST(text.find(R"(sluice_breaker_state{model="gpt-4o",target="canary"})") != text.npos);
    BOOST_TEST(
        text.find(R"(sluice_retry_budget_remaining{model="gpt-4o",target="stable"})") != text.npos);
    BOOST_TEST(
        text.find(R"(sluice_retry_budget_remaining{model="gpt-4o",target="canary"})") == text.npos);
}

BOOST_AUTO_TEST_CASE(workers_are_added_up_under_the_documented_names)
{
    traffic();
    const scraped got = parse(scraper().render(exposition::format::prometheus));
    BOOST_TEST(got.problems.empty(), *got.problems.begin());
    const std::map<std::string, double> expected{
        {R"(sluice_requests_total{model="gpt-4o",target="stable",code="200",stream="true"})", 2},
        {R"(sluice_requests_total{model="gpt-4o",target="stable",code="502",stream="false"})", 2},
        {R"(sluice_requests_total{model="gpt-4o",target="canary",code="200",stream="false"})", 0},
        {R"(sluice_requests_total{model="other",target="other",code="401",stream="true"})", 0},
        {R"(sluice_request_duration_seconds_bucket{model="gpt-4o",target="stable",le="0.005"})", 2},
        {R"(sluice_request_duration_seconds_bucket{model="gpt-4o",target="stable",le="0.1"})", 4},
        {R"(sluice_request_duration_seconds_bucket{model="gpt-4o",target="stable",le="+Inf"})", 4},
        {R"(sluice_request_duration_seconds_count{model="gpt-4o",target="stable"})", 4},
        {R"(sluice_request_duration_seconds_sum{model="gpt-4o",target="stable"})", 0.156},
        {R"(sluice_time_to_first_token_seconds_count{model="gpt-4o",target="stable"})", 2},
        {R"(sluice_time_per_output_token_seconds_count{model="gpt-4o",target="stable"})", 2},
        {R"(sluice_attempts_total{model="gpt-4o",target="stable",outcome="reset"})", 2},
        {R"(sluice_stream_ends_total{model="gpt-4o",target="stable",cause="done"})", 2},
        {R"(sluice_tokens_total{model="gpt-4o",target="stable",kind="output"})", 200},
        {R"(sluice_usage_unknown_total{model="gpt-4o",target="stable"})", 2},
        {R"(sluice_key_requests_total{key="team"})", 4},
        {R"(sluice_limited_total{key="team",reason="queue_timeout"})", 2},
        {R"(sluice_queue_seconds_count)", 2},
        {R"(sluice_target_weight{model="gpt-4o",target="canary"})", 12.5},
        {R"(sluice_breaker_state{model="gpt-4o",target="stable"})", 2},
        {R"(sluice_retry_budget_remaining{model="gpt-4o",target="stable"})", 10},
        {R"(sluice_credential_state{provider="relay",credential="0",state="rate_limited"})", 1},
        {R"(sluice_reservation_tokens_total{key="team",what="reserved"})", 400},
        {R"(sluice_reservation_tokens_total{key="team",what="refunded"})", 140},
        {R"(sluice_reservation_tokens_total{key="team",what="exceeded"})", 40},
        {R"(sluice_reservation_usd_total{key="team",what="reserved"})", 4},
        {R"(sluice_reservation_usd_total{key="team",what="refunded"})", 3},
        {R"(sluice_credential_state{provider="relay",credential="0",state="usable"})", 0},
        {R"(sluice_credential_state{provider="relay",credential="1",state="usable"})", 1},
        {R"(sluice_credential_state{provider="relay",credential="1",state="quota"})", 0},
        {R"(sluice_provider_limited_total{provider="relay",mode="enforced"})", 2},
        {R"(sluice_fallbacks_total{model="gpt-4o",to="spare",cause="context_length"})", 2},
        {R"(sluice_hedges_total{model="gpt-4o",target="stable",outcome="won"})", 2},
        {R"(sluice_hedge_cost_usd_total{model="gpt-4o",target="stable"})", 2e-9},
        {R"(sluice_cost_usd_total{model="gpt-4o",target="stable",key="team"})", 2.5},
        {R"(sluice_cost_estimated_usd_total{model="gpt-4o",target="stable"})", 0.5},
        {R"(sluice_usage_discrepancies_total{model="gpt-4o",target="stable",kind="cached_above_input"})",
         2},
        {R"(sluice_limited_shadow_total{key="team",reason="tokens"})", 2},
        {R"(sluice_budget_limit_usd{budget="key:team:daily"})", 50},
        {R"(sluice_budget_spent_usd{budget="key:team:daily"})", 12.5},
        {R"(sluice_price_unknown_total{model="gpt-4o",target="stable"})", 4},
        {R"(sluice_rollout_step{model="gpt-4o",target="canary"})", 2},
        {R"(sluice_rollout_state{model="gpt-4o",state="running"})", 1},
        {R"(sluice_rollbacks_total{model="gpt-4o",reason="errors"})", 1},
        {R"(sluice_webhook_failures_total)", 1},
        {R"(sluice_store_up)", 1},
        {R"(sluice_store_gateways)", 3},
        {R"(sluice_store_operations_total{result="ok"})", 6},
        {R"(sluice_store_operations_total{result="failed"})", 4},
        {R"(sluice_store_lag_seconds)", 0.25},
        {R"(sluice_store_grants_total{by="redis"})", 2},
        {R"(sluice_store_grants_total{by="share"})", 5},
        {R"(sluice_store_spread_pending)", 1},
        {R"(sluice_store_spread_unfit)", 2},
        {R"(sluice_store_spread_taken_total)", 6},
        {R"(sluice_store_spread_conflicts_total{result="won"})", 3},
        {R"(sluice_store_spread_conflicts_total{result="lost"})", 4},
        {R"(sluice_store_spread_lag_seconds)", 0.5},
        {R"(sluice_store_leads)", 1},
        {R"(sluice_shadow_pairs_total{model="gpt-4o",target="candidate",outcome="dropped_load"})",
         1},
        {R"(sluice_shadow_duration_ratio_bucket{model="gpt-4o",target="candidate",le="1.25"})", 0},
        {R"(sluice_shadow_duration_ratio_bucket{model="gpt-4o",target="candidate",le="1.5"})", 1},
        {R"(sluice_shadow_likeness_sum{model="gpt-4o",target="candidate"})", 0.25},
        {R"(sluice_shadow_calls_total{model="gpt-4o",target="candidate",calls="different"})", 1},
        {R"(sluice_shadow_cost_usd_total{model="gpt-4o",target="candidate"})", 0.5},
        {R"(sluice_open_streams{worker="1"})", 3},
        {R"(sluice_in_flight_requests{worker="0"})", 0},
        {R"(sluice_client_connections{worker="0"})", 0},
        {R"(sluice_buffered_bytes{worker="0"})", 0},
        {R"(sluice_upstream_connections{worker="0",provider="relay",state="idle"})", 1},
        {R"(sluice_upstream_connections{worker="1",provider="relay",state="busy"})", 0},
        {R"(sluice_upstream_connects_total{provider="relay"})", 4},
        {R"(sluice_overhead_seconds_bucket{phase="decide",le="2e-06"})", 2},
        {R"(sluice_overhead_seconds_count{phase="relay"})", 0},
        {R"(sluice_event_loop_lag_seconds_count{worker="0"})", 1},
        {R"(sluice_redactions_total)", 2},
        {R"(sluice_access_log_dropped_total)", 0},
        {R"(sluice_config_version)", 7},
        {R"(sluice_config_reload_failures_total)", 1},
    };
    for (const auto& [name, value] : expected) {
        const auto at = got.series.find(name);
        BOOST_TEST((at != got.series.end()), name << " is missing");
        if (at != got.series.end())
            BOOST_TEST(at->second == value, name << " is " << at->second);
    }
}

BOOST_AUTO_TEST_CASE(every_family_of_the_table_is_exposed_with_its_labels)
{
    traffic();
    std::map<std::string, const prometheus::MetricFamily*> exposed;
    const auto families = scraper().Collect();
    for (const auto& family : families)
        exposed[family.name] = &family;
    BOOST_TEST(exposed.size() == metric_count);
    for (const metric_row& row : metric_catalogue()) {
        const auto at = exposed.find(std::string(row.name));
        BOOST_REQUIRE_MESSAGE(at != exposed.end(), row.name << " is never exposed");
        for (const auto& series : at->second->metric) {
            std::string labels;
            for (const auto& label : series.label)
                labels += (labels.empty() ? "" : ", ") + label.name;
            BOOST_TEST(labels == row.labels, row.name << " has " << labels);
        }
        const bool total = row.name.ends_with("_total");
        BOOST_TEST(total == (row.type == metric_type::counter), row.name);
    }
}

BOOST_AUTO_TEST_CASE(the_process_tells_about_itself)
{
    const scraped got = parse(scraper().render(exposition::format::prometheus));
    const auto now = static_cast<double>(::time(nullptr));
    BOOST_TEST(got.series.at("process_resident_memory_bytes") > 1e6);
    BOOST_TEST(got.series.at("process_open_fds") >= 3);
    BOOST_TEST(got.series.at("process_cpu_seconds_total") > 0);
    BOOST_TEST(got.series.at("process_start_time_seconds") <= now + 1);
    BOOST_TEST(got.series.at("process_start_time_seconds") > now - 3600);
}

BOOST_AUTO_TEST_CASE(open_metrics_names_counters_without_total_and_ends_with_eof)
{
    traffic();
    const std::string text = scraper().render(exposition::format::open_metrics);
    BOOST_TEST(text.ends_with("\n# EOF\n"));
    const scraped got = parse(text);
    BOOST_TEST(got.problems.empty(), *got.problems.begin());
    BOOST_TEST(got.types.at("sluice_requests") == "counter");
    BOOST_TEST(!got.types.contains("sluice_requests_total"));
    BOOST_TEST(got.types.at("sluice_queue_seconds") == "histogram");
    BOOST_TEST(text.find("le=\"1.0\"") != std::string::npos);
    BOOST_TEST(text.find("le=\"1\"") == std::string::npos);

    // The same series and values as in the other format, but for how numbers are spelled in `le`.
    const scraped other = parse(scraper().render(exposition::format::prometheus));
    BOOST_TEST(got.series.size() == other.series.size());
    for (const auto& [name, value] : other.series)
        if (name.find("le=") == std::string::npos && !name.starts_with("process_"))
            BOOST_TEST(got.series.at(name) == value, name);
}

BOOST_AUTO_TEST_CASE(the_text_says_what_the_serializer_of_prometheus_cpp_says)
{
    traffic();
    const auto families = scraper().Collect();
    const scraped theirs = parse(prometheus::TextSerializer().Serialize(families));
    const scraped ours = parse(scraper().render(exposition::format::prometheus));
    BOOST_TEST(ours.problems.empty(), *ours.problems.begin());
    BOOST_TEST((ours.types == theirs.types));
    BOOST_TEST(ours.series.size() == theirs.series.size());
    for (const auto& [name, value] : theirs.series)
        if (!name.starts_with("process_")) {
            BOOST_TEST_CONTEXT(name)
            BOOST_TEST(ours.series.at(name) == value, boost::test_tools::tolerance(1e-12));
        }
}

BOOST_AUTO_TEST_CASE(whole_numbers_are_written_as_such)
{
    prometheus::MetricFamily family;
    family.name = "sluice_things_total";
    family.help = "Things.";
    family.type = prometheus::MetricType::Counter;
    for (const double value : {1e6, 123456789012.0, 0.5, 1e20, -3.0})
        family.metric.emplace_back().counter.value = value;
    BOOST_TEST(
        open_metrics_text({family})
        == "# HELP sluice_things Things.\n# TYPE sluice_things counter\nsluice_things_total "
           "1000000\n"
           "sluice_things_total 123456789012\nsluice_things_total 0.5\nsluice_things_total 1e+20\n"
           "sluice_things_total -3\n# EOF\n");
}

BOOST_AUTO_TEST_CASE(odd_configured_names_are_escaped)
{
    const std::size_t odd = names.arm("a\"b\\c\nd\xff", "x{y=\"z\"} 1\nfake_total 5");
    (void)names.arm("a\"b\\c\nd\xfe", "x{y=\"z\"} 1\nfake_total 5");  // looks the same
    first.ensure(names.size());
    first.arm(odd).request(200, false, milliseconds{1});
    for (const auto how : {exposition::format::prometheus, exposition::format::open_metrics}) {
        const scraped got = parse(scraper().render(how));
        BOOST_TEST(got.problems.empty(), *got.problems.begin());
        BOOST_TEST(got.series.contains("sluice_requests_total{model=\"a\\\"b\\\\c\xef\xbf\xbd"
                                       "d\xef\xbf\xbd\","
                                       "target=\"x{y=\\\"z\\\"} 1\xef\xbf\xbd"
                                       "fake_total 5\",code=\"200\",stream=\"false\"}"));
    }
}

BOOST_AUTO_TEST_CASE(two_targets_that_look_the_same_have_one_weight)
{
    control.installed(1, {{stable, 1}, {canary, 2}, {stable, 3}});
    const scraped got = parse(scraper().render(exposition::format::prometheus));
    BOOST_TEST(got.problems.empty());
    BOOST_TEST(got.series.at(R"(sluice_target_weight{model="gpt-4o",target="stable"})") == 4);
}

// Unknown models, keys and odd statuses have no ids of their own, so they end in the cells of
// `other`.
BOOST_AUTO_TEST_CASE(ten_thousand_unknown_names_add_at_most_one_series_a_metric)
{
    traffic();
    const auto families_before = scraper().Collect();
    for (unsigned i = 0; i < 10'000; ++i) {
        first.arm(other_id).request(404, false, milliseconds{1});
        first.arm(1'000 + i).request(404, false, milliseconds{1});
        first.key(other_id).requests.add();
        first.key(1'000 + i).requests.add();
    }
    const auto families_after = scraper().Collect();
    BOOST_REQUIRE(families_before.size() == families_after.size());
    for (std::size_t i = 0; i < families_after.size(); ++i)
        BOOST_TEST(
            families_after[i].metric.size() <= families_before[i].metric.size() + 1,
            families_after[i].name);
}

BOOST_AUTO_TEST_CASE(a_worker_that_has_not_installed_the_newest_snapshot_is_no_obstacle)
{
    for (int i = 0; i < 100; ++i)
        (void)names.arm("late-" + std::to_string(i), "stable");
    const scraped got = parse(scraper().render(exposition::format::prometheus));
    BOOST_TEST(got.problems.empty());
    BOOST_TEST(
        got.series.at(
            R"(sluice_requests_total{model="late-99",target="stable",code="200",stream="true"})")
        == 0);
}

BOOST_AUTO_TEST_CASE(the_accept_header_chooses_the_format)
{
    const auto asks = [](std::string_view accept) {
        return exposition::format_for(accept) == exposition::format::open_metrics;
    };
    BOOST_TEST(asks("application/openmetrics-text;version=1.0.0;q=0.5,text/"
                    "plain;version=0.0.4;q=0.2,*/*;q=0.1"));
    BOOST_TEST(asks("text/html, Application/OpenMetrics-Text"));
    BOOST_TEST(!asks("application/openmetrics-text;q=0.2, text/plain;q=0.5"));
    BOOST_TEST(!asks("application/openmetrics-text;q=0"));
    BOOST_TEST(!asks("text/plain"));
    BOOST_TEST(!asks("*/*"));
    BOOST_TEST(!asks(""));
    BOOST_TEST(!asks(";;,,q=;"));
}

BOOST_AUTO_TEST_CASE(the_readme_table_has_a_row_for_every_metric)
{
    const std::string table = metric_table_markdown();
    BOOST_TEST(std::count(table.begin(), table.end(), '\n') == std::ptrdiff_t(metric_count + 2));
    for (const metric_row& row : metric_catalogue()) {
        BOOST_TEST(table.find("| `" + std::string(row.name) + "` | ") != std::string::npos);
        BOOST_TEST(row.help.find('|') == std::string_view::npos);
        BOOST_TEST(row.help.ends_with('.'));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace

BOOST_AUTO_TEST_SUITE_END()
