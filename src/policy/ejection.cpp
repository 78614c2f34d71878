#include <sluice/policy/ejection.hpp>

#include <algorithm>
#include <array>

namespace sluice::policy {
namespace {

using views = std::span<const ejection_view>;

constexpr std::size_t most_targets = 32;
constexpr double tolerated = 0.05;  // of failures, beyond factor x what siblings have
constexpr std::int64_t judge_every = nanoseconds(seconds{1}).count();

// Whether the suspect is held against it.
bool is_sibling(views targets, std::size_t of, std::size_t which) noexcept
{
    return which != of && !targets[which].ejected && !targets[which].canary;
}

// How far above its allowance the failure rate is; 0: within it, or too little is known.
double excess_failures(const ejection_settings& settings, views targets, std::size_t which) noexcept
{
    const ejection_view& suspect = targets[which];
    std::uint64_t total = 0;
    std::uint64_t failed = 0;
    for (std::size_t i = 0; i < targets.size(); ++i)
        if (is_sibling(targets, which, i)) {
            total += targets[i].total;
            failed += targets[i].failed;
        }
    const std::uint64_t minimum = std::max<std::uint32_t>(settings.minimum, 1);
    if (suspect.total < minimum || total < minimum)
        return 0;
    const double theirs = static_cast<double>(failed) / static_cast<double>(total);
    const double its = static_cast<double>(suspect.failed) / static_cast<double>(suspect.total);
    return std::max(its - (settings.factor * theirs + tolerated), 0.0);
}

// Times the median of its siblings, the lower of two middle ones; 0: within the factor or unknown.
double excess_latency(const ejection_settings& settings, views targets, std::size_t which) noexcept
{
    std::array<nanoseconds, most_targets> others;
    std::size_t count = 0;
    const std::uint32_t minimum = std::max<std::uint32_t>(settings.minimum, 1);
    for (std::size_t i = 0; i < targets.size(); ++i)
        if (is_sibling(targets, which, i) && targets[i].total >= minimum
            && targets[i].latency > nanoseconds{0})
            others[count++] = targets[i].latency;
    if (count == 0 || targets[which].total < minimum)
        return 0;
    const auto middle = others.begin() + static_cast<std::ptrdiff_t>((count - 1) / 2);
    std::nth_element(others.begin(), middle, others.begin() + static_cast<std::ptrdiff_t>(count));
    const double times =
        static_cast<double>(targets[which].latency.count()) / static_cast<double>(middle->count());
    return times > settings.factor ? times : 0;
}

template <class Excess>
std::size_t worst_by(Excess excess, const ejection_settings& settings, views targets) noexcept
{
    std::size_t worst = targets.size();
    double most = 0;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const double found = targets[i].ejected ? 0 : excess(settings, targets, i);
        if (found > most) {
            most = found;
            worst = i;
        }
    }
    return worst;
}

}  // namespace

bool ejection::take_turn(time_point now) noexcept
{
    const std::int64_t at = now.time_since_epoch().count();
    std::int64_t due = judge_at_.load(std::memory_order_relaxed);
    return at >= due
           && judge_at_.compare_exchange_strong(due, at + judge_every, std::memory_order_relaxed);
}

std::size_t worst_outlier(
    const ejection_settings& settings, std::span<const ejection_view> targets) noexcept
{
    const std::size_t none = targets.size();
    if (!settings.enabled || targets.size() < 2 || targets.size() > most_targets)
        return none;
    const auto most = std::min(
        static_cast<std::size_t>(std::max(settings.share, 0.0) * static_cast<double>(none)),
        none - 1);
    const auto out =
        static_cast<std::size_t>(std::ranges::count_if(targets, &ejection_view::ejected));
    if (out >= most)
        return none;
    const std::size_t failing = worst_by(excess_failures, settings, targets);
    return failing != none ? failing : worst_by(excess_latency, settings, targets);
}

}  // namespace sluice::policy
