#include <sluice/wire/reported_error.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(reported_errors)

using namespace sluice::wire;

namespace {

struct sample {
    std::string body;
    error_kind kind;
    unsigned status = 0;
};

std::string with_code(std::string_view code)
{
    return R"({"error":{"message":"no","type":"t","param":null,"code":")" + std::string(code)
           + "\"}}";
}

std::string with_words(std::string_view words)
{
    return R"({"error":{"message":")" + std::string(words)
           + R"(","type":"invalid_request_error","param":null,"code":null}})";
}

}  // namespace

BOOST_AUTO_TEST_CASE(codes_and_types_tell_the_kind)
{
    using enum error_kind;
    const std::vector<sample> samples{
        {with_code("rate_limit_exceeded"), rate_limit},
        {with_code("insufficient_quota"), quota},
        {with_code("context_length_exceeded"), context_length},
        {with_code("content_filter"), content_policy},
        {with_code("something_else"), other},
        {R"({"error":{"message":"x","type":"tokens","code":null}})", rate_limit},
        {R"({"error":{"message":"x","type":"insufficient_quota","code":"1113"}})", quota},
        {R"({"type":"error","error":{"type":"rate_limit_error","message":"slow down"}})",
         rate_limit},
        {R"({"type":"error","error":{"type":"billing_error","message":"pay"}})", quota},
        {R"([{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}])",
         rate_limit,
         429},
        {R"({"code":"DataInspectionFailed","message":"Input data may be inappropriate"})",
         content_policy},
        {R"({ "error" : { "code" : "Arrearage" } })", quota},
        {R"({"error":{"code":529,"message":"Overloaded"}})", other, 529},
        {R"({"error":{"code":12,"message":"x"}})", other, 0},
    };
    for (const auto& each : samples) {
        const auto said = read_error(each.body);
        BOOST_TEST((said.kind == each.kind), each.body);
        BOOST_TEST(said.status == each.status, each.body);
    }
}

BOOST_AUTO_TEST_CASE(spent_money_counts_before_a_rate)
{
    const auto said = read_error(R"({"error":{"type":"rate_limit_error","message":"x",)"
                                 R"("details":{"error_code":"enforced_spend_limit_reached"}}})");
    BOOST_TEST((said.kind == error_kind::quota));
}

BOOST_AUTO_TEST_CASE(words_tell_where_the_codes_do_not)
{
    using enum error_kind;
    const std::vector<sample> samples{
        {with_words("This model's maximum context length is 8192 tokens. However, you requested"),
         context_length},
        {with_words("prompt is too long: 210000 tokens > 200000 maximum"), context_length},
        {with_words("The input token count (5) exceeds the maximum number of tokens allowed (4)"),
         context_length},
        {with_words("Please REDUCE the Length of the messages"), context_length},
        {with_words("Your credit balance is too low to access the Anthropic API. Please go to "
                    "Plans & Billing to upgrade or purchase credits."),
         quota},
        {with_words("filtered due to the prompt triggering Azure's content management policy"),
         content_policy},
        {with_words("messages is required"), other},
    };
    for (const auto& each : samples)
        BOOST_TEST((read_error(each.body).kind == each.kind), each.body);
}

BOOST_AUTO_TEST_CASE(words_of_money_count_only_with_a_status_of_money)
{
    const auto kind = [](std::string_view words, unsigned status) {
        return read_error(with_words(words), status).kind;
    };
    for (const std::string_view words :
         {"Insufficient Balance", "Your credit balance is too low", "insufficient credits: add"})
        for (const unsigned status : {0u, 400u, 401u, 402u, 403u, 404u, 422u, 429u, 500u}) {
            const bool money = status == 402 || status == 403 || status == 429;
            BOOST_TEST((kind(words, status) == (money ? error_kind::quota : error_kind::other)));
        }
    // Inside a 200 the status is the one the error names.
    BOOST_TEST(
        (read_error(R"({"error":{"code":402,"message":"Insufficient credits"}})").kind
         == error_kind::quota));
}

BOOST_AUTO_TEST_CASE(codes_in_what_came_back_of_the_request_are_not_the_providers)
{
    using enum error_kind;
    const std::vector<sample> samples{
        {R"({"detail":[{"type":"missing","input":{"code":"insufficient_quota"}}]})", other},
        {R"({"response":{"metadata":{"code":"insufficient_quota"},"error":{"code":"x"}}})", other},
        {R"({"input":[{"message":"prompt is too long"}],"error":{"message":"no"}})", other},
        {R"({"input":[{"type":"billing_error"}],"error":{"code":"rate_limit_exceeded"}})",
         rate_limit},
        {R"({"response":{"error":{"code":"insufficient_quota","message":"x"}}})", quota},
    };
    for (const auto& each : samples)
        BOOST_TEST((read_error(each.body).kind == each.kind), each.body);
}

BOOST_AUTO_TEST_CASE(an_error_event_and_a_cut_body_are_read_as_far_as_they_go)
{
    const auto event =
        read_error("event: error\ndata: {\"error\":{\"message\":\"slow \\\"down\\\"\","
                   "\"code\":\"rate_limit_exceeded\"}}\n\n");
    BOOST_TEST((event.kind == error_kind::rate_limit));
    BOOST_TEST(event.message == R"(slow \"down\")");
    const std::string whole = with_code("insufficient_quota");
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        const auto said = read_error(std::string_view(whole).substr(0, cut));
        BOOST_TEST((said.kind == error_kind::quota || said.kind == error_kind::other));
    }
    BOOST_TEST((read_error("<html>Bad Gateway</html>").kind == error_kind::other));
    BOOST_TEST((read_error("").kind == error_kind::other));
    BOOST_TEST((read_error("{\"message\":\"ends in a backslash\\").kind == error_kind::other));
}

BOOST_AUTO_TEST_CASE(only_a_true_error_of_the_outermost_object_makes_a_200_an_error)
{
    for (const auto* body :
         {R"({"error":{"message":"x"}})",
          R"({"id":null, "error" : "overloaded"})",
          R"({"error":{"message":"x"},"choices":[]})",
          R"({"error":{"message":)"})
        BOOST_TEST((is_error_body(body) || std::string_view(body).ends_with(':')), body);
    for (const auto* body :
         {R"({"id":"1","error":null,"output":[]})",
          R"({"error":{}})",
          R"({"error":false})",
          R"({"choices":[{"error":{"code":502}}]})",
          R"({"choices":[{"message":{"content":"\"error\": {\"a\":1}"}}]})",
          R"({"content":"an error"})",
          ""})
        BOOST_TEST(!is_error_body(body), body);
}

BOOST_AUTO_TEST_SUITE_END()
