#pragma once
// One JSON line a request, written by a thread of its own. A worker formats into its ring and never
// waits: a full ring, a full disk or a stopped reader costs lines, which are counted.

#include <sluice/observe/access_record.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice::observe {

class line_ring;
class line_sink;

class access_log {
public:
    struct settings {
        std::string path = "stderr";  // "stderr", "off" or a file that is appended to
        std::size_t workers = 1;
        std::size_t ring_bytes = std::size_t{256}
                                 << 10U;  // per worker; a power of two, 4 KiB or more
    };

    // Starts the writer. Throws std::system_error when the file cannot be opened.
    explicit access_log(settings how);
    // Writes what is in the rings, for a second at most.
    ~access_log();
    access_log(const access_log&) = delete;
    access_log& operator=(const access_log&) = delete;

    // That worker's thread only. No lock, no allocation; a system call only to wake a writer that
    // has gone to sleep or to hurry it when the ring is half full.
    void write(std::size_t worker, const access_record& record) noexcept;

    // Any thread: log rotation, or another path after a reload. The writer opens it; while it
    // cannot, it goes on with what it had and tries again every second.
    void reopen(std::string path);

    // Any thread but a worker's: returns once all that was written before has been handed to the
    // file or dropped, or after `limit`. False: it took longer.
    bool flush(milliseconds limit = milliseconds{1000});

    // Lines lost, whatever the reason. Any thread.
    [[nodiscard]] std::uint64_t dropped() const noexcept;

    // What it is to write to. Any thread.
    [[nodiscard]] std::string path() const;

    // Why the last reopen() has not come about; empty if it has. Any thread.
    [[nodiscard]] std::string complaint() const;

private:
    void run(const std::stop_token& stop);
    void use(std::unique_ptr<line_sink> next);
    std::uint64_t take_up_requests();
    void tell_flushed(std::uint64_t until);
    [[nodiscard]] bool write_batch();  // false: the reader does not keep up
    [[nodiscard]] bool collect();
    void wait(bool sleepy);
    void wake() noexcept;

    std::vector<std::unique_ptr<line_ring>> rings_;
    std::unique_ptr<line_sink> sink_;  // the writer's
    std::string batch_;                // the writer's: whole lines taken from the rings
    bool torn_ = false;                // the writer's: the file ends within a line
    std::atomic<bool> on_;
    std::atomic<bool> asleep_{false};
    std::atomic<bool> nudged_{false};
    std::atomic<std::uint64_t> lost_in_writing_{0};
    int wake_fd_ = -1;

    mutable std::mutex mutex_;  // guards what follows, down to the thread
    std::condition_variable flushed_;
    std::string path_;
    std::string complaint_;
    bool reopen_ = false;
    std::uint64_t flush_wanted_ = 0;
    std::uint64_t flush_done_ = 0;

    std::jthread writer_;  // last: it uses everything above
};

}  // namespace sluice::observe
