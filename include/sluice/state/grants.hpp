#pragma once
// Keeps the purses of all budgets filled, a little ahead of need, from their authority. What is
// granted is on the disk before it can be spent: whatever ends the process, a budget is at least as
// spent as it was.
//
// Runs on the ledger's thread, at each of its looks.

#include <sluice/config/snapshot.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/policy/time_zone.hpp>
#include <sluice/state/authority.hpp>
#include <sluice/state/ledger.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::state {

// How a budget stands, of this period. Nano-dollars.
struct budget_status {
    std::string id;
    config::period period = config::period::day;
    std::int64_t limit = 0;  // with what was topped up
    std::int64_t topped_up = 0;
    std::int64_t spent = 0;  // by all gateways; what others hold and have not spent counts
    std::int64_t held = 0;   // of what is left, by this gateway
    std::int64_t soft = 0;
    bool closed = false;  // nobody gets anything any more
    std::chrono::sys_seconds ends{};
};

class grants {
public:
    // The clocks, for tests: both read together.
    struct clocks {
        std::function<std::chrono::sys_time<nanoseconds>()> system;
        std::function<time_point()> steady;
    };
    struct event {
        enum class kind : std::uint8_t { soft, spent } what;  // each once in a period
        budget_status budget;
    };
    struct settings {
        std::string path;  // of the database; made when it is not there
        // The ledger's: what it knows to have been spent counts for a budget that has no account
        // yet. Empty: nothing does.
        std::string usage_path = {};
        // As ledger::settings has it.
        std::function<bool()> ours = {};
        // On the ledger's thread.
        std::function<void(const event&)> on_event = [](const event&) {};
        clocks time = {};  // empty: the machine's
    };

    // `from` outlives this, as does `on`, which calls it from now on.
    grants(settings how, ledger& on, authority& from, observe::logger& log);
    // What is held is given back if close() was called, else counts as spent.
    ~grants();
    grants(const grants&) = delete;
    grants& operator=(const grants&) = delete;

    // The snapshot now in force: its purses are filled at the next look. What is held of budgets
    // that it has no more goes back. Control thread.
    void watch(const config::snapshot_ptr& config, const policy::time_zone& zone);

    // Nothing is spent any more: gives back what is held, waiting for that for at most `limit`.
    // Control thread, once.
    void close(milliseconds limit);

    // While another process goes on with the budgets, as ledger::hold(). Held, what is in the
    // purses can be spent and no more comes. hand_over(): what is left in them, what is given back
    // and what is overdrawn goes to `heir`, from the ledger's thread; enter() takes it there.
    struct moved {
        std::string budget;
        std::int64_t period = 0;
        std::int64_t nanodollars = 0;  // to be spent; below 0: overdrawn
    };
    [[nodiscard]] bool hold(milliseconds limit);
    void resume();
    void hand_over(std::function<void(const moved&)> heir);
    // All that is in the purses goes over now. Any thread.
    void sweep();
    // Into this gateway's purse. Of a budget or a period that is none any more: nothing.
    void enter(moved what);

    // As of the last look. Any thread.
    [[nodiscard]] std::vector<budget_status> list() const;

    // Raises the limit of the current period, once for each operation. `then` gets what became of
    // it (none: there is no such budget or its authority cannot be asked), on any thread, once. Any
    // thread.
    struct topped_up {
        booking became = booking::none;
        budget_status now;  // unless none or unknown
    };
    using on_top_up = std::function<void(const topped_up&)>;
    void top_up(std::string id, extra what, on_top_up then);

    struct numbers {
        std::uint64_t granted = 0;   // times
        std::uint64_t refused = 0;   // times the authority did not answer
        std::uint64_t failures = 0;  // to write; what was granted meanwhile a crash may forget
        bool up = true;              // the last attempt to write succeeded
        bool clock_doubted = false;  // the system clock jumped, and is not believed yet
        // Nano-dollars, of all budgets: granted so far, given back or lapsed, spent of it (never
        // less than before), and held as of the last look.
        std::int64_t lease_granted = 0;
        std::int64_t lease_returned = 0;
        std::int64_t lease_spent = 0;
        std::int64_t lease_held = 0;
    };
    [[nodiscard]] numbers read() const noexcept;

private:
    class parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace sluice::state
