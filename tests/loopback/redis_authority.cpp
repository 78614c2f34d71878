// Budgets of several gateways over a real redis-server: nothing is granted twice, whatever is lost.

#include "needs_redis.hpp"
#include "redis_world.hpp"
#include <sluice/state/redis_authority.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>

BOOST_AUTO_TEST_SUITE(redis_authority, *loopback::needs_redis)

using namespace loopback;
using namespace sluice;
using namespace std::chrono_literals;
using state::budget_period;
using state::grant;

namespace {

constexpr std::int64_t limit = 1'000;

// A gateway with a ledger that remembers what it was granted.
struct gateway {
    explicit gateway(
        std::uint16_t port,
        std::string id,
        milliseconds missing = 1s,
        sluice::config::store_failure on_failure = sluice::config::store_failure::keep_share)
        : world(redis_at(port)),
          authority(world.context, world.client, named(std::move(id), missing))
    {
        authority.start();
        of.on_failure = on_failure;
        of.budget = "key:k:daily";
        of.period = 7;
        of.limit = limit;
    }

    static state::redis_authority_settings named(std::string id, milliseconds missing)
    {
        state::redis_authority_settings settings;
        settings.gateway = std::move(id);
        settings.beat = 20ms;
        settings.missing = missing;
        return settings;
    }

    // What is granted goes into the ledger.
    grant take(std::int64_t wanted, std::int64_t owed = 0)
    {
        const auto got = wait([&](auto then) { authority.take(of, wanted, owed, then); });
        if (got.answered)
            of.granted_here += got.amount + owed;
        return got;
    }
    // The answer is lost on its way to the ledger.
    grant take_and_lose(std::int64_t wanted)
    {
        return wait([&](auto then) { authority.take(of, wanted, 0, then); });
    }
    grant give_back(std::int64_t amount)
    {
        const auto got = wait([&](auto then) { authority.give_back(of, amount, then); });
        if (got.answered)
            of.granted_here -= amount;
        return got;
    }
    grant top_up(std::int64_t amount, const std::string& operation = "one")
    {
        const auto got = wait([&](auto then) { authority.top_up(of, {amount, operation}, then); });
        if (got.topped_up == state::booking::booked)
            state::book(of.operations, {amount, operation});
        return got;
    }
    grant wait(const std::function<void(state::authority::answer)>& ask)
    {
        auto got = std::make_shared<std::optional<grant>>();
        ask([got](const grant& one) { *got = one; });
        (void)world.until([&] { return got->has_value(); });
        return got->value();
    }

    redis_world world;
    state::redis_authority authority;
    budget_period of;
};

void see_each_other(const std::vector<gateway*>& all)
{
    const auto seen = [&] {
        return std::ranges::all_of(
            all, [&](const auto* one) { return one->authority.gateways() == all.size(); });
    };
    BOOST_TEST_REQUIRE(all.front()->world.until([&] {
        for (auto* one : all)
            (void)one->world.until([] { return false; }, 20ms);
        return seen();
    }));
    // The first questions of all: a record that not all have spoken to grants parts only.
    for (auto* one : all)
        BOOST_TEST(one->take(0).answered);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_budget_is_granted_once_to_all_gateways_together)
{
    const redis_server server;
    gateway a(server.port(), "a");
    gateway b(server.port(), "b");
    see_each_other({&a, &b});
    BOOST_TEST(a.take(600).amount == 600);
    const auto rest = b.take(600);
    BOOST_TEST(rest.answered);
    BOOST_TEST(rest.amount == 400);
    BOOST_TEST(rest.now.granted == 1'000);
    BOOST_TEST(a.take(1).amount == 0);
    BOOST_TEST(b.give_back(150).now.granted == 850);
    BOOST_TEST(a.take(500).amount == 150);
    for (auto* one : {&a, &b}) {
        ++one->of.period;
        one->of.granted_here = 0;
        BOOST_TEST(one->take(0).answered);
    }
    BOOST_TEST(a.take(500).amount == 500, "another period, another budget");
    --a.of.period;
    BOOST_TEST(!a.take(1).answered, "a period that is over gives nothing");
}

BOOST_AUTO_TEST_CASE(a_gateway_whose_state_directory_was_copied_spends_a_budget_once)
{
    const redis_server server;
    gateway one(server.port(), "a");
    gateway copy(server.port(), "a");
    std::int64_t granted = 0;
    for (int turn = 0; turn < 20; ++turn)
        for (auto* each : {&one, &copy}) {
            granted += each->take(100).amount;
            if (turn == 3)
                granted -= each->give_back(50).answered ? 50 : 0;
        }
    BOOST_TEST(granted <= limit);
    BOOST_TEST(granted >= limit * 9 / 10);
    const auto both_run = [&](const std::function<bool()>& holds) {
        return one.world.until([&] {
            (void)copy.world.until([] { return false; }, 20ms);
            return holds();
        });
    };
    BOOST_TEST(both_run([&] { return one.authority.is_doubled() && copy.authority.is_doubled(); }));
}

BOOST_AUTO_TEST_CASE(a_gateway_that_was_started_again_is_not_taken_for_a_copy)
{
    const redis_server server;
    {
        gateway before(server.port(), "a");
        BOOST_TEST(before.take(1).amount == 1);
    }
    gateway after(server.port(), "a");
    // Beats come every 20 ms.
    (void)after.world.until([] { return false; }, 400ms);
    BOOST_TEST(!after.authority.is_doubled());
}

BOOST_AUTO_TEST_CASE(what_was_spent_without_a_grant_counts_even_above_the_limit)
{
    const redis_server server;
    gateway a(server.port(), "a");
    BOOST_TEST(a.take(0, 1'200).now.granted == 1'200);
    gateway b(server.port(), "b");
    BOOST_TEST(b.take(10).amount == 0);
}

BOOST_AUTO_TEST_CASE(a_top_up_reaches_every_gateway)
{
    const redis_server server;
    gateway a(server.port(), "a");
    gateway b(server.port(), "b");
    BOOST_TEST(a.take(1'000).amount == 1'000);
    BOOST_TEST(a.top_up(50).now.topped_up == 50);
    BOOST_TEST(b.take(100).amount == 50);
    BOOST_TEST(b.take(100).now.topped_up == 50);
}

BOOST_AUTO_TEST_CASE(a_top_up_is_booked_once_by_all_gateways_together)
{
    const redis_server server;
    gateway a(server.port(), "a");
    gateway b(server.port(), "b");
    using enum state::booking;
    BOOST_TEST((a.top_up(50).topped_up == booked));
    BOOST_TEST((b.top_up(50).topped_up == before));
    BOOST_TEST((b.top_up(70).topped_up == differs));
    BOOST_TEST((b.top_up(50, "two").topped_up == booked));
    BOOST_TEST(b.take(0).now.topped_up == 100);
    (void)server.tell({"FLUSHALL"});
    BOOST_TEST((a.top_up(50).topped_up == before));
}

BOOST_AUTO_TEST_CASE(a_top_up_beside_a_grant_takes_nothing_of_it_back)
{
    const redis_server server;
    gateway a(server.port(), "a");
    BOOST_TEST(a.take_and_lose(100).amount == 100);
    BOOST_TEST(a.top_up(50).now.granted == 100);
    // Both at once: one waits for the other.
    std::vector<grant> got;
    a.authority.take(a.of, 10, 0, [&](const grant& one) { got.push_back(one); });
    a.authority.top_up(a.of, {50, "two"}, [&](const grant& one) { got.push_back(one); });
    BOOST_TEST_REQUIRE(a.world.until([&] { return got.size() == 2; }));
    BOOST_TEST(got[0].amount == 10);
    BOOST_TEST(got[1].now.granted == got[0].now.granted);
    BOOST_TEST(got[1].now.topped_up == 100);
}

BOOST_AUTO_TEST_CASE(what_became_of_a_top_up_that_redis_is_silent_about_is_not_known)
{
    const redis_server server;
    auto settings = redis_at(server.port());
    settings.operation = 300ms;
    redis_world world(settings);
    state::redis_authority authority(world.context, world.client, gateway::named("a", 1s));
    authority.start();
    BOOST_TEST_REQUIRE(world.until([&] { return authority.counted() == 1; }));
    budget_period of;
    of.budget = "key:k:daily";
    of.period = 7;
    of.limit = limit;
    std::optional<grant> got;
    const auto top_up = [&] {
        got.reset();
        authority.top_up(of, {50, "one"}, [&](const grant& one) { got = one; });
    };
    server.freeze();
    top_up();
    BOOST_TEST_REQUIRE(world.until([&] { return got.has_value(); }));
    BOOST_TEST(!got->answered);
    BOOST_TEST(got->perhaps_done);
    server.thaw();
    BOOST_TEST_REQUIRE(world.until([&] {
        if (got && !got->answered)
            top_up();
        return got && got->answered;
    }));
    BOOST_TEST(got->now.topped_up == 50);
}

BOOST_AUTO_TEST_CASE(a_grant_whose_answer_was_lost_is_taken_back_by_the_next_question)
{
    const redis_server server;
    gateway a(server.port(), "a");
    BOOST_TEST(a.take(100).amount == 100);
    BOOST_TEST(a.take_and_lose(500).amount == 500);
    BOOST_TEST(a.take(0).now.granted == 100);
}

BOOST_AUTO_TEST_CASE(a_question_that_comes_late_changes_nothing)
{
    const redis_server server;
    gateway a(server.port(), "a", 1s, sluice::config::store_failure::refuse);
    BOOST_TEST(a.take(100).amount == 100);
    server.freeze();
    BOOST_TEST(!a.take(500).answered);
    server.thaw();
    BOOST_TEST(a.world.until([&] { return a.take(0).answered; }));
    // By now the frozen question was carried out, before or after this one.
    const auto now = a.take(0).now.granted;
    BOOST_TEST(now == 100);
}

BOOST_AUTO_TEST_CASE(a_process_that_died_opens_no_budget_again_even_if_its_ledger_is_gone)
{
    const redis_server server;
    {
        gateway before(server.port(), "a");
        for (int i = 0; i < 5; ++i)
            BOOST_TEST(before.take(100).amount == 100);
    }
    gateway after(server.port(), "a");
    BOOST_TEST(after.take(1'000).amount == 500);
    BOOST_TEST(after.take(0).now.granted == 1'000);
    BOOST_TEST(after.give_back(200).now.granted == 800);
}

BOOST_AUTO_TEST_CASE(after_a_flush_what_the_gateways_know_is_put_back)
{
    const redis_server server;
    gateway a(server.port(), "a");
    gateway b(server.port(), "b");
    see_each_other({&a, &b});
    BOOST_TEST(a.take(300).amount == 300);
    BOOST_TEST(b.take(400).amount == 400);
    BOOST_TEST(a.take(0).now.granted == 700);
    (void)server.tell({"FLUSHALL"});
    BOOST_TEST(a.take(1'000).amount == 0, "b has not spoken");
    BOOST_TEST(b.take(1'000).amount == 300, "all have");
    BOOST_TEST(b.take(0).now.granted == 1'000);
    BOOST_TEST(a.take(1'000).amount == 0);
    BOOST_TEST(a.give_back(100).now.granted == 900);
}

BOOST_AUTO_TEST_CASE(after_a_flush_all_gateways_speak_without_being_asked)
{
    const redis_server server;
    // Neither is taken to be gone: the rest is given out once both have spoken.
    gateway a(server.port(), "a", 60s);
    gateway b(server.port(), "b", 60s);
    see_each_other({&a, &b});
    BOOST_TEST(a.take(300).amount == 300);
    BOOST_TEST(b.take(400).amount == 400);
    (void)server.tell({"FLUSHALL"});
    // Only a is asked.
    BOOST_TEST(a.world.until([&] {
        (void)b.world.until([] { return false; }, 50ms);
        return a.take(1'000).amount == 300;
    }));
}

BOOST_AUTO_TEST_CASE(a_budget_that_alone_was_lost_is_told_by_all_as_well)
{
    const redis_server server;
    gateway a(server.port(), "a");
    gateway b(server.port(), "b");
    see_each_other({&a, &b});
    BOOST_TEST(a.take(100).amount == 100);
    BOOST_TEST(b.take(800).amount == 800);
    // As where memory was short. a has not heard of what b was granted, and b is not asked.
    BOOST_TEST(server.tell({"DEL", "sluice:budget:{key:k:daily}:7"}) == ":1");
    std::int64_t more = 0;
    const auto end = steady::now() + 3s;
    (void)a.world.until([&] {
        (void)b.world.until([] { return false; }, 20ms);
        more += a.take(1'000).amount;
        return steady::now() > end;
    });
    BOOST_TEST(more == 100);
}

BOOST_AUTO_TEST_CASE(who_does_not_speak_after_a_flush_is_waited_for_no_longer_than_one_is_missing)
{
    const redis_server server;
    gateway a(server.port(), "a");
    {
        gateway b(server.port(), "b");
        see_each_other({&a, &b});
        BOOST_TEST(b.take(400).amount == 400);
        BOOST_TEST(a.take(300).amount == 300);
    }
    (void)server.tell({"FLUSHALL"});
    BOOST_TEST(a.take(1'000).amount == 0);
    BOOST_TEST(a.world.until([&] { return a.take(1'000).amount == 300; }));
    BOOST_TEST(a.take(0).now.granted == 1'000, "what b had counts though it is gone");
}

BOOST_AUTO_TEST_CASE(a_gateway_that_spoke_before_the_clock_was_set_back_is_gone_in_time_too)
{
    const redis_server server;
    gateway a(server.port(), "a");
    BOOST_TEST_REQUIRE(a.world.until([&] { return a.authority.counted() == 1; }));
    const auto later = std::chrono::system_clock::now() + 1h;
    const auto when = std::chrono::duration_cast<std::chrono::seconds>(later.time_since_epoch());
    (void)server.tell({"ZADD", "sluice:{gateways}", std::to_string(when.count()), "ghost"});
    BOOST_TEST(a.world.until([&] { return server.tell({"ZCARD", "sluice:{gateways}"}) == ":1"; }));
}

BOOST_AUTO_TEST_CASE(what_is_not_given_back_for_lack_of_a_connection_is_kept)
{
    redis_server server;
    gateway a(server.port(), "a");
    BOOST_TEST(a.take(100).amount == 100);
    server.kill();
    BOOST_TEST(a.world.becomes_down());
    const auto got = a.give_back(50);
    BOOST_TEST(!got.answered);
    BOOST_TEST(!got.perhaps_done);
    server.start();
    BOOST_TEST(a.world.becomes_up());
    server.freeze();
    BOOST_TEST(a.give_back(50).perhaps_done, "it lies in its socket");
}

BOOST_AUTO_TEST_CASE(what_gateways_granted_themselves_counts_when_redis_comes_back_empty)
{
    redis_server server;
    gateway a(server.port(), "a");
    gateway b(server.port(), "b");
    see_each_other({&a, &b});
    BOOST_TEST(a.take(100).amount == 100);
    BOOST_TEST(b.take(100).amount == 100);
    BOOST_TEST(a.take(0).now.granted == 200);
    server.kill();
    BOOST_TEST(a.take(1'000).amount == 200);
    BOOST_TEST(b.take(1'000).amount == 200);
    server.start();
    BOOST_TEST(a.world.becomes_up());
    BOOST_TEST(b.world.becomes_up());
    std::int64_t more = 0;
    for (auto* one : {&a, &b, &a, &b})
        more += one->take(1'000).amount;
    BOOST_TEST(more == 400);
    BOOST_TEST(a.take(0).now.granted == 1'000);
}

BOOST_AUTO_TEST_CASE(a_flush_is_survived_by_what_was_topped_up)
{
    const redis_server server;
    gateway a(server.port(), "a");
    BOOST_TEST(a.take(1'000).amount == 1'000);
    BOOST_TEST(a.top_up(50).answered);
    (void)server.tell({"FLUSHALL"});
    BOOST_TEST(a.take(100).amount == 50);
}

BOOST_AUTO_TEST_CASE(without_redis_a_gateway_keeps_to_its_part_of_what_was_left)
{
    redis_server server;
    gateway a(server.port(), "a");
    gateway b(server.port(), "b");
    see_each_other({&a, &b});
    BOOST_TEST(a.take(100).amount == 100);
    BOOST_TEST(b.take(100).amount == 100);
    server.kill();
    std::int64_t alone = 0;
    for (auto* one : {&a, &b})
        for (int i = 0; i < 10; ++i) {
            const auto got = one->take(70);
            BOOST_TEST(got.answered);
            alone += got.amount;
        }
    BOOST_TEST(alone == 900 / 4 + 800 / 4);
    server.start();
    BOOST_TEST(a.world.becomes_up());
    BOOST_TEST(b.world.becomes_up());
    (void)a.take(0);
    BOOST_TEST(b.take(0).now.granted == 200 + alone, "what was spent alone is told");
    BOOST_TEST(a.take(1'000).amount == 800 - alone);
}

BOOST_AUTO_TEST_CASE(a_gateway_that_never_heard_of_a_budget_is_careful)
{
    gateway a(1, "a");
    BOOST_TEST(a.take(1'000).amount == limit / state::redis_authority::unseen_part);
    BOOST_TEST(a.take(1'000).amount == 0);
    gateway refuses(1, "b", 1s, sluice::config::store_failure::refuse);
    BOOST_TEST(!refuses.take(1'000).answered);
    gateway counts_alone(1, "c", 1s, sluice::config::store_failure::local);
    BOOST_TEST(counts_alone.take(700).amount == 700);
    BOOST_TEST(counts_alone.take(700).amount == 300);
    BOOST_TEST(counts_alone.take(700).amount == 0);
    BOOST_TEST(!a.top_up(5).answered, "nobody is told of money that is nowhere written down");
}

BOOST_AUTO_TEST_CASE(of_a_new_record_each_gets_its_part_until_all_have_spoken)
{
    const redis_server server;
    gateway a(server.port(), "a");
    gateway b(server.port(), "b");
    see_each_other({&a, &b});
    for (auto* one : {&a, &b})
        ++one->of.period;
    BOOST_TEST(a.take(1'000).amount == limit / 4);
    BOOST_TEST(b.take(1'000).amount == limit * 3 / 4);
}

// Takes, returns, lost answers, restarts and flushes by chance. `speaking`: after a flush all say
// what they hold before anything else happens.
void by_chance(unsigned seed, bool speaking)
{
    const redis_server server;
    std::mt19937 random(seed);
    const auto draw = [&](int below) {
        return std::uniform_int_distribution<>(0, below - 1)(random);
    };
    for (int round = 0; round < 20; ++round) {
        std::vector<std::unique_ptr<gateway>> all;
        std::vector<std::int64_t> granted(3);  // held or spent by a process of that name
        const auto begin = [&](std::size_t i) {
            auto made =
                std::make_unique<gateway>(server.port(), std::string(1, char('a' + i)), 30s);
            made->of.period = round + 1;
            made->of.granted_here = granted[i];
            return made;
        };
        for (std::size_t i = 0; i < granted.size(); ++i)
            all.push_back(begin(i));
        see_each_other({all[0].get(), all[1].get(), all[2].get()});
        for (int step = 0; step < 60; ++step) {
            const auto i = static_cast<std::size_t>(draw(3));
            const auto back = std::min<std::int64_t>(granted[i], 20);
            switch (draw(8)) {
            case 0:
                (void)server.tell({"FLUSHALL"});
                for (auto& one : all)
                    if (speaking)
                        (void)one->take(0);
                break;
            case 1:
                (void)all[i]->take_and_lose(draw(100));
                break;
            case 2:
                all[i] = begin(i);
                see_each_other({all[0].get(), all[1].get(), all[2].get()});
                break;
            case 3:
                granted[i] -= all[i]->give_back(back).answered ? back : 0;
                break;
            default:
                granted[i] += all[i]->take(draw(100)).amount;
            }
            BOOST_TEST_REQUIRE(granted[0] + granted[1] + granted[2] <= limit);
        }
        for (int i = 0; i < 3; ++i)
            for (auto& one : all)
                (void)one->take(limit);
        const auto in_all = all[0]->take(0).now.granted;
        if (speaking)
            BOOST_TEST(in_all == limit);
        else
            BOOST_TEST(in_all >= limit);
    }
}

BOOST_AUTO_TEST_CASE(whatever_happens_the_gateways_together_are_never_granted_more_than_the_budget)
{
    for (const unsigned seed : {4U, 5U})
        for (const bool speaking : {true, false})
            by_chance(seed, speaking);
}

BOOST_AUTO_TEST_SUITE_END()
