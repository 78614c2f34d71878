#include "usage_store.hpp"
#include <sluice/observe/tags.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sqlite3.h>
#include <system_error>
#include <unistd.h>

namespace sluice::state {
namespace {

constexpr std::string_view of_tag = "tag:";
constexpr int steps_between_looks = 20'000;  // of SQLite's machine; some milliseconds

constexpr std::array<std::string_view, 7> columns{
    "tenant", "key", "model", "target", "arm", "outcome", "tags"};

constexpr std::string_view sums =
    "coalesce(sum(bills), 0), coalesce(sum(estimated), 0), coalesce(sum(unknown), 0),"
    " coalesce(sum(unpriced), 0), coalesce(sum(input), 0), coalesce(sum(cached_input), 0),"
    " coalesce(sum(cache_write), 0), coalesce(sum(output), 0), coalesce(sum(reasoning), 0),"
    " coalesce(sum(nanodollars), 0)";

bool is_column(std::string_view name) noexcept
{
    return std::ranges::find(columns, name) != columns.end();
}

// A statement put together, with the texts that are bound to it in order.
struct asked_sql {
    using condition = usage_question::condition;

    std::string text;
    std::vector<std::string_view> bound;

    void bind(std::string_view value)
    {
        bound.push_back(value);
        text += '?' + std::to_string(bound.size());
    }

    // `name` is a dimension.
    void add_dimension(std::string_view name)
    {
        if (name == "day")
            text += "day_text(hour)";
        else if (name == "hour")
            text += "strftime('%Y-%m-%dT%H:%M:%SZ', hour, 'unixepoch')";
        else if (is_column(name))
            text += name;
        else {
            text += "tag_value(tags, ";
            bind(name.substr(of_tag.size()));
            text += ')';
        }
    }

    void add_conditions(const usage_question& asked)
    {
        text += " FROM usage WHERE 1";
        if (asked.since)
            text += " AND hour > " + std::to_string(*asked.since - 3600);
        if (asked.until)
            text += " AND hour < " + std::to_string(*asked.until);
        for (auto each = asked.only.begin(); each != asked.only.end(); ++each)
            if (std::ranges::find(asked.only.begin(), each, each->dimension, &condition::dimension)
                == each)
                add_alternatives(each->dimension, asked.only);
    }

    // All values that this dimension may have.
    void add_alternatives(std::string_view dimension, const std::vector<condition>& all)
    {
        text += " AND ";
        add_dimension(dimension);
        std::string_view before = " IN (";
        for (const auto& each : all) {
            if (each.dimension != dimension)
                continue;
            text += before;
            bind(each.value);
            before = ", ";
        }
        text += ')';
    }

    [[nodiscard]] sqlite_statement prepare(sqlite_database& database) const
    {
        auto compiled = database.prepare(text);
        for (std::size_t i = 0; i < bound.size(); ++i)
            compiled.bind(static_cast<int>(i) + 1, bound[i]);
        return compiled;
    }
};

usage_totals totals_at(sqlite_statement& row, int column)
{
    const auto next = [&] { return static_cast<std::uint64_t>(row.integer(column++)); };
    usage_totals totals;
    for (auto* number :
         {&totals.bills,
          &totals.estimated,
          &totals.unknown,
          &totals.unpriced,
          &totals.input,
          &totals.cached_input,
          &totals.cache_write,
          &totals.output,
          &totals.reasoning})
        *number = next();
    totals.nanodollars = row.integer(column);
    return totals;
}

std::string_view text_of(sqlite3_value* value)
{
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
    const auto bytes = static_cast<std::size_t>(sqlite3_value_bytes(value));
    return text != nullptr ? std::string_view(text, bytes) : std::string_view{};
}

// tag_value(tags, name)
void tag_value(sqlite3_context* context, int /*count*/, sqlite3_value** values)
{
    const auto value = observe::tag_value(text_of(values[0]), text_of(values[1]));
    const char* from = value.empty() ? "" : value.data();
    sqlite3_result_text(context, from, static_cast<int>(value.size()), SQLITE_TRANSIENT);
}

// day_text(hour), in the time zone that the function was made with
void day_text(sqlite3_context* context, int /*count*/, sqlite3_value** values)
{
    const auto& zone = *static_cast<const policy::time_zone*>(sqlite3_user_data(context));
    const std::chrono::sys_seconds at(seconds(sqlite3_value_int64(values[0])));
    const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(zone.local(at)));
    std::array<char, 32> text;
    const auto length = std::snprintf(
        text.data(),
        text.size(),
        "%04d-%02u-%02u",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()));
    sqlite3_result_text(context, text.data(), length, SQLITE_TRANSIENT);
}

// The functions of add_dimension(). `zone` outlives the use of the database.
void add_functions(sqlite_database& to, const policy::time_zone& zone)
{
    constexpr int how = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    auto* const used = const_cast<policy::time_zone*>(&zone);
    sqlite3_create_function(
        to.handle(), "tag_value", 2, how, nullptr, &tag_value, nullptr, nullptr);
    sqlite3_create_function(to.handle(), "day_text", 1, how, used, &day_text, nullptr, nullptr);
}

int past_due(void* due)
{
    return steady::now() >= *static_cast<const time_point*>(due) ? 1 : 0;
}

usage_totals ask_total(sqlite_database& database, const usage_question& asked)
{
    asked_sql sql;
    sql.text.assign("SELECT ").append(sums);
    sql.add_conditions(asked);
    auto row = sql.prepare(database);
    return row.step() ? totals_at(row, 0) : usage_totals{};
}

void ask_rows(sqlite_database& database, const usage_question& asked, usage_answer& answer)
{
    asked_sql sql;
    sql.text = "SELECT ";
    std::string places;
    for (std::size_t i = 0; i < asked.by.size(); ++i) {
        sql.add_dimension(asked.by[i]);
        sql.text += ", ";
        places += (i > 0 ? ", " : "") + std::to_string(i + 1);
    }
    sql.text += sums;
    sql.add_conditions(asked);
    sql.text += " GROUP BY " + places + " ORDER BY " + places + " LIMIT "
                + std::to_string(usage_answer::most_rows + 1);
    auto row = sql.prepare(database);
    while (row.step()) {
        if (answer.rows.size() == usage_answer::most_rows) {
            answer.cut = true;
            return;
        }
        auto& next = answer.rows.emplace_back();
        for (std::size_t i = 0; i < asked.by.size(); ++i)
            next.group.emplace_back(row.text(static_cast<int>(i)));
        next.totals = totals_at(row, static_cast<int>(asked.by.size()));
    }
}

}  // namespace

bool is_usage_dimension(std::string_view name) noexcept
{
    if (name.starts_with(of_tag))
        return observe::is_tag_name(name.substr(of_tag.size()));
    return name == "day" || name == "hour" || is_column(name);
}

void sort_in(const std::string& directory)
{
    const auto writable = [](const std::string& place) {
        return ::access(place.c_str(), W_OK | X_OK) == 0;
    };
    std::error_code ec;
    const auto usual = std::filesystem::temp_directory_path(ec).string();
    if (writable(usual) || writable("/var/tmp") || writable("/tmp"))
        return;
    sqlite3_temp_directory = sqlite3_mprintf("%s", directory.c_str());
}

usage_answer ask_usage(const std::string& path, const usage_question& asked, milliseconds limit)
{
    auto due = steady::now() + limit;
    sqlite_database database(path, sqlite_database::mode::read);
    sqlite3_progress_handler(database.handle(), steps_between_looks, &past_due, &due);
    add_functions(database, asked.zone);
    usage_answer answer;
    // Rows and their total are of one moment.
    database.run("BEGIN");
    answer.total = ask_total(database, asked);
    if (!asked.by.empty())
        ask_rows(database, asked, answer);
    return answer;
}

}  // namespace sluice::state
