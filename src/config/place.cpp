#include "place.hpp"

#include <algorithm>

namespace sluice::config {
namespace {

std::string joined(std::string_view above, std::string_view name)
{
    return std::string(above) + (above.empty() ? "" : ".") + std::string(name);
}

bool fits(const schema_row& row, double value)
{
    const auto least = static_cast<double>(row.min);
    return (row.above ? value > least : value >= least) && value <= static_cast<double>(row.max);
}

}  // namespace

place::place(const node& root, complaints& complaints)
    : node_(&root),
      line_(root.line),
      column_(root.column),
      complaints_(&complaints)
{
}

place place::operator[](std::string_view name) const
{
    place below = *this;
    below.path_ = joined(path_, name);
    below.pattern_ = joined(pattern_, name);
    below.row_ = find_row(below.pattern_);
    below.node_ = nullptr;
    if (node_ == nullptr || node_->refused || node_->is != node::kind::map)
        return below;
    for (const auto& member : node_->members)
        if (member.name == name) {
            below.node_ = &member.value;
            below.line_ = member.line;
            below.column_ = member.column;
            break;
        }
    return below;
}

std::vector<place> place::elements() const
{
    std::vector<place> all;
    if (!given() || node_->is != node::kind::sequence)
        return all;
    for (std::size_t i = 0; i < node_->members.size(); ++i) {
        const auto& member = node_->members[i];
        place below = *this;
        below.node_ = &member.value;
        below.line_ = member.line;
        below.column_ = member.column;
        below.path_ = path_ + '[' + std::to_string(i) + ']';
        if (row_ == nullptr)
            below.pattern_ = pattern_ + "[]";
        all.push_back(std::move(below));
    }
    return all;
}

std::vector<std::pair<std::string, place>> place::entries() const
{
    std::vector<std::pair<std::string, place>> all;
    if (!given() || node_->is != node::kind::map)
        return all;
    for (const auto& member : node_->members) {
        place below = *this;
        below.node_ = &member.value;
        below.line_ = member.line;
        below.column_ = member.column;
        below.path_ = joined(path_, shown_name(member.name));
        below.pattern_ = pattern_ + ".*";
        below.row_ = find_row(below.pattern_);
        all.emplace_back(member.name, std::move(below));
    }
    return all;
}

bool place::given() const
{
    return node_ != nullptr && !node_->refused && node_->is != node::kind::null;
}

void place::complain(std::string what) const
{
    complaints_->add(line_, column_, path_, std::move(what));
}

void place::complain_unknown(std::string what, const std::vector<std::string_view>& known) const
{
    if (!complaints_->full())
        if (const auto near = nearest(text(), known); !near.empty())
            what += ", did you mean `" + std::string(near) + "`?";
    complain(std::move(what));
}

std::string place::shown() const
{
    const bool secret =
        row_ != nullptr && (row_->kind == value_kind::secret || row_->kind == value_kind::secrets);
    if (!given() || secret || node_->hidden)
        return "the value";
    return '"' + shown_name(node_->text) + '"';
}

void place::complain_value(std::string_view what) const
{
    std::string text = shown() + ' ' + std::string(what);
    if (row_ != nullptr)
        text += ", allowed: " + allowed(*row_);
    complaints_->add(
        given() ? node_->line : line_, given() ? node_->column : column_, path_, std::move(text));
}

std::string place::text() const
{
    if (!given())
        return row_ != nullptr ? std::string(row_->fallback) : std::string();
    if (row_ != nullptr && row_->kind == value_kind::choice
        && std::find(row_->choices.begin(), row_->choices.end(), node_->text)
               == row_->choices.end()) {
        complain_value("is not supported by this version");
        return std::string(row_->fallback);
    }
    return node_->text;
}

bool place::off() const
{
    return given() && node_->is == node::kind::scalar;
}

bool place::is_list() const
{
    return given() && node_->is == node::kind::sequence;
}

// The default itself is known to parse, or is `off`, words or nothing.
template <class T, class Parse>
std::optional<T> place::maybe(Parse parse) const
{
    if (given()) {
        if (row_->off && node_->text == "off")
            return {};
        if (const auto value = parse(std::string_view(node_->text)))
            return static_cast<T>(*value);
        complain_value("does not fit");
    }
    const auto fallback = parse(row_->fallback);
    return fallback ? std::optional(static_cast<T>(*fallback)) : std::nullopt;
}

bool place::boolean() const
{
    const auto parse = [](std::string_view text) -> std::optional<bool> {
        if (text == "true" || text == "false")
            return text == "true";
        return {};
    };
    return maybe<bool>(parse).value_or(false);
}

std::uint64_t place::count() const
{
    const auto parse = [this](std::string_view text) {
        const auto value = parse_whole_number(text);
        return value && *value >= row_->min && *value <= row_->max ? value : std::nullopt;
    };
    return maybe<std::uint64_t>(parse).value_or(0);
}

double place::decimal() const
{
    const auto parse = [this](std::string_view text) {
        const auto value = parse_number(text);
        return value && fits(*row_, *value) ? value : std::nullopt;
    };
    return maybe<double>(parse).value_or(0);
}

std::optional<milliseconds> place::maybe_duration() const
{
    return maybe<milliseconds>([this](std::string_view text) -> std::optional<milliseconds> {
        const auto value = parse_duration(text);
        if (!value)
            return {};
        const auto ms = static_cast<std::uint64_t>(value->count());
        const bool fits =
            ms == 0 ? row_->zero || row_->min == 0 : ms >= row_->min && ms <= row_->max;
        return fits ? value : std::nullopt;
    });
}

milliseconds place::duration() const
{
    return maybe_duration().value_or(milliseconds(0));
}

std::size_t place::size() const
{
    const auto parse = [this](std::string_view text) {
        const auto value = parse_size(text);
        return value && *value >= row_->min && *value <= row_->max ? value : std::nullopt;
    };
    return maybe<std::size_t>(parse).value_or(0);
}

std::optional<double> place::maybe_percent() const
{
    return maybe<double>([this](std::string_view text) {
        const auto value = parse_percent(text, static_cast<double>(row_->max));
        return value && fits(*row_, *value) ? value : std::nullopt;
    });
}

double place::percent() const
{
    return maybe_percent().value_or(0);
}

std::optional<std::int64_t> place::maybe_micros() const
{
    const bool money = row_->kind == value_kind::money;
    return maybe<std::int64_t>([this, money](std::string_view text) {
        const auto value = money ? parse_money(text) : parse_micros(text);
        return value && fits(*row_, static_cast<double>(*value)) ? value : std::nullopt;
    });
}

std::optional<policy::rate> place::rate() const
{
    if (!given())
        return {};
    const auto value = parse_rate(node_->text);
    if (!value)
        complain_value("does not fit");
    return value;
}

}  // namespace sluice::config
