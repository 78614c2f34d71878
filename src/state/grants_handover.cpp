// While another process goes on with the budgets.
#include "grants_parts.hpp"

#include <algorithm>
#include <utility>

namespace sluice::state {

// Nothing is on its way to or from the authority, and everything is on the disk.
bool grants::parts::settled() const
{
    return std::ranges::none_of(slots_, [](const auto& each) {
        return each->account.asking() || each->account.unwritten();
    });
}

void grants::parts::let_go_if_settled()
{
    if (!holding_ || held_ || !settled())
        return;
    store_.reset();
    held_ = true;
    on_closed_.notify_all();
}

bool grants::parts::look_away(std::unique_lock<std::mutex>& lock)
{
    if (!held_)
        return false;
    if (!heir_)
        return true;
    std::vector<moved> all;
    for (const auto& each : slots_)
        if (const auto amount = each->account.move_out(sweeping_ || closing_); amount != 0)
            all.push_back({each->account.id(), each->account.asked_for().period, amount});
    lock.unlock();
    for (const auto& each : all)
        heir_(each);
    lock.lock();
    if (closing_) {
        closed_ = true;
        on_closed_.notify_all();
    }
    return true;
}

}  // namespace sluice::state
