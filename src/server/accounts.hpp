#pragma once
// The gateway's books: the ledger of usage, the budgets, and who is told when one is spent.

#include <sluice/config/snapshot.hpp>
#include <sluice/observe/ledger_numbers.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/server/budget_news.hpp>
#include <sluice/state/directory.hpp>
#include <sluice/state/grants.hpp>
#include <sluice/state/ledger.hpp>
#include <sluice/state/local_authority.hpp>

#include <boost/asio/io_context.hpp>

namespace sluice::server {

// Control thread, but for what book() and budgets() allow.
class accounts {
public:
    // `context` is the control thread's. `shared` grants what this gateway shares with others;
    // null: it is alone. What it refers to outlives it.
    accounts(
        boost::asio::io_context& context,
        const state::directory& where,
        const config::snapshot& config,
        state::authority* shared,
        observe::logger& log,
        budget_news news);

    // The snapshot that is to be in force: its purses are filled soon.
    void serve(const config::snapshot_ptr& config);
    // Waits for that, a second at most.
    void fill() { (void)book_.flush(); }
    // Another process goes on with both databases; false: something cannot be written, and nothing
    // is held. See state::ledger::hold().
    [[nodiscard]] bool hold()
    {
        constexpr milliseconds slow_disk{10'000};
        return budgets_.hold(slow_disk) && book_.hold(slow_disk);
    }
    void resume()
    {
        book_.resume();
        budgets_.resume();
    }
    // Nothing is spent any more.
    void close() { budgets_.close(seconds{1}); }

    [[nodiscard]] state::ledger& book() noexcept { return book_; }
    [[nodiscard]] state::grants& budgets() noexcept { return budgets_; }
    // Of both databases. Any thread.
    [[nodiscard]] observe::ledger_numbers numbers() const;

private:
    boost::asio::io_context& context_;
    observe::logger& log_;
    budget_news news_;
    state::ledger book_;
    state::local_authority alone_;
    state::grants budgets_;
};

}  // namespace sluice::server
