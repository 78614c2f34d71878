#include "grants_parts.hpp"

#include <utility>

namespace sluice::state {
namespace {

grants::clocks or_the_machines(grants::clocks given)
{
    if (!given.system)
        given.system = [] {
            return std::chrono::sys_time<nanoseconds>(std::chrono::system_clock::now());
        };
    if (!given.steady)
        given.steady = [] { return steady::now(); };
    return given;
}

}  // namespace

grants::parts::parts(settings how, ledger& on, authority& from, observe::logger& log)
    : how_(std::move(how)),
      on_(on),
      from_(from),
      log_(log),
      inbox_(std::make_shared<grant_inbox>(on))
{
    how_.time = or_the_machines(std::move(how_.time));
    on_.each_look([this](time_point) { look(how_.time.steady()); });
}

grants::parts::~parts()
{
    on_.each_look({});
    inbox_->close();
}

void grants::parts::watch(config::snapshot_ptr config, policy::time_zone zone)
{
    inbox_->put([this, config = std::move(config), zone = std::move(zone)]() mutable {
        follow(*config, std::move(zone));
    });
}

void grants::parts::follow(const config::snapshot& config, policy::time_zone zone)
{
    zone_ = std::move(zone);
    if (calendar_)
        calendar_->set_zone(zone_);
    else
        calendar_.emplace(zone_, how_.time.system(), how_.time.steady());
    for (auto& each : slots_)
        each->dropped = true;
    for (const auto& budget : config.budgets) {
        if (auto* known = find(budget.id)) {
            known->account.configure(budget);
            known->dropped = false;
        } else {
            slots_.push_back(std::make_unique<slot>(slot{grant_account(budget)}));
        }
    }
}

void grants::parts::tell(std::vector<event> events, std::vector<grant_reply> answered)
{
    for (const auto& each : events)
        how_.on_event(each);
    for (const auto& each : answered) {
        topped_up now{.became = each.answer.topped_up, .now = {}};
        if (each.answer.perhaps_done)
            now.became = booking::unknown;
        if (const auto* of = find(each.budget))
            now.now = of->account.status();
        each.then(now);
    }
}

void grants::parts::top_up(std::string id, extra what, on_top_up then)
{
    inbox_->put([this, id = std::move(id), what = std::move(what), then = std::move(then)]() {
        grant_reply reply{
            .what = grant_reply::kind::topped_up, .budget = id, .more = what, .then = then};
        const auto* of = find(id);
        if (of == nullptr || !calendar_) {
            answered_.push_back(std::move(reply));
            return;
        }
        const auto about = of->account.asked_for();
        reply.period = about.period;
        from_.top_up(
            about, what, [inbox = inbox_, reply = std::move(reply)](const grant& answer) mutable {
                reply.answer = answer;
                inbox->put(std::move(reply));
            });
    });
}

void grants::parts::close(milliseconds limit)
{
    inbox_->put([this] { closing_ = true; });
    std::unique_lock lock(mutex_);
    on_closed_.wait_for(lock, limit, [this] { return closed_; });
}

bool grants::parts::hold(milliseconds limit)
{
    std::unique_lock lock(mutex_);
    holding_ = true;
    on_.hurry();
    return on_closed_.wait_for(lock, limit, [this] { return held_; });
}

void grants::parts::resume()
{
    const std::scoped_lock lock(mutex_);
    holding_ = held_ = false;
}

void grants::parts::hand_over(std::function<void(const moved&)> heir)
{
    inbox_->put([this, heir = std::move(heir)]() mutable { heir_ = std::move(heir); });
}

void grants::parts::sweep()
{
    inbox_->put([this] { sweeping_ = true; });
}

void grants::parts::enter(moved what)
{
    inbox_->put([this, what = std::move(what)] {
        auto* to = find(what.budget);
        if (to == nullptr)
            return;
        to->account.carry(what.period, what.nanodollars);
        if (what.nanodollars > 0)
            lease_granted_.fetch_add(what.nanodollars, std::memory_order_relaxed);
    });
}

std::vector<budget_status> grants::parts::list()
{
    const std::scoped_lock lock(mutex_);
    std::vector<budget_status> all;
    for (const auto& each : slots_)
        if (!each->dropped)
            all.push_back(each->account.status());
    return all;
}

grants::numbers grants::parts::read() const noexcept
{
    numbers now;
    now.granted = granted_.load(std::memory_order_relaxed);
    now.refused = refused_.load(std::memory_order_relaxed);
    now.failures = failures_.load(std::memory_order_relaxed);
    now.up = up_.load(std::memory_order_relaxed);
    now.clock_doubted = doubted_.load(std::memory_order_relaxed);
    now.lease_granted = lease_granted_.load(std::memory_order_relaxed);
    now.lease_returned = lease_returned_.load(std::memory_order_relaxed);
    now.lease_spent = lease_spent_.load(std::memory_order_relaxed);
    now.lease_held = lease_held_.load(std::memory_order_relaxed);
    return now;
}

grants::grants(settings how, ledger& on, authority& from, observe::logger& log)
    : parts_(std::make_unique<parts>(std::move(how), on, from, log))
{
}

grants::~grants() = default;

void grants::watch(const config::snapshot_ptr& config, const policy::time_zone& zone)
{
    parts_->watch(config, zone);
}

void grants::close(milliseconds limit)
{
    parts_->close(limit);
}

bool grants::hold(milliseconds limit)
{
    return parts_->hold(limit);
}

void grants::resume()
{
    parts_->resume();
}

void grants::hand_over(std::function<void(const moved&)> heir)
{
    parts_->hand_over(std::move(heir));
}

void grants::sweep()
{
    parts_->sweep();
}

void grants::enter(moved what)
{
    parts_->enter(std::move(what));
}

std::vector<budget_status> grants::list() const
{
    return parts_->list();
}

void grants::top_up(std::string id, extra what, on_top_up then)
{
    parts_->top_up(std::move(id), std::move(what), std::move(then));
}

grants::numbers grants::read() const noexcept
{
    return parts_->read();
}

}  // namespace sluice::state
