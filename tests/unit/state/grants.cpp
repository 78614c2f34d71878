#include "temporary_directory.hpp"
#include <sluice/config/time_zone.hpp>
#include <sluice/state/grants.hpp>
#include <sluice/state/local_authority.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <sqlite3.h>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(grants)

using namespace sluice;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t cent = 10'000'000;
constexpr std::int64_t dollar = 100 * cent;

// Answers when it is told to, and counts the questions.
class slow_authority final : public state::authority {
public:
    void take(const state::budget_period& of, std::int64_t wanted, std::int64_t owed, answer then)
        override
    {
        ++questions;
        if (works)
            inner_.take(of, wanted, owed, std::move(then));
        else
            then({});
    }
    void give_back(const state::budget_period& of, std::int64_t amount, answer then) override
    {
        if (works)
            inner_.give_back(of, amount, std::move(then));
        else
            then({});
    }
    void top_up(const state::budget_period& of, const state::extra& what, answer then) override
    {
        if (works)
            inner_.top_up(of, what, std::move(then));
        else
            then({});
    }
    [[nodiscard]] unsigned gateways() const noexcept override { return 1; }

    std::atomic<bool> works{true};
    std::atomic<unsigned> questions{0};

private:
    state::local_authority inner_;
};

struct world {
    explicit world(
        std::int64_t limit = dollar,
        config::period period = config::period::day,
        policy::time_zone in = {})
        : zone(std::move(in))
    {
        config::budget one;
        one.id = period == config::period::day ? "key:a:daily" : "key:a:monthly";
        one.period = period;
        one.limit = limit;
        one.soft = limit / 2;
        one.purse = purse;
        auto next = std::make_shared<config::snapshot>();
        next->budgets.push_back(one);
        config = next;
        start();
    }

    // As after a kill -9: whatever the purse held is forgotten.
    void start()
    {
        tended.reset();
        book.reset();
        state::ledger::settings how;
        how.path = where.file("usage.db");
        how.look_every = how.commit_every = 5ms;
        book = std::make_unique<state::ledger>(how, log);
        purse = std::make_shared<policy::purse>();
        auto next = std::make_shared<config::snapshot>(*config);
        for (auto& each : next->budgets)
            each.purse = purse;
        config = next;
        state::grants::settings settings;
        settings.path = where.file("budgets.db");
        settings.usage_path = where.file("usage.db");
        settings.on_event = [this](const state::grants::event& what) {
            events.push_back(what.what == state::grants::event::kind::soft ? "soft" : "spent");
        };
        settings.ours = [this] { return ours.load(); };
        settings.time.system = [this] { return std::chrono::sys_time<nanoseconds>(system.load()); };
        settings.time.steady = [this] { return time_point(ticks.load()); };
        tended = std::make_unique<state::grants>(settings, *book, from, log);
        tended->watch(config, zone);
        look();
    }

    // Some looks, one after the other, with time between them.
    void look(nanoseconds passes = 100ms)
    {
        for (int i = 0; i < 3; ++i) {
            ticks = ticks.load() + passes;
            system = system.load() + passes;
            BOOST_TEST_REQUIRE(book->flush(20s));
        }
    }

    // As somebody else's program does it, while no gateway has the file.
    void alter(const std::string& sql)
    {
        tended.reset();
        sqlite3* open = nullptr;
        BOOST_REQUIRE(sqlite3_open(where.file("budgets.db").c_str(), &open) == SQLITE_OK);
        BOOST_TEST(sqlite3_exec(open, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK, sql);
        sqlite3_close(open);
    }

    // What the ledger of usage knows of it.
    void bill(std::int64_t nanodollars)
    {
        observe::bill one;
        one.time = system.load();
        one.key = "a";
        one.nanodollars = nanodollars;
        book->charge(0, one);
        BOOST_TEST_REQUIRE(book->flush(20s));
    }

    [[nodiscard]] bool logged(std::string_view word)
    {
        const std::scoped_lock lock(lines_mutex);
        return std::ranges::any_of(
            lines, [&](const std::string& line) { return line.find(word) != std::string::npos; });
    }

    policy::purse::answer take(std::int64_t amount = cent)
    {
        for (int tries = 0; tries < 20; ++tries) {
            const auto got = purse->take(amount);
            tag = got.tag;
            if (got.got != policy::purse::answer::dry)
                return got.got;
            look();
        }
        return policy::purse::answer::dry;
    }

    // How many of `most` are taken before it says no.
    int take_up_to(int most, std::int64_t amount = cent)
    {
        for (int taken = 0; taken < most; ++taken)
            if (take(amount) != policy::purse::answer::taken)
                return taken;
        return most;
    }

    state::grants::topped_up top_up(std::int64_t amount, const std::string& operation = "one")
    {
        auto done = std::make_shared<std::promise<state::grants::topped_up>>();
        tended->top_up("key:a:daily", {amount, operation}, [done](const auto& what) {
            done->set_value(what);
        });
        return done->get_future().get();
    }

    policy::time_zone zone;
    std::atomic<bool> ours{true};
    temporary_directory where;
    std::mutex lines_mutex;
    std::vector<std::string> lines;
    observe::logger log{
        [this](std::string_view line) {
            const std::scoped_lock lock(lines_mutex);
            lines.emplace_back(line);
        },
        [] { return time_point{}; }};
    std::atomic<nanoseconds> system{nanoseconds(1'795'262'400s)};  // 2026-11-21T12:00:00Z
    std::atomic<nanoseconds> ticks{nanoseconds(1000s)};
    slow_authority from;
    std::shared_ptr<policy::purse> purse = std::make_shared<policy::purse>();
    std::shared_ptr<const config::snapshot> config;
    std::vector<std::string> events;
    policy::period_tag tag{};
    std::unique_ptr<state::ledger> book;
    std::unique_ptr<state::grants> tended;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_budget_can_be_spent_to_the_cent_and_no_further)
{
    world w;
    BOOST_TEST(w.take_up_to(200) == 100);
    BOOST_TEST((w.take() == policy::purse::answer::spent));
    w.look();
    const auto all = w.tended->list();
    BOOST_TEST_REQUIRE(all.size() == 1U);
    BOOST_TEST(all[0].spent == dollar);
    BOOST_TEST(all[0].limit == dollar);
    BOOST_TEST(all[0].closed);
}

BOOST_AUTO_TEST_CASE(a_crash_opens_no_budget_again)
{
    world w;
    int taken = w.take_up_to(40);
    BOOST_TEST(taken == 40);
    for (int crash = 0; crash < 5; ++crash) {
        w.start();
        taken += w.take_up_to(3);
    }
    w.start();
    taken += w.take_up_to(200);
    BOOST_TEST(taken <= 100);
    BOOST_TEST(taken >= 50);
    w.start();
    BOOST_TEST((w.take() != policy::purse::answer::taken));
}

BOOST_AUTO_TEST_CASE(what_was_held_at_an_orderly_end_can_be_spent_later)
{
    world w;
    int taken = 0;
    for (int i = 0; i < 9; ++i) {
        taken += w.take_up_to(10);
        w.tended->close(20s);
        w.start();
    }
    taken += w.take_up_to(200);
    BOOST_TEST(taken == 100);
}

BOOST_AUTO_TEST_CASE(the_next_day_begins_with_a_whole_budget)
{
    world w;
    BOOST_TEST(w.take_up_to(200) == 100);
    for (int hour = 0; hour < 13; ++hour) {
        w.ticks = w.ticks.load() + 1h;
        w.system = w.system.load() + 1h;
        w.look();
    }
    BOOST_TEST(w.take_up_to(200) == 100);
}

BOOST_AUTO_TEST_CASE(a_jump_of_the_clock_fills_nothing)
{
    world w;
    BOOST_TEST(w.take_up_to(200) == 100);
    w.system = w.system.load() + 24h;
    w.look();
    BOOST_TEST((w.take() == policy::purse::answer::spent));
    BOOST_TEST(w.tended->read().clock_doubted);
    w.system = w.system.load() - 24h;
    w.look();
    BOOST_TEST((w.take() == policy::purse::answer::spent));
    BOOST_TEST(!w.tended->read().clock_doubted);
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_over_a_restart_opens_no_earlier_day)
{
    world w;
    BOOST_TEST(w.take_up_to(200) == 100);
    w.system = w.system.load() - 48h;
    w.start();
    BOOST_TEST((w.take() == policy::purse::answer::spent));
}

BOOST_AUTO_TEST_CASE(a_month_is_no_day)
{
    world w(dollar, config::period::month);
    BOOST_TEST(w.take_up_to(200) == 100);
    for (int hour = 0; hour < 30; ++hour) {
        w.ticks = w.ticks.load() + 1h;
        w.system = w.system.load() + 1h;
        w.look();
    }
    BOOST_TEST((w.take() == policy::purse::answer::spent));
}

BOOST_AUTO_TEST_CASE(a_top_up_opens_a_spent_budget_and_outlives_a_restart)
{
    world w;
    BOOST_TEST(w.take_up_to(200) == 100);
    const auto now = w.top_up(dollar / 2);
    BOOST_TEST((now.became == state::booking::booked));
    BOOST_TEST(now.now.limit == dollar + dollar / 2);
    w.look();
    BOOST_TEST(w.take_up_to(10) == 10);
    w.tended->close(20s);
    w.start();
    BOOST_TEST(w.take_up_to(200) == 40);
}

BOOST_AUTO_TEST_CASE(only_a_budget_that_is_there_is_topped_up)
{
    world w;
    std::promise<state::booking> became;
    w.tended->top_up("key:b:daily", {dollar, "one"}, [&](const state::grants::topped_up& what) {
        became.set_value(what.became);
    });
    BOOST_TEST((became.get_future().get() == state::booking::none));
    w.from.works = false;
    BOOST_TEST((w.top_up(dollar).became == state::booking::none));
}

BOOST_AUTO_TEST_CASE(a_top_up_that_is_told_again_is_booked_once_over_restarts_too)
{
    world w;
    BOOST_TEST((w.top_up(dollar).became == state::booking::booked));
    BOOST_TEST((w.top_up(dollar).became == state::booking::before));
    BOOST_TEST((w.top_up(2 * dollar).became == state::booking::differs));
    w.start();
    const auto again = w.top_up(dollar);
    BOOST_TEST((again.became == state::booking::before));
    BOOST_TEST(again.now.limit == 2 * dollar);
    BOOST_TEST(w.top_up(dollar, "two").now.limit == 3 * dollar);
}

BOOST_AUTO_TEST_CASE(each_event_is_told_once_in_a_period_over_restarts_too)
{
    world w;
    (void)w.take_up_to(49);
    w.look();
    BOOST_TEST(w.events.empty());
    (void)w.take_up_to(1);
    w.look();
    BOOST_TEST((w.events == std::vector<std::string>{"soft"}));
    w.tended->close(20s);
    w.start();
    (void)w.take_up_to(100);
    w.look();
    BOOST_TEST((w.events == std::vector<std::string>{"soft", "spent"}));
    w.start();
    w.look();
    BOOST_TEST(w.events.size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_was_spent_beyond_what_was_granted_is_not_forgotten)
{
    world w;
    BOOST_TEST((w.take() == policy::purse::answer::taken));
    w.purse->charge(w.tag, 80 * cent);
    w.look();
    w.start();
    BOOST_TEST(w.take_up_to(200) <= 19);
    w.purse->charge(w.tag, 10 * dollar);
    w.look();
    w.start();
    BOOST_TEST((w.take() == policy::purse::answer::spent));
    BOOST_TEST(w.tended->list()[0].spent > 10 * dollar);
}

BOOST_AUTO_TEST_CASE(who_asks_for_more_than_there_is_gets_nothing_and_takes_nothing_from_others)
{
    world w(1000 * dollar);
    BOOST_TEST(w.take_up_to(5) == 5);
    for (int i = 0; i < 3; ++i) {
        const auto got = w.take(1000 * dollar);
        BOOST_TEST((got != policy::purse::answer::taken && got != policy::purse::answer::dry));
        w.look();
    }
    BOOST_TEST(w.take_up_to(5) == 5);
    BOOST_TEST(w.events.empty());
    BOOST_TEST(w.tended->list()[0].held < dollar);
    w.start();
    BOOST_TEST(w.tended->list()[0].spent < dollar);
}

BOOST_AUTO_TEST_CASE(what_one_dear_request_left_behind_goes_back)
{
    world w(1000 * dollar);
    BOOST_TEST((w.take(1000 * dollar) == policy::purse::answer::taken));
    w.look();
    BOOST_TEST(w.tended->list()[0].closed);
    w.purse->give_back(w.tag, 999 * dollar);
    for (int i = 0; i < 60; ++i) {
        BOOST_TEST(w.take_up_to(1) == 1);
        w.look();
    }
    BOOST_TEST(!w.tended->list()[0].closed);
    w.start();
    BOOST_TEST(w.tended->list()[0].spent < 20 * dollar);
    BOOST_TEST((w.take(900 * dollar) == policy::purse::answer::taken));
}

BOOST_AUTO_TEST_CASE(what_could_not_be_given_back_can_be_spent_here)
{
    world w(1000 * dollar);
    BOOST_TEST((w.take(1000 * dollar) == policy::purse::answer::taken));
    w.look();
    w.from.works = false;
    w.purse->give_back(w.tag, 999 * dollar);
    for (int i = 0; i < 60; ++i) {
        BOOST_TEST(w.take_up_to(1) == 1);
        w.look();
    }
    BOOST_TEST(w.tended->read().refused > 0U);
    BOOST_TEST((w.take(900 * dollar) == policy::purse::answer::taken));
}

BOOST_AUTO_TEST_CASE(an_authority_that_does_not_answer_is_asked_again)
{
    world w;
    (void)w.take_up_to(10);
    w.from.works = false;
    const auto more = w.take_up_to(200);
    BOOST_TEST(more < 90);
    BOOST_TEST((w.take() == policy::purse::answer::dry));
    BOOST_TEST(w.tended->read().refused > 0U);
    const auto asked = w.from.questions.load();
    w.look(0ms);
    BOOST_TEST(w.from.questions.load() == asked);
    w.from.works = true;
    w.look(300ms);
    BOOST_TEST(w.take_up_to(200) == 90 - more);
}

BOOST_AUTO_TEST_CASE(without_a_disk_budgets_hold_and_are_written_later)
{
    world w;
    (void)w.take_up_to(10);
    w.tended->close(20s);
    std::filesystem::rename(w.where.path, w.where.path + ".away");
    w.start();
    BOOST_TEST(!w.tended->read().up);
    BOOST_TEST(w.take_up_to(50) == 50);
    std::filesystem::remove_all(w.where.path);
    std::filesystem::rename(w.where.path + ".away", w.where.path);
    w.look(1s);
    BOOST_TEST(w.tended->read().up);
    BOOST_TEST(w.take_up_to(200) == 40);
    w.start();
    BOOST_TEST((w.take() == policy::purse::answer::spent));
}

BOOST_AUTO_TEST_CASE(what_was_spent_before_there_was_a_budget_counts)
{
    world w;
    w.tended->close(20s);
    w.tended.reset();
    observe::bill bill;
    bill.time = w.system.load();
    bill.key = "a";
    bill.usage_known = bill.priced = true;
    bill.nanodollars = 30 * cent;
    w.book->charge(0, bill);
    bill.key = "b";
    w.book->charge(0, bill);
    bill.key = "a";
    bill.outcome = observe::bill_outcome::shadow;
    w.book->charge(0, bill);
    BOOST_TEST_REQUIRE(w.book->flush(20s));
    for (const auto* each : {"budgets.db", "budgets.db-wal", "budgets.db-shm"})
        std::filesystem::remove(w.where.file(each));
    w.start();
    BOOST_TEST(w.take_up_to(200) == 70);
}

// The ledger sums by hours of UTC: one in which a day begins is the day's before, here as in
// `ctl usage`.
BOOST_AUTO_TEST_CASE(a_day_that_begins_within_an_hour_begins_with_nothing_spent)
{
    const auto zone = config::find_time_zone("Asia/Kolkata");
    if (!zone) {
        BOOST_TEST_MESSAGE("skipped: no time zones on this machine");
        return;
    }
    for (const auto period : {config::period::day, config::period::month}) {
        BOOST_TEST_CONTEXT("months: " << (period == config::period::month))
        {
            world w(dollar, period, *zone);
            if (period == config::period::month)
                w.look(72h);  // to the 30th
            w.look(2h + 5min);
            w.bill(60 * cent);  // at 18:15 UTC
            w.look(6min);       // past 18:30
            BOOST_TEST(w.take_up_to(200) == 100);
            w.bill(40 * cent);
            w.look(15min);  // past 19:00
            w.bill(30 * cent);
            w.tended.reset();
            for (const auto* each : {"budgets.db", "budgets.db-wal", "budgets.db-shm"})
                std::filesystem::remove(w.where.file(each));
            w.start();
            BOOST_TEST(w.take_up_to(200) == 70);
        }
    }
}

// What was billed while the clock was wrong is not spent of every day until that date.
BOOST_AUTO_TEST_CASE(what_the_ledger_has_of_later_days_is_not_of_this_one)
{
    world w;
    w.system = w.system.load() + 48h;
    w.bill(60 * cent);
    w.system = w.system.load() - 48h;
    w.look(4h + 30s);  // past midnight
    BOOST_TEST(w.take_up_to(200) == 100);
}

BOOST_AUTO_TEST_CASE(a_corrupt_account_is_made_again_from_the_ledger)
{
    world w;
    observe::bill bill;
    bill.time = w.system.load();
    bill.key = "a";
    bill.nanodollars = 60 * cent;
    w.book->charge(0, bill);
    BOOST_TEST_REQUIRE(w.book->flush(20s));
    w.tended.reset();
    std::filesystem::remove(w.where.file("budgets.db-wal"));
    std::ofstream(w.where.file("budgets.db")) << std::string(8192, 'x');
    w.start();
    BOOST_TEST(w.take_up_to(200) == 40);
}

BOOST_AUTO_TEST_CASE(an_account_that_cannot_be_true_opens_no_budget)
{
    for (const std::string wrong :
         {"granted = -1000000000000",
          "granted = -9223372036854775807",
          "granted = 9223372036854775807",
          "granted = 'abc'",
          "granted = 0.5",
          "topped_up = 9223372036854775807",
          "topped_up = -1",
          "topped_up = x'00'"}) {
        BOOST_TEST_CONTEXT(wrong)
        {
            world w;
            w.bill(60 * cent);
            BOOST_TEST(w.take_up_to(60) == 60);
            w.alter("UPDATE budget SET " + wrong);
            w.start();
            BOOST_TEST(w.logged("budget_unbelievable"));
            BOOST_TEST(w.take_up_to(200) == 40);
            w.start();
            BOOST_TEST((w.take() == policy::purse::answer::spent));
        }
    }
}

BOOST_AUTO_TEST_CASE(accounts_of_another_form_are_set_aside_and_made_again)
{
    for (const std::string other :
         {"ALTER TABLE budget DROP COLUMN told",
          "ALTER TABLE budget ADD COLUMN more INTEGER; PRAGMA user_version = 2",
          "ALTER TABLE budget RENAME TO other; CREATE VIEW budget AS SELECT * FROM other"}) {
        BOOST_TEST_CONTEXT(other)
        {
            world w;
            w.bill(60 * cent);
            w.alter(other);
            w.start();
            BOOST_TEST(w.logged("budgets_corrupt"));
            BOOST_TEST(std::filesystem::exists(w.where.file("budgets.db.corrupt")));
            BOOST_TEST(w.tended->read().up);
            BOOST_TEST(w.take_up_to(200) == 40);
            w.start();
            BOOST_TEST((w.take() == policy::purse::answer::spent));
        }
    }
}

BOOST_AUTO_TEST_CASE(accounts_that_cannot_be_read_begin_with_what_the_ledger_knows)
{
    world w;
    w.bill(60 * cent);
    BOOST_TEST(w.take_up_to(70) == 70);
    w.tended->close(20s);
    w.tended.reset();  // which puts the log of writes into the file
    const auto in_the_way = w.where.file("budgets.db-wal");
    std::filesystem::remove(in_the_way);
    std::filesystem::create_directory(in_the_way);
    w.start();
    BOOST_TEST(!w.tended->read().up);
    BOOST_TEST(w.logged("budgets_not_written"));
    BOOST_TEST(w.take_up_to(10) == 10);
    std::filesystem::remove(in_the_way);
    w.look(1s);
    BOOST_TEST(w.tended->read().up);
    // 70 and 10: what both know of is not counted twice.
    BOOST_TEST(w.take_up_to(200) == 20);
    w.tended->close(20s);
    w.tended.reset();
    std::filesystem::create_directory(in_the_way);
    w.start();
    BOOST_TEST(w.take_up_to(200) == 40);
}

BOOST_AUTO_TEST_CASE(accounts_that_cannot_be_written_are_read_all_the_same)
{
    world w;
    BOOST_TEST(w.take_up_to(70) == 70);
    w.tended->close(20s);
    w.tended.reset();
    // As on a full disk: SQLite cannot make it.
    const auto in_the_way = w.where.file("budgets.db-shm");
    std::filesystem::create_symlink(w.where.file("no/such/place"), in_the_way);
    w.start();
    BOOST_TEST(!w.tended->read().up);
    BOOST_TEST(w.logged("budgets_not_written"));
    BOOST_TEST(w.take_up_to(200) == 30);
    std::filesystem::remove(in_the_way);
    w.look(1s);
    BOOST_TEST(w.tended->read().up);
    w.tended->close(20s);
    w.start();
    BOOST_TEST(w.take_up_to(200) == 0);
}

BOOST_AUTO_TEST_CASE(accounts_that_are_taken_away_are_written_again_and_it_is_told)
{
    world w;
    BOOST_TEST(w.take_up_to(60) == 60);
    for (const auto* each : {"budgets.db", "budgets.db-wal", "budgets.db-shm"})
        std::filesystem::remove(w.where.file(each));
    BOOST_TEST(w.take_up_to(30) == 30);
    w.look();
    BOOST_TEST(w.logged("budgets_gone"));
    BOOST_TEST(std::filesystem::exists(w.where.file("budgets.db")));
    BOOST_TEST(w.tended->read().up);
    w.start();
    BOOST_TEST(w.take_up_to(200) <= 10);
}

BOOST_AUTO_TEST_CASE(in_a_directory_that_is_another_gateways_no_accounts_are_begun)
{
    world w;
    BOOST_TEST(w.take_up_to(10) == 10);
    w.ours = false;
    std::filesystem::remove(w.where.file("budgets.db"));
    BOOST_TEST(w.take_up_to(200) == 90);
    w.look(1s);
    BOOST_TEST(!w.tended->read().up);
    BOOST_TEST(!std::filesystem::exists(w.where.file("budgets.db")));
    w.ours = true;
    w.look(1s);
    BOOST_TEST(w.tended->read().up);
}

BOOST_AUTO_TEST_CASE(accounts_that_never_opened_are_not_begun_in_anothers_directory_either)
{
    world w;
    w.tended.reset();
    w.book.reset();
    const auto in_the_way = w.where.file("budgets.db-shm");
    std::filesystem::remove(w.where.file("budgets.db"));
    std::filesystem::create_symlink(w.where.file("no/such/place"), in_the_way);
    w.start();
    w.ours = false;
    std::filesystem::remove(in_the_way);
    std::filesystem::remove(w.where.file("budgets.db"));
    w.look(1s);
    BOOST_TEST(!std::filesystem::exists(w.where.file("budgets.db")));
    BOOST_TEST(w.take_up_to(200) == 100);
    w.ours = true;
    w.look(1s);
    BOOST_TEST(w.tended->read().up);
}

BOOST_AUTO_TEST_CASE(accounts_that_could_only_be_read_are_written_when_they_can_be)
{
    namespace fs = std::filesystem;
    world w;
    BOOST_TEST(w.take_up_to(30) == 30);
    w.tended->close(20s);
    w.tended.reset();
    w.book.reset();
    fs::permissions(w.where.path, fs::perms::all);
    fs::permissions(w.where.file("usage.db"), fs::perms{0666});
    fs::permissions(w.where.file("budgets.db"), fs::perms{0444});
    {
        const without_privilege as_nobody;
        w.start();
        BOOST_TEST(w.take_up_to(10) == 10);
        w.look(1s);
        BOOST_TEST(!w.tended->read().up);
        BOOST_TEST(w.logged("budgets_not_written"));
    }
    for (const auto& each : fs::directory_iterator(w.where.path))
        fs::permissions(each, fs::perms{0666});
    w.look(1s);
    BOOST_TEST(w.tended->read().up);
}

BOOST_AUTO_TEST_CASE(a_budget_that_the_file_has_no_more_gives_back_what_it_held)
{
    world w;
    (void)w.take_up_to(10);
    const auto with = w.config;
    w.tended->watch(std::make_shared<config::snapshot>(), {});
    w.look();
    BOOST_TEST(w.tended->list().empty());
    BOOST_TEST(w.purse->look().left == 0);
    w.tended->watch(with, {});
    w.look();
    BOOST_TEST(w.take_up_to(200) == 90);
}

BOOST_AUTO_TEST_SUITE_END()
