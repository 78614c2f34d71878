#include "temporary_directory.hpp"
#include <sluice/state/spread.hpp>
#include <sluice/state/spread_book.hpp>
#include <sluice/state/spread_items.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>

BOOST_AUTO_TEST_SUITE(shared_state)

using namespace sluice;
using namespace sluice::state;
using outcome = spread_list::outcome;

namespace {

constexpr std::uint64_t now = 1'800'000'000'000;

spread_item item_at(const spread_list& list, std::string_view name)
{
    const auto* entry = list.find(name);
    BOOST_REQUIRE(entry != nullptr);
    return entry->item;
}

std::string value_at(const spread_list& list, std::string_view name)
{
    const auto* entry = list.find(name);
    return entry == nullptr ? "" : entry->item.value;
}

// What both know when each has told the other all.
void exchange_all(spread_list& a, spread_list& b)
{
    std::vector<spread_item> of_a;
    for (const auto& [name, entry] : a.all())
        of_a.push_back(entry.item);
    for (const auto& [name, entry] : b.all())
        (void)a.merge(entry.item);
    for (auto& item : of_a)
        (void)b.merge(std::move(item));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(spread_)

BOOST_AUTO_TEST_CASE(the_later_of_two_changes_counts_at_both)
{
    spread_list a("a");
    spread_list b("b");
    BOOST_TEST(a.change("weights m", "1", false, now));
    BOOST_TEST(b.change("weights m", "2", false, now + 1));
    exchange_all(a, b);
    BOOST_TEST(value_at(a, "weights m") == "2");
    BOOST_TEST(value_at(b, "weights m") == "2");
    BOOST_TEST(a.sum() == b.sum());
}

BOOST_AUTO_TEST_CASE(of_two_changes_in_the_same_millisecond_one_counts_at_both)
{
    spread_list a("a");
    spread_list b("b");
    BOOST_TEST(a.change("weights m", "1", false, now));
    BOOST_TEST(b.change("weights m", "2", false, now));
    exchange_all(a, b);
    BOOST_TEST(value_at(a, "weights m") == "2");
    BOOST_TEST(value_at(b, "weights m") == "2");
}

BOOST_AUTO_TEST_CASE(who_knew_of_a_change_goes_over_it_whatever_the_clocks_say)
{
    spread_list a("a");
    spread_list b("b");
    BOOST_TEST(a.change("weights m", "1", false, now + 3'600'000));  // an hour ahead
    exchange_all(a, b);
    BOOST_TEST(b.change("weights m", "2", false, now));
    BOOST_TEST(item_at(b, "weights m").version == now + 3'600'001);
    exchange_all(a, b);
    BOOST_TEST(value_at(a, "weights m") == "2");
}

BOOST_AUTO_TEST_CASE(what_changes_nothing_is_no_change)
{
    spread_list a("a");
    BOOST_TEST(a.change("closed", "true", false, now));
    a.spread("closed", now);
    BOOST_TEST(a.pending() == 0U);
    BOOST_TEST(!a.change("closed", "true", false, now + 5));
    BOOST_TEST(item_at(a, "closed").version == now);
    BOOST_TEST(a.pending() == 0U);
}

BOOST_AUTO_TEST_CASE(a_key_that_was_changed_without_knowing_of_its_revocation_stays_revoked)
{
    spread_list a("a");
    spread_list b("b");
    BOOST_TEST(a.change("key k", "{}", false, now));
    exchange_all(a, b);
    BOOST_TEST(a.change("key k", "", true, now + 10));
    BOOST_TEST(b.change("key k", "{\"later\":1}", false, now + 20));
    exchange_all(a, b);
    BOOST_TEST(value_at(a, "key k").empty());
    BOOST_TEST(value_at(b, "key k").empty());
    BOOST_TEST(item_at(b, "key k").withdrawn);
}

BOOST_AUTO_TEST_CASE(a_key_that_is_made_again_by_who_knew_of_the_revocation_is_there_everywhere)
{
    spread_list a("a");
    spread_list b("b");
    spread_list late("c");
    BOOST_TEST(a.change("key k", "old", false, now));
    exchange_all(a, late);
    BOOST_TEST(a.change("key k", "", true, now + 10));
    exchange_all(a, b);
    BOOST_TEST(b.change("key k", "new", false, now + 20));
    // One that heard of neither, and goes on changing what is long gone.
    BOOST_TEST(late.change("key k", "older", false, now + 30));
    exchange_all(b, late);
    exchange_all(a, late);
    exchange_all(a, b);
    for (const auto* each : {&a, &b, &late})
        BOOST_TEST(value_at(*each, "key k") == "new");
}

BOOST_AUTO_TEST_CASE(a_key_that_is_disabled_stays_so_until_somebody_who_knows_enables_it)
{
    spread_list a("a");
    spread_list b("b");
    BOOST_TEST(a.change("key k", "on", false, now));
    exchange_all(a, b);
    BOOST_TEST(a.change("key k", "off", true, now + 1));
    BOOST_TEST(b.change("key k", "other secret", false, now + 2));
    exchange_all(a, b);
    BOOST_TEST(value_at(b, "key k") == "off");
    BOOST_TEST(b.change("key k", "on again", false, now + 3));
    exchange_all(a, b);
    BOOST_TEST(value_at(a, "key k") == "on again");
}

BOOST_AUTO_TEST_CASE(what_is_made_again_does_not_go_before_a_withdrawal_it_did_not_know_of)
{
    spread_list a("a");
    spread_list b("b");
    BOOST_TEST(a.change("key k", "on", false, now));
    BOOST_TEST(a.change("key k", "off", true, now + 1));
    exchange_all(a, b);
    BOOST_TEST(b.change("key k", "on again", false, now + 2));
    BOOST_TEST(a.change("key k", "", true, now + 3));  // later, and unaware
    exchange_all(a, b);
    BOOST_TEST(item_at(a, "key k").withdrawn);
    BOOST_TEST(value_at(b, "key k").empty());
    // Also when whoever made it again goes on changing it, as unaware.
    BOOST_TEST(b.change("key k", "on", false, now + 4));
    exchange_all(a, b);
    BOOST_TEST(a.change("key k", "", true, now + 5));
    BOOST_TEST(b.change("key k", "other limits", false, now + 6));
    exchange_all(a, b);
    BOOST_TEST(value_at(a, "key k").empty());
    BOOST_TEST(value_at(b, "key k").empty());
}

BOOST_AUTO_TEST_CASE(
    a_withdrawal_of_what_is_withdrawn_already_goes_before_what_was_made_of_it_since)
{
    spread_list a("a");
    spread_list b("b");
    BOOST_TEST(a.change("weights m", "0", true, now));
    exchange_all(a, b);
    BOOST_TEST(b.change("weights m", "50", false, now + 1));
    BOOST_TEST(a.change("weights m", "0", true, now + 2));  // alters nothing at this one
    BOOST_TEST(a.pending() == 1U);
    exchange_all(a, b);
    BOOST_TEST(value_at(a, "weights m") == "0");
    BOOST_TEST(value_at(b, "weights m") == "0");
}

// The version before gave a withdrawal the number of the birth before it, 0 without one, and a
// birth its own version: it would lose against a birth that did not know of it.
BOOST_AUTO_TEST_CASE(a_withdrawal_that_the_version_before_wrote_counts_like_one_of_this_version)
{
    const spread_item gone{
        .name = "key k", .value = "", .withdrawn = true, .version = now + 5, .gateway = "a"};
    const auto reborn = [](std::uint64_t at) {
        return spread_item{
            .name = "key k", .value = "on", .born = at, .version = at, .gateway = "b"};
    };
    for (const bool first : {true, false}) {
        spread_list list("c");
        (void)list.merge(first ? gone : reborn(now + 2));
        (void)list.merge(first ? reborn(now + 2) : gone);  // by who knew of one before
        BOOST_TEST(item_at(list, "key k").withdrawn);
        (void)list.merge(reborn(now + 6));  // by who knew of this one
        BOOST_TEST(value_at(list, "key k") == "on");
    }
    spread_list stored("c");
    stored.restore({.item = gone});
    (void)stored.merge(reborn(now + 2));
    BOOST_TEST(item_at(stored, "key k").withdrawn);
    // Where it was read from it is the same one.
    BOOST_TEST((stored.merge(gone).what == outcome::same));
}

BOOST_AUTO_TEST_CASE(a_conflict_is_one_where_neither_knew_of_the_other)
{
    spread_list a("a");
    BOOST_TEST(a.change("weights m", "1", false, now));
    // Found where all look: what a's own was changed from is no conflict ...
    a.spread("weights m", now);
    BOOST_TEST(a.change("weights m", "2", false, now + 1));
    auto base = item_at(a, "weights m");
    base.value = "1";
    base.version = now;
    const auto known = a.merge(base);
    BOOST_TEST((known.what == outcome::ours && !known.conflict));
    // ... what somebody else wrote meanwhile is, whoever wins.
    auto theirs = base;
    theirs.gateway = "b";
    theirs.value = "3";
    theirs.version = now - 5;
    const auto won = a.merge(theirs);
    BOOST_TEST((won.what == outcome::ours && won.conflict));
    theirs.version = now + 5;
    const auto lost = a.merge(theirs);
    BOOST_TEST((lost.what == outcome::taken && lost.conflict));
    theirs.version = now + 6;
    theirs.value = "4";
    const auto later = a.merge(theirs);
    BOOST_TEST((later.what == outcome::taken && !later.conflict));
}

BOOST_AUTO_TEST_CASE(what_has_arrived_is_pending_no_more_unless_it_changed_meanwhile)
{
    spread_list a("a");
    BOOST_TEST(a.change("weights m", "1", false, now));
    BOOST_TEST(a.change("weights m", "2", false, now));
    BOOST_TEST(a.pending() == 1U);
    a.spread("weights m", now);
    BOOST_TEST(a.pending() == 1U);
    a.spread("weights m", now + 1);
    BOOST_TEST(a.pending() == 0U);
    a.all_pending();
    BOOST_TEST(a.pending() == 1U);
}

BOOST_AUTO_TEST_CASE(that_something_is_gone_is_forgotten_after_a_year_and_not_before)
{
    spread_list a("a");
    BOOST_TEST(a.change("key gone", "", true, now));
    BOOST_TEST(a.change("key there", "{}", false, now));
    const auto much_later = now + spread_list::remember_gone;
    BOOST_TEST(a.forget(much_later + 1).empty());  // nobody else knows of it
    a.spread("key gone", now);
    a.spread("key there", now);
    BOOST_TEST(a.forget(much_later).empty());
    const auto gone = a.forget(much_later + 1);
    BOOST_REQUIRE(gone.size() == 1U);
    BOOST_TEST(gone[0].name == "key gone");
    BOOST_TEST(a.all().size() == 1U);
    BOOST_TEST(a.sum() == now);
}

BOOST_AUTO_TEST_CASE(what_is_beyond_the_bounds_is_not_taken)
{
    spread_list a("a");
    spread_item theirs{.name = "key k", .value = "{}", .version = now, .gateway = "b"};
    const auto refused = [&](auto change) {
        auto wrong = theirs;
        change(wrong);
        return a.merge(wrong).what == outcome::refused && a.all().empty();
    };
    BOOST_TEST(refused([](auto& one) { one.name.clear(); }));
    BOOST_TEST(refused([](auto& one) { one.name.assign(spread_list::max_name_bytes + 1, 'x'); }));
    BOOST_TEST(refused([](auto& one) { one.value.assign(spread_list::max_value_bytes + 1, 'x'); }));
    BOOST_TEST(refused([](auto& one) { one.version = 0; }));
    BOOST_TEST(refused([](auto& one) { one.version = spread_list::max_version; }));
    BOOST_TEST(refused([](auto& one) { one.born = one.version + 1; }));
    BOOST_TEST((a.merge(theirs).what == outcome::taken));
    for (std::size_t i = a.all().size(); i < spread_list::max_items; ++i)
        BOOST_REQUIRE(a.change("key " + std::to_string(i), "{}", false, now));
    BOOST_TEST(!a.change("key more", "{}", false, now));
    theirs.name = "key more";
    BOOST_TEST((a.merge(theirs).what == outcome::refused));
    theirs.name = "key k";
    theirs.version = now + 1;
    BOOST_TEST((a.merge(theirs).what == outcome::taken));
}

// Whatever is changed where and heard in which order, all end with the same, and nothing that was
// withdrawn is there again but by somebody who knew.
BOOST_AUTO_TEST_CASE(gateways_that_have_heard_all_agree_in_whatever_order_they_heard)
{
    std::mt19937 random(7);  // NOLINT: the same every time
    const auto upto = [&](std::uint32_t n) { return random() % n; };
    for (int round = 0; round < 200; ++round) {
        std::vector<spread_list> all;
        std::map<std::string, std::uint64_t> withdrawn;  // the last version with which it was
        for (const auto* name : {"a", "b", "c", "d"})
            all.emplace_back(name);
        for (int step = 0; step < 40; ++step) {
            auto& one = all[upto(4)];
            const auto name = "key " + std::to_string(upto(3));
            const bool gone = upto(4) == 0;
            (void)one.change(name, gone ? "" : std::to_string(step), gone, now + upto(50));
            if (gone)
                withdrawn[name] = std::max(withdrawn[name], item_at(one, name).version);
            if (upto(3) == 0)
                exchange_all(all[upto(4)], all[upto(4)]);
        }
        for (int pass = 0; pass < 2; ++pass)
            for (auto& x : all)
                for (auto& y : all)
                    if (&x != &y)
                        exchange_all(x, y);
        for (const auto& each : all) {
            BOOST_REQUIRE(each.sum() == all[0].sum());
            for (const auto& [name, entry] : each.all())
                BOOST_REQUIRE((entry.item == item_at(all[0], name)));
            for (const auto& [name, version] : withdrawn)
                BOOST_REQUIRE(
                    (item_at(each, name).withdrawn || item_at(each, name).born > version));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(spread_items)

BOOST_AUTO_TEST_CASE(each_thing_that_can_be_changed_by_itself_is_an_item)
{
    using forced = policy::breaker::control;
    config::overrides before;
    before.breakers["m"]["held"] = forced::closed;
    before.weights["same"] = {{"a", 1}};
    before.keys.by_id["gone"];
    config::overrides after;
    after.weights["same"] = {{"a", 1}};
    after.weights["org/m"] = {{"a", 0.1}, {"b", 99.9}};
    after.breakers["m"]["t"] = forced::open;
    after.keys.by_id["made"].created = std::chrono::sys_seconds(std::chrono::seconds(5));
    after.keys.by_id["off"].disabled = true;
    after.keys.closed = true;
    const auto changes = changes_between(before, after);
    std::vector<std::string> told;
    for (const auto& one : changes)
        told.push_back(one.name + '=' + one.value + (one.withdrawn ? " withdrawn" : ""));
    std::ranges::sort(told);
    BOOST_REQUIRE(told.size() == 7U);
    BOOST_TEST(told[0] == R"(breaker m held="automatic")");
    BOOST_TEST(told[1] == R"(breaker m t="open")");
    BOOST_TEST(told[2] == "closed=true");
    BOOST_TEST(told[3] == "key gone= withdrawn");
    BOOST_TEST(told[4].starts_with("key made={\"of_file\":false"));
    BOOST_TEST(told[5].ends_with(" withdrawn"));
    BOOST_TEST(told[6] == R"(weights org/m={"a":0.1,"b":99.9})");

    auto there = before;
    for (const auto& one : changes)
        BOOST_TEST(lay_over(there, one.name, one.value));
    BOOST_TEST((there == after));
    BOOST_TEST(changes_between(there, after).empty());
}

BOOST_AUTO_TEST_CASE(what_no_gateway_writes_changes_nothing)
{
    config::overrides live;
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"weights m", "{\"a\":-1}"},
             {"weights m", "{\"a\":0}"},
             {"weights m", "{\"a\":1e308,\"b\":1e308}"},
             {"weights m", ""},
             {"weights m", "[1]"},
             {"weights ", "{\"a\":1}"},
             {"breaker m t", "\"ajar\""},
             {"breaker m", "\"open\""},
             {"key a b", "{}"},
             {"key k", "{}"},
             {"key k", "\"x\""},
             {"closed", "false"},
             {"rollout m", "{}"},
             {"other", "1"},
             {"", ""}})
        BOOST_TEST(!lay_over(live, name, value), name << " = " << value);
    BOOST_TEST((live == config::overrides{}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(spread_book_)

BOOST_AUTO_TEST_CASE(what_was_noted_is_there_after_a_restart)
{
    const temporary_directory where;
    const std::array changes{
        live_change{"weights org/\"m\"", "{\"a\":1}", false}, live_change{"key k", "", true}};
    auto home = std::make_unique<directory>(where.file("state"));
    spread_book before(*home, "a");
    unsigned told = 0;
    before.on_change([&] { ++told; });
    BOOST_TEST(!before.note(changes));
    BOOST_TEST(!before.note(std::span(changes).first(1)));
    BOOST_TEST(told == 1U);
    before.seed(std::array{live_change{"closed", "true", false}});
    before.list().spread("closed", spread_list::oldest);
    BOOST_TEST(!before.save());
    const spread_book after(*home, "a");
    BOOST_TEST(after.complaint().empty());
    BOOST_TEST(after.list().sum() == before.list().sum());
    BOOST_TEST(after.list().pending() == 2U);
    for (const auto& [name, entry] : before.list().all())
        BOOST_TEST((item_at(after.list(), name) == entry.item));
    BOOST_TEST(item_at(after.list(), "closed").version == spread_list::oldest);
}

// So who has seen one of them knows of the others.
BOOST_AUTO_TEST_CASE(what_is_changed_together_has_one_version)
{
    const temporary_directory where;
    const directory home(where.file("state"));
    spread_book book(home, "a");
    const auto ahead = spread_list::max_version / 2;
    (void)book.list().merge({.name = "rollout m", .value = "{}", .version = ahead, .gateway = "b"});
    BOOST_TEST(!book.note(std::array{
        live_change{"weights m", "{}", true}, live_change{"rollout m", "{\"a\":1}", true}}));
    BOOST_TEST(item_at(book.list(), "weights m").version == ahead + 1);
    BOOST_TEST(item_at(book.list(), "rollout m").version == ahead + 1);
}

BOOST_AUTO_TEST_CASE(a_file_of_no_use_is_put_aside_and_told_of)
{
    const temporary_directory where;
    const directory home(where.file("state"));
    for (const auto* text :
         {"{", "{}", "{\"format\":2,\"items\":[]}", "{\"format\":1,\"items\":[{}]}"}) {
        std::ofstream(home.file("spread.json")) << text;
        const spread_book book(home, "a");
        BOOST_TEST(book.complaint().find("spread.json.corrupt") != std::string::npos);
        BOOST_TEST(book.list().all().empty());
        BOOST_TEST(text_of(home.file("spread.json.corrupt")) == text);
        std::filesystem::remove(home.file("spread.json.corrupt"));
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
