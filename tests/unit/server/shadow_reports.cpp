#include <sluice/server/json_writer.hpp>
#include <sluice/server/shadow_reports.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(shadow_reports)

using namespace sluice;
using observe::shadow_outcome;
using proxy::shadow_pair;
using proxy::shadow_side;

namespace {

std::string completion(std::string_view text, std::string_view finish = "stop")
{
    std::string body = R"({"choices":[{"index":0,"message":{"content":")";
    body.append(text).append(R"("},"finish_reason":")").append(finish).append("\"}]}");
    return body;
}

struct world {
    world()
    {
        auto& model = config.models.emplace_back();
        model.name = "m";
        for (const auto* name : {"a", "b"})
            model.targets.emplace_back().name = name;
        auto& shadow = model.shadow.emplace();
        shadow.target = 1;
        shadow.share = 0.05;
        shadow.state = std::make_shared<policy::shadow_state>();
        shadow.numbers = numbers;
    }

    shadow_side side(std::string_view body, nanoseconds took = seconds{2})
    {
        shadow_side one(ledger);
        one.status = 200;
        one.duration = took;
        one.payload.add(body);
        return one;
    }

    shadow_pair pair(std::string id, shadow_side primary, shadow_side shadow)
    {
        return {
            .model = "m",
            .request_id = std::move(id),
            .system_time = noon,
            .capture = capture,
            .outcome = shadow.whole() ? shadow_outcome::compared : shadow_outcome::failed,
            .numbers = numbers,
            .primary = std::move(primary),
            .shadow = std::move(shadow)};
    }

    std::string view(nanoseconds now = noon)
    {
        server::json_writer out;
        out.begin_object();
        reports.write(out, config, config.models[0], now);
        return out.end_object().str();
    }

    static constexpr nanoseconds noon = seconds{1'700'000'000};
    net::byte_ledger ledger{1 << 20};
    std::shared_ptr<observe::shadow_numbers> numbers =
        std::make_shared<observe::shadow_numbers>("m", "b");
    config::snapshot config;
    bool capture = false;
    server::shadow_reports reports;
};

bool says(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(ratios_are_shadow_by_primary_and_only_of_what_is_known)
{
    world w;
    auto pair = w.pair("1", w.side(completion("x")), w.side(completion("x"), seconds{3}));
    auto found = server::compare(pair);
    BOOST_TEST(found.duration.value() == 1.5);
    BOOST_TEST(!found.first_token);
    BOOST_TEST(!found.cost);
    pair.primary.first_token = milliseconds{100};
    pair.shadow.first_token = milliseconds{50};
    pair.primary.cost = 0;
    pair.shadow.cost = 7;
    found = server::compare(pair);
    BOOST_TEST(found.first_token.value() == 0.5);
    BOOST_TEST(!found.cost, "nothing is a ratio to nothing");
    BOOST_TEST(found.likeness.value() == 1);
    BOOST_TEST(found.same_finish.value());
    BOOST_TEST(!found.same_calls.has_value());
    BOOST_TEST(found.distance == 0);
}

BOOST_AUTO_TEST_CASE(a_stream_is_compared_with_an_object_by_what_they_say)
{
    world w;
    auto streamed =
        w.side("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a b\"}}]}\n\n"
               "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"
               "data: [DONE]\n\n");
    streamed.stream = true;
    const auto pair = w.pair("1", w.side(completion("a b")), std::move(streamed));
    const auto found = server::compare(pair);
    BOOST_TEST(found.likeness.value() == 1);
    BOOST_TEST(!found.same_finish.value());
    BOOST_TEST(found.distance == 0.5);
}

BOOST_AUTO_TEST_CASE(texts_that_were_cut_and_vectors_are_not_compared_as_texts)
{
    world w;
    const std::string much(proxy::payload_copy::most + 1, ' ');
    const auto cut = w.pair("1", w.side(completion("x")), w.side(much));
    BOOST_TEST(cut.shadow.payload.cut());
    BOOST_TEST(!server::compare(cut).likeness);
    auto vectors = w.pair("2", w.side("{}"), w.side("{}"));
    vectors.where = wire::endpoint::embeddings;
    BOOST_TEST(!server::compare(vectors).likeness);
    BOOST_TEST(server::compare(vectors).duration.value() == 1);
}

BOOST_AUTO_TEST_CASE(the_most_distant_pairs_come_first_and_few_are_kept)
{
    world w;
    for (int i = 0; i < 30; ++i)
        w.reports.add(w.pair(
            "same" + std::to_string(i), w.side(completion("x y")), w.side(completion("x y"))));
    w.reports.add(w.pair("unlike", w.side(completion("x y")), w.side(completion("p q"))));
    auto broken = w.side("");
    broken.status = 503;
    w.reports.add(w.pair("broken", w.side(completion("x y")), std::move(broken)));
    const auto view = w.view();
    const auto failed = view.find("\"request_id\":\"broken\"");
    const auto unlike = view.find("\"request_id\":\"unlike\"");
    const auto same = view.find("\"request_id\":\"same0\"");
    BOOST_TEST(failed < unlike);
    BOOST_TEST(unlike < same);
    BOOST_TEST(same != std::string::npos);
    BOOST_TEST(says(view, "\"request_id\":\"same17\""));
    BOOST_TEST(!says(view, "\"request_id\":\"same18\""), "20 are listed");
    BOOST_TEST(says(view, "\"percent\":5"), view);
    BOOST_TEST(says(view, "\"likeness\":{\"count\":31"), view);
}

BOOST_AUTO_TEST_CASE(pairs_of_yesterday_are_listed_no_more)
{
    world w;
    w.reports.add(w.pair("old", w.side(completion("x")), w.side(completion("y"))));
    BOOST_TEST(says(w.view(), "old"));
    BOOST_TEST(!says(w.view(world::noon + seconds{86'401}), "old"));
}

BOOST_AUTO_TEST_CASE(texts_are_kept_while_captured_bounded_and_gone_afterwards)
{
    world w;
    w.capture = w.config.models[0].shadow->capture = true;
    const std::string much = "secret " + std::string(5'000, 'z');
    w.reports.add(w.pair("1", w.side(completion(much)), w.side(completion("other"))));
    const auto view = w.view();
    BOOST_TEST(says(view, "secret zz"));
    BOOST_TEST(says(view, "\"text\":\"other\""));
    BOOST_TEST(!says(view, std::string(4'096, 'z')));
    w.capture = false;
    w.reports.add(w.pair("2", w.side(completion("x")), w.side(completion("y"))));
    BOOST_TEST(!says(w.view(), "secret"), "one pair without capturing takes all texts away");
}

// Not only when the model's next pair comes, which may be never.
BOOST_AUTO_TEST_CASE(texts_go_with_their_day_and_with_capturing)
{
    world w;
    auto& how = *w.config.models[0].shadow;
    how.capture = w.capture = true;
    w.reports.add(w.pair("1", w.side(completion("secret")), w.side(completion("y"))));
    w.reports.forget(w.config, w.noon + server::shadow_reports::listed_for);
    BOOST_TEST(says(w.view(), "secret"));
    how.capture = false;
    w.reports.forget(w.config, w.noon);
    how.capture = true;
    BOOST_TEST(!says(w.view(), "secret"));
    BOOST_TEST(says(w.view(), R"("request_id":"1")"));
    w.reports.forget(w.config, w.noon + server::shadow_reports::listed_for + seconds{1});
    BOOST_TEST(!says(w.view(), R"("request_id":"1")"), "as if asked a day before");

    w.reports.add(w.pair("2", w.side(completion("secret")), w.side(completion("y"))));
    auto shadow = std::move(w.config.models[0].shadow);
    w.config.models[0].shadow.reset();
    w.reports.forget(w.config, w.noon);
    w.config.models[0].shadow = std::move(shadow);
    BOOST_TEST(!says(w.view(), "secret"));
}

BOOST_AUTO_TEST_CASE(what_a_payload_holds_is_in_the_ledger_until_it_goes)
{
    world w;
    {
        auto one = w.side("12345");
        BOOST_TEST(w.ledger.held() == 5u);
        const auto moved = std::move(one);
        BOOST_TEST(w.ledger.held() == 5u);
        BOOST_TEST(moved.payload.text() == "12345");
    }
    BOOST_TEST(w.ledger.held() == 0u);
}

BOOST_AUTO_TEST_CASE(an_inbox_wakes_once_and_refuses_what_is_too_much)
{
    world w;
    int woken = 0;
    proxy::pair_inbox inbox([&woken] { ++woken; });
    for (std::size_t i = 0; i < proxy::pair_inbox::most; ++i)
        BOOST_TEST(inbox.put(w.pair("1", w.side("{}"), w.side("{}"))));
    BOOST_TEST(!inbox.put(w.pair("2", w.side("{}"), w.side("{}"))));
    BOOST_TEST(woken == 1);
    BOOST_TEST(inbox.take().size() == proxy::pair_inbox::most);
    BOOST_TEST(inbox.take().empty());
    BOOST_TEST(inbox.put(w.pair("3", w.side("{}"), w.side("{}"))));
    BOOST_TEST(woken == 2);
}

BOOST_AUTO_TEST_CASE(quantiles_lie_within_their_buckets)
{
    world w;
    observe::histogram_totals none;
    BOOST_TEST(observe::quantile_of(none, 0.5) == 0);
    for (int i = 0; i < 4; ++i)
        w.numbers->duration.observe(observe::billionths(0.85));
    w.numbers->duration.observe(observe::billionths(100));
    observe::histogram_totals totals;
    w.numbers->duration.read(totals);
    BOOST_TEST(observe::quantile_of(totals, 0.4) == 0.85, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(observe::quantile_of(totals, 0.99) == 10, "what lies above the last bound");
}

BOOST_AUTO_TEST_SUITE_END()
