#include <sluice/observe/exposition.hpp>

#include <boost/test/unit_test.hpp>

#include <sstream>

BOOST_AUTO_TEST_SUITE(exemplar_text)

using namespace sluice;
using namespace sluice::observe;

namespace {

// An arm with one traced request of 75 ms whose first token came after 40 ms.
struct fixture {
    fixture()
    {
        arm = names.arm("gpt \"4\"", "stable");
        cells.ensure(names.size());
        cells.arm(arm).request(200, true, milliseconds(75));
        cells.arm(arm).request(200, true, milliseconds(3));
        cells.arm(arm).first_token.observe(milliseconds(40));
        span one;
        one.numbers.trace_high = 0x0af7651916cd43ddU;
        one.numbers.trace_low = 0x8448eb211c80319cU;
        one.numbers.arm = static_cast<std::uint32_t>(arm);
        one.numbers.begin = milliseconds(1'700'000'000'125);
        one.numbers.duration = milliseconds(75);
        one.numbers.first_token = milliseconds(40);
        one[span_text::end] = "done";
        control.exemplars.note(one);
    }
    [[nodiscard]] std::string text(exposition::format how) const
    {
        return exposition({.names = &names, .workers = {&cells}, .control = &control}).render(how);
    }

    catalogue names;
    control_values control;
    worker_cells cells;
    std::size_t arm = 0;
};

// The line of this series.
std::string line(const std::string& text, const std::string& series)
{
    const auto at = text.find('\n' + series + ' ');
    return at == std::string::npos ? "" : text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

const std::string labels = R"({model="gpt \"4\"",target="stable",le=)";

}  // namespace

BOOST_AUTO_TEST_CASE(a_bucket_names_the_trace_of_its_last_traced_request)
{
    const auto text = fixture().text(exposition::format::open_metrics);
    const std::string trace = R"( # {trace_id="0af7651916cd43dd8448eb211c80319c"} )";
    BOOST_TEST(
        line(text, "sluice_request_duration_seconds_bucket" + labels + "\"0.1\"}")
        == "sluice_request_duration_seconds_bucket" + labels + "\"0.1\"} 2" + trace
               + "0.075 1700000000.200");
    BOOST_TEST(
        line(text, "sluice_time_to_first_token_seconds_bucket" + labels + "\"0.05\"}")
        == "sluice_time_to_first_token_seconds_bucket" + labels + "\"0.05\"} 1" + trace
               + "0.04 1700000000.200");
    std::size_t exemplars = 0;
    for (auto at = text.find(" # {"); at != std::string::npos; at = text.find(" # {", at + 1))
        ++exemplars;
    BOOST_TEST(exemplars == 2U);
    BOOST_TEST(text.ends_with("# EOF\n"));
}

BOOST_AUTO_TEST_CASE(the_older_format_has_none)
{
    const auto text = fixture().text(exposition::format::prometheus);
    BOOST_TEST(text.find(" # {") == std::string::npos);
    BOOST_TEST(text.find("# EOF") == std::string::npos);
    BOOST_TEST(
        line(text, "sluice_request_duration_seconds_bucket" + labels + "\"0.1\"}")
        == "sluice_request_duration_seconds_bucket" + labels + "\"0.1\"} 2");
}

BOOST_AUTO_TEST_SUITE_END()
