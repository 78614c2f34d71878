// When a worker has no time for copies. Its lateness is told to it, as its tick tells it.

#include "temporary_directory.hpp"
#include "unit/config/fake.hpp"
#include <sluice/proxy/exchange.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/state/ledger.hpp>

#include <boost/asio/detail/concurrency_hint.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(shadow_load)

using namespace sluice;
using namespace sluice::proxy;
using observe::shadow_outcome;

namespace {

constexpr std::string_view everything_is_copied =
    "providers: {p: {base_url: \"http://127.0.0.1:1/v1\"}}\n"
    "models: {m: {targets: [{name: a, provider: p}, {name: b, provider: p, weight: 0}],\n"
    "             shadow: {target: b, percent: 100}}}\n";

constexpr std::string_view request =
    "POST /v1/chat/completions HTTP/1.1\r\nhost: gate\r\ncontent-length: 2\r\n\r\n";

// What a worker has, without its thread: the test runs the loop, and says when it is late.
struct bench {
    bench()
    {
        const auto loaded = config::fake::load_text(everything_is_copied);
        BOOST_TEST_REQUIRE(loaded.document.has_value(), config::fake::lines(loaded));
        auto made = config::build(*loaded.document, {}, 1, nullptr, names).snapshot;
        cells.ensure(names.size());
        with.snapshots.install(std::move(made));
    }
    ~bench()
    {
        with.copies.stop_all();
        while (with.copies.count() > 0)
            context.run_one();
    }

    // Whether a request that comes now is copied.
    bool copied()
    {
        exchange asked;
        asked.served_by = with.snapshots.current();
        asked.config = asked.served_by->config.get();
        asked.model = asked.config->find_model("m");
        asked.target = &asked.model->targets.front();
        asked.now = with.coarse_now;
        asked.body = "{}";
        asked.facts.emplace();
        BOOST_TEST_REQUIRE(!http::parse(request, {}, asked.head).has_value());
        return with.copies.begin(with, asked) != nullptr;
    }

    void tick(milliseconds late) { with.tick(with.coarse_now + net::wheel::tick + late, late); }

    [[nodiscard]] std::uint64_t dropped() const
    {
        const auto& model = *with.snapshots.current()->config->find_model("m");
        return model.shadow->numbers->counted(shadow_outcome::dropped_load);
    }

    temporary_directory where;
    observe::catalogue names;
    observe::logger log{[](std::string_view) {}, [] { return time_point{}; }};
    observe::worker_cells cells;
    observe::access_log access{{.path = "off"}};
    observe::span_rings spans{1};
    state::ledger book{{.path = where.path + "/usage.db"}, log};
    std::atomic<bool> draining{false};
    pair_inbox pairs{[] {}};
    boost::asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
    net::reactor loop{context};
    net::byte_ledger memory{std::size_t{1} << 30U};
    net::buffer_pool buffers{memory};
    services with{loop, buffers, cells, access, spans, book, log, draining, pairs, 0, 1};
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_worker_in_time_copies)
{
    bench b;
    b.tick(milliseconds(0));
    b.tick(milliseconds(50));
    b.tick(milliseconds(50));
    BOOST_TEST(b.copied());
    BOOST_TEST(b.dropped() == 0U);
}

BOOST_AUTO_TEST_CASE(one_late_tick_is_an_accident_and_drops_nothing)
{
    bench b;
    for (int i = 0; i < 3; ++i) {
        b.tick(milliseconds(500));
        BOOST_TEST(b.copied());
        b.tick(milliseconds(1));
    }
    BOOST_TEST(b.dropped() == 0U);
}

BOOST_AUTO_TEST_CASE(a_worker_that_is_late_twice_in_a_row_drops_copies_until_it_is_in_time_again)
{
    bench b;
    b.tick(milliseconds(51));
    b.tick(milliseconds(51));
    BOOST_TEST(!b.copied());
    BOOST_TEST(!b.copied());
    BOOST_TEST(b.dropped() == 2U);
    b.tick(milliseconds(51));
    BOOST_TEST(!b.copied());
    b.tick(milliseconds(50));
    BOOST_TEST(b.copied());
    BOOST_TEST(b.dropped() == 3U);
}

BOOST_AUTO_TEST_CASE(copies_that_are_under_way_when_the_worker_comes_to_be_late_go_on)
{
    bench b;
    BOOST_TEST(b.copied());
    b.tick(milliseconds(51));
    b.tick(milliseconds(51));
    BOOST_TEST(!b.copied());
    BOOST_TEST(b.with.copies.count() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
