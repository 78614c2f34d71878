#pragma once
// What one request holds of limits and budgets from when it was admitted until it is known what it
// used, and the giving back, exactly once. No I/O and no clock; allocates nothing.

#include <sluice/config/quota.hpp>
#include <sluice/observe/outcome.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice::proxy {

class holdings {
public:
    // A key's, its tenant's and its model's limits; both budgets of each and the key's for the
    // model.
    static constexpr std::size_t most_limits = 3;
    static constexpr std::size_t most_budgets = 7;

    holdings() = default;
    holdings(const holdings&) = delete;
    holdings& operator=(const holdings&) = delete;

    // Why a limit refuses, and after which time it would not.
    struct refusal {
        observe::limit_reason why{};
        nanoseconds wait{0};
    };

    // A place among the concurrent ones, a request and this many tokens; all of it or nothing. What
    // is held of a limit has to outlive this. `who` waits, where the quota has a line.
    [[nodiscard]] std::optional<refusal> take(
        const config::quota& of,
        const config::turn& who,
        std::uint64_t tokens,
        time_point now) noexcept;

    // How long the limits that were taken want the request to wait.
    [[nodiscard]] nanoseconds wait() const noexcept { return wait_; }

    // Nano-dollars of a budget, at least 1, so that a spent one refuses whatever costs nothing too.
    [[nodiscard]] policy::purse::answer pay(policy::purse& from, std::int64_t amount) noexcept;

    // Whether a budget has paid for the request.
    [[nodiscard]] bool has_paid() const noexcept { return budget_count_ > 0; }
    // The request may cost so much after all: each budget that paid pays the difference, or none
    // does. A budget whose period is over by now has nothing to do with it any more.
    [[nodiscard]] policy::purse::answer raise(std::int64_t amount) noexcept;

    // What is set aside at each limit of tokens, and of each budget; 0 where there is none.
    struct reservation {
        std::uint64_t tokens = 0;
        std::uint64_t nanodollars = 0;
    };
    [[nodiscard]] reservation reserved() const noexcept
    {
        return {
            .tokens = of_tokens_ ? tokens_ : 0,
            .nanodollars = budget_count_ > 0 ? static_cast<std::uint64_t>(money_) : 0};
    }

    // Of a request that a later limit refused, at the same `now`: as if it had not come.
    void undo(time_point now) noexcept;
    // What was paid, and nothing else.
    void refund() noexcept;

    // What the request used after all. Afterwards nothing is held; a second call does nothing.
    void settle(std::uint64_t tokens, std::int64_t nanodollars, time_point now) noexcept;

private:
    struct limited {
        policy::limit_state* state;
        const policy::limit_settings* settings;
    };
    struct paid {
        policy::purse* purse;
        policy::period_tag tag;
    };

    std::array<limited, most_limits> limits_;
    std::array<paid, most_budgets> budgets_;
    std::size_t limit_count_ = 0;
    std::size_t budget_count_ = 0;
    std::uint64_t tokens_ = 0;  // reserved, at each of the limits
    bool of_tokens_ = false;    // one of them limits tokens
    std::int64_t money_ = 0;    // reserved, of each of the budgets
    nanoseconds wait_{0};
};

}  // namespace sluice::proxy
