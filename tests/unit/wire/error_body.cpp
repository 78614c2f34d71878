#include <sluice/wire/error_body.hpp>

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

using sluice::errc;
using namespace sluice::wire;

BOOST_AUTO_TEST_SUITE(error_bodies)

BOOST_AUTO_TEST_CASE(an_error_has_its_rows_type_and_code_and_real_nulls)
{
    BOOST_TEST(
        error_body(errc::model_not_found, "no model \"x\"", "model")
        == R"({"error":{"message":"no model \"x\"","type":"invalid_request_error","param":"model","code":"model_not_found"}})");
    BOOST_TEST(
        error_body(errc::upstream_reset)
        == R"({"error":{"message":"the provider reset the connection","type":"server_error","param":null,"code":"bad_gateway"}})");
}

BOOST_AUTO_TEST_CASE(whatever_is_named_the_body_is_json)
{
    std::string all;
    for (int c = 0; c < 256; ++c)
        all += static_cast<char>(c);
    simdjson::dom::parser oracle;
    for (std::size_t i = 1; i <= sluice::errc_count; ++i) {
        const auto body = error_body(static_cast<errc>(i), all, all);
        simdjson::dom::element parsed;
        BOOST_TEST((oracle.parse(body).get(parsed) == simdjson::SUCCESS), body);
        BOOST_TEST(parsed["error"]["code"].is_string());
    }
}

BOOST_AUTO_TEST_CASE(the_event_form_ends_an_event_that_was_cut)
{
    std::string out = "data: {\"cho";
    append_error_event(out, errc::upstream_eof, "gone\n\nevent: x", true);
    BOOST_TEST(
        out
        == "data: {\"cho\n\ndata: {\"error\":{\"message\":\"gone\\u000a\\u000aevent: "
           "x\",\"type\":\"server_error\","
           "\"param\":null,\"code\":\"bad_gateway\"}}\n\n");
}

BOOST_AUTO_TEST_SUITE_END()
