// What happens at each look.
#include "grants_parts.hpp"
#include "spent_before.hpp"

#include <algorithm>
#include <utility>

namespace sluice::state {
namespace {

constexpr milliseconds stored_again_after{1000};

}  // namespace

grants::parts::slot* grants::parts::find(std::string_view id)
{
    const auto found =
        std::ranges::find_if(slots_, [&](const auto& each) { return each->account.id() == id; });
    return found == slots_.end() ? nullptr : found->get();
}

void grants::parts::look(time_point now)
{
    std::unique_lock lock(mutex_);
    for (const auto& command : inbox_->commands())
        command();
    if (!calendar_ || look_away(lock))
        return;
    today_ = calendar_->update(how_.time.system(), now);
    doubted_.store(calendar_->doubts(), std::memory_order_relaxed);
    begin_periods(now);
    for (auto& each : slots_)
        tend(*each, now);
    take_replies(now);
    collect_news();
    write(lock, now);
    fill_purses();
    count_leases();
    std::erase_if(slots_, [](const auto& each) {
        return each->dropped && !each->account.asking() && !each->account.unwritten();
    });
    if (closing_ && settled()) {
        closed_ = true;
        on_closed_.notify_all();
    }
    let_go_if_settled();
    auto events = std::exchange(news_, {});
    auto answered = std::exchange(answered_, {});
    lock.unlock();
    tell(std::move(events), std::move(answered));
}

bool grants::parts::open(time_point now)
{
    if (store_ || now < store_at_)
        return store_.has_value();
    try {
        std::string complaint;
        if (!ours())
            throw not_our_directory();
        store_.emplace(how_.path, complaint);
        if (!complaint.empty())
            log_.error("budgets_corrupt", complaint);
        heed_dates(store_->reader(), now);
        return true;
    } catch (const sqlite_error& why) {
        store_.reset();
        failed(why, now);
        return false;
    }
}

void grants::parts::heed_dates(budget_reader& in, time_point now)
{
    const auto reached = in.reached();
    if (reached && !calendar_->not_before(reached->day, reached->month))
        log_.warn(
            "budgets_of_the_future",
            "budgets were used under a date that is days ahead of today's: the clock was wrong "
            "then, or is now");
    today_ = calendar_->update(how_.time.system(), now);
}

// What was spent is known on a full disk too.
std::optional<budget_reader> grants::parts::as_it_stands(time_point now)
{
    const auto stale = [&](const auto& each) { return each->account.stale(today_); };
    if (std::ranges::none_of(slots_, stale) || !ours())
        return std::nullopt;
    try {
        budget_reader in(sqlite_database(how_.path, sqlite_database::mode::read));
        heed_dates(in, now);
        return in;
    } catch (const sqlite_error&) {
        return std::nullopt;  // told of where it could not be opened to be written
    }
}

void grants::parts::begin_periods(time_point now)
{
    const bool writable = open(now);
    auto unwritable = writable ? std::nullopt : as_it_stands(now);
    spent_before known(how_.usage_path, zone_, today_);
    for (auto& each : slots_) {
        auto& account = each->account;
        if (!account.stale(today_))
            continue;
        std::optional<budget_row> row;
        each->unread = !store_ && !unwritable;
        if (!each->unread) {
            try {
                row = find_row(store_ ? store_->reader() : *unwritable, account);
            } catch (const sqlite_error& why) {
                each->unread = true;
                failed(why, now);
            }
        }
        // What was held lapses with its period.
        lease_returned_.fetch_add(account.held(), std::memory_order_relaxed);
        account.begin(today_, row);
        if (!row)
            account.begin_spent(ours() ? known.of(account.id(), account.period()) : 0);
    }
    if (writable)
        read_late(now);
}

// Throws sqlite_error. None as well where it is there and cannot be true.
std::optional<budget_row> grants::parts::find_row(budget_reader& in, const grant_account& of)
{
    bool damaged = false;
    auto row = in.find(of.id(), of.period_of(today_), damaged);
    if (damaged)
        log_.error(
            "budget_unbelievable",
            "what was written of a budget cannot be true: it begins with what the ledger of usage "
            "knows",
            {{"budget", std::string_view(of.id())}, {"file", std::string_view(how_.path)}});
    return row;
}

// What could not be read when its period began.
void grants::parts::read_late(time_point now)
{
    for (auto& each : slots_) {
        if (!each->unread || !store_)
            continue;
        try {
            if (const auto row = find_row(store_->reader(), each->account))
                each->account.add_written(*row);
            each->unread = false;
        } catch (const sqlite_error& why) {
            failed(why, now);
            return;
        }
    }
}

void grants::parts::tend(slot& of, time_point now)
{
    auto& account = of.account;
    if (holding_)
        return;
    if (!closing_ && !of.dropped) {
        const auto wish = account.look(from_.gateways(), now);
        if (wish.returned > 0)
            give_back(account, wish.returned);
        else if (wish.ask)
            ask(account, wish);
    } else if (!account.asking()) {
        if (const auto held = account.empty(); held > 0)
            give_back(account, held);
    }
}

void grants::parts::ask(grant_account& of, const grant_account::wish& what)
{
    of.asks();
    const auto about = of.asked_for();
    grant_reply reply{.budget = about.budget, .period = about.period, .amount = what.owed};
    from_.take(
        about,
        what.wanted,
        what.owed,
        [inbox = inbox_, reply = std::move(reply)](const grant& answer) mutable {
            reply.answer = answer;
            inbox->put(std::move(reply));
        });
}

void grants::parts::give_back(grant_account& of, std::int64_t amount)
{
    of.asks();
    const auto about = of.asked_for();
    grant_reply reply{
        .what = grant_reply::kind::returned,
        .budget = about.budget,
        .period = about.period,
        .amount = amount};
    from_.give_back(
        about, amount, [inbox = inbox_, reply = std::move(reply)](const grant& answer) mutable {
            reply.answer = answer;
            inbox->put(std::move(reply));
        });
}

void grants::parts::take_replies(time_point now)
{
    for (auto& reply : inbox_->replies()) {
        auto* to = find(reply.budget);
        // What is not of this period any more is over.
        if (to != nullptr && to->account.asked_for().period == reply.period)
            apply(reply, to->account, now);
        if (reply.what == grant_reply::kind::topped_up)
            answered_.push_back(std::move(reply));
    }
}

void grants::parts::apply(const grant_reply& reply, grant_account& to, time_point now)
{
    if (!reply.answer.answered) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        if (reply.what == grant_reply::kind::topped_up)
            return to.unsure();
        to.unanswered(now);
        if (reply.what == grant_reply::kind::returned && !reply.answer.perhaps_done)
            to.kept(reply.amount);
        return;
    }
    switch (reply.what) {
    case grant_reply::kind::taken:
        to.granted(reply.answer, reply.amount);
        granted_.fetch_add(reply.answer.amount > 0 ? 1 : 0, std::memory_order_relaxed);
        lease_granted_.fetch_add(reply.answer.amount + reply.amount, std::memory_order_relaxed);
        break;
    case grant_reply::kind::returned:
        to.returned(reply.answer, reply.amount);
        lease_returned_.fetch_add(reply.amount, std::memory_order_relaxed);
        break;
    case grant_reply::kind::topped_up:
        to.topped_up(reply.answer, reply.more);
        break;
    }
}

void grants::parts::collect_news()
{
    for (auto& each : slots_)
        if (const auto what = each->account.news())
            news_.push_back({*what, each->account.status()});
}

std::vector<budget_row> grants::parts::unwritten() const
{
    std::vector<budget_row> rows;
    for (const auto& each : slots_)
        if (auto row = each->unread ? std::nullopt : each->account.unwritten())
            rows.push_back(std::move(*row));
    return rows;
}

// SQLite goes on writing to a file that was deleted. Whether everything is to be written again.
bool grants::parts::see_that_it_is_there()
{
    if (!store_ || !store_->moved())
        return false;
    store_.reset();
    for (const auto& each : slots_)
        each->account.write_again();
    log_.error(
        "budgets_gone",
        "the database of budgets was taken away while it was in use: what is known here is written "
        "to another",
        {{"file", std::string_view(how_.path)}});
    return true;
}

// On the disk before anything of it can be spent. What cannot be written is granted all the same:
// serving goes on, and it is told.
void grants::parts::write(std::unique_lock<std::mutex>& lock, time_point now)
{
    const reached_dates reached{today_.day, today_.month};
    const bool later = reached.day != reached_.day || reached.month != reached_.month;
    auto rows = unwritten();
    if (rows.empty() && !later)
        return;
    if (see_that_it_is_there())
        rows = unwritten();
    if (now < store_at_ || !open(now))
        return;
    try {
        lock.unlock();
        store_->save(rows, reached);
        lock.lock();
    } catch (const sqlite_error& why) {
        lock.lock();
        failed(why, now);
        return;
    }
    reached_ = reached;
    for (const auto& each : slots_)
        if (!each->unread)
            each->account.written();
    up_.store(true, std::memory_order_relaxed);
    if (std::exchange(told_down_, false))
        log_.info("budgets_written", "what is spent of budgets is written again");
}

void grants::parts::failed(const sqlite_error& why, time_point now)
{
    failures_.fetch_add(1, std::memory_order_relaxed);
    up_.store(false, std::memory_order_relaxed);
    store_at_ = now + stored_again_after;
    if (why.corrupt() || why.read_only())
        store_.reset();  // opened again, it is set aside, or can be written by now
    if (!std::exchange(told_down_, true))
        log_.error(
            "budgets_not_written",
            "what is spent of budgets cannot be written: a crash would forget it",
            {{"what", std::string_view(why.what())}, {"file", std::string_view(how_.path)}});
}

void grants::parts::fill_purses()
{
    for (auto& each : slots_)
        if (!closing_ && !each->dropped)
            each->account.fill();
}

void grants::parts::count_leases()
{
    std::int64_t held = 0;
    for (const auto& each : slots_)
        held += each->account.held();
    const auto spent = lease_granted_.load(std::memory_order_relaxed)
                       - lease_returned_.load(std::memory_order_relaxed) - held;
    lease_held_.store(held, std::memory_order_relaxed);
    if (spent > lease_spent_.load(std::memory_order_relaxed))
        lease_spent_.store(spent, std::memory_order_relaxed);
}

}  // namespace sluice::state
