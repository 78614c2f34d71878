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
    " one INTEGER PRIMARY KEY, day INTEGER NOT NULL, month INTEGER NOT NULL);"
    "PRAGMA user_version = 1;";

}  // namespace

budget_store::budget_store(const std::string& path, std::string& complaint)
    : database_(open_store(path, budget_schema, complaint)),
      find_(database_.prepare(
          "SELECT granted, topped_up, told FROM budget WHERE id = ?1 AND period = ?2")),
      operations_(database_.prepare("SELECT booked FROM operations WHERE id = ?1 AND period = ?2")),
      save_(database_.prepare("INSERT OR REPLACE INTO budget VALUES(?1, ?2, ?3, ?4, ?5)")),
      book_(database_.prepare("INSERT OR REPLACE INTO operations VALUES(?1, ?2, ?3)")),
      prune_(database_.prepare("DELETE FROM budget WHERE id = ?1 AND period < ?2")),
      prune_operations_(database_.prepare("DELETE FROM operations WHERE id = ?1 AND period < ?2")),
      reach_(database_.prepare("INSERT OR REPLACE INTO reached VALUES(1, ?1, ?2)"))
{
}

std::optional<budget_row> budget_store::find(const std::string& budget, std::int64_t period)
{
    find_.bind(1, std::string_view(budget)).bind(2, period);
    std::optional<budget_row> found;
    if (find_.step())
        found = budget_row{budget, period, find_.integer(0), find_.integer(1), find_.integer(2)};
    find_.reset();
    operations_.bind(1, std::string_view(budget)).bind(2, period);
    if (operations_.step() && found)
        found->operations = operations_.text(0);
    operations_.reset();
    return found;
}

std::optional<reached_dates> budget_store::reached()
{
    auto row = database_.prepare("SELECT day, month FROM reached");
    if (!row.step())
        return std::nullopt;
    return reached_dates{row.integer(0), row.integer(1)};
}

void budget_store::save(const std::vector<budget_row>& rows, const reached_dates& reached)
{
    database_.transaction([&] {
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
