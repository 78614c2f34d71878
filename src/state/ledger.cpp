#include "usage_writer.hpp"
#include <sluice/observe/byte_ring.hpp>
#include <sluice/state/ledger.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sluice::state {
namespace {

// Beyond it bills stay where they are, and are lost and counted when that is full.
constexpr std::size_t most_kept_bytes = std::size_t{64} << 20U;

}  // namespace

class ledger::parts {
public:
    parts(settings how, observe::logger& log);
    ~parts();

    void charge(std::size_t worker, const observe::bill& what) noexcept;
    bool flush(milliseconds limit);
    void post(std::function<void()> job);
    void each_look(std::function<void(time_point)> what);
    void hurry() noexcept;
    bool hold(milliseconds limit);
    void resume();
    void hand_over(std::function<bool(std::string_view)> heir);
    bool enter(std::string packed);
    [[nodiscard]] observe::ledger_numbers read() const noexcept;
    [[nodiscard]] const std::string& path() const noexcept { return how_.path; }

private:
    void run(const std::stop_token& stop);
    void take_bills();
    void book(std::string_view packed);
    void let_go_if_wanted();
    void run_jobs();
    void look();
    void tell_flushed(std::uint64_t until);
    [[nodiscard]] std::uint64_t flush_wanted();
    void wait();
    void wake() noexcept;

    settings how_;
    std::vector<std::unique_ptr<observe::byte_ring>> rings_;
    usage_writer writer_;                         // the thread's
    std::string taken_;                           // the thread's
    std::string kept_;                            // the thread's: bills of while it is held
    bool held_ = false;                           // the thread's
    std::function<bool(std::string_view)> heir_;  // the thread's
    std::atomic<bool> hurried_{false};
    int wake_fd_ = -1;

    std::mutex mutex_;  // guards what follows, down to the next mutex
    std::condition_variable flushed_;
    std::uint64_t flush_wanted_ = 0;
    std::uint64_t flush_done_ = 0;
    std::vector<std::function<void()>> jobs_;
    bool hold_wanted_ = false;
    bool let_go_ = false;

    std::mutex look_mutex_;  // held while it runs
    std::function<void(time_point)> look_;

    std::jthread thread_;  // last: it uses everything above
};

ledger::parts::parts(settings how, observe::logger& log)
    : how_(std::move(how)),
      writer_(how_.path, how_.ours, how_.commit_every, how_.most_waiting, log)
{
    for (std::size_t i = 0; i < std::max<std::size_t>(how_.workers, 1); ++i)
        rings_.push_back(std::make_unique<observe::byte_ring>(how_.ring_bytes));
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd_ < 0)
        throw std::system_error(errno, std::generic_category(), "eventfd");
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ledger::parts::~parts()
{
    thread_.request_stop();
    wake();
    thread_.join();
    ::close(wake_fd_);
}

void ledger::parts::charge(std::size_t worker, const observe::bill& what) noexcept
{
    std::array<char, most_packed_bytes> memory;
    rings_[worker]->push(pack(what, memory));
}

void ledger::parts::wake() noexcept
{
    const std::uint64_t one = 1;
    // Full only if the thread has been told four billion times already.
    [[maybe_unused]] const auto told = ::write(wake_fd_, &one, sizeof one);
}

void ledger::parts::hurry() noexcept
{
    if (!hurried_.load(std::memory_order_relaxed)
        && !hurried_.exchange(true, std::memory_order_acq_rel))
        wake();
}

bool ledger::parts::flush(milliseconds limit)
{
    std::unique_lock lock(mutex_);
    const std::uint64_t mine = ++flush_wanted_;
    wake();
    return flushed_.wait_for(lock, limit, [&] { return flush_done_ >= mine; });
}

void ledger::parts::post(std::function<void()> job)
{
    {
        const std::scoped_lock lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    wake();
}

void ledger::parts::each_look(std::function<void(time_point)> what)
{
    const std::scoped_lock lock(look_mutex_);
    look_ = std::move(what);
}

observe::ledger_numbers ledger::parts::read() const noexcept
{
    auto now = writer_.read();
    for (const auto& ring : rings_)
        now.lost += ring->dropped();
    return now;
}

void ledger::parts::run(const std::stop_token& stop)
{
    // Signals are the control thread's.
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);

    while (!stop.stop_requested()) {
        const auto flushing = flush_wanted();
        take_bills();
        run_jobs();
        look();
        if (writer_.waits() && (flushing > 0 || writer_.due(steady::now())))
            writer_.commit();
        tell_flushed(writer_.waits() ? 0 : flushing);
        let_go_if_wanted();
        wait();
    }
    run_jobs();
    look();
    take_bills();
    if (writer_.waits())
        writer_.commit();
}

void ledger::parts::take_bills()
{
    if (held_ && kept_.size() > most_kept_bytes)
        return;
    taken_.clear();
    for (const auto& ring : rings_)
        ring->take(taken_);
    if (!taken_.empty())
        book(taken_);
}

void ledger::parts::book(std::string_view packed)
{
    if (heir_ && heir_(packed))
        return;
    heir_ = nullptr;
    if (held_)
        kept_ += packed;
    else
        writer_.add(packed, steady::now());
}

void ledger::parts::let_go_if_wanted()
{
    {
        const std::scoped_lock lock(mutex_);
        if (!hold_wanted_ || let_go_)
            return;
    }
    take_bills();  // what was charged before hold(), and after this round had taken its own
    if (writer_.waits())
        writer_.commit();
    const std::scoped_lock lock(mutex_);
    if (!hold_wanted_ || writer_.waits())
        return;
    writer_.close();
    held_ = let_go_ = true;
    flushed_.notify_all();
}

bool ledger::parts::hold(milliseconds limit)
{
    std::unique_lock lock(mutex_);
    hold_wanted_ = true;
    wake();
    hold_wanted_ = flushed_.wait_for(lock, limit, [this] { return let_go_; });
    return hold_wanted_;
}

void ledger::parts::resume()
{
    {
        const std::scoped_lock lock(mutex_);
        hold_wanted_ = let_go_ = false;
    }
    post([this] {
        held_ = false;
        if (const auto kept = std::exchange(kept_, {}); !kept.empty())
            book(kept);
    });
}

void ledger::parts::hand_over(std::function<bool(std::string_view)> heir)
{
    post([this, heir = std::move(heir)]() mutable {
        heir_ = std::move(heir);
        held_ = false;
        if (const auto kept = std::exchange(kept_, {}); !kept.empty())
            book(kept);
    });
}

bool ledger::parts::enter(std::string packed)
{
    if (!well_packed(packed))
        return false;
    post([this, packed = std::move(packed)] { book(packed); });
    return true;
}

void ledger::parts::run_jobs()
{
    std::vector<std::function<void()>> jobs;
    {
        const std::scoped_lock lock(mutex_);
        jobs.swap(jobs_);
    }
    for (const auto& job : jobs)
        job();
}

void ledger::parts::look()
{
    const std::scoped_lock lock(look_mutex_);
    if (look_)
        look_(steady::now());
}

std::uint64_t ledger::parts::flush_wanted()
{
    hurried_.store(false, std::memory_order_release);
    const std::scoped_lock lock(mutex_);
    return flush_wanted_ > flush_done_ ? flush_wanted_ : 0;
}

void ledger::parts::tell_flushed(std::uint64_t until)
{
    if (until == 0)
        return;
    const std::scoped_lock lock(mutex_);
    flush_done_ = until;
    flushed_.notify_all();
}

void ledger::parts::wait()
{
    pollfd waiting{wake_fd_, POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(how_.look_every.count()));
    if (waiting.revents != 0) {
        std::uint64_t times = 0;
        [[maybe_unused]] const auto read = ::read(wake_fd_, &times, sizeof times);
    }
}

ledger::ledger(settings how, observe::logger& log)
    : parts_(std::make_unique<parts>(std::move(how), log))
{
}

ledger::~ledger() = default;

void ledger::charge(std::size_t worker, const observe::bill& what) noexcept
{
    parts_->charge(worker, what);
}

bool ledger::flush(milliseconds limit)
{
    return parts_->flush(limit);
}

usage_answer ledger::usage(const usage_question& asked, milliseconds limit) const
{
    try {
        return ask_usage(parts_->path(), asked, limit);
    } catch (const sqlite_error& why) {
        usage_answer none;
        none.too_long = why.interrupted();
        none.complaint = none.too_long ? "the question takes too long: ask about less time"
                                       : std::string("the ledger cannot be read: ") + why.what();
        return none;
    }
}

observe::ledger_numbers ledger::read() const noexcept
{
    return parts_->read();
}

bool ledger::hold(milliseconds limit)
{
    return parts_->hold(limit);
}

void ledger::resume()
{
    parts_->resume();
}

void ledger::hand_over(std::function<bool(std::string_view packed)> heir)
{
    parts_->hand_over(std::move(heir));
}

bool ledger::enter(std::string packed)
{
    return parts_->enter(std::move(packed));
}

void ledger::post(std::function<void()> job)
{
    parts_->post(std::move(job));
}

void ledger::each_look(std::function<void(time_point now)> what)
{
    parts_->each_look(std::move(what));
}

void ledger::hurry() noexcept
{
    parts_->hurry();
}

}  // namespace sluice::state
