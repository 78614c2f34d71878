#include "budget_store.hpp"

namespace sluice::state {
namespace {

constexpr std::int64_t periods_kept = 40;

constexpr const char* budget_schema =
    "CREATE TABLE IF NOT EXISTS budget("
    " id TEXT NOT NULL, period INTEGER NOT NULL, granted INTEGER NOT NULL,"
    " topped_up INTEGER NOT NULL, told INTEGER NOT NULL, PRIMARY KEY(id, period)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS operations("
    " id TEXT NOT NULL, period INTEGER NOT NULL, booked TEXT NOT NULL,"
    " PRIMARY KEY(id, period)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS reached("
    " one INTEGER PRIMARY KEY, day INTEGER NOT NULL, month INTEGER NOT NULL);";

constexpr std::string_view find_row =
    "SELECT granted, topped_up, told FROM budget WHERE id = ?1 AND period = ?2";
constexpr std::string_view find_operations =
    "SELECT booked FROM operations WHERE id = ?1 AND period = ?2";
constexpr std::string_view save_row = "INSERT OR REPLACE INTO budget VALUES(?1, ?2, ?3, ?4, ?5)";
constexpr std::string_view save_operations = "INSERT OR REPLACE INTO operations VALUES(?1, ?2, ?3)";
constexpr std::string_view prune_rows = "DELETE FROM budget WHERE id = ?1 AND period < ?2";
constexpr std::string_view prune_operations =
    "DELETE FROM operations WHERE id = ?1 AND period < ?2";
constexpr std::string_view save_reached = "INSERT OR REPLACE INTO reached VALUES(1, ?1, ?2)";
constexpr std::string_view find_reached = "SELECT day, month FROM reached";

store_form budget_form()
{
    return {
        budget_schema,
        {find_row,
         find_operations,
         save_row,
         save_operations,
         prune_rows,
         prune_operations,
         save_reached,
         find_reached}};
}

// Above a thousand million dollars, and sums of some of them are still numbers.
constexpr std::int64_t most_believed = std::int64_t{1} << 60U;

bool is_believable(sqlite_statement& row, int column)
{
    return row.is_integer(column) && row.integer(column) >= 0
           && row.integer(column) < most_believed;
}

}  // namespace

budget_reader::budget_reader(sqlite_database of)
    : database_(std::move(of)),
      find_(database_.prepare(find_row)),
      operations_(database_.prepare(find_operations))
{
}

std::optional<budget_row> budget_reader::find(
    const std::string& budget, std::int64_t period, bool& damaged)
{
    find_.bind(1, std::string_view(budget)).bind(2, period);
    std::optional<budget_row> found;
    const bool there = find_.step();
    damaged = there && !(is_believable(find_, 0) && is_believable(find_, 1));
    if (there && !damaged)
        found = budget_row{budget, period, find_.integer(0), find_.integer(1), find_.integer(2)};
    find_.reset();
    operations_.bind(1, std::string_view(budget)).bind(2, period);
    if (operations_.step() && found)
        found->operations = operations_.text(0);
    operations_.reset();
    return found;
}

std::optional<reached_dates> budget_reader::reached()
{
    auto row = database_.prepare(find_reached);
    if (!row.step())
        return std::nullopt;
    return reached_dates{row.integer(0), row.integer(1)};
}

budget_store::budget_store(const std::string& path, std::string& complaint)
    : reader_(open_store(path, budget_form(), complaint)),
      save_(reader_.database().prepare(save_row)),
      book_(reader_.database().prepare(save_operations)),
      prune_(reader_.database().prepare(prune_rows)),
      prune_operations_(reader_.database().prepare(prune_operations)),
      reach_(reader_.database().prepare(save_reached))
{
}

void budget_store::save(const std::vector<budget_row>& rows, const reached_dates& reached)
{
    reader_.database().transaction([&] {
        for (const auto& row : rows) {
            const std::string_view id = row.budget;
            save_.bind(1, id).bind(2, row.period).bind(3, row.granted);
            save_.bind(4, row.topped_up).bind(5, row.told).run();
            prune_.bind(1, id).bind(2, row.period - periods_kept).run();
            if (row.operations.empty())
                continue;
            book_.bind(1, id).bind(2, row.period).bind(3, std::string_view(row.operations)).run();
            prune_operations_.bind(1, id).bind(2, row.period - periods_kept).run();
        }
        reach_.bind(1, reached.day).bind(2, reached.month).run();
    });
}

}  // namespace sluice::state
