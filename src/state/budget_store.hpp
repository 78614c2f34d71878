#pragma once
// The database of what was granted to this gateway: what a crash may not forget.

#include "sqlite.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::state {

// Of one budget in one period. Nano-dollars.
struct budget_row {
    std::string budget;
    std::int64_t period = 0;
    std::int64_t granted = 0;
    std::int64_t topped_up = 0;
    std::int64_t told = 0;        // which events: bits
    std::string operations = {};  // see operations.hpp
};

// The latest day and month that were reached.
struct reached_dates {
    std::int64_t day = 0;
    std::int64_t month = 0;
};

// What stands there, also where nothing can be written. One thread. Everything throws sqlite_error.
class budget_reader {
public:
    explicit budget_reader(sqlite_database of);

    // `damaged`: there is one, with numbers that no account has; none is the answer.
    [[nodiscard]] std::optional<budget_row> find(
        const std::string& budget, std::int64_t period, bool& damaged);
    [[nodiscard]] std::optional<reached_dates> reached();
    [[nodiscard]] sqlite_database& database() noexcept { return database_; }

private:
    sqlite_database database_;
    sqlite_statement find_;
    sqlite_statement operations_;
};

// One thread. Everything throws sqlite_error.
class budget_store {
public:
    // `complaint`: a corrupt file that was set aside.
    budget_store(const std::string& path, std::string& complaint);

    [[nodiscard]] budget_reader& reader() noexcept { return reader_; }
    // The file is not there any more: nothing of it is, and what is saved is nobody's.
    [[nodiscard]] bool moved() noexcept { return reader_.database().moved(); }

    // On the disk, all of it, when it returns.
    void save(const std::vector<budget_row>& rows, const reached_dates& reached);

private:
    budget_reader reader_;
    sqlite_statement save_;
    sqlite_statement book_;
    sqlite_statement prune_;
    sqlite_statement prune_operations_;
    sqlite_statement reach_;
};

}  // namespace sluice::state
