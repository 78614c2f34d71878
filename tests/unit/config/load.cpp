#include "fake.hpp"
#include "source_dir.hpp"
#include "temporary_directory.hpp"
#include <sluice/config/schema.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>

BOOST_AUTO_TEST_SUITE(load_)

using namespace std::chrono_literals;
using namespace sluice::config;
using namespace sluice::config::fake;
namespace data = boost::unit_test::data;

namespace {

struct wrong_case {
    const char* text;       // before the provider p and the model m
    const char* complaint;  // the first
};

std::ostream& operator<<(std::ostream& out, const wrong_case& one)
{
    return out << one.text;
}

// clang-format off
const std::vector<wrong_case> wrong_cases = {
    {"heartbaet: 1s\n", "1:1: heartbaet: unknown key, did you mean `heartbeat`?"},
    {"timeouts: {first_tokne: 1s}\n", "1:12: timeouts.first_tokne: unknown key, did you mean `first_token`?"},
    {"state: {colour: red}\n", "1:9: state.colour: unknown key, allowed: directory"},
    {"timeouts: {head: 10 seconds}\n", "1:18: timeouts.head: \"10 seconds\" does not fit, allowed: 1ms to 1d"},
    {"timeouts: {head: 0}\n", "1:18: timeouts.head: \"0\" does not fit, allowed: 1ms to 1d"},
    {"timeouts: {head: 25h}\n", "1:18: timeouts.head: \"25h\" does not fit, allowed: 1ms to 1d"},
    {"timeouts: {head: }\n", "1:18: timeouts.head: has no value, allowed: 1ms to 1d"},
    {"timeouts: {head: [1s]}\n", "1:18: timeouts.head: takes one value, allowed: 1ms to 1d"},
    {"timeouts: 5s\n", "1:11: timeouts: has to be a map of keys"},
    {"heartbeat: 1ms\n", "1:12: heartbeat: \"1ms\" does not fit, allowed: 10ms to 1h, or 0"},
    {"workers: 257\n", "1:10: workers: \"257\" does not fit, allowed: `auto` or 1 to 256"},
    {"workers: 0\n", "1:10: workers: \"0\" does not fit, allowed: `auto` or 1 to 256"},
    {"limits: {body_bytes: 32MB}\n", "1:22: limits.body_bytes: \"32MB\" does not fit, allowed: 1KiB to 1GiB"},
    {"limits: {connections: -1}\n", "1:23: limits.connections: \"-1\" does not fit, allowed: 1 to 10000000"},
    {"limits: {buffered_bytes: 2MiB}\n", "1:10: limits.buffered_bytes: is less than limits.body_bytes"},
    {"listen: []\n", "1:1: listen: there has to be at least one address"},
    {"listen: [~]\n", "1:10: listen[0]: has no value, has to be a map of keys"},
    {"listen: [{address: \":1\"}, ]\nkeys: [~]\n", "2:8: keys[0]: has no value, has to be a map of keys"},
    {"listen: {address: \":1\"}\n", "1:9: listen: has to be a list"},
    {"listen: [{address: example.com:80}]\n", "1:20: listen[0].address: \"example.com:80\" is no address"},
    {"listen: [{address: \"::1:80\"}]\n", "1:20: listen[0].address: \"::1:80\" is no address"},
    {"listen: [{address: \"[::1]\"}]\n", "1:20: listen[0].address: \"[::1]\" is no address"},
    {"listen: [{address: \"1.2.3.4:65536\"}]\n", "1:20: listen[0].address: \"1.2.3.4:65536\" is no address"},
    {"listen: [{address: \":80\"}, {address: \"0.0.0.0:80\"}]\n", "1:29: listen[1].address: overlaps an address above"},
    {"listen: [{address: \"127.0.0.1:80\"}, {address: \":80\"}]\n", "1:38: listen[1].address: overlaps an address above"},
    {"listen: [{address: \"[::]:80\"}, {address: \"[::1]:80\"}]\n", "1:33: listen[1].address: overlaps an address above"},
    {"listen: [{address: \":9090\"}]\n", "admin.address: clients listen there already"},
    {"listen: [{tls: {certificate: /ok}}]\n", "1:16: listen[0].tls.private_key: is missing"},
    {"listen: [{tls: {certificate: /c, private_key: /ok}}]\n", "1:30: listen[0].tls.certificate: \"/c\" cannot be read"},
    {"listen: [{address: \"127.0.0.1:9090\"}]\n", "admin.address: clients listen there already"},
    {"admin: {address: \"0.0.0.0:9090\"}\n", "1:9: admin.address: without admin.token the admin API would be open"},
    {"admin: {token: \"\"}\n", "1:9: admin.token: the value is empty"},
    {"admin: {token: \"a b\"}\n", "1:9: admin.token: the value may only have visible ASCII characters"},
    {"state: {redis: \"http://x\"}\n", "1:9: state.redis: it has to begin with redis:// or rediss://"},
    {"state: {redis: \"redis://u:secret@x:99999/1\"}\n", "1:9: state.redis: the port has to be 1 to 65535"},
    {"state: {redis: \"redis://x/a\"}\n", "1:9: state.redis: the database is a number, 0 to 65535"},
    {"state: {redis: \"redis://%zz@x\"}\n", "1:9: state.redis: a percent sign needs two hexadecimal digits"},
    {"state: {redis: \"redis://169.254.169.254\"}\n", "1:9: state.redis: a link-local or metadata address"},
    {"state: {redis: \"redis://x\", redis_timeout: 1ms}\n", "state.redis_timeout: \"1ms\" does not fit, allowed: 5ms to 5s"},
    {"state: {redis: \"redis://x\", redis_prefix: \"a b\"}\n", "state.redis_prefix: "},
    {"state: {redis: \"rediss://x\", redis_ca_file: /no}\n", "state.redis_ca_file: \"/no\" cannot be read"},
    {"metrics: {gen_ai: true}\n", "1:1: metrics: not supported by this version"},
    {"keys: {a: b}\n", "1:7: keys: has to be a list"},
};

// One key entry with a right id and hash, and `more`.
std::string key_with(const std::string& more)
{
    return "keys: [{id: k, hash: \"sha256:" + std::string(64, '0') + "\"" + (more.empty() ? "" : ", ") + more + "}]\n";
}

const std::vector<std::pair<std::string, std::string>> key_cases = {
    {"limits: {requests: 5/sec}", "keys[0].limits.requests: \"5/sec\" does not fit, allowed: 1 to 1000000000 per s, min, h or d"},
    {"limits: {burst: 5}", "keys[0].limits.burst: means nothing without requests"},
    {"limits: {max_wait: 5s}", "keys[0].limits.max_wait: means nothing without requests"},
    {"limits: {requests: 5/s, burst: 0}", "keys[0].limits.burst: \"0\" does not fit, allowed: 1 to 1000000000"},
    {"limits: {requests: 1/d, burst: 100000}", "keys[0].limits.burst: at this rate the burst would not come back within 3650d"},
    {"limits: {requests: 5/s, max_wait: 2h}", "keys[0].limits.max_wait: \"2h\" does not fit, allowed: 0 to 1h"},
    {"limits: {concurrent: 0}", "keys[0].limits.concurrent: \"0\" does not fit"},
    {"models: [mm]", "keys[0].models[0]: \"mm\" is no model and no alias"},
    {"models: [\"g*t\"]", "keys[0].models[0]: a * is only allowed at the end of a name"},
    {"models: []", "keys[0].models: a key that may use no model is of no use"},
    {"models: m", "keys[0].models: has to be a list"},
    {"may_choose_target: yes", "keys[0].may_choose_target: \"yes\" does not fit, allowed: true or false"},
    {"tenant: \"a b\"", "keys[0].tenant: a name has to be 1 to 64 of"},
};

const std::vector<std::pair<std::string, std::string>> url_cases = {
    {"api.example.com/v1", "it has to begin with http:// or https://"},
    {"ftp://h/", "it has to begin with http:// or https://"},
    {"http://", "there is no host"},
    {"http://:80/", "there is no host"},
    {"https://user:hunter2@h/", "a user or password is not allowed"},
    {"https://h/v1?x=hunter2", "a query or fragment is not allowed"},
    {"https://h/v1#x", "a query or fragment is not allowed"},
    {"https://h?x", "a query or fragment is not allowed"},
    {"http://169.254.169.254/latest", "a link-local or metadata address is not allowed"},
    {"http://169.254.0.1", "a link-local or metadata address is not allowed"},
    {"http://[fe80::1]/", "a link-local or metadata address is not allowed"},
    {"http://[::ffff:169.254.169.254]/", "a link-local or metadata address is not allowed"},
    {"http://[fd00:ec2::254]/", "a link-local or metadata address is not allowed"},
    {"http://Metadata.Google.Internal/", "a link-local or metadata address is not allowed"},
    {"http://2852039166/", "an IPv4 address has to be four decimal numbers"},
    {"http://0xa9fea9fe/", "an IPv4 address has to be four decimal numbers"},
    {"http://0xA9.254.169.254/", "an IPv4 address has to be four decimal numbers"},
    {"http://0251.0376.0251.0376/", "an IPv4 address has to be four decimal numbers"},
    {"http://169.254.43518/", "an IPv4 address has to be four decimal numbers"},
    {"http://127.1/", "an IPv4 address has to be four decimal numbers"},
    {"http://169.254.169.254./", "an IPv4 address has to be four decimal numbers"},
    {"http://[::1/", "that is no host and port"},
    {"http://[::1]x/", "that is no host and port"},
    {"http://[1.2.3.4]/", "what stands in [] is no IPv6 address"},
    {"http://a b/", "that is no host name"},
    {"http://a%2eb/", "that is no host name"},
    {"http://.a/", "that is no host name"},
    {"http://a..b/", "that is no host name"},
    {"http://h:0/", "the port has to be 1 to 65535"},
    {"http://h:65536/", "the port has to be 1 to 65535"},
    {"http://h:/", "the port has to be 1 to 65535"},
    {"http://h:8x/", "the port has to be 1 to 65535"},
    {"http://h/a b", "the path has characters that do not belong there"},
    {"http://h/a/../b", "the path may not go up"},
};
// clang-format on

load_result load_url(const std::string& url)
{
    return load_text("providers: {p: {base_url: \"" + url + "\"}}\n" + models);
}

}  // namespace

BOOST_DATA_TEST_CASE(what_does_not_fit_is_told_with_its_place, data::make(wrong_cases), one)
{
    machine machine;
    machine.files = {{"/ok", ""}};
    const auto got = load_with(one.text, machine);
    BOOST_TEST(!got.document.has_value());
    BOOST_TEST(
        contains(lines(got), one.complaint),
        "wanted: " << one.complaint << "\ngot: " << lines(got));
    BOOST_TEST(got.complaints.size() == 1U, lines(got));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_in_a_key_is_told)
{
    for (const auto& [text, complaint] : key_cases) {
        const auto got = load_with(key_with(text));
        BOOST_TEST(
            contains(lines(got), complaint), "wanted: " << complaint << "\ngot: " << lines(got));
        BOOST_TEST(got.complaints.size() == 1U, lines(got));
    }
}

BOOST_AUTO_TEST_CASE(a_base_url_that_could_lead_elsewhere_is_refused_without_showing_it)
{
    for (const auto& [url, complaint] : url_cases) {
        const auto got = load_url(url);
        BOOST_TEST(
            contains(lines(got), "providers.p.base_url: " + complaint), url << ": " << lines(got));
        BOOST_TEST(!contains(lines(got), "hunter2"));
    }
}

BOOST_AUTO_TEST_CASE(a_base_url_is_taken_apart)
{
    const auto check = [](const char* url,
                          bool tls,
                          const char* host,
                          int port,
                          const char* authority,
                          const char* prefix) {
        const auto got = load_url(url);
        BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
        const auto& p = got.document->settings.providers[0];
        BOOST_TEST(p.tls == tls);
        BOOST_TEST(p.host == host);
        BOOST_TEST(p.port == port);
        BOOST_TEST(p.authority == authority);
        BOOST_TEST(p.path_prefix == prefix);
    };
    check("https://API.example.com/v1", true, "api.example.com", 443, "api.example.com", "/v1");
    check("http://host_1:8000", false, "host_1", 8000, "host_1:8000", "");
    check("HTTPS://h:443/a/b//", true, "h", 443, "h", "/a/b");
    check("http://[2001:DB8::1]:80/", false, "2001:db8::1", 80, "[2001:db8::1]", "");
    check("https://[::1]:8443", true, "::1", 8443, "[::1]:8443", "");
    check("http://10.0.0.1:80/x", false, "10.0.0.1", 80, "10.0.0.1", "/x");
}

BOOST_AUTO_TEST_CASE(all_complaints_come_at_once_in_the_order_of_the_file)
{
    const auto got = load_text(
        "workers: many\n"
        "providers:\n"
        "  a: {dialect: anthropic, base_url: \"http://h\", api_key: x, api_keys: [y, y]}\n"
        "  \"b c\": {}\n"
        "models:\n"
        "  m:\n"
        "    aliases: [n, \"x*y\"]\n"
        "    targets: [{provider: aa, weight: 0}, {provider: a, name: t, weight: 0}, {provider: a, "
        "name: t, weight: 0}]\n"
        "    canary: nobody\n"
        "    sticky: sometimes\n"
        "    fallbacks: [o]\n"
        "  n: {targets: [{provider: a}], canary: a}\n"
        "keys:\n"
        "  - {id: k, hash: sk-sluice-secret}\n"
        "  - {id: k, hash: \"sha256:"
        + std::string(64, 'A')
        + "\"}\n"
          "  - {tenant: t, expires: soon}\n");
    const char* const wanted[] = {
        "1:10: workers: \"many\" does not fit",
        "3:16: providers.a.dialect: \"anthropic\" is not supported by this version, allowed: "
        "openai",
        "3:61: providers.a.api_keys: stands beside api_key",
        "3:75: providers.a.api_keys[1]: the same key stands there twice",
        "4:3: providers.b c: a name has to be 1 to 64 of",
        "4:10: providers.b c.base_url: is missing, allowed: `http://`",
        "7:18: models.m.aliases[1]: a * is only allowed at the end of a name",
        "8:5: models.m.targets: all weights are 0",
        "8:16: models.m.targets[0].provider: \"aa\" is not one of providers",
        "8:91: models.m.targets[2].name: another target of this model has the same name",
        "9:13: models.m.canary: \"nobody\" is not the name of a target of this model",
        "10:13: models.m.sticky: \"sometimes\" does not fit, allowed: `none`, `key`, `user` or "
        "`header:NAME`",
        "11:17: models.m.fallbacks[0]: \"o\" is no model and no alias",
        "12:3: models.n: another model or alias has the same name",
        "12:33: models.n.canary: a canary needs another target beside it",
        "14:13: keys[0].hash: that is no hash, allowed: `sha256:` and 64 lower-case hex digits",
        "15:6: keys[1].id: another key has the same id",
        "15:13: keys[1].hash: that is no hash",
        "16:5: keys[2].hash: is missing",
        "16:5: keys[2].id: is missing",
        "16:26: keys[2].expires: \"soon\" does not fit, allowed: a day as 2027-01-31",
    };
    std::size_t i = 0;
    for (const auto* start : wanted) {
        BOOST_TEST_REQUIRE(i < got.complaints.size(), start);
        BOOST_TEST(
            to_string(got.complaints[i]).starts_with("f.yaml:" + std::string(start)),
            to_string(got.complaints[i]) << "\nwanted " << start);
        ++i;
    }
    BOOST_TEST(got.complaints.size() == std::size(wanted), lines(got));
    BOOST_TEST(!contains(lines(got), "sk-sluice-secret"));
}

BOOST_AUTO_TEST_CASE(an_empty_file_lacks_a_provider_and_a_model)
{
    for (const auto* text : {"", "# nothing\n", "---\n", "providers:\nmodels:\n", "{}"}) {
        const auto got = load_text(text);
        BOOST_TEST(got.complaints.size() == 2U, lines(got));
        BOOST_TEST(contains(lines(got), "providers: there has to be at least one provider"));
        BOOST_TEST(contains(lines(got), "models: there has to be at least one model"));
    }
    BOOST_TEST(contains(lines(load_text("- a\n")), "f.yaml:1:1: has to be a map of keys"));
}

BOOST_AUTO_TEST_CASE(no_complaint_shows_what_came_out_of_the_environment)
{
    machine machine;
    machine.variables = {{"S", "hunter2 hunter2"}};
    const auto got = load_text(
        "listen: [{address: \"${S}\", tls: {certificate: \"${S}\", private_key: \"${S}\"}}]\n"
        "admin: {address: \"${S}\", token: \"${S}\"}\n"
        "workers: ${S}\nstate: {directory: \"\"}\nheartbeat: ${S}\nlimits: {head_bytes: \"${S}\"}\n"
        "providers: {p: {dialect: \"${S}\", base_url: \"${S}\", api_keys: [\"${S}\", \"${S}\"], "
        "ask_usage: \"${S}\"}}\n"
        "models:\n"
        "  m: {aliases: [\"${S}\", \"${S}\"], canary: \"${S}\", sticky: \"${S}\",\n"
        "      targets: [{provider: \"${S}\", name: \"${S}\", weight: \"${S}\", model: \"${S}\"}, "
        "{provider: p, name: \"${S}\"}]}\n"
        "keys: [{id: \"${S}\", hash: \"${S}\", tenant: \"${S}\", models: [\"${S}\"], limits: "
        "{requests: \"${S}\", concurrent: \"${S}\"}}]\n",
        machine);
    BOOST_TEST(got.complaints.size() > 20U);
    BOOST_TEST(!contains(lines(got), "hunter2"), lines(got));
    BOOST_TEST(!contains(lines(load_with("admin: {token: \"hunter2 hunter2\"}\n")), "hunter2"));
}

BOOST_AUTO_TEST_CASE(a_flood_of_complaints_is_cut_and_counted)
{
    std::string text;
    for (int i = 0; i < 3000; ++i)
        text += "nonsense" + std::to_string(i) + ": 1\n";
    const auto got = load_with(text);
    BOOST_TEST(got.complaints.size() == 1001U);
    BOOST_TEST(to_string(got.complaints.back()) == "f.yaml: and 2000 more complaints");
}

BOOST_AUTO_TEST_CASE(burst_is_a_second_of_the_rate_unless_it_is_said)
{
    const auto burst = [](const std::string& limits) {
        const auto got = load_with(key_with("limits: {" + limits + "}"));
        BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
        return got.document->settings.keys[0].limits.burst;
    };
    BOOST_TEST(burst("requests: 3000/min") == 50U);
    BOOST_TEST(burst("requests: 50/s") == 50U);
    BOOST_TEST(burst("requests: 100/h") == 1U);
    BOOST_TEST(burst("requests: 100/h, burst: 7") == 7U);
}

BOOST_AUTO_TEST_CASE(addresses_are_read)
{
    const auto got = load_with(
        "listen: [{address: \":81\"}, {address: \"[::1]:82\"}, {address: \"localhost:0\"}, {}]\n"
        "admin: {address: \"[::1]:0\"}\nstate: {directory: none}\n");
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    const auto& settings = got.document->settings;
    BOOST_TEST(settings.listen[0].host == "0.0.0.0");
    BOOST_TEST(settings.listen[1].host == "::1");
    BOOST_TEST(settings.listen[2].host == "127.0.0.1");
    BOOST_TEST(settings.listen[2].port == 0);
    BOOST_TEST(settings.listen[3].port == 8080);
    BOOST_TEST(settings.admin->host == "::1");
    BOOST_TEST(settings.state_directory.empty());
    BOOST_TEST(!load_with("admin: {address: off}\n").document.value().settings.admin.has_value());
}

BOOST_AUTO_TEST_CASE(the_example_uses_every_key_and_loads)
{
    const auto path = source_dir() / "deploy" / "every-key.yaml";
    std::ifstream in(path);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    BOOST_TEST_REQUIRE(!text.empty(), path);
    machine machine;
    machine.variables = {
        {"SLUICE_ADMIN_TOKEN", "t"},
        {"DEEPSEEK_API_KEY", "d"},
        {"RELAY_KEY_1", "r1"},
        {"JWT_SECRET", "0123456789abcdef0123456789abcdef"},
        {"OTLP_AUTHORIZATION", "Basic dGVhbTprZXk="},
        {"ROLLOUT_WEBHOOK", "https://hooks.example/sluice"},
        {"BUDGET_WEBHOOK", "https://hooks.example/money"},
        {"REDIS_URL", "rediss://gate:p%40ss@redis.example:6380/2"}};
    machine.files = {
        {"/run/secrets/relay_key_2", "r2\n"},
        {"/etc/sluice/tls.crt", "c"},
        {"/etc/sluice/tls.key", "k"},
        {"/etc/sluice/clients.crt", "c"},
        {"/etc/sluice/relay-ca.crt", "c"},
        {"/etc/sluice/redis-ca.crt", "c"},
        {"/usr/share/zoneinfo/Europe/Berlin", zone_file()},
        {"/etc/sluice/prices.yaml", "{}"}};
    const auto got = load_text(text, machine);
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    const auto& settings = got.document->settings;
    BOOST_TEST(settings.models[0].targets[1].weight == 5);
    BOOST_TEST(settings.models[0].canary.value() == 1U);
    BOOST_TEST(settings.models[2].targets[0].name == "local");
    BOOST_TEST(settings.providers[1].api_keys[1] == "r2");
    BOOST_TEST(settings.keys[0].limits.burst == 100U);
    BOOST_TEST((settings.keys[0].limits.max_wait == 2s));
    BOOST_TEST(settings.listen[1].tls->client_ca == "/etc/sluice/clients.crt");
    BOOST_TEST_REQUIRE(settings.redis.has_value());
    BOOST_TEST(settings.redis->tls);
    BOOST_TEST(settings.redis->host == "redis.example");
    BOOST_TEST(settings.redis->port == 6380);
    BOOST_TEST(settings.redis->user == "gate");
    BOOST_TEST(settings.redis->password == "p@ss");
    BOOST_TEST(settings.redis->database == 2U);
    BOOST_TEST_REQUIRE(settings.tracing.has_value());
    BOOST_TEST(settings.tracing->headers.front().second == "Basic dGVhbTprZXk=");
    for (const auto& row : schema()) {
        const auto dot = row.path.rfind('.');
        const std::string name(dot == std::string_view::npos ? row.path : row.path.substr(dot + 1));
        BOOST_TEST(contains(text, name + ":"), row.path);
    }
}

BOOST_AUTO_TEST_CASE(every_pem_file_that_cannot_be_used_is_told_with_its_place)
{
    const machine with{
        .variables = {},
        .files = {{"/crt", "x"}, {"/key", "x"}, {"/ca", "x"}},
        .faults = {{"/crt", "no certificate"}, {"/key for /crt", "no pair"}, {"/ca", "no CA"}}};
    const auto got = load_text(
        "listen: [{tls: {certificate: /crt, private_key: /key, client_ca: /ca}}]\n"
        "state: {redis: \"rediss://x\", redis_ca_file: /ca}\n"
        "providers: {p: {base_url: \"https://x/v1\", ca_file: /ca}}\n"
            + models,
        with);
    BOOST_TEST(
        lines(got)
        == "f.yaml:1:17: listen[0].tls.certificate: \"/crt\" cannot be used: no certificate\n"
           "f.yaml:1:36: listen[0].tls.private_key: \"/key\" cannot be used: no pair\n"
           "f.yaml:1:55: listen[0].tls.client_ca: \"/ca\" cannot be used: no CA\n"
           "f.yaml:2:30: state.redis_ca_file: \"/ca\" cannot be used: no CA\n"
           "f.yaml:3:43: providers.p.ca_file: \"/ca\" cannot be used: no CA\n");
}

// A pipe, say, would hold up whoever opens it.
BOOST_AUTO_TEST_CASE(a_certificate_that_cannot_be_read_is_not_opened_for_its_key)
{
    const machine with{
        .variables = {}, .files = {{"/key", "x"}}, .faults = {{"/key for /pipe", "opened"}}};
    const auto got = load_text(
        "listen: [{tls: {certificate: /pipe, private_key: /key}}]\n"
        "providers: {p: {base_url: \"https://x/v1\"}}\n"
            + models,
        with);
    BOOST_TEST(
        lines(got)
        == "f.yaml:1:30: listen[0].tls.certificate: \"/pipe\" cannot be read, allowed: a readable "
           "file\n");
}

BOOST_AUTO_TEST_CASE(an_access_log_that_cannot_be_written_is_told_with_its_place)
{
    machine with;
    with.faults = {{"/nope/x.log", "No such file or directory"}, {"off", "x"}, {"stderr", "x"}};
    BOOST_TEST(
        lines(load_with("access_log: /nope/x.log\n", with))
        == "f.yaml:1:1: access_log: \"/nope/x.log\" cannot be written: No such file or "
           "directory\n");
    for (const auto* right : {"", "access_log: off\n", "access_log: stderr\n", "access_log: /x\n"})
        BOOST_TEST(lines(load_with(right, with)) == "");
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_one_complaint)
{
    const sluice::temporary_directory files;
    const auto link = files.file("link");
    std::filesystem::create_symlink(link, link);
    const auto large = files.file("large");
    std::ofstream(large).close();
    std::filesystem::resize_file(large, max_file_bytes + 1);
    const std::vector<std::pair<std::string, std::string>> faults{
        {"/nowhere/at/all.yaml", "No such file or directory"},
        {"/", "Is a directory"},
        {"/dev/null", "it is no regular file"},
        {link, "Too many levels of symbolic links"},
        {large, "it is larger"}};
    for (const auto& [path, why] : faults) {
        const auto got = load_file(path, machine{}.environment());
        BOOST_TEST(
            lines(got)
            == path + ": cannot be read, it has to be a readable file of at most 4MiB: " + why
                   + "\n");
        BOOST_TEST(!got.document.has_value());
    }
}

BOOST_AUTO_TEST_CASE(the_real_environment_has_a_path_and_cores_and_reads_only_files)
{
    const auto real = process_environment();
    BOOST_TEST(real.cores >= 1U);
    BOOST_TEST(real.variable("PATH").has_value());
    BOOST_TEST(!real.variable("SLUICE_THIS_IS_NOT_SET").has_value());
    BOOST_TEST(real.file((source_dir() / "README.md").string()).has_value());
    BOOST_TEST(!real.file("/dev/zero").has_value());
    BOOST_TEST(!real.file("/").has_value());
}

BOOST_AUTO_TEST_CASE(the_real_environment_knows_what_can_be_appended_to_and_makes_no_file)
{
    const auto real = process_environment();
    const sluice::temporary_directory where;
    const auto file = where.path + "/access.log";
    BOOST_TEST(real.append_fault(file) == "");
    BOOST_TEST(!std::filesystem::exists(file));
    std::ofstream(file) << "a line\n";
    BOOST_TEST(real.append_fault(file) == "");
    BOOST_TEST(real.append_fault("relative.log") == "");
    BOOST_TEST(real.append_fault(where.path) == "Is a directory");
    BOOST_TEST(real.append_fault(where.path + "/nope/x.log") == "No such file or directory");
    BOOST_TEST(real.append_fault(file + "/x.log") == "Not a directory");
}

BOOST_AUTO_TEST_SUITE_END()
