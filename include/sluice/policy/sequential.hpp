#pragma once
// Tests that may be looked at every second and stopped at any time. Each keeps a number, its
// evidence against the canary, whose expectation is at most 1 at every time as long as the canary
// is as good as promised (an e-process). By Ville's inequality it then ever reaches 1/a with a
// probability of at most a, however often and for however long one looks. See Ramdas, Gruenwald,
// Vovk, Shafer, "Game-theoretic statistics and safe anytime-valid inference", Statist. Sci. 38
// (2023).
//
// What it rests on: in any one second a hit (a failure, a slow answer) is as likely for one trial
// of an arm as for the next, whatever the seconds before brought. That likelihood may change from
// second to second. Failures that come in bunches of one cause count as so many.

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::policy {

// Of one arm in one second.
struct trials {
    std::uint64_t count = 0;
    std::uint64_t hits = 0;
};

// Of a bet. Less than it could be is still honest, and who asks for a smaller risk is to get this.
inline constexpr double most_evidence = 1e12;

// A canary may go bad at any time, so a bet on it may begin in any second: the mean over all
// beginnings, of which the first has half the weight and the j-th of those after it
// 500/((j + 999)(j + 1000)), and over N bets, of what one unit has become. What has not begun yet
// is worth its weight. So good days do not make it blind, and it costs one number per bet.
template <std::size_t N>
class any_start {
public:
    // One more second: what each bet is multiplied by. Each factor has an expectation of at most 1
    // under the promise, given the past.
    void multiply(const std::array<double, N>& factors) noexcept
    {
        const double before = waiting_;
        waiting_ = 0.5 * spread / (static_cast<double>(seen_++) + spread);
        const double begins = (before - waiting_) / static_cast<double>(N);
        for (std::size_t i = 0; i < N; ++i) {
            const double next = (grown_[i] + begins) * factors[i];
            grown_[i] = next < most_evidence ? next : most_evidence;
        }
    }

    [[nodiscard]] double evidence() const noexcept
    {
        double sum = waiting_;
        for (const double each : grown_)
            sum += each;
        return sum;
    }

private:
    static constexpr double spread = 1'000;

    std::array<double, N> grown_{};
    double waiting_ = 1;
    std::uint64_t seen_ = 0;
};

// Is the share of hits among the canary's trials above a bound, or above the other arm's share of
// the same seconds plus a margin?
//
// Each second is a bet on eight alternatives, a share with 1.5 to 1000 times the odds of what is
// allowed. The factor is the likelihood of the second under the alternative (q_c, q_s) over that
// under the allowed pair (p_c, p_s) nearest to it in Kullback-Leibler divergence, weighted by the
// arms' trials (Turner, Gruenwald, "Exact anytime-valid confidence intervals for contingency tables
// and beyond", 2023). For any allowed pair (r_c, r_s) its expectation is the product over the arms
// of (1 + (r - p)(q - p)/(p(1 - p)))^n, hence at most exp(sum n (r - p)(q - p)/(p(1 - p))); the sum
// is minus the slope of the divergence from the nearest point towards (r_c, r_s), and as what is
// allowed is convex, that slope is not negative.
class share_test {
public:
    // Promise: the canary's share is at most `bound`, in [0, 1).
    void observe(trials canary, double bound) noexcept;

    // Promise: the canary's share is at most the stable arm's plus `margin`, in [0, 1). Seconds in
    // which only one arm had trials wait for the other.
    void observe(trials canary, trials stable, double margin) noexcept;

    [[nodiscard]] double evidence() const noexcept { return bets_.evidence(); }

private:
    static constexpr std::size_t alternatives = 8;

    any_start<alternatives> bets_;
    trials canary_;  // not tested yet; hits beyond the trials wait for later ones
    trials stable_;
    double stable_count_ = 0;  // fading, to guess the share the next second will have
    double stable_hits_ = 0;
};

// Is the mean of a number that never is below -1 above 0? Each observation multiplies a unit of
// which a fixed part was bet on it (Waudby-Smith, Ramdas, "Estimating means of bounded random
// variables by betting", JRSS-B 86, 2024).
class mean_test {
public:
    void observe(double value) noexcept;  // below -1 counts as -1
    [[nodiscard]] double evidence() const noexcept { return bets_.evidence(); }

private:
    any_start<5> bets_;
};

}  // namespace sluice::policy
