#include <sluice/simulate/ledger.hpp>

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <string>

BOOST_AUTO_TEST_SUITE(simulated_ledger)

using namespace sluice;
using namespace sluice::simulate;

namespace {

constexpr time_point start{std::chrono::hours{1}};

unsigned status(ledger& book, std::string_view model, duration after)
{
    return book.admit(model, start + after)->refuse_with;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_window_refuses_until_it_ends_and_reopens_after_so_many_served)
{
    ledger book{1, ""};
    const std::string model = "sim-429-2s-every-2";
    BOOST_TEST(status(book, model, milliseconds{0}) == 429U);
    const auto later = book.admit(model, start + milliseconds{1500});
    BOOST_TEST(later->refuse_with == 429U);
    BOOST_TEST((later->retry_after == milliseconds{500}));
    BOOST_TEST(status(book, model, seconds{2}) == 0U);
    BOOST_TEST(status(book, model, seconds{2}) == 0U);
    BOOST_TEST(status(book, model, seconds{2}) == 429U);
    BOOST_TEST(status(book, "sim-ok", seconds{2}) == 0U);
}

BOOST_AUTO_TEST_CASE(the_same_seed_decides_the_same)
{
    ledger a{7, "latency-50ms-200ms-2s+error-500-50%"};
    ledger b{7, "latency-50ms-200ms-2s+error-500-50%"};
    ledger other{8, "latency-50ms-200ms-2s+error-500-50%"};
    int differences = 0;
    for (int i = 0; i < 100; ++i) {
        auto x = *a.admit("m", start);
        auto y = *b.admit("m", start);
        auto z = *other.admit("m", start);
        BOOST_TEST((x.latency == y.latency));
        BOOST_TEST(x.refuse_with == y.refuse_with);
        BOOST_TEST(x.draws() == y.draws());
        differences += x.latency != z.latency;
    }
    BOOST_TEST(differences > 90);
}

BOOST_AUTO_TEST_CASE(errors_come_at_their_rate)
{
    ledger book{3, "error-502-20%"};
    int refused = 0;
    for (int i = 0; i < 10000; ++i)
        refused += status(book, "m", seconds{0}) == 502;
    BOOST_TEST(refused > 1800);
    BOOST_TEST(refused < 2200);
}

BOOST_AUTO_TEST_CASE(every_nth_request_spikes)
{
    ledger book{1, "spike-3-2s"};
    for (int i = 1; i <= 9; ++i)
        BOOST_TEST((book.admit("m", start)->latency == (i % 3 == 0 ? seconds{2} : seconds{0})));
}

BOOST_AUTO_TEST_CASE(a_behaviour_set_live_applies_to_its_model_and_reset_forgets_it)
{
    ledger book{1, "error-500"};
    BOOST_TEST(book.set({"ok", {{"broken", "error-503"}}}).has_value());
    BOOST_TEST(book.set({"error-501", {{"broken", "nonsense"}}}).has_error());
    BOOST_TEST(status(book, "m", seconds{0}) == 0U);
    BOOST_TEST(status(book, "broken", seconds{0}) == 503U);
    book.reset();
    BOOST_TEST(status(book, "broken", seconds{0}) == 500U);
    BOOST_TEST(book.read().models.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_window_ends_with_the_behaviour_that_opened_it)
{
    ledger book{1, "429-60m"};
    BOOST_TEST(status(book, "m", seconds{0}) == 429U);
    BOOST_TEST(book.set({"429-1s", {}}).has_value());
    BOOST_TEST((book.admit("m", start)->retry_after == seconds{1}));
    BOOST_TEST(status(book, "m", seconds{1}) == 0U);
}

BOOST_AUTO_TEST_CASE(a_sim_name_that_is_not_understood_is_refused_and_not_counted)
{
    ledger book{1, ""};
    BOOST_TEST(book.admit("sim-nonsense", start).has_error());
    BOOST_TEST(book.read().models.empty());
}

BOOST_AUTO_TEST_CASE(invented_names_and_keys_stay_bounded_and_keys_are_not_shown_whole)
{
    ledger book{1, ""};
    for (int i = 0; i < 3000; ++i) {
        (void)book.admit("invented-" + std::to_string(i), start);
        book.count_key("sk-secret-" + std::to_string(10000 + i));
    }
    BOOST_TEST(book.read().models.size() <= 1001U);
    BOOST_TEST(book.read().keys.size() <= 1001U);
    BOOST_TEST(book.read().models.at("other") == 2000U);
    simdjson::dom::parser parser;
    const std::string stats = book.stats_json();
    BOOST_TEST(!parser.parse(stats).error());
    BOOST_TEST(stats.find("secret") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
