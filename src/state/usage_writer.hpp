#pragma once
// Sums of bills in memory, and their way to the database: tried again until it is done.

#include "usage_store.hpp"
#include "usage_sums.hpp"
#include <sluice/observe/ledger_numbers.hpp>
#include <sluice/observe/log.hpp>

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::state {

// The ledger's thread, but for read().
class usage_writer {
public:
    usage_writer(
        std::string path,
        std::function<bool()> ours,
        milliseconds commit_every,
        std::size_t most_waiting,
        observe::logger& log);

    void add(std::string_view packed, time_point now);

    [[nodiscard]] bool due(time_point now) const noexcept { return waits() && now >= commit_at_; }
    [[nodiscard]] bool waits() const noexcept { return !sums_.empty(); }

    void commit();
    // Lets go of the file; the next commit opens it again.
    void close() noexcept { store_.reset(); }

    // Any thread.
    [[nodiscard]] observe::ledger_numbers read() const noexcept;

private:
    [[nodiscard]] bool open();
    void see_that_it_is_there();
    void failed(const sqlite_error& why);
    void succeeded();

    std::string path_;
    std::function<bool()> ours_;
    milliseconds commit_every_;
    observe::logger& log_;
    usage_sums sums_;
    std::optional<usage_store> store_;
    time_point commit_at_{};
    std::string damage_;  // what was met in it
    bool told_down_ = false;
    std::atomic<std::uint64_t> bills_{0};
    std::atomic<std::uint64_t> lost_{0};
    std::atomic<std::uint64_t> waiting_{0};
    std::atomic<std::uint64_t> commits_{0};
    std::atomic<std::uint64_t> failures_{0};
    std::atomic<bool> up_{true};
};

}  // namespace sluice::state
