// The table of prices:
//
//   gpt-4.1*:
//     - { from: 2025-04-14, input: 2, cached_input: 0.5, output: 8 }
//
// US dollars per million tokens, from the beginning of a day (UTC) on.
#include "read.hpp"

#include <algorithm>
#include <array>

namespace sluice::config {
namespace {

constexpr std::int64_t most_price = 1'000'000'000'000;  // micro-dollars
constexpr std::array<std::string_view, 5> parts{
    "input", "cached_input", "cache_write", "output", "reasoning"};

std::optional<std::chrono::sys_seconds> parse_date(std::string_view text)
{
    if (text.size() != 10 || text[4] != '-' || text[7] != '-')
        return {};
    const auto year = parse_count(text.substr(0, 4));
    const auto month = parse_count(text.substr(5, 2));
    const auto day = parse_count(text.substr(8, 2));
    if (!year || !month || !day)
        return {};
    const std::chrono::year_month_day date{
        std::chrono::year(static_cast<int>(*year)),
        std::chrono::month(static_cast<unsigned>(*month)),
        std::chrono::day(static_cast<unsigned>(*day))};
    return date.ok() ? std::optional<std::chrono::sys_seconds>(std::chrono::sys_days(date))
                     : std::nullopt;
}

class price_reader {
public:
    price_reader(std::string file, complaints& all)
        : found_{.file = std::move(file), .list = {}},
          all_(all)
    {
    }
    price_reader(const price_reader&) = delete;
    price_reader& operator=(const price_reader&) = delete;

    ~price_reader()
    {
        for (auto& one : found_.list)
            all_.list.push_back(std::move(one));
    }

    void read(std::string_view text, std::vector<named_prices>& into)
    {
        const node root = parse_tree(text, found_);
        if (root.is != node::kind::map) {
            if (found_.list.empty() && root.is != node::kind::null)
                found_.add(root.line, root.column, "", "has to be a map of models");
            return;
        }
        for (const auto& model : root.members) {
            if (const auto star = model.name.find('*');
                star != std::string::npos && star + 1 != model.name.size())
                complain(model, model.name, "a * is only allowed at the end of a name");
            into.push_back({.name = model.name, .prices = read_versions(model)});
        }
    }

private:
    void complain(const member& at, const std::string& key, std::string what)
    {
        found_.add(at.line, at.column, shown_name(key), std::move(what));
    }

    policy::price_list read_versions(const member& model)
    {
        policy::price_list list;
        if (model.value.is != node::kind::sequence || model.value.members.empty()) {
            complain(
                model, model.name, "has to be a list of prices, each with the date it holds from");
            return list;
        }
        for (const auto& one : model.value.members) {
            const auto version = read_version(model.name, one);
            if (!list.versions.empty() && version.from <= list.versions.back().from)
                complain(one, model.name, "each price has to be later than the one before it");
            else
                list.versions.push_back(version);
        }
        return list;
    }

    policy::dated_price read_version(const std::string& model, const member& at)
    {
        policy::dated_price version;
        bool input = false;
        bool output = false;
        for (const auto& each : at.value.members) {
            const auto& text = each.value.text;
            const auto micros = parse_micros(text);
            if (each.name == "from") {
                const auto date = parse_date(text);
                if (!date)
                    complain(each, model + ".from", "is no date, as 2025-09-29");
                else
                    version.from = *date;
            } else if (std::ranges::find(parts, each.name) == parts.end()) {
                complain(
                    each,
                    model + '.' + each.name,
                    "unknown key, allowed: from, input, cached_input, cache_write, output, "
                    "reasoning");
            } else if (!micros || *micros > most_price) {
                complain(each, model + '.' + each.name, "is no price, allowed: 0 to 1000000");
            } else {
                set(version.price, each.name, *micros);
                input = input || each.name == "input";
                output = output || each.name == "output";
            }
        }
        if (!input || !output)
            complain(at, model, "needs input and output");
        return version;
    }

    static void set(policy::price& of, std::string_view name, std::int64_t micros)
    {
        if (name == "input")
            of.input = micros;
        else if (name == "cached_input")
            of.cached_input = micros;
        else if (name == "cache_write")
            of.cache_write = micros;
        else if (name == "output")
            of.output = micros;
        else
            of.reasoning = micros;
    }

    complaints found_;
    complaints& all_;
};

}  // namespace

void read_prices(
    const place& at, const environment& environment, complaints& complaints, snapshot& settings)
{
    if (!at.given())
        return;
    const auto path = at.text();
    const auto text = path.find('\0') == std::string::npos ? environment.file(path) : std::nullopt;
    if (!text) {
        at.complain_value("cannot be read");
        return;
    }
    price_reader(at.hidden() ? "prices" : path, complaints).read(*text, settings.prices);
}

const policy::price_list* find_prices(
    const std::vector<named_prices>& table, std::string_view name) noexcept
{
    const named_prices* best = nullptr;
    for (const auto& one : table) {
        if (one.name == name)
            return &one.prices;
        const std::string_view pattern = one.name;
        const bool fits =
            pattern.ends_with('*') && name.starts_with(pattern.substr(0, pattern.size() - 1));
        if (fits && (best == nullptr || pattern.size() > best->name.size()))
            best = &one;
    }
    return best != nullptr ? &best->prices : nullptr;
}

}  // namespace sluice::config
