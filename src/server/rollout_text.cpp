#include "rollout_text.hpp"

#include <sluice/base/text.hpp>
#include <sluice/config/schema.hpp>
#include <sluice/config/units.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace sluice::server {
namespace {

namespace dom = simdjson::dom;
using policy::rollout_guards;

enum class unit { percent, time, money };

struct guard_row {
    std::string_view name;
    unit of;
    std::optional<double> rollout_guards::* number;
    std::optional<nanoseconds> rollout_guards::* time;
};

// clang-format off
constexpr std::array<guard_row, 10> guard_rows{{
    {"errors", unit::percent, &rollout_guards::errors, nullptr},
    {"errors_above_stable", unit::percent, &rollout_guards::errors_above_stable, nullptr},
    {"truncated", unit::percent, &rollout_guards::truncated, nullptr},
    {"truncated_above_stable", unit::percent, &rollout_guards::truncated_above_stable, nullptr},
    {"p99", unit::time, nullptr, &rollout_guards::p99},
    {"p99_above_stable", unit::percent, &rollout_guards::p99_above_stable, nullptr},
    {"first_token", unit::time, nullptr, &rollout_guards::first_token},
    {"first_token_above_stable", unit::percent, &rollout_guards::first_token_above_stable, nullptr},
    {"cost", unit::money, &rollout_guards::cost, nullptr},
    {"cost_above_stable", unit::percent, &rollout_guards::cost_above_stable, nullptr},
}};
// clang-format on

// What is written is read again, after a restart and by other gateways: it says neither more nor
// less than the number.
std::string percentage(double share)
{
    for (int digits = 10; digits < 17; ++digits) {
        std::array<char, 32> text{};
        std::snprintf(text.data(), text.size(), "%.*g", digits, share * 100);
        const double shorter = std::strtod(text.data(), nullptr);
        if (shorter / 100 == share)
            return config::format_decimal(shorter) + '%';
    }
    return config::format_decimal(share * 100) + '%';
}

std::string spelled(nanoseconds time)
{
    return config::format_duration(std::chrono::duration_cast<milliseconds>(time));
}

// A number, or a text of one with `suffix`.
std::optional<double> number_of(dom::element value, std::string_view suffix)
{
    double number = 0;
    std::string_view text;
    if (value.get(number) == simdjson::SUCCESS)
        return number;
    if (value.get(text) != simdjson::SUCCESS)
        return std::nullopt;
    if (text.ends_with(suffix))
        text.remove_suffix(suffix.size());
    return config::parse_number(trim(text));
}

std::optional<nanoseconds> time_of(dom::element value)
{
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS)
        return std::nullopt;
    return config::parse_duration(text);
}

bool is_off(dom::element value)
{
    std::string_view text;
    return value.is_null() || (value.get(text) == simdjson::SUCCESS && text == "off");
}

settings_error wrong_member(std::string_view member, std::string_view what)
{
    return {std::string(member), std::string(member) + " is " + std::string(what)};
}

std::optional<settings_error> read_guard(
    const guard_row& row, dom::element value, rollout_guards& guards)
{
    if (row.of == unit::time) {
        const auto time = time_of(value);
        if (!time && !is_off(value))
            return wrong_member(row.name, "a duration as 800ms, or off");
        guards.*row.time = is_off(value) ? std::nullopt : time;
        return std::nullopt;
    }
    auto number =
        is_off(value) ? std::nullopt : number_of(value, row.of == unit::money ? "USD" : "%");
    if (!number && !is_off(value))
        return wrong_member(
            row.name,
            row.of == unit::money ? "an amount per 1000 tokens as \"0.002 USD\", or off"
                                  : "a percentage as 0.5%, or off");
    if (number && row.of == unit::percent)
        *number /= 100;
    guards.*row.number = number;
    return std::nullopt;
}

std::optional<settings_error> read_guards(dom::element value, rollout_guards& guards)
{
    dom::object members;
    if (value.get(members) != simdjson::SUCCESS)
        return wrong_member("guards", "an object");
    for (const auto [name, each] : members) {
        bool known = false;
        for (const auto& row : guard_rows) {
            if (row.name != name)
                continue;
            known = true;
            if (auto bad = read_guard(row, each, guards))
                return bad;
        }
        if (!known)
            return wrong_member(name, "no guard");
    }
    return std::nullopt;
}

std::optional<settings_error> read_steps(dom::element value, std::vector<double>& steps)
{
    dom::array list;
    if (value.get(list) != simdjson::SUCCESS)
        return wrong_member("steps", "a list of percentages");
    steps.clear();
    for (const auto each : list) {
        const auto percent = number_of(each, "%");
        if (!percent)
            return wrong_member("steps", "a list of percentages");
        steps.push_back(*percent);
    }
    return std::nullopt;
}

std::optional<settings_error> read_member(
    std::string_view name, dom::element value, policy::rollout_settings& into)
{
    if (name == "steps")
        return read_steps(value, into.steps);
    if (name == "guards")
        return read_guards(value, into.guards);
    if (name == "every") {
        const auto time = time_of(value);
        if (!time)
            return wrong_member(name, "a duration as 24h");
        into.every = *time;
    } else if (name == "minimum") {
        std::uint64_t count = 0;
        if (value.get(count) != simdjson::SUCCESS)
            return wrong_member(name, "a whole number");
        into.minimum = count;
    } else if (name == "false_rollbacks") {
        const auto percent = number_of(value, "%");
        if (!percent)
            return wrong_member(name, "a percentage as 0.5%");
        into.false_rollbacks = *percent / 100;
    } else {
        return wrong_member(name, "no setting of a rollout");
    }
    return std::nullopt;
}

}  // namespace

void write_settings(json_writer& out, const policy::rollout_settings& settings)
{
    out.begin_object().key("steps").begin_array();
    for (const double step : settings.steps)
        out.text(config::format_decimal(step) + '%');
    out.end_array().key("every").text(spelled(settings.every));
    out.key("minimum").count(settings.minimum);
    out.key("false_rollbacks").text(percentage(settings.false_rollbacks));
    out.key("guards").begin_object();
    for (const auto& row : guard_rows) {
        out.key(row.name);
        if (row.of == unit::time) {
            const auto& time = settings.guards.*row.time;
            out.text(time ? spelled(*time) : "off");
            continue;
        }
        const auto& number = settings.guards.*row.number;
        if (!number)
            out.text("off");
        else if (row.of == unit::money)
            out.text(config::format_decimal(*number) + " USD");
        else
            out.text(percentage(*number));
    }
    out.end_object().end_object();
}

std::optional<settings_error> beyond_bounds(const policy::rollout_settings& settings)
{
    // In the row's unit.
    const auto beyond = [](const std::string& name, double value) -> std::optional<settings_error> {
        const auto* row = config::find_row("models.*.rollout." + name);
        const double least = static_cast<double>(row->min);
        const double slack = 1e-12 * value;  // a percentage was divided by 100
        if (value <= static_cast<double>(row->max) + slack
            && (row->above ? value > least : value >= least))
            return std::nullopt;
        auto allowed = config::allowed(*row);
        // What it wants of the model is judged elsewhere.
        allowed.resize(std::min(allowed.size(), allowed.find(", only ")));
        return wrong_member(name, allowed);
    };
    const auto ms = [](nanoseconds time) {
        return static_cast<double>(std::chrono::duration_cast<milliseconds>(time).count());
    };
    if (auto bad = beyond("every", ms(settings.every)))
        return bad;
    if (auto bad = beyond("minimum", static_cast<double>(settings.minimum)))
        return bad;
    if (auto bad = beyond("false_rollbacks", settings.false_rollbacks * 100))
        return bad;
    for (const auto& row : guard_rows) {
        const auto name = "guards." + std::string(row.name);
        const auto& guards = settings.guards;
        std::optional<settings_error> bad;
        if (row.of == unit::time && guards.*row.time)
            bad = beyond(name, ms(*(guards.*row.time)));
        else if (row.of != unit::time && guards.*row.number)
            bad = beyond(name, *(guards.*row.number) * (row.of == unit::money ? 1e6 : 100));
        if (bad)
            return bad;
    }
    return std::nullopt;
}

std::optional<settings_error> read_settings(dom::object members, policy::rollout_settings& into)
{
    for (const auto [name, value] : members)
        if (auto bad = read_member(name, value, into))
            return bad;
    if (auto what = wrong_with(into); !what.empty())
        return settings_error{"", std::move(what)};
    return std::nullopt;
}

}  // namespace sluice::server
