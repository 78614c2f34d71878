#include <sluice/policy/sequential.hpp>

#include <algorithm>
#include <cmath>

namespace sluice::policy {
namespace {

constexpr std::array odds{1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1'000.0};
constexpr std::array stakes{0.02, 0.1, 0.3, 0.6, 0.9};

// Shares stay off 0 and 1, where one observation would settle everything.
constexpr double least = 1e-6;
constexpr double prior_share = 0.001;
constexpr double prior_weight = 200;
constexpr double fading = 0.9885;  // per second; half of it is left after a minute

double inside(double share)
{
    return std::clamp(share, least, 1 - least);
}

double with_odds(double share, double times)
{
    return times * share / (1 - share + times * share);
}

double log_likelihood(trials seen, double share)
{
    const auto hits = static_cast<double>(seen.hits);
    return hits * std::log(share) + (static_cast<double>(seen.count) - hits) * std::log1p(-share);
}

// Of n KL(q || x) by x, and its own slope, which is above 0: that divergence is convex.
struct slope {
    slope(std::uint64_t n, double q, double x)
    {
        const double inverse = 1 / (x * (1 - x));
        const double per = static_cast<double>(n) * inverse;
        value = per * (x - q);
        rise = per * inverse * ((x - q) * (x - q) + q * (1 - q));
    }

    double value;
    double rise;
};

// The stable share x in [q_s, q_c - margin] for which (x + margin, x) is nearest to (q_c, q_s):
// where the slopes even out. By Newton's steps, and by halves where one would leave what is known
// to hold it.
double nearest_allowed(
    std::uint64_t canary, std::uint64_t stable, double q_c, double q_s, double margin)
{
    constexpr double enough = 1e-12;
    double low = q_s;
    double high = q_c - margin;
    double x = (low + high) / 2;
    for (int i = 0; i < 60 && high - low > enough; ++i) {
        const slope of_canary(canary, q_c, x + margin);
        const slope of_stable(stable, q_s, x);
        const double value = of_canary.value + of_stable.value;
        (value < 0 ? low : high) = x;
        const double next = x - value / (of_canary.rise + of_stable.rise);
        const bool known_to_hold = next > low && next < high;
        if (known_to_hold && std::abs(next - x) < enough)
            return next;
        x = known_to_hold ? next : (low + high) / 2;
    }
    return x;
}

void add(trials& sum, trials more)
{
    sum.count += more.count;
    sum.hits += more.hits;
}

// What can be tested now; hits that came before their trials stay.
trials take(trials& waiting)
{
    const trials now{waiting.count, std::min(waiting.hits, waiting.count)};
    waiting = {0, waiting.hits - now.hits};
    return now;
}

}  // namespace

void share_test::observe(trials canary, double bound) noexcept
{
    add(canary_, canary);
    if (canary_.count == 0)
        return;
    const auto seen = take(canary_);
    const double allowed = inside(bound);
    const double under_promise = log_likelihood(seen, allowed);
    std::array<double, alternatives> factors{};
    for (std::size_t i = 0; i < alternatives; ++i) {
        const double q = inside(with_odds(allowed, odds[i]));
        factors[i] = q > allowed ? std::exp(log_likelihood(seen, q) - under_promise) : 1;
    }
    bets_.multiply(factors);
}

void share_test::observe(trials canary, trials stable, double margin) noexcept
{
    add(canary_, canary);
    add(stable_, stable);
    if (canary_.count == 0 || stable_.count == 0)
        return;
    const auto seen = take(canary_);
    const auto beside = take(stable_);
    const double q_s =
        inside((stable_hits_ + prior_share * prior_weight) / (stable_count_ + prior_weight));
    const double allowed = inside(q_s + margin);
    std::array<double, alternatives> factors{};
    for (std::size_t i = 0; i < alternatives; ++i) {
        const double q_c = inside(with_odds(allowed, odds[i]));
        factors[i] = 1;
        if (q_c <= q_s + margin)
            continue;
        const double x = nearest_allowed(seen.count, beside.count, q_c, q_s, margin);
        factors[i] = std::exp(
            log_likelihood(seen, q_c) + log_likelihood(beside, q_s)
            - log_likelihood(seen, x + margin) - log_likelihood(beside, x));
    }
    bets_.multiply(factors);
    stable_count_ = stable_count_ * fading + static_cast<double>(beside.count);
    stable_hits_ = stable_hits_ * fading + static_cast<double>(beside.hits);
}

void mean_test::observe(double value) noexcept
{
    std::array<double, stakes.size()> factors{};
    for (std::size_t i = 0; i < stakes.size(); ++i)
        factors[i] = 1 + stakes[i] * std::max(value, -1.0);
    bets_.multiply(factors);
}

}  // namespace sluice::policy
