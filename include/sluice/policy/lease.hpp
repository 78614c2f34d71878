#pragma once
// How much of a budget a gateway asks its authority for, and what it gives back: enough for about
// two seconds of spending, so that no request waits for the authority, and ever less towards the
// end, so that several gateways come to it together. While it is a trifle to the budget (a 512th of
// what is left, shared by the gateways): eight seconds, or 64 requests, so that neither a burst nor
// a disk or a Redis that stalls makes anybody wait.
//
// One planner for each purse, on the thread that tends it, asked at every turn (a tenth of a
// second). Money is nano-dollars.

#include <sluice/base/clock.hpp>
#include <sluice/policy/purse.hpp>

#include <cstdint>

namespace sluice::policy {

// What the authority knows.
struct authority_view {
    std::int64_t left = 0;       // of the period, granted to nobody
    std::uint32_t gateways = 1;  // that share the budget, at least 1
};

class lease_planner {
public:
    // At first, before any request was seen, one is taken to need so much: a cent.
    static constexpr std::int64_t first_guess = 10'000'000;

    // What happened since the last turn. `granted`: all that was put into the purse in this period,
    // less what was given back.
    void look(
        const purse::contents& in,
        const purse::demand& asked,
        std::int64_t granted,
        time_point now) noexcept;

    // How much to ask for now; 0: nothing. At most 1 / (2 x gateways) of what is left, but enough
    // for one request as large as those that were asked for. One of several gateways asks for no
    // rest that would not make one request here: elsewhere it may. Nor does it, where nobody asked
    // for a while, for what would soon be so little that it gave it back.
    [[nodiscard]] std::int64_t ask(const authority_view& authority) const noexcept;

    // Somebody asked here, and what is held and what is left do not make one such request.
    [[nodiscard]] bool too_little(const authority_view& authority) const noexcept;

    // How much of what is held to give back now: nobody asked for a while and others may need it,
    // it is much more than is needed, or it is too little for those who ask here. A single gateway
    // keeps a little more than it needs.
    [[nodiscard]] std::int64_t surplus(
        const authority_view& authority, time_point now) const noexcept;

    [[nodiscard]] double spent_per_second() const noexcept { return rate_; }
    [[nodiscard]] std::int64_t typical() const noexcept { return typical_; }

private:
    // What is to be held, if nobody missed anything: at least, and while there is plenty.
    [[nodiscard]] std::int64_t need() const noexcept;
    [[nodiscard]] std::int64_t reserve(const authority_view& authority) const noexcept;
    // So much is worth more to somebody who asks than a reserve for a first request.
    [[nodiscard]] bool scarce(std::int64_t left, std::uint32_t gateways) const noexcept;

    purse::contents held_;
    purse::demand asked_;
    std::int64_t spent_ = 0;  // in the period, as of the last look
    std::int64_t typical_ = first_guess;
    double rate_ = 0;
    time_point looked_at_{};
    time_point busy_at_{};    // when something was last asked for
    time_point needed_at_{};  // when what is held was last not too much
    bool took_ = false;       // somebody, between the last two looks
    bool idle_ = false;       // nobody asked for anything in a while
    bool fresh_ = true;
};

}  // namespace sluice::policy
