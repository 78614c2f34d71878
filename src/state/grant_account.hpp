#pragma once
// One budget in its period: what is asked of the authority, what came of it, and what goes into the
// purse once that is written down.

#include "budget_store.hpp"
#include <sluice/config/quota.hpp>
#include <sluice/policy/calendar.hpp>
#include <sluice/policy/lease.hpp>
#include <sluice/state/grants.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::state {

// The ledger's thread.
class grant_account {
public:
    explicit grant_account(config::budget about);

    [[nodiscard]] config::period period() const noexcept { return about_.period; }
    [[nodiscard]] const std::string& id() const noexcept { return about_.id; }
    // After a reload. Another purse than before begins empty.
    void configure(config::budget about);

    // Whether it is to begin the period that it is in by now.
    [[nodiscard]] bool stale(const policy::dates& today) const noexcept;
    // The number of that period.
    [[nodiscard]] std::int64_t period_of(const policy::dates& today) const noexcept;
    // `row` is what was written of it; none: nothing was, or it cannot be read yet.
    void begin(const policy::dates& today, const std::optional<budget_row>& row);
    // Right after that: so much was spent before anybody kept an account of it.
    void begin_spent(std::int64_t nanodollars);
    // What could not be read then: on top of it comes what was granted since. What begin_spent()
    // was told is part of it.
    void add_written(const budget_row& row);

    // What to do now. At most one of them is above 0.
    struct wish {
        std::int64_t wanted = 0;
        std::int64_t owed = 0;
        std::int64_t returned = 0;  // out of the purse already
        bool ask = false;           // also with 0 and 0: to hear how it stands
    };
    [[nodiscard]] wish look(unsigned gateways, time_point now);
    // Everything that is held, out of the purse.
    [[nodiscard]] std::int64_t empty();

    // Into the purse, or below 0 out of it, by somebody who was granted it; see grants::enter().
    void carry(std::int64_t period, std::int64_t nanodollars);
    // Out of the purse, for another process: what it is overdrawn by, with `all` what is left too.
    [[nodiscard]] std::int64_t move_out(bool all);

    [[nodiscard]] budget_period asked_for() const;
    [[nodiscard]] bool asking() const noexcept { return asking_; }
    void asks() noexcept { asking_ = true; }

    // The answer to that; `owed` and `returned` as asked. Changes what is to be written.
    void granted(const grant& what, std::int64_t owed);
    void returned(const grant& what, std::int64_t amount);
    void topped_up(const grant& what, const extra& by);
    // The authority did not answer; what was to be returned stays granted. Into the purse it goes
    // again only where that is certain: kept().
    void unanswered(time_point now) noexcept;
    void kept(std::int64_t amount) noexcept;
    // Of a top-up: how it stands is asked until somebody knows.
    void unsure() noexcept { unsure_ = true; }

    // What has to be written before fill(); none: nothing.
    [[nodiscard]] std::optional<budget_row> unwritten() const;
    void written() noexcept { dirty_ = false; }
    // What was written is lost.
    void write_again() noexcept { dirty_ = begun_; }
    // Puts what was granted into the purse.
    void fill();

    [[nodiscard]] budget_status status() const;
    // In the purse, below 0 what it is overdrawn by.
    [[nodiscard]] std::int64_t held() const noexcept { return in_.left; }
    // What has come about since it was last asked, if anything.
    [[nodiscard]] std::optional<grants::event::kind> news();

private:
    void hear(const grant& what);
    [[nodiscard]] std::int64_t left() const noexcept;
    [[nodiscard]] std::int64_t used() const noexcept;  // in this period
    [[nodiscard]] policy::period_tag tag() const noexcept { return policy::tag_of(row_.period); }

    config::budget about_;
    budget_row row_;
    bool begun_ = false;
    bool dirty_ = false;
    bool asking_ = false;
    bool refused_ = false;  // somebody, since it is closed
    bool unsure_ = false;
    std::int64_t pending_ = 0;  // granted, and not in the purse yet
    std::int64_t assumed_ = 0;  // of what was granted, by begin_spent()
    std::int64_t put_ = 0;      // into the purse in this period, less what was taken out again
    budget_standing known_;
    policy::lease_planner planner_;
    policy::purse::contents in_;
    time_point ask_at_{};  // not before
    time_point heard_at_{};
    std::chrono::sys_seconds ends_{};
};

}  // namespace sluice::state
