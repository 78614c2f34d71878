#include "grant_account.hpp"

#include <algorithm>
#include <utility>

namespace sluice::state {
namespace {

constexpr milliseconds pause_after_refusal{250};
// A budget that is used up is looked at again: others may give back what they hold.
constexpr milliseconds between_questions{1000};

constexpr std::int64_t soft_told = 1;
constexpr std::int64_t spent_told = 2;

}  // namespace

grant_account::grant_account(config::budget about)
    : about_(std::move(about))
{
    row_.budget = about_.id;
}

void grant_account::configure(config::budget about)
{
    if (about.purse != about_.purse)
        put_ = 0;
    about_ = std::move(about);
}

bool grant_account::stale(const policy::dates& today) const noexcept
{
    return !begun_ || row_.period < period_of(today);
}

std::int64_t grant_account::period_of(const policy::dates& today) const noexcept
{
    return about_.period == config::period::day ? today.day : today.month;
}

void grant_account::begin(const policy::dates& today, const std::optional<budget_row>& row)
{
    const bool daily = about_.period == config::period::day;
    begun_ = true;
    row_ = {.budget = about_.id, .period = period_of(today)};
    if (row)
        row_ = *row;
    ends_ = daily ? today.day_ends : today.month_ends;
    known_ = {row_.topped_up, row_.granted};
    pending_ = put_ = assumed_ = 0;
    dirty_ = asking_ = refused_ = unsure_ = false;
    ask_at_ = {};
    about_.purse->open(tag(), 0);
    in_ = about_.purse->look();
}

void grant_account::begin_spent(std::int64_t nanodollars)
{
    if (nanodollars <= 0)
        return;
    row_.granted = known_.granted = assumed_ = nanodollars;
    dirty_ = true;
}

void grant_account::add_written(const budget_row& row)
{
    const auto more = std::max<std::int64_t>(row.granted - std::exchange(assumed_, 0), 0);
    row_.granted += more;
    row_.topped_up = std::max(row_.topped_up, row.topped_up);
    row_.operations.insert(0, row.operations);
    row_.told |= row.told;
    known_.granted += more;
    known_.topped_up = std::max(known_.topped_up, row.topped_up);
    dirty_ = true;
}

std::int64_t grant_account::left() const noexcept
{
    return about_.limit + known_.topped_up - known_.granted;
}

grant_account::wish grant_account::look(unsigned gateways, time_point now)
{
    in_ = about_.purse->look();
    if (in_.tag != tag()) {
        // A purse that was made anew by a reload.
        about_.purse->open(tag(), 0);
        put_ = 0;
        in_ = about_.purse->look();
    }
    const auto asked = about_.purse->asked();
    planner_.look(in_, asked, put_, now);
    // Not for the one that asks for more than anybody: for an ordinary one nothing is left.
    const auto rest = about_.limit + known_.topped_up - used();
    refused_ =
        refused_ || (asked.beyond > 0 && rest < std::max(planner_.typical(), about_.limit / 100));
    wish out;
    if (asking_ || pending_ > 0 || now < ask_at_)
        return out;
    const policy::authority_view seen{std::max<std::int64_t>(left(), 0), gateways};
    out.owed = std::max<std::int64_t>(-in_.left, 0);
    out.wanted = std::max<std::int64_t>(planner_.ask(seen) - out.owed, 0);
    const auto surplus = planner_.surplus(seen, now);
    const bool spent = left() <= 0 || planner_.too_little(seen);
    const bool lacking = surplus == 0 && gateways > 1 && spent;
    out.ask = out.owed > 0 || out.wanted > 0
              || ((lacking || unsure_) && now >= heard_at_ + between_questions);
    if (out.ask) {
        heard_at_ = now;
        return out;
    }
    const bool useful = left() > 0 && left() + in_.left >= planner_.typical();
    if (spent && !useful && !in_.closed)
        about_.purse->close(tag());
    else if (useful && in_.closed)
        about_.purse->grant(tag(), 0);
    if (surplus > 0) {
        heard_at_ = now;
        out.returned = about_.purse->withdraw(tag(), surplus);
        put_ -= out.returned;
    }
    return out;
}

std::int64_t grant_account::empty()
{
    if (!begun_)
        return 0;
    const auto held = about_.purse->withdraw(tag(), policy::purse::most);
    put_ -= held;
    return held;
}

void grant_account::carry(std::int64_t period, std::int64_t nanodollars)
{
    if (!begun_ || row_.period != period)
        return;
    if (nanodollars < 0)
        about_.purse->charge(tag(), -nanodollars);
    else if (about_.purse->grant(tag(), nanodollars))
        put_ += nanodollars;
    in_ = about_.purse->look();
}

std::int64_t grant_account::move_out(bool all)
{
    in_ = about_.purse->look();
    if (!begun_ || in_.tag != tag())
        return 0;
    if (in_.left >= 0)
        return all ? empty() : 0;
    const auto overdrawn = in_.left;
    about_.purse->grant(tag(), -overdrawn);
    return overdrawn;
}

budget_period grant_account::asked_for() const
{
    return {
        about_.id,
        row_.period,
        about_.limit,
        row_.granted,
        row_.topped_up,
        row_.operations,
        about_.on_store_failure};
}

void grant_account::hear(const grant& what)
{
    known_ = what.now;
    unsure_ = unsure_ && what.alone;
    if (what.now.topped_up <= row_.topped_up)
        return;
    row_.topped_up = what.now.topped_up;
    // Both may come about again.
    row_.told = 0;
    refused_ = false;
    dirty_ = true;
}

void grant_account::granted(const grant& what, std::int64_t owed)
{
    asking_ = false;
    hear(what);
    const auto more = owed + what.amount;
    if (more == 0)
        return;
    row_.granted += more;
    pending_ += more;
    dirty_ = true;
}

void grant_account::returned(const grant& what, std::int64_t amount)
{
    asking_ = false;
    hear(what);
    row_.granted -= amount;
    dirty_ = true;
}

void grant_account::topped_up(const grant& what, const extra& by)
{
    hear(what);
    if (what.topped_up == booking::differs || booking_of(row_.operations, by) != booking::none)
        return;
    book(row_.operations, by);
    dirty_ = true;
}

void grant_account::unanswered(time_point now) noexcept
{
    asking_ = false;
    ask_at_ = now + pause_after_refusal;
}

void grant_account::kept(std::int64_t amount) noexcept
{
    if (about_.purse->grant(tag(), amount))
        put_ += amount;
}

std::optional<budget_row> grant_account::unwritten() const
{
    return dirty_ ? std::optional(row_) : std::nullopt;
}

void grant_account::fill()
{
    if (pending_ > 0 && about_.purse->grant(tag(), pending_))
        put_ += pending_;
    pending_ = 0;
    if (begun_ && left() <= 0)
        about_.purse->close(tag());
    if (begun_)
        about_.purse->tell(left(), ends_);
    in_ = about_.purse->look();
}

budget_status grant_account::status() const
{
    budget_status now;
    now.id = about_.id;
    now.period = about_.period;
    now.limit = about_.limit + known_.topped_up;
    now.topped_up = known_.topped_up;
    now.held = in_.left;
    now.spent = used();
    now.soft = about_.soft + known_.topped_up;
    now.closed = in_.closed;
    now.ends = ends_;
    return now;
}

std::int64_t grant_account::used() const noexcept
{
    return std::max<std::int64_t>(known_.granted - in_.left - pending_, 0);
}

std::optional<grants::event::kind> grant_account::news()
{
    const auto now = used();
    const auto more = known_.topped_up;
    using enum grants::event::kind;
    const auto tell = [&](std::int64_t which) {
        if ((row_.told & which) != 0)
            return false;
        row_.told |= which;
        dirty_ = true;
        return true;
    };
    if ((now >= about_.limit + more || refused_) && tell(spent_told)) {
        row_.told |= soft_told;
        return spent;
    }
    if (now >= about_.soft + more && tell(soft_told))
        return soft;
    return std::nullopt;
}

}  // namespace sluice::state
