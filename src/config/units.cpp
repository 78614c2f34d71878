#include <sluice/base/text.hpp>
#include <sluice/config/units.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <span>

namespace sluice::config {
namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

// Largest last, so that formatting finds the shortest spelling from the back.
constexpr unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
constexpr unit sizes[] = {
    {"", 1},
    {"KiB", std::uint64_t{1} << 10U},
    {"MiB", std::uint64_t{1} << 20U},
    {"GiB", std::uint64_t{1} << 30U},
    {"TiB", std::uint64_t{1} << 40U}};
constexpr unit periods[] = {
    {"s", 1'000'000'000},
    {"min", 60'000'000'000},
    {"h", 3'600'000'000'000},
    {"d", 86'400'000'000'000}};

constexpr std::uint64_t micro = 1'000'000;
constexpr std::uint64_t longest_ms = std::uint64_t{3650} * 86'400'000;

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

std::optional<std::uint64_t> parse_quantity(
    std::string_view text, std::span<const unit> units, std::uint64_t most)
{
    const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
    const auto digits = static_cast<std::size_t>(end - text.begin());
    const auto number = parse_count(text.substr(0, digits));
    if (!number)
        return {};
    for (const auto& unit : units)
        if (text.substr(digits) == unit.name && *number <= most / unit.factor)
            return *number * unit.factor;
    return {};
}

std::string format_quantity(std::uint64_t value, std::span<const unit> units)
{
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit)
        if (value % unit->factor == 0 && value >= unit->factor)
            return std::to_string(value / unit->factor) + std::string(unit->name);
    return std::to_string(value);
}

// Exactly so many digits there.
std::optional<unsigned> digits_at(std::string_view text, std::size_t at, std::size_t count)
{
    if (text.size() < at + count)
        return {};
    unsigned value = 0;
    for (const char c : text.substr(at, count)) {
        if (c < '0' || c > '9')
            return {};
        value = 10 * value + static_cast<unsigned>(c - '0');
    }
    return value;
}

// "Z" or "+02:00".
std::optional<std::chrono::minutes> zone_offset(std::string_view text)
{
    using std::chrono::minutes;
    if (text == "Z")
        return minutes(0);
    const auto hour = digits_at(text, 1, 2);
    const auto minute = digits_at(text, 4, 2);
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' || !hour || !minute
        || *hour > 23 || *minute > 59)
        return {};
    const minutes offset(60 * *hour + *minute);
    return text[0] == '+' ? offset : -offset;
}

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view text)
{
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !is_digit(text.front()))
        return {};
    return value;
}

std::optional<double> parse_decimal(std::string_view text)
{
    const auto plain = [](char c) { return is_digit(c) || c == '.'; };
    if (!std::all_of(text.begin(), text.end(), plain))
        return {};
    return parse_number(text);
}

std::optional<double> parse_number(std::string_view text)
{
    // Neither a sign, nor inf, nor nan.
    if (text.empty() || !is_digit(text.front()))
        return {};
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
        return {};
    return value;
}

std::optional<std::uint64_t> parse_whole_number(std::string_view text)
{
    constexpr double exact = 9'007'199'254'740'992;  // 2^53
    if (const auto count = parse_count(text))
        return count;
    const auto value = parse_number(text);
    if (!value || *value > exact || std::floor(*value) != *value)
        return {};
    return static_cast<std::uint64_t>(*value);
}

std::optional<milliseconds> parse_duration(std::string_view text)
{
    if (text == "0")
        return milliseconds(0);
    const auto ms = parse_quantity(text, durations, longest_ms);
    if (!ms)
        return {};
    return milliseconds(static_cast<std::int64_t>(*ms));
}

std::string format_duration(milliseconds value)
{
    return format_quantity(
        static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0)), durations);
}

std::optional<std::uint64_t> parse_size(std::string_view text)
{
    return parse_quantity(text, sizes, std::numeric_limits<std::int64_t>::max());
}

std::string format_size(std::uint64_t bytes)
{
    return format_quantity(bytes, sizes);
}

std::optional<policy::rate> parse_rate(std::string_view text)
{
    const auto slash = text.find('/');
    if (slash == std::string_view::npos)
        return {};
    const auto count = parse_count(text.substr(0, slash));
    if (!count || *count < 1 || *count > 1'000'000'000)
        return {};
    for (const auto& period : periods)
        if (text.substr(slash + 1) == period.name)
            return policy::rate{
                .count = *count, .period = nanoseconds(static_cast<std::int64_t>(period.factor))};
    return {};
}

std::string format_rate(const policy::rate& rate)
{
    const auto period = static_cast<std::uint64_t>(rate.period.count());
    for (const auto& known : periods)
        if (period == known.factor)
            return std::to_string(rate.count) + '/' + std::string(known.name);
    return std::to_string(rate.count) + '/' + std::to_string(period) + "ns";
}

std::optional<double> parse_percent(std::string_view text, double most)
{
    if (text.ends_with('%'))
        text.remove_suffix(1);
    const auto value = parse_decimal(text);
    return value && *value <= most ? value : std::nullopt;
}

std::optional<std::int64_t> parse_micros(std::string_view text)
{
    constexpr std::uint64_t most = 1'000'000'000'000;
    const auto point = text.find('.');
    const auto whole = parse_count(text.substr(0, point));
    if (!whole || *whole > most)
        return {};
    std::uint64_t part = 0;
    if (point != std::string_view::npos) {
        std::string decimals(text.substr(point + 1));
        if (decimals.empty() || decimals.size() > 6)
            return {};
        decimals.resize(6, '0');
        const auto parsed = parse_count(decimals);
        if (!parsed)
            return {};
        part = *parsed;
    }
    return static_cast<std::int64_t>(*whole * micro + part);
}

std::string format_micros(std::int64_t value)
{
    const auto positive = static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
    std::string text = std::to_string(positive / micro);
    if (positive % micro == 0)
        return text;
    const std::string part = std::to_string(positive % micro);
    text += '.' + std::string(6 - part.size(), '0') + part;
    text.erase(text.find_last_not_of('0') + 1);
    return text;
}

std::optional<std::int64_t> parse_money(std::string_view text)
{
    constexpr std::string_view currency = " USD";
    return text.ends_with(currency) ? parse_micros(text.substr(0, text.size() - currency.size()))
                                    : std::nullopt;
}

std::string format_money(std::int64_t micro_dollars)
{
    return format_micros(micro_dollars) + " USD";
}

std::optional<std::chrono::sys_seconds> parse_time(std::string_view text)
{
    using namespace std::chrono;
    const auto year_part = digits_at(text, 0, 4);
    const auto month_part = digits_at(text, 5, 2);
    const auto day_part = digits_at(text, 8, 2);
    if (!year_part || !month_part || !day_part || text[4] != '-' || text[7] != '-')
        return {};
    const year_month_day date{
        std::chrono::year(static_cast<int>(*year_part)),
        std::chrono::month(*month_part),
        std::chrono::day(*day_part)};
    if (!date.ok() || *year_part < 1970)
        return {};
    if (text.size() == 10)
        return sys_days(date);
    const auto hour = digits_at(text, 11, 2);
    const auto minute = digits_at(text, 14, 2);
    const auto second = digits_at(text, 17, 2);
    if (!hour || !minute || !second || text[10] != 'T' || text[13] != ':' || text[16] != ':'
        || *hour > 23 || *minute > 59 || *second > 59)
        return {};
    const auto zone = zone_offset(text.substr(19));
    if (!zone)
        return {};
    return sys_days(date) + hours(*hour) + minutes(*minute) + seconds(*second) - *zone;
}

std::string format_time(std::chrono::sys_seconds time)
{
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    std::array<char, 32> text{};
    const int length = std::snprintf(
        text.data(),
        text.size(),
        "%04d-%02u-%02uT%02d:%02d:%02dZ",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()),
        static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count()));
    return {text.data(), static_cast<std::size_t>(length)};
}

std::string format_decimal(double value)
{
    char digits[400];
    const auto [end, error] =
        std::to_chars(std::begin(digits), std::end(digits), value, std::chars_format::fixed);
    return error == std::errc{} ? std::string(std::begin(digits), end) : std::string();
}

}  // namespace sluice::config
