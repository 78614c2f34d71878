#include "ctl_usage.hpp"

#include "table.hpp"
#include <sluice/base/text.hpp>
#include <sluice/config/units.hpp>
#include <sluice/server/json_writer.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>

namespace sluice {
namespace {

namespace dom = simdjson::dom;
using rows = std::vector<std::vector<std::string>>;

struct column {
    const char* name;
    const char* heading;
};
constexpr std::array<column, 10> columns{{
    {"requests", "REQUESTS"},
    {"input_tokens", "INPUT"},
    {"cached_input_tokens", "CACHED"},
    {"cache_write_tokens", "WRITTEN"},
    {"output_tokens", "OUTPUT"},
    {"reasoning_tokens", "REASONING"},
    {"cost_usd", "COST USD"},
    {"estimated", "ESTIMATED"},
    {"usage_unknown", "NO USAGE"},
    {"price_unknown", "NO PRICE"},
}};

std::string cell(dom::element of, const char* name)
{
    std::uint64_t count = 0;
    double number = 0;
    std::string_view text;
    if (of[name].get(count) == simdjson::SUCCESS)
        return std::to_string(count);
    if (of[name].get(text) == simdjson::SUCCESS)
        return std::string(text);
    if (of[name].get(number) != simdjson::SUCCESS)
        return {};
    std::array<char, 64> digits;
    const auto length = std::snprintf(digits.data(), digits.size(), "%.9f", number);
    return {digits.data(), static_cast<std::size_t>(length)};
}

std::vector<std::string> dimensions_of(dom::element answer)
{
    std::vector<std::string> names;
    dom::array all;
    if (answer["by"].get(all) == simdjson::SUCCESS)
        for (const auto one : all)
            if (std::string_view name; one.get(name) == simdjson::SUCCESS)
                names.emplace_back(name);
    return names;
}

std::vector<std::string> row_of(dom::element from, const std::vector<std::string>& dimensions)
{
    std::vector<std::string> row;
    for (const auto& name : dimensions)
        row.push_back(cell(from, name.c_str()));
    for (const auto& each : columns)
        row.push_back(cell(from, each.name));
    return row;
}

rows rows_of(dom::element answer, const std::vector<std::string>& dimensions)
{
    rows all;
    dom::array found;
    if (answer["rows"].get(found) == simdjson::SUCCESS)
        for (const auto row : found)
            all.push_back(row_of(row, dimensions));
    return all;
}

// RFC 4180; a text that a spreadsheet would take for a formula is not one.
std::string csv_field(const std::string& text)
{
    const bool formula =
        !text.empty() && std::string_view("=+-@").find(text[0]) != std::string::npos;
    if (!formula && text.find_first_of(",\"\r\n") == std::string::npos)
        return text;
    std::string out = formula ? "\"'" : "\"";
    for (const char c : text) {
        out += c;
        if (c == '"')
            out += c;
    }
    return out + '"';
}

std::string csv_text(const rows& all)
{
    std::string out;
    for (const auto& row : all) {
        for (std::size_t i = 0; i < row.size(); ++i)
            out += (i > 0 ? "," : "") + csv_field(row[i]);
        out += "\r\n";
    }
    return out;
}

}  // namespace

ctl_result<admin_ask> usage_ask(const usage_options& options)
{
    std::string path = "/admin/v1/usage?by=" + percent_encoded(options.by);
    if (!options.since.empty())
        path += "&since=" + percent_encoded(options.since);
    if (!options.until.empty())
        path += "&until=" + percent_encoded(options.until);
    for (const auto& pair : options.only) {
        const auto equals = pair.find('=');
        if (equals == std::string::npos || equals == 0)
            return ctl_failure(2, "'" + pair + "' is no condition: write key=team-search");
        path += '&' + percent_encoded(pair.substr(0, equals)) + '='
                + percent_encoded(pair.substr(equals + 1));
    }
    return admin_ask{.method = "GET", .path = std::move(path)};
}

std::string usage_text(const usage_options& options, dom::element answer)
{
    const auto dimensions = dimensions_of(answer);
    auto all = rows_of(answer, dimensions);
    std::vector<std::string> heading;
    for (const auto& name : dimensions) {
        auto& text = heading.emplace_back(name);
        if (!options.csv)
            std::ranges::transform(text, text.begin(), [](unsigned char c) {
                return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
            });
    }
    for (const auto& each : columns)
        heading.emplace_back(options.csv ? each.name : each.heading);
    all.insert(all.begin(), std::move(heading));
    if (options.csv)
        return csv_text(all);
    dom::element total;
    if (dimensions.size() > 0 && answer["total"].get(total) == simdjson::SUCCESS) {
        auto last = row_of(total, dimensions);
        last[0] = "total";
        all.push_back(std::move(last));
    } else if (answer["total"].get(total) == simdjson::SUCCESS) {
        all.push_back(row_of(total, dimensions));
    }
    return table_text(all) + usage_notes(answer);
}

std::string usage_notes(dom::element answer)
{
    std::string out;
    const auto says = [&](const char* name) {
        bool value = false;
        return answer[name].get(value) == simdjson::SUCCESS && value;
    };
    if (says("truncated"))
        out += "There are more rows: ask about less time or fewer dimensions.\n";
    if (!says("complete"))
        out += "The newest requests are not written yet: " + cell(answer, "waiting")
               + " wait in memory.\n";
    if (const auto lost = cell(answer, "lost"); lost != "0" && !lost.empty())
        out += lost + " requests are missing since the start of the gateway.\n";
    return out;
}

ctl_result<admin_ask> top_up_ask(
    const std::string& budget, const std::string& usd, const std::string& operation)
{
    const auto amount = config::parse_decimal(usd);
    if (!amount || *amount <= 0)
        return ctl_failure(2, "'" + usd + "' is no sum of money: write dollars, as 5 or 2.50");
    server::json_writer body;
    body.begin_object().key("usd").number(*amount).end_object();
    return admin_ask{
        .method = "POST",
        .path = "/admin/v1/budgets/" + percent_encoded(budget) + "/topup",
        .body = body.str(),
        .idempotency_key = operation.empty() ? random_name() : operation};
}

std::string budgets_text(dom::element answer)
{
    rows all{{"BUDGET", "SPENT USD", "LEFT USD", "LIMIT USD", "TOPPED UP", "ENDS"}};
    const auto add = [&](dom::element one) {
        all.push_back(
            {cell(one, "id"),
             cell(one, "spent_usd"),
             cell(one, "left_usd"),
             cell(one, "limit_usd"),
             cell(one, "topped_up_usd"),
             cell(one, "ends")});
    };
    dom::array list;
    if (answer["budgets"].get(list) == simdjson::SUCCESS)
        for (const auto one : list)
            add(one);
    else
        add(answer);
    return table_text(all);
}

}  // namespace sluice
