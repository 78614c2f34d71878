#include "fake.hpp"
#include <sluice/config/render.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(tracing)

using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::fake;
using namespace std::chrono_literals;

namespace {

tracing_settings read(const std::string& tracing, const machine& machine = {})
{
    const auto result = load_with("tracing: {" + tracing + "}\n", machine);
    BOOST_TEST_REQUIRE(lines(result) == "");
    return result.document->settings.tracing.value();
}

bool complains(const std::string& tracing, std::string_view part)
{
    const auto all = lines(load_with("tracing: {" + tracing + "}\n"));
    BOOST_TEST_MESSAGE(all);
    return all.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(without_the_section_nothing_is_traced)
{
    BOOST_TEST(!load_with("").document->settings.tracing);
}

BOOST_AUTO_TEST_CASE(a_url_is_enough)
{
    const auto one = read("otlp: \"http://collector:4318\"");
    BOOST_TEST(one.otlp.host == "collector");
    BOOST_TEST(one.otlp.port == 4318);
    BOOST_TEST(!one.otlp.tls);
    BOOST_TEST(one.otlp.path == "/v1/traces");
    BOOST_TEST(one.sample == 0.01);
    BOOST_TEST(one.service_name == "sluice");
    BOOST_TEST((one.timeout == 10s));
    BOOST_TEST(one.headers.empty());
    BOOST_TEST(one.resource.empty());
}

BOOST_AUTO_TEST_CASE(a_path_is_taken_as_it_stands)
{
    BOOST_TEST(read("otlp: \"https://h/otlp/x\"").otlp.path == "/otlp/x");
    BOOST_TEST(read("otlp: \"https://h/\"").otlp.path == "/v1/traces");
    BOOST_TEST(read("otlp: \"https://h?key=1\"").otlp.path == "/v1/traces?key=1");
}

BOOST_AUTO_TEST_CASE(all_of_it_is_read)
{
    machine machine;
    machine.variables["TOKEN"] = "Basic abc";
    const auto one = read(
        "otlp: \"https://h\", headers: {authorization: \"${TOKEN}\"}, sample: 12.5%, service_name: "
        "front door, resource: {deployment.environment.name: prod, zone: b}, timeout: 3s",
        machine);
    const tracing_settings::pairs headers{{"authorization", "Basic abc"}};
    const tracing_settings::pairs resource{{"deployment.environment.name", "prod"}, {"zone", "b"}};
    BOOST_TEST((one.headers == headers));
    BOOST_TEST((one.resource == resource));
    BOOST_TEST(one.sample == 0.125);
    BOOST_TEST(one.service_name == "front door");
    BOOST_TEST((one.timeout == 3s));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_named)
{
    BOOST_TEST(complains("sample: 1%", "tracing.otlp"));
    BOOST_TEST(complains("otlp: \"grpc://h:4317\"", "tracing.otlp"));
    BOOST_TEST(complains(
        "otlp: \"http://user:hunter2@h\"",
        "tracing.otlp: a user or password is not allowed; the key belongs in tracing.headers, "
        "allowed"));
    BOOST_TEST(complains("otlp: \"http://h\", sample: 101%", "tracing.sample"));
    BOOST_TEST(complains("otlp: \"http://h\", timeout: 2h", "tracing.timeout"));
    BOOST_TEST(complains("otlp: \"http://h\", service_name: \"\"", "tracing.service_name"));
    BOOST_TEST(complains("otlp: \"http://h\", headers: {Host: x}", "tracing.headers.Host"));
    BOOST_TEST(complains("otlp: \"http://h\", headers: {\"a b\": x}", "no name of a header"));
    BOOST_TEST(complains("otlp: \"http://h\", headers: {a: \"x\\r\\ny: z\"}", "tracing.headers.a"));
    BOOST_TEST(complains("otlp: \"http://h\", resource: {service.name: x}", "service_name"));
    BOOST_TEST(complains("otlp: \"http://h\", resource: {\"a b\": x}", "tracing.resource"));
    BOOST_TEST(complains("otlp: \"http://h\", sampel: 1%", "sampel"));
}

BOOST_AUTO_TEST_CASE(a_secret_in_a_header_is_in_no_complaint)
{
    const auto all =
        lines(load_with("tracing: {otlp: \"http://h\", headers: {a: \"very-secret\\n\"}}\n"));
    BOOST_TEST(all.find("tracing.headers.a") != std::string::npos);
    BOOST_TEST(all.find("very-secret") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_secret_in_a_query_is_not_shown_but_another_one_is_seen)
{
    const auto shown = [](const std::string& secret) {
        return render(load_with(
                          "tracing: {otlp: \"https://h/x?key=" + secret
                          + "\"}\njwt: {issuer: i, audience: [a], keys: \"https://h/k?key=" + secret
                          + "\"}\n")
                          .document.value()
                          .settings);
    };
    const auto one = shown("hunter2");
    BOOST_TEST(one.find("hunter2") == std::string::npos);
    BOOST_TEST(one.find("https://h/x?sha256:") != std::string::npos);
    BOOST_TEST(one.find("https://h/k?sha256:") != std::string::npos);
    BOOST_TEST(one != shown("hunter3"));
}

BOOST_AUTO_TEST_SUITE_END()
