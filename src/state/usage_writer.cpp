#include "usage_writer.hpp"

#include <algorithm>
#include <utility>

namespace sluice::state {
namespace {

constexpr milliseconds pause_after_failure{1000};

}  // namespace

usage_writer::usage_writer(
    std::string path,
    std::function<bool()> ours,
    milliseconds commit_every,
    std::size_t most_waiting,
    observe::logger& log)
    : path_(std::move(path)),
      ours_(std::move(ours)),
      commit_every_(commit_every),
      log_(log),
      sums_(most_waiting)
{
    if (!open())
        commit_at_ = steady::now() + pause_after_failure;
}

void usage_writer::add(std::string_view packed, time_point now)
{
    if (!waits())
        commit_at_ = std::max(commit_at_, now + commit_every_);
    sums_.add(packed);
    bills_.store(sums_.taken(), std::memory_order_relaxed);
    lost_.store(sums_.lost(), std::memory_order_relaxed);
    waiting_.store(sums_.bills(), std::memory_order_relaxed);
}

observe::ledger_numbers usage_writer::read() const noexcept
{
    observe::ledger_numbers now;
    now.bills = bills_.load(std::memory_order_relaxed);
    now.lost = lost_.load(std::memory_order_relaxed);
    now.waiting = waiting_.load(std::memory_order_relaxed);
    now.commits = commits_.load(std::memory_order_relaxed);
    now.failures = failures_.load(std::memory_order_relaxed);
    now.up = up_.load(std::memory_order_relaxed);
    return now;
}

bool usage_writer::open()
{
    if (store_)
        return true;
    try {
        std::string complaint;
        if (ours_ && !ours_())
            throw not_our_directory();
        store_.emplace(path_, damage_, complaint);
        damage_.clear();
        if (!complaint.empty())
            log_.error("ledger_corrupt", complaint);
        return true;
    } catch (const sqlite_error& why) {
        failed(why);
        return false;
    }
}

void usage_writer::commit()
{
    see_that_it_is_there();
    if (open()) {
        try {
            store_->write(sums_);
            succeeded();
        } catch (const sqlite_error& why) {
            failed(why);
        }
    }
    const bool up = up_.load(std::memory_order_relaxed);
    commit_at_ = steady::now() + (up ? commit_every_ : pause_after_failure);
}

// SQLite goes on writing to a file that was deleted.
void usage_writer::see_that_it_is_there()
{
    if (!store_ || !store_->moved())
        return;
    store_.reset();
    log_.error(
        "ledger_gone",
        "the database of usage was taken away while it was in use: what comes goes to another",
        {{"file", std::string_view(path_)}});
}

// Opened again, a corrupt file is found out and set aside, and one that can be written by now is.
void usage_writer::failed(const sqlite_error& why)
{
    failures_.fetch_add(1, std::memory_order_relaxed);
    up_.store(false, std::memory_order_relaxed);
    if (why.corrupt())
        damage_ = why.what();
    if (why.corrupt() || why.read_only())
        store_.reset();
    if (!std::exchange(told_down_, true))
        log_.error(
            "ledger_not_written",
            "usage cannot be written: it waits in memory and is tried again",
            {{"what", std::string_view(why.what())}, {"file", std::string_view(path_)}});
}

void usage_writer::succeeded()
{
    sums_.clear();
    waiting_.store(0, std::memory_order_relaxed);
    commits_.fetch_add(1, std::memory_order_relaxed);
    up_.store(true, std::memory_order_relaxed);
    if (std::exchange(told_down_, false))
        log_.info("ledger_written", "usage is written again", {{"lost", read().lost}});
}

}  // namespace sluice::state
