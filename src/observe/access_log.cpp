#include "line_ring.hpp"
#include "line_sink.hpp"
#include <sluice/observe/access_log.hpp>
#include <sluice/observe/json_line.hpp>
#include <sluice/observe/outcome.hpp>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace sluice::observe {
namespace {

constexpr milliseconds beat{50};  // between two looks into the rings while there is traffic
constexpr milliseconds long_beat{1000};
constexpr unsigned beats_to_sleep = 20;
constexpr std::size_t line_bytes = 3072;

template <std::size_t N>
struct literal {
    consteval literal(const char (&from)[N])  // NOLINT(google-explicit-constructor)
    {
        std::copy_n(from, N, text);
    }
    char text[N];
};

// Stands in constant memory; a temporary would be put together for every line.
template <literal Name>
constexpr json_key key{Name.text};

void add_text(json_line& line, const json_key& key, std::string_view value, std::size_t cap)
{
    if (!value.empty())
        line.text(key, value, cap);
}

// A phase that did not come about takes no room.
void add_phase(json_line& line, const json_key& key, nanoseconds took)
{
    if (took.count() >= 1000)
        line.millis(key, took);
}

std::string_view format(const access_record& r, std::string_view time, std::span<char> memory)
{
    json_line line(memory);
    line.text(key<"time">, time);
    add_text(line, key<"request_id">, r.request_id, 128);
    add_text(line, key<"trace_id">, r.trace_id, 32);
    add_text(line, key<"client">, r.client, 64);
    add_text(line, key<"method">, r.method, 16);
    add_text(line, key<"path">, r.path, 64);
    add_text(line, key<"model">, r.model, 256);
    add_text(line, key<"answered_by">, r.answered_by, 256);
    add_text(line, key<"target">, r.target, 128);
    add_text(line, key<"arm">, r.arm, 16);
    add_text(line, key<"provider">, r.provider, 128);
    add_text(line, key<"key">, r.key_id, 128);
    add_text(line, key<"tenant">, r.tenant, 128);
    add_text(line, key<"outcome">, r.outcome, 16);
    add_text(line, key<"tags">, r.tags, 256);
    line.number(key<"status">, r.status);
    add_text(line, key<"error">, r.error, 64);
    line.flag(key<"stream">, r.stream);
    add_text(line, key<"end">, r.end, 32);
    add_text(line, key<"finish">, r.finish, 32);
    line.number(key<"attempts">, r.attempts);
    line.number(key<"bytes_in">, r.bytes_in).number(key<"bytes_out">, r.bytes_out);
    if (r.usage_known) {
        line.number(key<"input_tokens">, r.input_tokens);
        line.number(key<"cached_input_tokens">, r.cached_input_tokens);
        line.number(key<"output_tokens">, r.output_tokens);
        line.number(key<"reasoning_tokens">, r.reasoning_tokens);
        if (r.cache_write_tokens > 0)
            line.number(key<"cache_write_tokens">, r.cache_write_tokens);
    }
    if (r.estimated)
        line.flag(key<"estimated">, true);
    if (r.nanodollars && !r.dollars.empty())
        line.written(key<"cost_usd">, r.dollars);
    else if (r.nanodollars)
        line.billionths(key<"cost_usd">, *r.nanodollars);
    line.millis(key<"duration_ms">, r.duration);
    if (r.first_token)
        line.millis(key<"first_token_ms">, *r.first_token);
    if (r.queued)
        line.millis(key<"queue_ms">, *r.queued);
    add_phase(line, key<"read_ms">, r.overhead[0]);
    add_phase(line, key<"decide_ms">, r.overhead[1]);
    add_phase(line, key<"connect_ms">, r.overhead[2]);
    add_phase(line, key<"relay_ms">, r.overhead[3]);
    return line.number(key<"config">, r.config_version).finish();
}

std::uint64_t lines_in(std::string_view text)
{
    return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

access_log::access_log(settings how)
    : on_(how.path != "off"),
      path_(std::move(how.path))
{
    for (std::size_t i = 0; i < std::max<std::size_t>(how.workers, 1); ++i)
        rings_.push_back(std::make_unique<line_ring>(how.ring_bytes));
    batch_.reserve(rings_.size() * how.ring_bytes + 1);
    if (on_)
        use(std::make_unique<line_sink>(path_));
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd_ < 0)
        throw std::system_error(errno, std::generic_category(), "eventfd");
    writer_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

access_log::~access_log()
{
    flush();
    writer_.request_stop();
    wake();
    writer_.join();
    ::close(wake_fd_);
}

void access_log::write(std::size_t worker, const access_record& record) noexcept
{
    if (!on_.load(std::memory_order_relaxed))
        return;
    line_ring& ring = *rings_[worker];
    std::array<char, line_bytes> memory;
    ring.push(format(record, ring.time.of(record.time), memory));
    if ((asleep_.load(std::memory_order_relaxed) || ring.crowded())
        && !nudged_.load(std::memory_order_relaxed)
        && !nudged_.exchange(true, std::memory_order_relaxed))
        wake();
}

void access_log::reopen(std::string path)
{
    {
        const std::scoped_lock lock(mutex_);
        path_ = std::move(path);
        reopen_ = true;
    }
    wake();
}

bool access_log::flush(milliseconds limit)
{
    std::unique_lock lock(mutex_);
    const std::uint64_t mine = ++flush_wanted_;
    wake();
    return flushed_.wait_for(lock, limit, [&] { return flush_done_ >= mine; });
}

std::uint64_t access_log::dropped() const noexcept
{
    std::uint64_t lines = lost_in_writing_.load(std::memory_order_relaxed);
    for (const auto& ring : rings_)
        lines += ring->dropped();
    return lines;
}

std::string access_log::path() const
{
    const std::scoped_lock lock(mutex_);
    return path_;
}

std::string access_log::complaint() const
{
    const std::scoped_lock lock(mutex_);
    return complaint_;
}

void access_log::wake() noexcept
{
    const std::uint64_t one = 1;
    // Full only if the writer has been told four billion times already.
    [[maybe_unused]] const auto told = ::write(wake_fd_, &one, sizeof one);
}

void access_log::run(const std::stop_token& stop)
{
    // A reader that went away is an error of write(), not the end of the process.
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);

    unsigned idle_beats = 0;
    while (!stop.stop_requested()) {
        const std::uint64_t flushing = take_up_requests();
        const bool worked = write_batch() && collect() && write_batch();
        if (batch_.empty())
            tell_flushed(flushing);
        idle_beats = worked || !batch_.empty() ? 0 : idle_beats + 1;
        wait(idle_beats >= beats_to_sleep);
    }
}

// The first line does not go on where another one was torn.
void access_log::use(std::unique_ptr<line_sink> next)
{
    sink_ = std::move(next);
    torn_ = sink_ && sink_->ends_within_a_line();
    if (torn_ && !batch_.empty())
        batch_.insert(0, 1, '\n');
}

std::uint64_t access_log::take_up_requests()
{
    const std::scoped_lock lock(mutex_);
    if (reopen_) {
        try {
            auto next = path_ == "off" ? nullptr : std::make_unique<line_sink>(path_);
            use(std::move(next));
            on_ = sink_ != nullptr;
            reopen_ = false;
            complaint_.clear();
        } catch (const std::system_error& failure) {
            complaint_ = failure.what();
        }
    }
    return flush_wanted_;
}

void access_log::tell_flushed(std::uint64_t until)
{
    const std::scoped_lock lock(mutex_);
    flush_done_ = until;
    flushed_.notify_all();
}

bool access_log::collect()
{
    if (torn_)
        batch_ += '\n';
    const std::size_t nothing = batch_.size();
    for (const auto& ring : rings_)
        ring->take(batch_);
    if (batch_.size() == nothing) {
        batch_.clear();
        return false;
    }
    return true;
}

bool access_log::write_batch()
{
    std::string_view rest = batch_;
    while (!rest.empty()) {
        const auto [bytes, error] = sink_ ? sink_->write(rest) : line_sink::outcome{rest.size(), 0};
        if (error == EAGAIN) {
            batch_.erase(0, batch_.size() - rest.size());
            return false;
        }
        if (error != 0) {
            // The line feed that ends a torn line is not a line lost.
            const std::uint64_t torn = rest.front() == '\n' ? 1 : 0;
            lost_in_writing_.fetch_add(lines_in(rest) - torn, std::memory_order_relaxed);
            break;
        }
        torn_ = rest[bytes - 1] != '\n';
        rest.remove_prefix(bytes);
    }
    batch_.clear();
    return true;
}

void access_log::wait(bool sleepy)
{
    asleep_.store(sleepy, std::memory_order_relaxed);
    // A line pushed while this thread falls asleep may not see `asleep_`: it waits a long beat at
    // most.
    std::array<pollfd, 2> waiting{{{wake_fd_, POLLIN, 0}, {-1, POLLOUT, 0}}};
    if (!batch_.empty() && sink_)
        waiting[1].fd = sink_->fd();
    const auto timeout = sleepy ? long_beat : beat;
    ::poll(waiting.data(), waiting.size(), static_cast<int>(timeout.count()));
    if (waiting[0].revents != 0) {
        std::uint64_t times = 0;
        [[maybe_unused]] const auto read = ::read(wake_fd_, &times, sizeof times);
    }
    asleep_.store(false, std::memory_order_relaxed);
    nudged_.store(false, std::memory_order_relaxed);
}

}  // namespace sluice::observe
