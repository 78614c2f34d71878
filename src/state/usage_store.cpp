#include "usage_store.hpp"

#include <cstdint>
#include <sqlite3.h>
#include <string_view>

namespace sluice::state {
namespace {

// The usage of a week or two; an upgrade, whose budgets wait for it, is not to take longer.
constexpr std::uintmax_t most_looked_through = std::uintmax_t{16} << 20U;

constexpr const char* usage_schema =
    "CREATE TABLE IF NOT EXISTS usage("
    " hour INTEGER NOT NULL, tenant TEXT NOT NULL, key TEXT NOT NULL, model TEXT NOT NULL,"
    " target TEXT NOT NULL, arm TEXT NOT NULL, outcome TEXT NOT NULL, tags TEXT NOT NULL,"
    " bills INTEGER NOT NULL, estimated INTEGER NOT NULL, unknown INTEGER NOT NULL,"
    " unpriced INTEGER NOT NULL, input INTEGER NOT NULL, cached_input INTEGER NOT NULL,"
    " cache_write INTEGER NOT NULL, output INTEGER NOT NULL, reasoning INTEGER NOT NULL,"
    " nanodollars INTEGER NOT NULL,"
    " PRIMARY KEY(hour, tenant, key, model, target, arm, outcome, tags)) WITHOUT ROWID;";

constexpr std::string_view add_to_row =
    "INSERT INTO usage VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
    " ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
    " ON CONFLICT DO UPDATE SET bills = bills + ?9, estimated = estimated + ?10,"
    " unknown = unknown + ?11, unpriced = unpriced + ?12, input = input + ?13,"
    " cached_input = cached_input + ?14, cache_write = cache_write + ?15,"
    " output = output + ?16, reasoning = reasoning + ?17, nanodollars = nanodollars + ?18";

void bind(sqlite_statement& to, const usage_place& where, const usage_totals& what)
{
    to.bind(1, where.hour).bind(2, where.tenant).bind(3, where.key).bind(4, where.model);
    to.bind(5, where.target).bind(6, where.arm).bind(7, observe::label_of(where.outcome));
    to.bind(8, where.tags);
    int at = 9;
    for (const auto number :
         {what.bills,
          what.estimated,
          what.unknown,
          what.unpriced,
          what.input,
          what.cached_input,
          what.cache_write,
          what.output,
          what.reasoning})
        to.bind(at++, static_cast<std::int64_t>(number));
    to.bind(at, what.nanodollars);
}

}  // namespace

usage_store::usage_store(const std::string& path, std::string_view damage, std::string& complaint)
    : database_(
          open_store(path, {usage_schema, {add_to_row}, most_looked_through, damage}, complaint)),
      add_(database_.prepare(add_to_row))
{
}

void usage_store::write(const usage_sums& sums)
{
    database_.transaction([&] {
        sums.each([this](const usage_place& where, const usage_totals& what) {
            bind(add_, where, what);
            add_.run();
        });
    });
}

void usage_store::settle()
{
    auto moved = database_.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    if (moved.step() && moved.integer(0) != 0)
        throw sqlite_error(SQLITE_BUSY, "somebody else reads it");
}

}  // namespace sluice::state
