#include "place.hpp"

#include <algorithm>

namespace sluice::config {
namespace {

std::string joined(std::string_view above, std::string_view name)
{
    return std::string(above) + (above.empty() ? "" : ".") + std::string(name);
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

// `none` is for a key without default; the default itself is known to parse.
template <class T, class Parse>
T place::parsed(T none, Parse parse) const
{
    if (given()) {
        if (const auto value = parse(std::string_view(node_->text)))
            return static_cast<T>(*value);
        complain_value("does not fit");
    }
    const auto fallback = parse(row_->fallback);
    return fallback ? static_cast<T>(*fallback) : none;
}

bool place::boolean() const
{
    return parsed(false, [](std::string_view text) -> std::optional<bool> {
        if (text == "true" || text == "false")
            return text == "true";
        return {};
    });
}

std::uint64_t place::count() const
{
    return parsed(std::uint64_t{0}, [this](std::string_view text) {
        const auto value = parse_count(text);
        return value && *value >= row_->min && *value <= row_->max ? value : std::nullopt;
    });
}

double place::decimal() const
{
    return parsed(0.0, [this](std::string_view text) {
        const auto value = parse_decimal(text);
        return value && *value >= static_cast<double>(row_->min)
                       && *value <= static_cast<double>(row_->max)
                   ? value
                   : std::nullopt;
    });
}

milliseconds place::duration() const
{
    return parsed(milliseconds(0), [this](std::string_view text) -> std::optional<milliseconds> {
        const auto value = parse_duration(text);
        if (!value)
            return {};
        const auto ms = static_cast<std::uint64_t>(value->count());
        const bool fits =
            ms == 0 ? row_->zero || row_->min == 0 : ms >= row_->min && ms <= row_->max;
        return fits ? value : std::nullopt;
    });
}

std::size_t place::size() const
{
    return parsed(std::size_t{0}, [this](std::string_view text) {
        const auto value = parse_size(text);
        return value && *value >= row_->min && *value <= row_->max ? value : std::nullopt;
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
