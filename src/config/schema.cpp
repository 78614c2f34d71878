#include <sluice/config/schema.hpp>
#include <sluice/config/units.hpp>

#include <algorithm>

namespace sluice::config {
namespace {

constexpr std::string_view later[] = {
    "metrics",
};

// `path` itself, or something below it.
bool is_below(std::string_view path, std::string_view above)
{
    return path.starts_with(above)
           && (path.size() == above.size() || path[above.size()] == '.'
               || path[above.size()] == '[');
}

std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
        }
    }
    return row[b.size()];
}

std::string bound(const schema_row& row, std::uint64_t value)
{
    switch (row.kind) {
    case value_kind::duration:
        return format_duration(milliseconds(static_cast<std::int64_t>(value)));
    case value_kind::size:
        return format_size(value);
    case value_kind::percent:
        return std::to_string(value) + '%';
    case value_kind::money:
        return format_money(static_cast<std::int64_t>(value));
    case value_kind::price:
        return format_micros(static_cast<std::int64_t>(value));
    default:
        return std::to_string(value);
    }
}

std::string range(const schema_row& row)
{
    return (row.above ? "above " : "") + bound(row, row.min) + " to " + bound(row, row.max)
           + (row.zero && row.min > 0 ? ", or 0" : "");
}

std::string_view kind_name(value_kind of)
{
    constexpr std::string_view names[] = {
        "text",
        "list of texts",
        "secret",
        "list of secrets",
        "choice",
        "boolean",
        "whole number",
        "number",
        "duration",
        "size",
        "rate",
        "percentage",
        "money",
        "price",
        "section"};
    return names[static_cast<std::size_t>(of)];
}

}  // namespace

const schema_row* find_row(std::string_view path)
{
    const auto rows = schema();
    const auto found = std::find_if(
        rows.begin(), rows.end(), [&](const schema_row& row) { return row.path == path; });
    return found == rows.end() ? nullptr : &*found;
}

std::vector<std::string_view> names_below(std::string_view path)
{
    std::vector<std::string_view> names;
    for (const auto& row : schema()) {
        std::string_view rest = row.path;
        if (!path.empty()) {
            if (!rest.starts_with(path) || rest.substr(path.size(), 1) != ".")
                continue;
            rest.remove_prefix(path.size() + 1);
        }
        names.push_back(rest.substr(0, rest.find_first_of(".[")));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

bool comes_later(std::string_view path)
{
    return std::any_of(std::begin(later), std::end(later), [&](std::string_view one) {
        return is_below(path, one);
    });
}

std::string_view nearest(std::string_view name, std::span<const std::string_view> known)
{
    std::string_view best;
    std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
    if (name.size() > 256)
        return best;
    for (const auto candidate : known) {
        const std::size_t distance = edit_distance(name, candidate);
        // A slip leaves more than half of the word standing.
        if (distance < least && 2 * distance <= candidate.size()) {
            least = distance;
            best = candidate;
        }
    }
    return best;
}

std::string allowed(const schema_row& row)
{
    std::string text;
    switch (row.kind) {
    case value_kind::boolean:
        text = "true or false";
        break;
    case value_kind::rate:
        text = "1 to 1000000000 per s, min, h or d, as 50/s or 3000/min";
        break;
    case value_kind::choice:
        for (const auto choice : row.choices)
            text += (text.empty() ? "" : ", ") + std::string(choice);
        break;
    case value_kind::count:
    case value_kind::decimal:
    case value_kind::duration:
    case value_kind::size:
    case value_kind::percent:
    case value_kind::money:
    case value_kind::price:
        text = range(row);
        break;
    default:
        break;
    }
    if (row.off)
        text += text.empty() ? "`off`" : ", or `off`";
    if (!row.limit.empty())
        text += (text.empty() ? "" : ", ") + std::string(row.limit);
    return text;
}

std::string schema_table()
{
    std::string table = "| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n";
    for (const auto& row : schema()) {
        const bool words = row.fallback.find(' ') != std::string_view::npos;
        const std::string mark = words ? "" : "`";
        const std::string fallback = row.required ? "(required)"
                                     : row.fallback.empty()
                                         ? "none"
                                         : mark + std::string(row.fallback) + mark;
        table += "| `" + std::string(row.path) + "` | " + std::string(kind_name(row.kind)) + " | "
                 + fallback + " | " + allowed(row) + " | " + std::string(row.meaning)
                 + (row.restart ? " Read at start only." : "") + " |\n";
    }
    return table;
}

}  // namespace sluice::config
