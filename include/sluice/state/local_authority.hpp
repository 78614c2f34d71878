#pragma once
// The authority of a gateway that shares its budgets with nobody: its own ledger knows it all.

#include <sluice/state/authority.hpp>

#include <algorithm>

namespace sluice::state {

// Answers before the call returns, from what it is told.
class local_authority final : public authority {
public:
    void take(const budget_period& of, std::int64_t wanted, std::int64_t owed, answer then) override
    {
        const auto taken = of.granted_here + owed;
        const auto left = std::max<std::int64_t>(of.limit + of.topped_up - taken, 0);
        const auto amount = std::min(wanted, left);
        then({.answered = true, .amount = amount, .now = {of.topped_up, taken + amount}});
    }

    void give_back(const budget_period& of, std::int64_t amount, answer then) override
    {
        then({.answered = true, .now = {of.topped_up, of.granted_here - amount}});
    }

    void top_up(const budget_period& of, const extra& what, answer then) override
    {
        auto became = booking_of(of.operations, what);
        auto topped_up = of.topped_up;
        if (became == booking::none) {
            became = booking::booked;
            topped_up += what.amount;
        }
        then({.answered = true, .now = {topped_up, of.granted_here}, .topped_up = became});
    }

    [[nodiscard]] unsigned gateways() const noexcept override { return 1; }
};

}  // namespace sluice::state
