#pragma once
// Bills on their way to the database: packed by a worker, added up by the ledger's thread.

#include <sluice/base/text.hpp>
#include <sluice/observe/bill.hpp>
#include <sluice/state/usage.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace sluice::state {

// What bills are summed by.
struct usage_place {
    std::int64_t hour = 0;  // its first second, Unix time
    observe::bill_outcome outcome = observe::bill_outcome::answered;
    std::string_view tenant = {};
    std::string_view key = {};
    std::string_view model = {};
    std::string_view target = {};
    std::string_view arm = {};
    std::string_view tags = {};
};

inline constexpr std::size_t most_packed_bytes = 2048;

// Into `memory`. Names are cut where they do not fit.
[[nodiscard]] std::string_view pack(
    const observe::bill& what, std::span<char, most_packed_bytes> memory) noexcept;

// Whether these are whole bills one behind the other, with nothing in them that pack() does not
// write. For those that come from another process.
[[nodiscard]] bool well_packed(std::string_view bills) noexcept;

class usage_sums {
public:
    // Sets of tags that one hour may have; later ones are summed as `other`: clients choose tags,
    // and the database is not to grow as they like.
    static constexpr std::size_t most_tags = 4096;

    // At most `most` sums.
    explicit usage_sums(std::size_t most)
        : most_(most)
    {
    }

    // Bills one behind the other, as packed.
    void add(std::string_view packed);

    void each(const std::function<void(const usage_place&, const usage_totals&)>& what) const;
    void clear();

    [[nodiscard]] bool empty() const noexcept { return sums_.empty(); }
    [[nodiscard]] std::uint64_t bills() const noexcept { return bills_; }  // in the sums
    [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }  // ever
    [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }    // ever; not in taken

private:
    using sum = std::pair<const std::string, usage_totals>;
    using names = std::unordered_set<std::string, string_hash, std::equal_to<>>;
    struct hour_tags {
        std::int64_t hour = 0;
        names known;
    };
    // A request is of the hour that it began in, and few last for more than one.
    static constexpr std::size_t most_hours = 4;

    // Null: there are too many.
    [[nodiscard]] usage_totals* sum_for(
        std::string_view place, std::int64_t hour, std::size_t tags_bytes);
    [[nodiscard]] sum* find_or_make(std::string_view place);  // null: there are too many
    [[nodiscard]] bool may_have_tags(std::int64_t hour, std::string_view tags);
    [[nodiscard]] names& tags_of(std::int64_t hour);

    std::size_t most_;
    std::unordered_map<std::string, usage_totals, string_hash, std::equal_to<>> sums_;
    sum* last_ = nullptr;          // what was added to
    std::string other_;            // scratch
    std::vector<hour_tags> tags_;  // the hour that was last needed is the first
    std::uint64_t bills_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace sluice::state
