// What was used and spent.
#include "admin_api.hpp"
#include <sluice/base/text.hpp>
#include <sluice/config/time_zone.hpp>
#include <sluice/config/units.hpp>
#include <sluice/observe/json_line.hpp>
#include <sluice/server/json_writer.hpp>
#include <sluice/state/ledger.hpp>
#include <sluice/state/usage.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace sluice::server {
namespace {

constexpr milliseconds most_waiting{500};  // for the last bills to be written
constexpr std::size_t most_dimensions = 8;
constexpr std::array<std::string_view, 6> conditions{
    "tenant", "key", "model", "target", "arm", "outcome"};

std::int64_t system_now() noexcept
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<seconds>(now).count();
}

// The digits at `at`, exactly `count` of them.
std::optional<int> digits_of(std::string_view text, std::size_t at, std::size_t count)
{
    int value = 0;
    const auto* end = text.data() + at + count;
    if (at + count > text.size() || text[at] == '-'
        || std::from_chars(text.data() + at, end, value).ptr != end)
        return std::nullopt;
    return value;
}

// "2026-11-21", where it begins in the zone, or "2026-11-21T12:30:00Z".
std::optional<std::int64_t> parse_date(std::string_view text, const policy::time_zone& zone)
{
    using namespace std::chrono;
    const auto y = digits_of(text, 0, 4);
    const auto m = digits_of(text, 5, 2);
    const auto d = digits_of(text, 8, 2);
    if (!y || !m || !d || text[4] != '-' || text[7] != '-')
        return std::nullopt;
    const auto date = year(*y) / month(static_cast<unsigned>(*m)) / day(static_cast<unsigned>(*d));
    if (!date.ok())
        return std::nullopt;
    const auto midnight = sys_seconds(sys_days(date)).time_since_epoch().count();
    if (text.size() == 10)
        return zone.reaches(local_seconds(seconds(midnight))).time_since_epoch().count();
    const auto hour = digits_of(text, 11, 2);
    const auto minute = digits_of(text, 14, 2);
    const auto second = digits_of(text, 17, 2);
    if (text.size() != 20 || !hour || !minute || !second || *hour > 23 || *minute > 59
        || *second > 60 || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z')
        return std::nullopt;
    return midnight + *hour * 3600 + *minute * 60 + *second;
}

// A date, a moment, seconds since 1970, or how long ago: "24h".
std::optional<std::int64_t> parse_moment(std::string_view text, const policy::time_zone& zone)
{
    if (const auto date = parse_date(text, zone))
        return date;
    if (const auto number = config::parse_count(text); number && *number <= 253'402'300'800)
        return static_cast<std::int64_t>(*number);
    if (const auto ago = config::parse_duration(text))
        return system_now() - std::chrono::duration_cast<seconds>(*ago).count();
    return std::nullopt;
}

admin_error wrong_value(std::string_view param, std::string message)
{
    return {.code = "invalid_value", .message = std::move(message), .param = std::string(param)};
}

std::optional<admin_error> read_dimensions(std::string_view text, state::usage_question& into)
{
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        const auto name = trim(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
        if (!state::is_usage_dimension(name))
            return wrong_value(
                "by",
                "'" + std::string(name)
                    + "' is none of day, hour, tenant, key, model, target, arm, outcome, tags and "
                      "tag:NAME");
        if (into.by.size() == most_dimensions)
            return wrong_value("by", "at most 8 dimensions");
        into.by.emplace_back(name);
    }
    return std::nullopt;
}

std::optional<admin_error> read_question(std::string_view query, state::usage_question& into)
{
    for (const std::string_view name : {"by", "since", "until"})
        if (query_values(query, name).size() > 1)
            return wrong_value(name, "write '" + std::string(name) + "' once");
    if (auto bad = read_dimensions(query_value(query, "by").value_or(""), into))
        return bad;
    for (auto& [name, moment] :
         {std::pair<std::string_view, std::optional<std::int64_t>*>{"since", &into.since},
          std::pair<std::string_view, std::optional<std::int64_t>*>{"until", &into.until}}) {
        const auto text = query_value(query, name);
        if (!text)
            continue;
        *moment = parse_moment(*text, into.zone);
        if (!*moment)
            return wrong_value(
                name, "write a day as 2026-11-21, a moment as 2026-11-21T12:00:00Z, or 24h");
    }
    for (const auto name : conditions)
        for (auto& value : query_values(query, name))
            into.only.push_back({std::string(name), std::move(value)});
    for (const auto& pair : query_values(query, "tag")) {
        const auto equals = std::min(pair.find('='), pair.size());
        const auto dimension = "tag:" + pair.substr(0, equals);
        if (equals == pair.size() || !state::is_usage_dimension(dimension))
            return wrong_value("tag", "write a tag as NAME=VALUE");
        into.only.push_back({dimension, pair.substr(equals + 1)});
    }
    return std::nullopt;
}

void write_totals(json_writer& out, const state::usage_totals& of)
{
    out.key("requests").count(of.bills);
    out.key("input_tokens").count(of.input);
    out.key("cached_input_tokens").count(of.cached_input);
    out.key("cache_write_tokens").count(of.cache_write);
    out.key("output_tokens").count(of.output);
    out.key("reasoning_tokens").count(of.reasoning);
    out.key("cost_usd").raw(dollars_text(of.nanodollars));
    out.key("estimated").count(of.estimated);
    out.key("usage_unknown").count(of.unknown);
    out.key("price_unknown").count(of.unpriced);
}

constexpr std::int64_t hour = 3600;

// Of what is asked about: hours are summed, so all of one counts or nothing.
std::int64_t hour_before(std::int64_t moment) noexcept
{
    return moment - moment % hour;
}

void write_moment(json_writer& out, std::string_view name, std::int64_t moment)
{
    observe::timestamp_text text;
    if (moment >= 0)
        out.key(name).text(text.of(seconds(moment)));
}

// Off the control thread: it reads the database.
admin_response answer_usage(state::ledger& book, const state::usage_question& asked)
{
    const bool whole = book.flush(most_waiting);
    const auto found = book.usage(asked);
    if (!found.complaint.empty())
        return error_answer(admin_error{
            .status = found.too_long ? 422U : 503U,
            .code = found.too_long ? "too_much" : "ledger_unavailable",
            .message = found.complaint});
    json_writer out;
    out.begin_object().key("by").texts(asked.by);
    if (asked.since)
        write_moment(out, "since", hour_before(*asked.since));
    if (asked.until)
        write_moment(out, "until", hour_before(*asked.until + hour - 1));
    out.key("rows").begin_array();
    for (const auto& row : found.rows) {
        out.begin_object();
        for (std::size_t i = 0; i < asked.by.size(); ++i)
            out.key(asked.by[i]).text(row.group[i]);
        write_totals(out, row.totals);
        out.end_object();
    }
    out.end_array().key("total").begin_object();
    write_totals(out, found.total);
    out.end_object();
    out.key("truncated").boolean(found.cut);
    // Without them all, the newest bills are missing.
    out.key("complete").boolean(whole);
    const auto numbers = book.read();
    out.key("waiting").count(numbers.waiting);
    out.key("lost").count(numbers.lost);
    return json_answer(200, out.end_object().str());
}

}  // namespace

admin_response admin_api::usage(const admin_call& call)
{
    state::usage_question asked;
    if (auto zone = config::find_time_zone(sources_.control.current()->time_zone))
        asked.zone = std::move(*zone);
    if (const auto bad = read_question(call.query, asked))
        return error_answer(*bad);
    later_ = [&book = sources_.book, asked = std::move(asked)](auto then) {
        then(answer_usage(book, asked));
    };
    return {};
}

}  // namespace sluice::server
