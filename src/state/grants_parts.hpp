#pragma once
// The inside of grants.

#include "grant_account.hpp"
#include "grant_inbox.hpp"
#include <sluice/policy/calendar.hpp>
#include <sluice/state/grants.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::state {

class grants::parts {
public:
    parts(settings how, ledger& on, authority& from, observe::logger& log);
    ~parts();

    void watch(config::snapshot_ptr config, policy::time_zone zone);
    void close(milliseconds limit);
    bool hold(milliseconds limit);
    void resume();
    void hand_over(std::function<void(const moved&)> heir);
    void sweep();
    void enter(moved what);
    [[nodiscard]] std::vector<budget_status> list();
    void top_up(std::string id, extra what, on_top_up then);
    [[nodiscard]] numbers read() const noexcept;

private:
    struct slot {
        grant_account account;
        bool unread = false;   // what was written of it is not known
        bool dropped = false;  // the file has it no more
    };

    void look(time_point now);
    // Held or handed over: whether that is all of the look.
    [[nodiscard]] bool look_away(std::unique_lock<std::mutex>& lock);
    void let_go_if_settled();
    [[nodiscard]] bool settled() const;
    void follow(const config::snapshot& config, policy::time_zone zone);
    [[nodiscard]] slot* find(std::string_view id);
    [[nodiscard]] bool open(time_point now);
    // What is in its place is nobody else's.
    [[nodiscard]] bool ours() const { return !how_.ours || how_.ours(); }
    void heed_dates(budget_reader& in, time_point now);
    [[nodiscard]] std::optional<budget_reader> as_it_stands(time_point now);
    void begin_periods(time_point now);
    void read_late(time_point now);
    [[nodiscard]] std::optional<budget_row> find_row(budget_reader& in, const grant_account& of);
    [[nodiscard]] std::vector<budget_row> unwritten() const;
    [[nodiscard]] bool see_that_it_is_there();
    void tend(slot& of, time_point now);
    void ask(grant_account& of, const grant_account::wish& what);
    void give_back(grant_account& of, std::int64_t amount);
    void take_replies(time_point now);
    void apply(const grant_reply& reply, grant_account& to, time_point now);
    void collect_news();
    void write(std::unique_lock<std::mutex>& lock, time_point now);
    void failed(const sqlite_error& why, time_point now);
    void fill_purses();
    void count_leases();
    void tell(std::vector<event> events, std::vector<grant_reply> answered);

    settings how_;
    ledger& on_;
    authority& from_;
    observe::logger& log_;
    std::shared_ptr<grant_inbox> inbox_;

    // The ledger's thread; the mutex is held where it changes them, and by list().
    std::mutex mutex_;
    std::vector<std::unique_ptr<slot>> slots_;
    policy::time_zone zone_;
    std::optional<policy::calendar> calendar_;
    policy::dates today_;
    reached_dates reached_;  // written
    std::optional<budget_store> store_;
    time_point store_at_{};
    bool told_down_ = false;
    bool closing_ = false;
    bool closed_ = false;
    bool holding_ = false;  // nothing more is asked for
    bool held_ = false;     // nothing is written either
    bool sweeping_ = false;
    std::function<void(const moved&)> heir_;
    std::condition_variable on_closed_;  // or held
    std::vector<event> news_;
    std::vector<grant_reply> answered_;  // top-ups

    std::atomic<std::uint64_t> granted_{0};
    std::atomic<std::uint64_t> refused_{0};
    std::atomic<std::uint64_t> failures_{0};
    std::atomic<bool> up_{true};
    std::atomic<bool> doubted_{false};
    std::atomic<std::int64_t> lease_granted_{0};
    std::atomic<std::int64_t> lease_returned_{0};
    std::atomic<std::int64_t> lease_spent_{0};
    std::atomic<std::int64_t> lease_held_{0};
};

}  // namespace sluice::state
