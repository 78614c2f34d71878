#pragma once
// The ledger once more, from the lines of the access log: each that carries a bill says all of it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::state {

// One thread, and no gateway at the same directory.
class usage_rebuilder {
public:
    // A new database; there must be none. Throws std::runtime_error when it cannot be made.
    explicit usage_rebuilder(const std::string& path);
    ~usage_rebuilder();
    usage_rebuilder(const usage_rebuilder&) = delete;
    usage_rebuilder& operator=(const usage_rebuilder&) = delete;

    // Without its line feed. Throws std::runtime_error when the database cannot be written.
    void take(std::string_view line);
    // All of it is on the disk, in that one file. Throws likewise.
    void finish();

    struct numbers {
        std::uint64_t bills = 0;
        std::uint64_t others = 0;  // lines of requests that cost nothing
        std::uint64_t broken =
            0;  // lines that are none of the access log's: torn, or with absurd numbers
    };
    [[nodiscard]] const numbers& read() const noexcept { return numbers_; }

private:
    void write();

    class parts;
    std::unique_ptr<parts> parts_;
    numbers numbers_;
};

}  // namespace sluice::state
