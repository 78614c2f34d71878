#include <sluice/policy/lease.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;

constexpr double ahead = 2;        // seconds of spending that are held
constexpr double memory = 2;       // seconds over which the spending is averaged
constexpr auto idle = 10s;         // after which what is not needed goes back
constexpr std::int64_t spare = 2;  // typical requests that are held at least
// Where that is a trifle to the budget, more is held: enough to go on through a disk or a Redis
// that does not answer for some seconds, and for many who come at once.
constexpr std::int64_t trifle = 512;  // that part of what is left, all gateways together
constexpr double far_ahead = 8;       // seconds of spending
constexpr std::int64_t crowd = 64;    // typical requests
constexpr std::int64_t plenty = 4;    // times what is needed: what is above it goes back
constexpr std::int64_t growth = 8;    // of a typical request, in a turn

std::int64_t clamped_money(double value) noexcept
{
    return static_cast<std::int64_t>(std::clamp(value, 0.0, static_cast<double>(purse::most)));
}

}  // namespace

void lease_planner::look(
    const purse::contents& in,
    const purse::demand& asked,
    std::int64_t granted,
    time_point now) noexcept
{
    const std::int64_t spent = granted - in.left;
    took_ = fresh_ || in.tag != held_.tag || spent > spent_;
    if (fresh_ || in.tag != held_.tag) {
        // The spending of the period before goes on.
        busy_at_ = fresh_ ? now : busy_at_;
    } else {
        const double passed = in_seconds(now - looked_at_);
        const auto more = static_cast<double>(std::max<std::int64_t>(spent - spent_, 0));
        if (passed > 0)
            rate_ += (1 - std::exp(-passed / memory)) * (more / passed - rate_);
    }
    // Follows greater ones in a few turns, so that one alone moves it little, and forgets them over
    // some hundred turns in which there were others.
    if (asked.largest > typical_)
        typical_ = std::min(asked.largest, growth * typical_);
    else if (asked.largest > 0)
        typical_ -= (typical_ - asked.largest) / 64;
    if (asked.largest > 0 || asked.missed > 0 || asked.beyond > 0)
        busy_at_ = now;
    fresh_ = false;
    idle_ = now - busy_at_ >= idle;
    held_ = in;
    asked_ = asked;
    spent_ = spent;
    looked_at_ = now;
    if (asked.missed > 0 || in.left <= plenty * need())
        needed_at_ = now;
}

std::int64_t lease_planner::need() const noexcept
{
    return std::max(clamped_money(rate_ * ahead), spare * typical_);
}

std::int64_t lease_planner::reserve(const authority_view& authority) const noexcept
{
    const std::int64_t parts = trifle * std::int64_t{std::max(authority.gateways, 1U)};
    const std::int64_t more = std::max(clamped_money(rate_ * far_ahead), crowd * typical_);
    return std::max(need(), std::min(std::max<std::int64_t>(authority.left, 0) / parts, more));
}

bool lease_planner::scarce(std::int64_t left, std::uint32_t gateways) const noexcept
{
    return gateways > 1 && left < std::int64_t{gateways} * spare * typical_;
}

std::int64_t lease_planner::ask(const authority_view& authority) const noexcept
{
    const std::int64_t left = std::max<std::int64_t>(authority.left, 0);
    const std::int64_t target = std::max(
        clamped_money(rate_ * ahead + static_cast<double>(asked_.missed)), reserve(authority));
    const std::int64_t held = held_.left;
    if (asked_.missed == 0 && held >= std::max(target / 2, typical_))
        return 0;
    const std::int64_t cap = left / (2 * std::int64_t{std::max(authority.gateways, 1U)});
    // A debt is paid as well, or else what is granted lets nobody in.
    const std::int64_t one = std::max(typical_, asked_.largest) - std::min<std::int64_t>(held, 0);
    const std::int64_t asked = asked_.largest > 0 ? asked_.largest : asked_.beyond;
    const std::int64_t needed = asked > 0 ? asked : typical_;
    if (authority.gateways > 1 && left < needed - held)
        return 0;
    if (idle_ && scarce(left - (target - held), authority.gateways))
        return 0;
    return std::min({std::max(target - held, std::int64_t{0}), std::max(cap, one), left});
}

bool lease_planner::too_little(const authority_view& authority) const noexcept
{
    return authority.gateways > 1
           && std::max(asked_.largest, asked_.beyond)
                  > held_.left + std::max<std::int64_t>(authority.left, 0);
}

std::int64_t lease_planner::surplus(const authority_view& authority, time_point now) const noexcept
{
    // What smaller requests can use stays.
    if (too_little(authority) && !took_)
        return std::max<std::int64_t>(held_.left, 0);
    const std::int64_t enough = reserve(authority);
    if (now - needed_at_ >= idle && held_.left > plenty * enough)
        return held_.left - enough;
    if (authority.gateways < 2 || !idle_)
        return 0;
    const bool all = scarce(authority.left, authority.gateways);
    return std::max<std::int64_t>(held_.left - (all ? 0 : enough), 0);
}

}  // namespace sluice::policy
