// What the simulated provider is asked and cannot do: refused whole, and it goes on.

#include <boost/test/unit_test.hpp>

#include <loopback/simulated.hpp>
#include <string>

BOOST_AUTO_TEST_SUITE(simulator_refuses)

using namespace simulated;

namespace {

// The status, and the whole answer in `body`.
std::string status_of(raw_client& client, std::string& body)
{
    std::string head;
    body = client.whole_answer(&head);
    return head.substr(9, 3);
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_input_of_another_type_is_400_and_the_next_call_is_answered)
{
    provider p;
    auto c = p.client();
    std::string body;
    for (const std::string value : {"5", "{}", "null"}) {
        c.post("/v1/embeddings", R"({"model":"m","input":)" + value + "}");
        BOOST_TEST(status_of(c, body) == "400");
        BOOST_TEST(body.find(R"("param":"input")") != std::string::npos);
    }
    c.post("/v1/embeddings", R"({"model":"m","input":"a","dimensions":3})");
    BOOST_TEST(status_of(c, body) == "200");
}

BOOST_AUTO_TEST_CASE(a_change_of_behaviours_is_made_whole_or_not_at_all)
{
    provider p;
    auto c = p.client();
    std::string body;
    for (const std::string change :
         {R"({"default":"error-500","models":{"a":"nonsense"}})",
          R"({"models":{"a":"error-500","b":"nonsense"}})",
          R"({"default":"error-500","models":{"a":5}})",
          R"({"default":"error-500","models":[]})",
          R"({"default":5,"models":{"a":"error-500"}})",
          R"({"defualt":"ok","models":{"a":"error-500"}})",
          "{}",
          "[]"}) {
        BOOST_TEST_CONTEXT(change)
        {
            c.call("PUT", "/sim/behaviour", change, "");
            BOOST_TEST(status_of(c, body) == "400");
            c.call("GET", "/sim/behaviour", "", "");
            BOOST_TEST(c.whole_answer().starts_with(R"({"default":"","models":{},)"));
        }
    }
}

BOOST_AUTO_TEST_CASE(an_answer_beyond_bounds_is_refused_before_it_is_made)
{
    provider p;
    auto c = p.client();
    std::string body;
    const std::string rest = R"(","messages":[{"role":"user","content":"x"}],"n":)";
    c.post("/v1/chat/completions", R"({"model":"sim-big-event-64MiB)" + rest + "2}");
    BOOST_TEST(status_of(c, body) == "400");
    BOOST_TEST(body.size() < 1000U);
    c.post("/v1/chat/completions", R"({"model":"sim-tokens-100)" + rest + "128}");
    BOOST_TEST(status_of(c, body) == "200");
    BOOST_TEST(body.find(R"("completion_tokens":12800)") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
