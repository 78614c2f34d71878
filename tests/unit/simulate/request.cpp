#include <sluice/simulate/request.hpp>
#include <sluice/simulate/schema.hpp>

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <string>

BOOST_AUTO_TEST_SUITE(simulated_request)

using namespace sluice;
using namespace sluice::simulate;

BOOST_AUTO_TEST_CASE(an_input_that_is_neither_text_nor_a_list_is_refused)
{
    for (const auto where : {endpoint::embeddings, endpoint::responses, endpoint::completions})
        for (const std::string value : {"5", "{}", "null", "true"}) {
            const std::string name = where == endpoint::completions ? "prompt" : "input";
            const auto parsed =
                parse_request(where, R"({"model":"m",")" + name + "\":" + value + "}");
            BOOST_TEST_CONTEXT(name << ": " << value)
            {
                BOOST_TEST_REQUIRE(parsed.has_error());
                BOOST_TEST(parsed.error().param == name);
                BOOST_TEST(parsed.error().code == "invalid_type");
            }
        }
}

BOOST_AUTO_TEST_CASE(embeddings_are_of_1_to_2048_inputs)
{
    const auto refused = [](std::size_t count) {
        std::string list;
        for (std::size_t i = 0; i < count; ++i)
            list += list.empty() ? R"("a")" : R"(,"a")";
        return parse_request(endpoint::embeddings, R"({"model":"m","input":[)" + list + "]}")
            .has_error();
    };
    BOOST_TEST(refused(0));
    BOOST_TEST(!refused(1));
    BOOST_TEST(!refused(2048));
    BOOST_TEST(refused(2049));
}

BOOST_AUTO_TEST_CASE(legacy_completions_have_no_tools)
{
    const auto request = parse_request(
        endpoint::completions,
        R"({"model":"m","prompt":"x","tool_choice":"required","tools":[{"type":"function","function":{"name":"f"}}]})");
    BOOST_TEST_REQUIRE(request.has_value());
    BOOST_TEST(request->calls.empty());
}

BOOST_AUTO_TEST_CASE(a_schema_cannot_make_an_example_without_bound)
{
    const auto size = [](const std::string& schema) {
        simdjson::dom::parser parser;
        const std::string text = example_of(parser.parse(schema).value());
        simdjson::dom::parser again;
        BOOST_TEST(!again.parse(text).error());
        return text.size();
    };
    // Itself twice in each of the levels, and lists of lists: powers of their width.
    BOOST_TEST(
        size(R"({"type":"object","properties":{"a":{"$ref":"#"},"b":{"$ref":"#"}}})") < 1000000U);
    std::string lists = R"({"type":"string","minLength":20})";
    for (int level = 0; level < 3; ++level)
        lists = R"({"type":"array","minItems":100,"items":)" + lists + '}';
    BOOST_TEST(size(lists) < 1000000U);
}

BOOST_AUTO_TEST_SUITE_END()
