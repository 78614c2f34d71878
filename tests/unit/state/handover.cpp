// One process after the other at the same ledger and budgets, and both alive for a while.

#include "temporary_directory.hpp"
#include <sluice/state/directory.hpp>
#include <sluice/state/grants.hpp>
#include <sluice/state/ledger.hpp>
#include <sluice/state/local_authority.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(handover)

using namespace sluice;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t cent = 10'000'000;
constexpr std::int64_t dollar = 100 * cent;
constexpr auto noon = 1'795'262'400s;  // 2026-11-21T12:00:00Z

observe::bill sample(std::string_view key = "team")
{
    observe::bill one;
    one.time = noon;
    one.key = key;
    one.tenant = "search";
    one.model = "demo";
    one.target = "stable";
    one.usage_known = one.priced = true;
    one.input = 100;
    one.output = 10;
    one.nanodollars = 7;
    return one;
}

// A process with its books.
struct process {
    process(const temporary_directory& where, observe::logger& log, bool with_budgets = false)
    {
        state::ledger::settings how;
        how.path = where.file("usage.db");
        how.look_every = how.commit_every = 5ms;
        book = std::make_unique<state::ledger>(how, log);
        if (!with_budgets)
            return;
        config::budget one;
        one.id = "key:a:daily";
        one.limit = dollar;
        one.soft = dollar;
        one.purse = purse;
        auto next = std::make_shared<config::snapshot>();
        next->budgets.push_back(one);
        state::grants::settings settings;
        settings.path = where.file("budgets.db");
        settings.time.system = [] { return std::chrono::sys_time<nanoseconds>(noon); };
        settings.time.steady = [this] { return time_point(ticks.load()); };
        tended = std::make_unique<state::grants>(settings, *book, from, log);
        tended->watch(next, {});
        look();
    }

    // Some looks, one after the other, with time between them.
    void look()
    {
        for (int i = 0; i < 3; ++i) {
            ticks = ticks.load() + 100ms;
            BOOST_TEST_REQUIRE(book->flush(20s));
        }
    }

    bool take(std::int64_t amount)
    {
        for (int tries = 0; tries < 20; ++tries) {
            const auto got = purse->take(amount);
            tag = got.tag;
            if (got.got != policy::purse::answer::dry)
                return got.got == policy::purse::answer::taken;
            look();
        }
        return false;
    }

    std::int64_t spent()
    {
        look();
        return tended->list().front().spent;
    }

    std::atomic<nanoseconds> ticks{nanoseconds(1000s)};
    state::local_authority from;
    std::shared_ptr<policy::purse> purse = std::make_shared<policy::purse>();
    policy::period_tag tag{};
    std::unique_ptr<state::ledger> book;
    std::unique_ptr<state::grants> tended;
};

struct world {
    std::uint64_t bills(state::ledger& of)
    {
        BOOST_TEST_REQUIRE(of.flush(20s));
        state::usage_question asked;
        asked.by = {"key"};
        const auto answer = of.usage(asked, 20s);
        BOOST_TEST_REQUIRE(answer.complaint == "");
        return answer.total.bills;
    }

    temporary_directory where;
    observe::logger log{[](std::string_view) {}, [] { return time_point{}; }};
};

// As a ledger hands them over.
std::string packed(world& w, const std::vector<std::string>& keys)
{
    temporary_directory elsewhere;
    process one(elsewhere, w.log);
    BOOST_TEST_REQUIRE(one.book->hold(20s));
    std::string all;
    one.book->hand_over([&](std::string_view bills) {
        all += bills;
        return true;
    });
    for (const auto& key : keys)
        one.book->charge(0, sample(key));
    one.book.reset();
    return all;
}

void move_money(process& from, process& to)
{
    from.tended->hand_over([&to](const state::grants::moved& what) { to.tended->enter(what); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_directory_belongs_to_one_process_after_the_other)
{
    temporary_directory where;
    auto old_one = std::make_unique<state::directory>(where.path);
    BOOST_CHECK_THROW(state::directory{where.path}, std::runtime_error);
    old_one->release();
    {
        state::directory new_one(where.path);
        BOOST_TEST(!old_one->take_back());
    }
    BOOST_TEST(old_one->take_back());
    BOOST_CHECK_THROW(state::directory{where.path}, std::runtime_error);
}

BOOST_AUTO_TEST_CASE(bills_of_both_processes_are_in_the_ledger_exactly_once)
{
    world w;
    process old_one(w.where, w.log);
    for (int i = 0; i < 10; ++i)
        old_one.book->charge(0, sample("before"));
    BOOST_TEST_REQUIRE(old_one.book->hold(20s));
    for (int i = 0; i < 10; ++i)
        old_one.book->charge(0, sample("meanwhile"));
    process new_one(w.where, w.log);
    BOOST_TEST(w.bills(*new_one.book) == 10u);
    old_one.book->hand_over(
        [&](std::string_view bills) { return new_one.book->enter(std::string(bills)); });
    for (int i = 0; i < 10; ++i)
        old_one.book->charge(0, sample("after"));
    for (int i = 0; i < 5; ++i)
        new_one.book->charge(0, sample("its own"));
    old_one.book.reset();
    BOOST_TEST(w.bills(*new_one.book) == 35u);
}

BOOST_AUTO_TEST_CASE(what_was_charged_just_before_a_hold_is_written_by_it)
{
    world w;
    process one(w.where, w.log);
    std::promise<void> looks;
    std::promise<void> charged;
    one.book->each_look([&, first = true](time_point) mutable {
        if (!std::exchange(first, false))
            return;
        looks.set_value();  // the bills of this round are taken
        charged.get_future().wait();
        // exception: nothing tells that hold() waits; when it comes later, there is nothing to find
        std::this_thread::sleep_for(50ms);
    });
    looks.get_future().wait();
    one.book->charge(0, sample());
    charged.set_value();
    BOOST_TEST_REQUIRE(one.book->hold(20s));
    process next(w.where, w.log);
    BOOST_TEST(w.bills(*next.book) == 1u);
}

BOOST_AUTO_TEST_CASE(a_ledger_that_nobody_took_over_writes_on)
{
    world w;
    process old_one(w.where, w.log);
    for (int round = 1; round <= 3; ++round) {
        BOOST_TEST_REQUIRE(old_one.book->hold(20s));
        old_one.book->charge(0, sample());
        {
            process new_one(w.where, w.log);
            new_one.book->charge(0, sample("the other"));
        }
        old_one.book->resume();
        old_one.book->charge(0, sample());
        BOOST_TEST(w.bills(*old_one.book) == 3u * static_cast<unsigned>(round));
    }
}

BOOST_AUTO_TEST_CASE(bills_that_the_heir_does_not_take_are_written_here)
{
    world w;
    process old_one(w.where, w.log);
    BOOST_TEST_REQUIRE(old_one.book->hold(20s));
    old_one.book->charge(0, sample());
    std::atomic<int> asked{0};
    old_one.book->hand_over([&](std::string_view) { return ++asked < 2; });
    BOOST_TEST_REQUIRE(old_one.book->flush(20s));
    for (int i = 0; i < 4; ++i) {
        old_one.book->charge(0, sample());
        BOOST_TEST_REQUIRE(old_one.book->flush(20s));
    }
    BOOST_TEST(asked == 2);
    BOOST_TEST(w.bills(*old_one.book) == 4u);
}

BOOST_AUTO_TEST_CASE(a_process_in_the_middle_passes_bills_on)
{
    world w;
    process first(w.where, w.log);
    BOOST_TEST_REQUIRE(first.book->hold(20s));
    process second(w.where, w.log);
    first.book->hand_over(
        [&](std::string_view bills) { return second.book->enter(std::string(bills)); });
    BOOST_TEST_REQUIRE(second.book->hold(20s));
    first.book->charge(0, sample("first"));
    BOOST_TEST_REQUIRE(first.book->flush(20s));
    process third(w.where, w.log);
    second.book->hand_over(
        [&](std::string_view bills) { return third.book->enter(std::string(bills)); });
    first.book->charge(0, sample("first"));
    second.book->charge(0, sample("second"));
    first.book.reset();
    second.book.reset();
    BOOST_TEST(w.bills(*third.book) == 3u);
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_bills_are_not_entered)
{
    world w;
    process one(w.where, w.log);
    const auto whole = packed(w, {"team", "another"});
    BOOST_TEST(one.book->enter(whole));
    const auto first = packed(w, {"team"}).size();
    for (std::size_t cut = 1; cut < whole.size(); ++cut)
        BOOST_TEST(one.book->enter(whole.substr(0, cut)) == (cut == first));
    // Whatever one byte becomes, it is refused or can be added up.
    for (std::size_t at = 0; at < whole.size(); ++at)
        for (const char change : {'\xff', '\x80', '\x07'}) {
            auto odd = whole;
            odd[at] = static_cast<char>(odd[at] ^ change);
            (void)one.book->enter(odd);
        }
    BOOST_TEST(one.book->flush(20s));
}

BOOST_AUTO_TEST_CASE(a_budget_goes_on_to_the_cent)
{
    world w;
    process old_one(w.where, w.log, true);
    for (int i = 0; i < 40; ++i)
        BOOST_TEST_REQUIRE(old_one.take(cent));
    BOOST_TEST_REQUIRE(old_one.tended->hold(20s));
    process new_one(w.where, w.log, true);
    move_money(old_one, new_one);
    old_one.tended->sweep();
    old_one.look();
    BOOST_TEST(old_one.purse->look().left == 0);
    BOOST_TEST(new_one.spent() == 40 * cent);
    int taken = 0;
    while (taken < 200 && new_one.take(cent))
        ++taken;
    BOOST_TEST(taken == 60);
}

BOOST_AUTO_TEST_CASE(
    what_the_last_requests_did_not_spend_or_spent_too_much_is_settled_with_the_heir)
{
    world w;
    process old_one(w.where, w.log, true);
    BOOST_TEST_REQUIRE(old_one.take(30 * cent));
    BOOST_TEST_REQUIRE(old_one.take(10 * cent));
    BOOST_TEST_REQUIRE(old_one.tended->hold(20s));
    process new_one(w.where, w.log, true);
    move_money(old_one, new_one);
    old_one.tended->sweep();
    old_one.look();
    old_one.purse->give_back(old_one.tag, 25 * cent);  // of the 30: 5 are spent
    old_one.look();
    BOOST_TEST(new_one.spent() == 15 * cent);
    old_one.purse->charge(old_one.tag, 20 * cent);  // on top of the 10
    old_one.look();
    BOOST_TEST(new_one.spent() == 35 * cent);
    old_one.purse->give_back(old_one.tag, cent);
    old_one.tended->close(20s);
    BOOST_TEST(new_one.spent() == 34 * cent);
}

BOOST_AUTO_TEST_CASE(until_it_is_swept_a_held_purse_can_be_spent_and_is_not_refilled)
{
    world w;
    process old_one(w.where, w.log, true);
    for (int i = 0; i < 20; ++i)
        BOOST_TEST_REQUIRE(old_one.take(cent));
    old_one.look();
    const auto left = old_one.purse->look().left;
    BOOST_TEST_REQUIRE(left > 0);
    BOOST_TEST_REQUIRE(old_one.tended->hold(20s));
    BOOST_TEST((old_one.purse->take(left).got == policy::purse::answer::taken));
    old_one.look();
    BOOST_TEST((old_one.purse->take(1).got == policy::purse::answer::dry));
    old_one.tended->resume();
    BOOST_TEST(old_one.take(cent));
}

BOOST_AUTO_TEST_CASE(what_a_process_that_did_not_take_over_was_granted_is_not_spent)
{
    world w;
    process old_one(w.where, w.log, true);
    BOOST_TEST_REQUIRE(old_one.take(10 * cent));
    BOOST_TEST_REQUIRE(old_one.tended->hold(20s));
    {
        process new_one(w.where, w.log, true);
        (void)new_one.take(0);
    }
    old_one.tended->resume();
    int taken = 0;
    while (taken < 200 && old_one.take(cent))
        ++taken;
    BOOST_TEST(taken == 90);
}

BOOST_AUTO_TEST_CASE(money_of_another_day_or_of_no_budget_goes_nowhere)
{
    world w;
    process one(w.where, w.log, true);
    BOOST_TEST_REQUIRE(one.take(cent));
    const auto before = one.spent();
    one.tended->enter({"key:a:daily", 1, 50 * cent});
    one.tended->enter({"key:a:daily", 1, -50 * cent});
    one.tended->enter({"key:nobody:daily", 20'778, 50 * cent});
    BOOST_TEST(one.spent() == before);
}

BOOST_AUTO_TEST_SUITE_END()
