#include "fake.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(tree)

using namespace sluice::config;
using namespace sluice::config::fake;

BOOST_AUTO_TEST_CASE(a_syntax_error_is_one_complaint_with_its_place)
{
    const auto got = load_text("workers: 2\nlisten: [\n  {address: \"a\n");
    BOOST_TEST_REQUIRE(got.complaints.size() == 1U);
    BOOST_TEST(got.complaints[0].line >= 3U);
    BOOST_TEST(contains(lines(got), "YAML: "));
    BOOST_TEST(
        lines(load_text("a: b: c\n")).starts_with("f.yaml:1:5: YAML: "),
        lines(load_text("a: b: c\n")));
}

// Else it would swallow all that follows: here the keys, which would open the gateway.
BOOST_AUTO_TEST_CASE(a_quote_that_is_never_closed_is_refused)
{
    for (const std::string quote : {"\"", "'"})
        for (const std::string end : {"", "\n", "\n  \n ", "\r\n", "\n\t", "\n# the end\n"}) {
            const auto got =
                load_text(providers + models + "access_log: " + quote + "off\nkeys: []" + end);
            BOOST_TEST(!got.document, quote << end);
            BOOST_TEST(contains(lines(got), "YAML: the file ends within a quote"), lines(got));
        }
    // What ends well ends as before.
    for (const std::string end : {"", "\n", "\n  ", "\n...\n", "\n# the end", "\n#\n"})
        BOOST_TEST(
            load_text(providers + models + "access_log: \"off\"" + end).document.has_value(), end);
    for (const std::string end : {"", "\n", "\n\n  "}) {
        const auto got = load_text(providers + models + "access_log: |-\n  off" + end);
        BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
        BOOST_TEST(got.document->settings.access_log.path == "off");
    }
}

BOOST_AUTO_TEST_CASE(indentation_by_tabs_is_called_by_its_name)
{
    const auto got = load_text("providers:\n\tp: {base_url: \"http://h\"}\n" + models);
    BOOST_TEST(got.complaints.size() == 1U);
    BOOST_TEST(contains(lines(got), "f.yaml:2:"), lines(got));
    BOOST_TEST(contains(lines(got), "begins with a tab"), lines(got));
}

BOOST_AUTO_TEST_CASE(a_key_that_stands_twice_is_refused_at_the_second_place)
{
    const auto got = load_with("workers: 2\nheartbeat: 1s\nworkers: 3\n");
    BOOST_TEST(lines(got) == "f.yaml:3:1: workers: stands twice, first in line 1\n");
    const auto twice = load_text(providers + "models:\n  m: {targets: [{provider: p}]}\n  m: {}\n");
    BOOST_TEST(lines(twice) == "f.yaml:4:3: m: stands twice, first in line 3\n");
}

BOOST_AUTO_TEST_CASE(anchors_aliases_and_merges_work)
{
    const auto got = load_text("providers:\n"
                               "  a: &base {base_url: \"https://h/v1\", ask_usage: false}\n"
                               "  b: {<<: *base, base_url: \"https://other/v1\"}\n"
                               "models:\n"
                               "  m: {targets: &t [{provider: a}]}\n"
                               "  n: {targets: *t}\n");
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    const auto& settings = got.document->settings;
    BOOST_TEST(settings.providers[1].host == "other");
    BOOST_TEST(!settings.providers[1].ask_usage);
    BOOST_TEST(settings.models[1].targets[0].name == "a");
}

BOOST_AUTO_TEST_CASE(anchors_that_multiply_nest_or_contain_themselves_are_refused)
{
    std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 12; ++i) {
        const auto alias = "*a" + std::to_string(i - 1);
        laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias;
        for (int j = 0; j < 8; ++j)
            laughs += "," + alias;
        laughs += "]\n";
    }
    const auto got = load_text(laughs);
    BOOST_TEST(got.complaints.size() == 1U);
    BOOST_TEST(contains(lines(got), "more than 400000 values"));

    std::string deep = "a0: &a0 [[[[[x]]]]]\n";
    for (int i = 1; i < 200; ++i)
        deep += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [[[[[*a"
                + std::to_string(i - 1) + "]]]]]\n";
    BOOST_TEST(contains(lines(load_text(deep)), "nested too deep, at most 32 levels"));
    BOOST_TEST(contains(lines(load_text("a: &x {y: *x}\n")), "stands inside what it names"));
    BOOST_TEST(contains(lines(load_text(std::string(9'000, '['))), "f.yaml:1:"));
    const std::string brackets = "a: 1\n" + std::string(4'000'000, '[');
    BOOST_TEST(contains(lines(load_text(brackets)), "f.yaml:2:1: more than 10000 brackets"));
}

BOOST_AUTO_TEST_CASE(what_is_no_text_or_too_large_or_not_one_document_is_refused)
{
    BOOST_TEST(
        lines(load_text("a: 1\nb: \x04\n"))
        == "f.yaml:2:4: a control character, only text is allowed\n");
    BOOST_TEST(contains(lines(load_text(std::string_view("a: \0", 4))), "control character"));
    BOOST_TEST(lines(load_text("a: 1\nb: \xff\n")) == "f.yaml:2:1: this line is not UTF-8\n");
    BOOST_TEST(
        lines(load_text(std::string(max_file_bytes + 1, ' '))) == "f.yaml: larger than 4MiB\n");
    BOOST_TEST(
        lines(load_text(providers + models + "---\na: 1\na: 2\n"))
        == "f.yaml:3:1: more than one YAML document, only one is allowed\n");
    BOOST_TEST(
        contains(lines(load_with("workers: !env 2\n")), "f.yaml:1:10: tags have no meaning here"));
    BOOST_TEST(contains(lines(load_with("? [a, b]\n: 1\n")), "a key has to be a name"));
    BOOST_TEST(load_text("\xef\xbb\xbf" + providers + models).document.has_value());
}

BOOST_AUTO_TEST_CASE(variables_and_files_are_put_in_and_dollars_are_kept)
{
    machine machine;
    machine.variables = {{"KEY", "sk-1"}, {"N", "7"}, {"NOT_AGAIN", "${KEY}"}};
    machine.files = {{"/run/secrets/x", "\n  from-a-file \n"}};
    const auto got = load_text(
        "workers: ${N}\n"
        "access_log: /a$b/$$c/${NOT_AGAIN}/$$$${KEY}\n"
        "providers:\n"
        "  a: {base_url: \"http://h/\", api_keys: [\"${KEY}\", \"<${file:/run/secrets/x}>\"]}\n"
        "models: {m: {targets: [{provider: a}]}}\n",
        machine);
    BOOST_TEST_REQUIRE(got.document.has_value(), lines(got));
    const auto& settings = got.document->settings;
    BOOST_TEST(settings.workers == 7U);
    BOOST_TEST(settings.access_log.path == "/a$b/$c/${KEY}/$${KEY}");
    BOOST_TEST(settings.providers[0].api_keys[0] == "sk-1");
    BOOST_TEST(settings.providers[0].api_keys[1] == "<from-a-file>");
}

BOOST_AUTO_TEST_CASE(what_is_not_there_to_put_in_is_one_complaint_each)
{
    const auto got = load_text(
        "admin: {token: \"${TOKEN}\"}\n"
        "workers: ${WORKERS\n"
        "access_log: ${1BAD}\n"
        "providers: {p: {base_url: \"http://h\", api_keys: [\"${file:/nowhere}\"]}}\n"
        + models);
    BOOST_TEST(
        lines(got)
        == "f.yaml:1:16: admin.token: environment variable TOKEN is not set\n"
           "f.yaml:2:10: workers: ${ is never closed; a dollar sign itself is written $$\n"
           "f.yaml:3:13: access_log: ${1BAD} is neither ${NAME} nor ${file:/path}; a dollar sign "
           "itself is "
           "written $$\n"
           "f.yaml:4:50: providers.p.api_keys[0]: cannot read /nowhere, it has to be a readable "
           "file of at "
           "most 1MiB\n");
}

BOOST_AUTO_TEST_SUITE_END()
