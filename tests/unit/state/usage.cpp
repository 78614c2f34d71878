#include "temporary_directory.hpp"
#include <sluice/config/time_zone.hpp>
#include <sluice/observe/tags.hpp>
#include <sluice/state/ledger.hpp>
#include <sluice/state/rebuild.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <sqlite3.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(ledger)

using namespace sluice;

namespace {

constexpr std::int64_t noon = 1'795'262'400;  // 2026-11-21T12:00:00Z

observe::bill sample(std::int64_t at = noon)
{
    observe::bill one;
    one.time = seconds(at);
    one.key = "team-search";
    one.tenant = "search";
    one.model = "demo";
    one.target = "stable";
    one.arm = "stable";
    one.usage_known = one.priced = true;
    one.input = 100;
    one.cached_input = 40;
    one.output = 10;
    one.reasoning = 3;
    one.nanodollars = 1'234;
    return one;
}

// More than is looked through when the ledger is opened.
constexpr std::uintmax_t ballast_bytes = 20U << 20U;

void add_ballast(const std::string& path)
{
    sqlite3* opened = nullptr;
    BOOST_REQUIRE(sqlite3_open(path.c_str(), &opened) == SQLITE_OK);
    const auto sql = "CREATE TABLE ballast(x); INSERT INTO ballast VALUES(zeroblob("
                     + std::to_string(ballast_bytes) + "))";
    BOOST_REQUIRE(sqlite3_exec(opened, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(opened);
}

// The first page of the table.
void damage(const std::string& path, const std::string& table)
{
    sqlite3* opened = nullptr;
    BOOST_REQUIRE(sqlite3_open(path.c_str(), &opened) == SQLITE_OK);
    sqlite3_stmt* asked = nullptr;
    const auto sql = "SELECT rootpage FROM sqlite_schema WHERE name = '" + table + "'";
    BOOST_REQUIRE(sqlite3_prepare_v2(opened, sql.c_str(), -1, &asked, nullptr) == SQLITE_OK);
    BOOST_REQUIRE(sqlite3_step(asked) == SQLITE_ROW);
    const auto page = sqlite3_column_int64(asked, 0);
    sqlite3_finalize(asked);
    sqlite3_close(opened);
    std::fstream file(path, std::ios::in | std::ios::out);
    file.seekp((page - 1) * 4096);
    file << std::string(4096, 'x');
}

struct world {
    world() { open(); }

    void open(std::size_t workers = 1, std::size_t ring_bytes = 1U << 16U)
    {
        book.reset();
        state::ledger::settings how;
        how.path = where.file("usage.db");
        how.workers = workers;
        how.ring_bytes = ring_bytes;
        how.look_every = milliseconds(5);
        how.commit_every = milliseconds(20);
        how.ours = [this] { return ours.load(); };
        book = std::make_unique<state::ledger>(how, log);
    }

    state::usage_answer ask(std::vector<std::string> by, state::usage_question asked = {})
    {
        BOOST_TEST_REQUIRE(book->flush(seconds(20)));
        asked.by = std::move(by);
        auto answer = book->usage(asked, seconds(20));
        BOOST_TEST_REQUIRE(answer.complaint == "");
        return answer;
    }

    [[nodiscard]] bool logged(std::string_view word)
    {
        const std::scoped_lock lock(lines_mutex);
        for (const auto& line : lines)
            if (line.find(word) != std::string::npos)
                return true;
        return false;
    }

    std::atomic<bool> ours{true};
    temporary_directory where;
    std::mutex lines_mutex;  // the ledger's thread logs as well
    std::vector<std::string> lines;
    observe::logger log{
        [this](std::string_view line) {
            const std::scoped_lock lock(lines_mutex);
            lines.emplace_back(line);
        },
        [] { return time_point{}; }};
    std::unique_ptr<state::ledger> book;
};

}  // namespace

BOOST_AUTO_TEST_CASE(bills_of_a_kind_are_one_row)
{
    world w;
    for (int i = 0; i < 3; ++i)
        w.book->charge(0, sample());
    const auto answer = w.ask({"key", "model", "outcome"});
    BOOST_TEST_REQUIRE(answer.rows.size() == 1U);
    const auto& row = answer.rows[0];
    BOOST_TEST((row.group == std::vector<std::string>{"team-search", "demo", "answered"}));
    BOOST_TEST(row.totals.bills == 3U);
    BOOST_TEST(row.totals.input == 300U);
    BOOST_TEST(row.totals.cached_input == 120U);
    BOOST_TEST(row.totals.output == 30U);
    BOOST_TEST(row.totals.reasoning == 9U);
    BOOST_TEST(row.totals.nanodollars == 3'702);
    BOOST_TEST((answer.total == row.totals));
}

BOOST_AUTO_TEST_CASE(names_packed_beforehand_are_the_names_themselves)
{
    world w;
    const std::string long_name(400, 'm');
    for (const std::string_view model : {std::string_view("demo"), std::string_view(long_name)}) {
        auto plain = sample();
        plain.model = model;
        plain.tags = "feature=search";
        const auto place = state::pack_place(model, plain.target, plain.arm);
        auto packed = plain;
        packed.model = packed.target = packed.arm = {};
        packed.place = &place;
        w.book->charge(0, plain);
        w.book->charge(0, packed);
    }
    const auto answer = w.ask({"tenant", "key", "model", "target", "arm", "tags"});
    BOOST_TEST_REQUIRE(answer.rows.size() == 2U);
    for (const auto& row : answer.rows)
        BOOST_TEST(row.totals.bills == 2U);
}

BOOST_AUTO_TEST_CASE(every_dimension_can_be_asked_for)
{
    world w;
    auto other = sample(noon + 3600);
    other.tenant = "mail";
    other.key = "team-mail";
    other.model = "large";
    other.target = other.arm = "canary";
    other.outcome = observe::bill_outcome::shadow;
    other.tags = "feature=digest";
    w.book->charge(0, sample());
    w.book->charge(0, other);
    for (const std::string_view by :
         {"hour", "tenant", "key", "model", "target", "arm", "outcome", "tags", "tag:feature"}) {
        const auto answer = w.ask({std::string(by)});
        BOOST_TEST(answer.rows.size() == 2U, by);
        for (const auto& row : answer.rows)
            BOOST_TEST(row.totals.bills == 1U, by);
    }
    const auto days = w.ask({"day"});
    BOOST_TEST_REQUIRE(days.rows.size() == 1U);
    BOOST_TEST(days.rows[0].group[0] == "2026-11-21");
    const auto hours = w.ask({"hour"});
    BOOST_TEST(hours.rows[0].group[0] == "2026-11-21T12:00:00Z");
    BOOST_TEST(w.ask({}).total.bills == 2U);
    BOOST_TEST(state::is_usage_dimension("tag:feature"));
    BOOST_TEST(!state::is_usage_dimension("tag:a b"));
    BOOST_TEST(!state::is_usage_dimension("hour, sqlite_version()"));
}

BOOST_AUTO_TEST_CASE(a_time_and_a_value_narrow_the_answer)
{
    world w;
    for (std::int64_t hour = 0; hour < 48; ++hour) {
        auto one = sample(noon + hour * 3600 + 1800);
        one.tags = hour % 2 == 0 ? "feature=search" : "";
        w.book->charge(0, one);
    }
    state::usage_question asked;
    asked.since = noon + 12 * 3600;
    BOOST_TEST(w.ask({"day"}, asked).total.bills == 36U);
    asked.until = noon + 24 * 3600;
    BOOST_TEST(w.ask({}, asked).total.bills == 12U);
    asked.only = {{"tag:feature", "search"}, {"key", "team-search"}};
    BOOST_TEST(w.ask({}, asked).total.bills == 6U);
    asked.only = {{"key", "team-search' OR '1'='1"}};
    BOOST_TEST(w.ask({}, asked).total.bills == 0U);
}

BOOST_AUTO_TEST_CASE(values_of_one_dimension_are_alternatives)
{
    world w;
    for (const std::string_view key : {"a", "b", "b", "c"}) {
        auto one = sample(noon);
        one.key = key;
        one.tags = key == "a" ? "feature=search" : "feature=digest";
        w.book->charge(0, one);
    }
    state::usage_question asked;
    asked.only = {{"key", "a"}, {"key", "b"}};
    BOOST_TEST(w.ask({}, asked).total.bills == 3U);
    asked.only = {{"key", "a"}, {"tag:feature", "digest"}, {"key", "b"}};
    BOOST_TEST(w.ask({}, asked).total.bills == 2U);
    asked.only = {{"tag:feature", "digest"}, {"tag:other", "x"}};
    BOOST_TEST(w.ask({}, asked).total.bills == 0U);
}

BOOST_AUTO_TEST_CASE(days_begin_where_the_time_zone_has_them)
{
    const auto zone = config::find_time_zone("Asia/Tokyo");
    if (!zone) {
        BOOST_TEST_MESSAGE("skipped: no time zones on this machine");
        return;
    }
    world w;
    w.book->charge(0, sample(noon + 2 * 3600));  // 23:00
    w.book->charge(0, sample(noon + 3 * 3600));  // midnight
    state::usage_question asked;
    asked.zone = *zone;
    const auto days = w.ask({"day"}, asked);
    BOOST_TEST_REQUIRE(days.rows.size() == 2U);
    BOOST_TEST(days.rows[0].group[0] == "2026-11-21");
    BOOST_TEST(days.rows[1].group[0] == "2026-11-22");
}

BOOST_AUTO_TEST_CASE(what_was_written_is_there_after_a_restart_and_goes_on)
{
    world w;
    w.book->charge(0, sample());
    w.open();
    w.book->charge(0, sample());
    BOOST_TEST(w.ask({"key"}).rows[0].totals.bills == 2U);
    BOOST_TEST(!w.logged(""));
}

BOOST_AUTO_TEST_CASE(bills_of_several_workers_are_all_counted)
{
    world w;
    w.open(4, 1U << 20U);
    std::vector<std::jthread> workers;
    for (std::size_t worker = 0; worker < 4; ++worker)
        workers.emplace_back([&w, worker] {
            for (int i = 0; i < 2'000; ++i)
                w.book->charge(worker, sample(noon + i));
        });
    workers.clear();
    BOOST_TEST(w.ask({}).total.bills == 8'000U);
    BOOST_TEST(w.book->read().bills == 8'000U);
    BOOST_TEST(w.book->read().lost == 0U);
    BOOST_TEST(w.book->read().waiting == 0U);
}

BOOST_AUTO_TEST_CASE(bills_that_do_not_fit_are_lost_and_counted)
{
    world w;
    w.open(1, 1U << 12U);
    constexpr std::uint64_t charged = 20'000;
    for (std::uint64_t i = 0; i < charged; ++i)
        w.book->charge(0, sample());
    const auto written = w.ask({}).total.bills;
    const auto numbers = w.book->read();
    BOOST_TEST(numbers.lost > 0U);
    BOOST_TEST(numbers.bills == written);
    BOOST_TEST(numbers.lost + written == charged);
}

BOOST_AUTO_TEST_CASE(a_client_cannot_make_the_database_grow_by_its_tags)
{
    world w;
    w.open(1, 1U << 21U);
    for (int i = 0; i < 5'000; ++i) {
        const auto tags = "n=" + std::to_string(i);
        auto one = sample();
        one.tags = tags;
        w.book->charge(0, one);
    }
    const auto answer = w.ask({"tags"});
    BOOST_TEST(answer.rows.size() == 4'097U);
    BOOST_TEST(answer.total.bills == 5'000U);
}

// Logs are read as they are named, often the newest first, and a clock may have been ahead.
BOOST_AUTO_TEST_CASE(an_hour_keeps_its_tags_whichever_hour_was_before_it)
{
    world w;
    w.open(1, 1U << 21U);
    for (const std::int64_t hour : {noon + 30 * 24 * 3600, noon, noon - 3600, noon - 7200, noon}) {
        for (int i = 0; i < 3'000; ++i) {
            const auto tags = "n=" + std::to_string(hour + i);
            auto one = sample(hour);
            one.tags = tags;
            w.book->charge(0, one);
        }
        BOOST_TEST_REQUIRE(w.book->flush(seconds(20)));
    }
    state::usage_question asked;
    asked.until = noon + 3600;
    const auto answer = w.ask({"hour", "tags"}, asked);
    BOOST_TEST(answer.rows.size() == 9'000U);
    BOOST_TEST(answer.total.bills == 12'000U);
}

BOOST_AUTO_TEST_CASE(a_corrupt_file_is_set_aside_and_told)
{
    world w;
    w.book->charge(0, sample());
    w.book.reset();
    {
        std::fstream file(w.where.file("usage.db"), std::ios::in | std::ios::out);
        file.seekp(0);
        file << std::string(8192, 'x');
    }
    w.open();
    BOOST_TEST(w.logged("ledger_corrupt"));
    BOOST_TEST(text_of(w.where.file("usage.db.corrupt")).starts_with("xxxx"));
    w.book->charge(0, sample());
    BOOST_TEST(w.ask({}).total.bills == 1U);
}

BOOST_AUTO_TEST_CASE(a_large_file_is_not_looked_through_before_it_is_used)
{
    world w;
    w.book->charge(0, sample());
    w.book.reset();
    const auto file = w.where.file("usage.db");
    add_ballast(file);
    damage(file, "ballast");
    w.open();
    w.book->charge(0, sample());
    BOOST_TEST(w.ask({}).total.bills == 2U);
    BOOST_TEST(!w.logged("ledger_corrupt"));
}

BOOST_AUTO_TEST_CASE(a_large_file_is_set_aside_when_damage_is_met_in_it)
{
    world w;
    w.book->charge(0, sample());
    w.book.reset();
    const auto file = w.where.file("usage.db");
    add_ballast(file);
    damage(file, "usage");
    w.open();
    w.book->charge(0, sample());
    BOOST_TEST(w.ask({}).total.bills == 1U);
    BOOST_TEST(w.logged("ledger_corrupt"));
    BOOST_TEST(std::filesystem::file_size(file + ".corrupt") > ballast_bytes);
}

BOOST_AUTO_TEST_CASE(nothing_that_was_set_aside_before_is_lost)
{
    world w;
    w.book.reset();
    const auto aside = w.where.file("usage.db.corrupt");
    std::filesystem::create_directory(aside);
    std::ofstream(w.where.file("usage.db.corrupt.2")) << "the second";
    std::ofstream(w.where.file("usage.db")) << std::string(8192, 'x');
    std::ofstream(w.where.file("usage.db-wal")) << "what was written last";
    w.open();
    BOOST_TEST(w.logged("usage.db.corrupt.3"));
    BOOST_TEST(std::filesystem::is_directory(aside));
    BOOST_TEST(text_of(w.where.file("usage.db.corrupt.2")) == "the second");
    BOOST_TEST(text_of(w.where.file("usage.db.corrupt.3")).starts_with("xxxx"));
    BOOST_TEST(text_of(w.where.file("usage.db.corrupt.3-wal")) == "what was written last");
    w.book->charge(0, sample());
    BOOST_TEST(w.ask({}).total.bills == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_no_ledger_of_ours_is_set_aside)
{
    world w;
    w.book.reset();
    std::filesystem::remove(w.where.file("usage.db"));
    std::filesystem::create_directory(w.where.file("usage.db"));
    w.open();
    w.book->charge(0, sample());
    BOOST_TEST(w.ask({}).total.bills == 1U);
    BOOST_TEST(std::filesystem::is_directory(w.where.file("usage.db.corrupt")));
    w.book.reset();
    sqlite3* open = nullptr;
    BOOST_REQUIRE(sqlite3_open(w.where.file("usage.db").c_str(), &open) == SQLITE_OK);
    BOOST_TEST(
        sqlite3_exec(open, "ALTER TABLE usage DROP COLUMN output", nullptr, nullptr, nullptr)
        == SQLITE_OK);
    sqlite3_close(open);
    w.open();
    BOOST_TEST(w.logged("usage.db.corrupt.2"));
    w.book.reset();
    BOOST_REQUIRE(sqlite3_open(w.where.file("usage.db").c_str(), &open) == SQLITE_OK);
    BOOST_TEST(
        sqlite3_exec(open, "PRAGMA user_version = 7", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(open);
    w.open();
    w.book.reset();
    std::array<char, 64> head{};
    std::ifstream(w.where.file("usage.db"), std::ios::binary).read(head.data(), head.size());
    BOOST_TEST(int{head[63]} == 7);  // https://www.sqlite.org/fileformat.html, 1.3
    w.open();
    w.book->charge(0, sample());
    BOOST_TEST(w.ask({}).total.bills == 1U);
}

BOOST_AUTO_TEST_CASE(a_ledger_that_is_taken_away_is_begun_anew_and_it_is_told)
{
    world w;
    w.book->charge(0, sample());
    BOOST_TEST(w.ask({}).total.bills == 1U);
    for (const auto* each : {"usage.db", "usage.db-wal", "usage.db-shm"})
        std::filesystem::remove(w.where.file(each));
    w.book->charge(0, sample());
    w.book->charge(0, sample());
    BOOST_TEST(w.ask({}).total.bills == 2U);
    BOOST_TEST(w.logged("ledger_gone"));
    std::filesystem::remove_all(w.where.path);
    w.book->charge(0, sample());
    BOOST_TEST(!w.book->flush(milliseconds(50)));
    BOOST_TEST(!w.book->read().up);
    std::filesystem::create_directory(w.where.path);
    BOOST_TEST(w.ask({}).total.bills == 1U);
}

BOOST_AUTO_TEST_CASE(in_a_directory_that_is_another_gateways_no_ledger_is_begun)
{
    world w;
    w.ours = false;
    w.book->charge(0, sample());
    BOOST_TEST(w.ask({}).total.bills == 1U);
    std::filesystem::remove(w.where.file("usage.db"));
    w.book->charge(0, sample());
    BOOST_TEST(!w.book->flush(milliseconds(50)));
    BOOST_TEST(!w.book->read().up);
    BOOST_TEST(w.logged("another was put in place"));
    BOOST_TEST(!std::filesystem::exists(w.where.file("usage.db")));
    w.ours = true;
    BOOST_TEST(w.ask({}).total.bills == 1U);
}

BOOST_AUTO_TEST_CASE(a_ledger_that_never_opened_is_not_begun_in_anothers_directory_either)
{
    world w;
    w.book.reset();
    std::filesystem::remove_all(w.where.path);
    w.open();
    w.book->charge(0, sample());
    w.ours = false;
    std::filesystem::create_directory(w.where.path);
    BOOST_TEST(!w.book->flush(milliseconds(50)));
    BOOST_TEST(!std::filesystem::exists(w.where.file("usage.db")));
    w.ours = true;
    BOOST_TEST(w.ask({}).total.bills == 1U);
}

// As on a disk that is mounted read-only, and then is not: SQLite itself stays with what it found.
BOOST_AUTO_TEST_CASE(a_ledger_that_could_only_be_read_is_written_when_it_can_be)
{
    namespace fs = std::filesystem;
    world w;
    w.book->charge(0, sample());
    BOOST_TEST(w.ask({}).total.bills == 1U);
    w.book.reset();
    fs::permissions(w.where.path, fs::perms::all);
    fs::permissions(w.where.file("usage.db"), fs::perms{0444});
    {
        const without_privilege as_nobody;
        w.open();
        w.book->charge(0, sample());
        BOOST_TEST(!w.book->flush(milliseconds(50)));
        BOOST_TEST(!w.book->read().up);
        BOOST_TEST(w.logged("readonly database"));
    }
    // What SQLite has made beside it has its mode.
    for (const auto& each : fs::directory_iterator(w.where.path))
        fs::permissions(each, fs::perms{0666});
    BOOST_TEST(w.ask({}).total.bills == 2U);
    BOOST_TEST(w.book->read().up);
}

BOOST_AUTO_TEST_CASE(a_line_whose_numbers_no_request_has_makes_no_bill)
{
    world w;
    const auto line = [](std::string_view number) {
        return R"({"time":"2026-11-21T12:00:00.000Z","outcome":"answered","key":"a",)"
               + std::string(number) + '}';
    };
    const auto path = w.where.file("again.db");
    state::usage_rebuilder again(path);
    again.take(line(R"("input_tokens":7,"output_tokens":2,"cost_usd":0.5)"));
    again.take(line(R"("cached_input_tokens":null)"));
    for (const std::string_view absurd :
         {R"("input_tokens":18446744073709551615)",
          R"("input_tokens":9223372036854775807)",
          R"("output_tokens":-5)",
          R"("reasoning_tokens":"7")",
          R"("input_tokens":7.5)",
          R"("cost_usd":1e12)",
          R"("cost_usd":-1)",
          R"("cost_usd":"1")"})
        again.take(line(absurd));
    again.take(R"({"time":"0000-01-01T00:00:00Z","outcome":"answered","key":"a"})");
    again.take(R"({"time":"2026-11-21T24:00:00.000Z","outcome":"answered","key":"a"})");
    again.finish();
    BOOST_TEST(again.read().bills == 2U);
    BOOST_TEST(again.read().broken == 10U);
}

BOOST_AUTO_TEST_CASE(a_ledger_made_again_is_whole_in_its_one_file_or_it_is_told)
{
    world w;
    const auto path = w.where.file("again.db");
    state::usage_rebuilder again(path);
    sqlite3* reader = nullptr;
    BOOST_REQUIRE(sqlite3_open(path.c_str(), &reader) == SQLITE_OK);
    // Who reads keeps what is written from getting into the file, as a full disk does.
    BOOST_TEST(
        sqlite3_exec(reader, "BEGIN; SELECT * FROM usage", nullptr, nullptr, nullptr) == SQLITE_OK);
    again.take(R"({"time":"2026-11-21T12:00:00.000Z","outcome":"answered","key":"a"})");
    BOOST_CHECK_THROW(again.finish(), std::runtime_error);
    sqlite3_close(reader);
    again.finish();
    BOOST_TEST(std::filesystem::file_size(path + "-wal") == 0U);
}

BOOST_AUTO_TEST_CASE(a_file_that_was_cut_short_is_set_aside)
{
    world w;
    for (int i = 0; i < 200; ++i) {
        const auto tags = "n=" + std::to_string(i);
        auto one = sample();
        one.tags = tags;
        w.book->charge(0, one);
    }
    w.book.reset();
    std::filesystem::resize_file(w.where.file("usage.db"), 8192);
    w.open();
    BOOST_TEST(w.logged("ledger_corrupt"));
    w.book->charge(0, sample());
    BOOST_TEST(w.ask({}).total.bills == 1U);
}

BOOST_AUTO_TEST_CASE(bills_wait_while_nothing_can_be_written)
{
    world w;
    w.book.reset();
    std::filesystem::remove_all(w.where.path);
    w.open();
    w.book->charge(0, sample());
    BOOST_TEST(!w.book->flush(milliseconds(50)));
    BOOST_TEST(!w.book->read().up);
    BOOST_TEST(w.book->read().failures > 0U);
    BOOST_TEST(w.book->read().waiting == 1U);
    BOOST_TEST(!w.book->usage({}).complaint.empty());
    std::filesystem::create_directory(w.where.path);
    BOOST_TEST(w.ask({}).total.bills == 1U);
    BOOST_TEST(w.book->read().up);
    BOOST_TEST(w.logged("ledger_written"));
}

BOOST_AUTO_TEST_CASE(a_question_that_takes_too_long_is_given_up)
{
    world w;
    w.open(1, 1U << 21U);
    for (int i = 0; i < 4'000; ++i) {
        const auto tags = "n=" + std::to_string(i);
        auto one = sample();
        one.tags = tags;
        w.book->charge(0, one);
    }
    BOOST_TEST_REQUIRE(w.book->flush(seconds(20)));
    state::usage_question asked;
    asked.by = {"tag:n"};
    const auto answer = w.book->usage(asked, milliseconds(0));
    BOOST_TEST(answer.too_long);
    BOOST_TEST(answer.rows.empty());
}

BOOST_AUTO_TEST_CASE(jobs_and_looks_run_on_the_thread_of_the_ledger)
{
    world w;
    std::atomic<int> looks{0};
    std::thread::id of_look;
    std::thread::id of_job;
    w.book->each_look([&](time_point) {
        of_look = std::this_thread::get_id();
        ++looks;
    });
    w.book->post([&] { of_job = std::this_thread::get_id(); });
    BOOST_TEST(w.book->flush(seconds(20)));
    BOOST_TEST(w.book->flush(seconds(20)));
    w.book->each_look({});
    const auto seen = looks.load();
    BOOST_TEST(seen > 0);
    BOOST_TEST((of_look == of_job));
    BOOST_TEST((of_look != std::this_thread::get_id()));
    BOOST_TEST(w.book->flush(seconds(20)));
    BOOST_TEST(looks.load() == seen);
}

BOOST_AUTO_TEST_SUITE_END()
