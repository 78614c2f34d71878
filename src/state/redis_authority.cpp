#include "redis_scripts.hpp"
#include <sluice/state/redis_authority.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <random>
#include <utility>

namespace sluice::state {
namespace {

using kind = net::redis_reply::kind;

constexpr unsigned most_tries = 3;
constexpr unsigned most_beats = 3;  // a top-up is asked again at
constexpr unsigned beats_of_a_meeting = 5;
constexpr std::size_t most_waiting = 64;  // questions about one budget

// Of a record nobody asks for any more; monthly ones may rest for most of their month.
std::string life_of(const std::string& budget)
{
    constexpr std::chrono::days day{3};
    constexpr std::chrono::days month{40};
    const auto life = budget.ends_with("monthly") ? month : day;
    return std::to_string(std::chrono::duration_cast<milliseconds>(life).count());
}

bool whole(const net::redis_reply& reply)
{
    if (reply.is != kind::array || reply.elements.size() != 7)
        return false;
    for (std::size_t i = 0; i < 7; ++i)
        if (reply.elements[i].is != (i == 4 ? kind::text : kind::integer))
            return false;
    return true;
}

booking booking_said(std::int64_t number)
{
    constexpr std::array all = {booking::none, booking::booked, booking::before, booking::differs};
    const auto at = static_cast<std::size_t>(number);
    return at < all.size() ? all[at] : booking::unknown;
}

// Whether a question that was not answered may have been carried out.
bool perhaps_done(const net::redis_answer& heard)
{
    return heard.failure == net::redis_failure::timed_out
           || heard.failure == net::redis_failure::lost || heard.ok();
}

bool late(const net::redis_reply& reply)
{
    return reply.is == kind::array && reply.elements.size() == 2 && reply.elements[0].number == -1;
}

}  // namespace

redis_authority::redis_authority(
    boost::asio::io_context& context, net::redis_client& client, redis_authority_settings settings)
    : context_(context),
      client_(client),
      settings_(std::move(settings)),
      change_(std::string(change_script)),
      present_(std::string(present_script)),
      beating_(context),
      process_(
          std::to_string((std::uint64_t{std::random_device{}()} << 32U) | std::random_device{}()))
{
}

void redis_authority::start()
{
    beat();
}

std::string redis_authority::fresh_word()
{
    return settings_.gateway + '/' + process_ + '/' + std::to_string(++words_);
}

void redis_authority::beat()
{
    const auto missing = std::chrono::duration_cast<seconds>(settings_.missing).count();
    const auto key = gateways_key();
    client_.run(
        present_,
        {key, key + ":word", key + ":process:" + settings_.gateway},
        {settings_.gateway, std::to_string(missing), fresh_word(), process_},
        [this](const net::redis_answer& heard) {
            const auto& said = heard.reply.elements;
            if (!heard.ok() || said.size() != 3 || said[0].is != kind::integer)
                return;
            count(said[0].number);
            meet(said[2].number == 1);
            const bool lost = !word_.empty() && word_ != said[1].text;
            word_ = said[1].text;
            if (!lost)
                return say();
            speak_at_ = steady::now();
            speak();
        });
    beating_.expires_after(settings_.beat);
    beating_.async_wait([this](const boost::system::error_code& ec) {
        if (ec)
            return;
        ask_again();
        beat();
    });
}

void redis_authority::speak()
{
    for (auto& [budget, about] : entries_)
        about.unsaid = about.heard;
    say();
}

// Again with each beat, until it was heard.
void redis_authority::say()
{
    for (auto& [budget, about] : entries_)
        if (about.unsaid && !about.asking)
            send(about, {.of = about.of, .then = [](const grant&) {}});
}

void redis_authority::ask_next(entry& about)
{
    if (about.asking || about.waiting.empty())
        return;
    auto next = std::move(about.waiting.front());
    about.waiting.pop_front();
    send(about, std::move(next));
}

void redis_authority::ask_again()
{
    for (auto& [budget, about] : entries_)
        for (auto& each : std::exchange(about.later, {}))
            ask(std::move(each));
}

// A predecessor speaks until this process has taken over, and a copy for as long as it lives.
void redis_authority::meet(bool another)
{
    alone_for_ = another ? 0 : alone_for_ + 1;
    met_ = alone_for_ > beats_of_a_meeting ? 0 : met_ + (another ? 1 : 0);
    doubled_ = met_ >= beats_of_a_meeting;
}

// Fewer are believed after a while: a Redis that was flushed has to hear of all of them again.
void redis_authority::count(std::int64_t heard)
{
    const auto now = steady::now();
    const auto there = static_cast<unsigned>(std::clamp<std::int64_t>(heard, 1, 1'000'000));
    if (there < gateways_ && now - counted_at_ <= 2 * settings_.missing)
        return;
    gateways_ = there;
    counted_at_ = now;
}

void redis_authority::take(
    const budget_period& of, std::int64_t wanted, std::int64_t owed, answer then)
{
    question what{.of = of, .wanted = wanted, .owed = owed, .then = std::move(then)};
    boost::asio::post(context_, [this, what = std::move(what)]() mutable { ask(std::move(what)); });
}

void redis_authority::give_back(const budget_period& of, std::int64_t amount, answer then)
{
    question what{.of = of, .returned = amount, .then = std::move(then)};
    boost::asio::post(context_, [this, what = std::move(what)]() mutable { ask(std::move(what)); });
}

void redis_authority::top_up(const budget_period& of, const extra& more, answer then)
{
    question what{.of = of, .more = more, .then = std::move(then)};
    boost::asio::post(context_, [this, what = std::move(what)]() mutable { add(std::move(what)); });
}

// What this gateway has heard of needs no question, and holds though Redis has forgotten it.
void redis_authority::add(question what)
{
    auto* about = entry_of(what.of);
    const auto known = booking_of(what.of.operations, what.more);
    if (about == nullptr || known == booking::none)
        return ask(std::move(what));
    grant given;
    given.answered = given.alone = true;
    given.now.topped_up = std::max(what.of.topped_up, about->topped_up);
    given.now.granted = about->heard ? about->total : what.of.granted_here;
    given.topped_up = known;
    what.then(given);
}

// nullptr: the period is over.
redis_authority::entry* redis_authority::entry_of(const budget_period& of)
{
    auto& about = entries_[of.budget];
    if (of.period < about.period)
        return nullptr;
    if (of.period > about.period) {
        auto over = std::move(about.waiting);
        std::ranges::move(about.later, std::back_inserter(over));
        about = {};
        about.period = of.period;
        for (const auto& each : over)
            each.then(nothing_of(each));
    }
    return &about;
}

grant redis_authority::nothing_of(const question& what)
{
    grant nothing;
    nothing.perhaps_done = what.unknown;
    return nothing;
}

// A record was lost that this gateway knew. Others who have a part in it and are not asked would
// not notice if it is this one alone, as where memory was short: a word that Redis lacks makes all
// of them speak.
void redis_authority::missed(const entry& about, const net::redis_reply& said)
{
    const auto now = steady::now();
    if (about.epoch.empty() || about.epoch == said.text || now - speak_at_ < settings_.missing)
        return;
    speak_at_ = now;
    const auto key = gateways_key();
    client_.ask({{"DEL", key + ":word"}, key}, [](const net::redis_answer&) {});
}

std::string redis_authority::gateways_key() const
{
    return settings_.prefix + ":{gateways}";
}

void redis_authority::ask(question what)
{
    auto* about = entry_of(what.of);
    if (about == nullptr || about->waiting.size() >= most_waiting)
        return what.then(nothing_of(what));
    about->waiting.push_back(std::move(what));
    ask_next(*about);
}

void redis_authority::send(entry& about, question what)
{
    about.asking = true;
    // It was asked beside others, whose answers its ledger may not know.
    if (what.more.amount > 0 && about.turn > 0)
        what.of.granted_here = about.of.granted_here;
    ++about.turn;
    about.of = what.of;
    const auto& of = what.of;
    what.held = std::max<std::int64_t>(of.granted_here + about.more_here - what.returned, 0);
    const auto alone = about.away ? std::max<std::int64_t>(about.alone - what.owed, 0) : 0;
    // What Redis has is the word of the process before this one; or of another that lives and says
    // it is the same gateway, its state directory being a copy: what both were granted is spent.
    const bool knows_all = about.heard && what.tries == 0;
    const std::string key =
        settings_.prefix + ":budget:{" + of.budget + "}:" + std::to_string(of.period);
    const std::vector<std::string> arguments = {
        settings_.gateway,
        std::to_string(about.turn),
        knows_all ? "0" : "1",
        std::to_string(what.held),
        std::to_string(what.wanted),
        std::to_string(what.owed),
        std::to_string(of.limit),
        std::to_string(std::max(of.topped_up, about.topped_up)),
        std::to_string(what.more.amount),
        about.epoch,
        std::to_string(about.heard_total),
        fresh_word(),
        life_of(of.budget),
        std::to_string(gateways_.load()),
        std::to_string(settings_.missing.count()),
        std::to_string(what.held - about.heard_claim),
        std::to_string(alone),
        what.more.operation,
        std::to_string(longest_operations)};
    client_.run(
        change_, {key}, arguments, [this, what = std::move(what)](const net::redis_answer& heard) {
            hear(what, heard);
        });
}

void redis_authority::hear(const question& what, const net::redis_answer& heard)
{
    const auto found = entries_.find(what.of.budget);
    if (found == entries_.end() || found->second.period != what.of.period)
        return what.then(nothing_of(what));
    auto& about = found->second;
    about.asking = false;
    if (heard.ok() && late(heard.reply) && what.tries < most_tries) {
        // Another process had come further.
        about.turn = static_cast<std::uint64_t>(heard.reply.elements[1].number);
        auto again = what;
        ++again.tries;
        return send(about, std::move(again));
    }
    if (!heard.ok() || !whole(heard.reply)) {
        ++numbers_.unanswered;
        const bool maybe = perhaps_done(heard);
        what.more.amount > 0 ? unheard(about, what, maybe) : without(about, what, maybe);
        return ask_next(about);
    }
    const auto& said = heard.reply.elements;
    grant given;
    given.answered = true;
    given.amount = said[0].number;
    const bool incomplete = said[5].number != 0;
    if (incomplete)
        missed(about, said[4]);
    if (about.away)
        about.alone = std::max<std::int64_t>(about.alone - given.amount - what.owed, 0);
    about.away = about.away && incomplete;
    about.total = about.heard_total = said[1].number;
    about.topped_up = said[2].number;
    about.more_here += said[3].number;
    about.heard_claim = what.held + said[3].number + given.amount + what.owed;
    about.of.granted_here += given.amount + what.owed - what.returned;
    about.epoch = said[4].text;
    about.heard = true;
    about.unsaid = false;
    given.now = {about.topped_up, about.total};
    given.topped_up = booking_said(said[6].number);
    numbers_.granted += given.amount > 0 ? 1U : 0U;
    what.then(given);
    ask_next(about);
}

// A slow Redis is given time. Somebody who only hears that it is not known would ask again as well.
void redis_authority::unheard(entry& about, question what, bool maybe)
{
    what.unknown = what.unknown || maybe;
    if (++what.beats > most_beats)
        what.then(nothing_of(what));
    else
        about.later.push_back(std::move(what));
}

// What of a budget may be granted here before all others have been heard of.
std::int64_t redis_authority::part_of(const entry& about, const budget_period& of) const
{
    if (about.away)
        return about.alone;
    const auto limit = of.limit + std::max(of.topped_up, about.topped_up);
    const auto left = limit - (about.heard ? about.total : of.granted_here);
    // Half of an even part: what is known of the others is some moments old.
    const auto parts = about.heard ? std::int64_t{2} * gateways_.load() : unseen_part;
    return std::max<std::int64_t>(left / parts, 0);
}

// What can be granted while Redis is away.
void redis_authority::without(entry& about, const question& what, bool maybe)
{
    const auto& of = what.of;
    grant given;
    given.perhaps_done = maybe;
    if (of.on_failure == config::store_failure::refuse || what.returned > 0)
        return what.then(given);
    if (of.on_failure == config::store_failure::local) {
        const auto limit = of.limit + std::max(of.topped_up, about.topped_up);
        about.alone = std::max<std::int64_t>(
            limit - std::max(about.heard ? about.total : 0, of.granted_here), 0);
    } else {
        about.alone = part_of(about, of);
    }
    about.away = true;
    given.answered = given.alone = true;
    given.amount = std::clamp<std::int64_t>(about.alone - what.owed, 0, what.wanted);
    about.alone = std::max<std::int64_t>(about.alone - what.owed - given.amount, 0);
    about.total += given.amount + what.owed;
    about.of.granted_here += given.amount + what.owed;
    given.now = {about.topped_up, about.total};
    numbers_.granted_alone += given.amount > 0 ? 1U : 0U;
    what.then(given);
}

}  // namespace sluice::state
