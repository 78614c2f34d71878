#include "line_sink.hpp"
#include <sluice/observe/json_line.hpp>
#include <sluice/observe/log.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace sluice::observe {
namespace {

constexpr std::array<std::string_view, 3> level_names{"info", "warn", "error"};

void add(json_line& line, const log_field& field)
{
    if (const auto* text = std::get_if<std::string_view>(&field.value))
        line.text(json_key(field.name), *text, 512);
    else if (const auto* integer = std::get_if<std::int64_t>(&field.value))
        line.integer(json_key(field.name), *integer);
    else if (const auto* number = std::get_if<std::uint64_t>(&field.value))
        line.number(json_key(field.name), *number);
    else
        line.flag(json_key(field.name), std::get<bool>(field.value));
}

}  // namespace

logger::logger()
    : sink_(std::make_unique<line_sink>("stderr")),
      now_(steady::now)
{
    write_ = [this](std::string_view line) {
        if (sink_->write(line).error != 0)
            ++dropped_;
    };
}

logger::logger(std::function<void(std::string_view)> write, std::function<time_point()> now)
    : write_(std::move(write)),
      now_(std::move(now))
{
}

logger::~logger() = default;

void logger::info(
    std::string_view event, std::string_view message, std::initializer_list<log_field> fields)
{
    write(log_level::info, event, message, fields);
}

void logger::warn(
    std::string_view event, std::string_view message, std::initializer_list<log_field> fields)
{
    write(log_level::warn, event, message, fields);
}

void logger::error(
    std::string_view event, std::string_view message, std::initializer_list<log_field> fields)
{
    write(log_level::error, event, message, fields);
}

std::uint64_t logger::dropped() const
{
    const std::scoped_lock lock(mutex_);
    return dropped_;
}

logger::allowance& logger::allowance_of(log_level level, std::string_view event)
{
    std::string name(level_names[static_cast<std::size_t>(level)]);
    name += ' ';
    name += event;
    if (const auto known = events_.find(name); known != events_.end())
        return known->second;
    return events_[events_.size() < max_events ? std::move(name) : std::string()];
}

void logger::write(
    log_level level,
    std::string_view event,
    std::string_view message,
    std::initializer_list<log_field> fields)
{
    const std::scoped_lock lock(mutex_);
    allowance& allowed = allowance_of(level, event);
    const time_point now = now_();
    const time_point full_at = std::max(allowed.full_at, now);
    if (full_at - now > (burst - 1) * refill) {
        ++allowed.suppressed;
        ++dropped_;
        return;
    }
    allowed.full_at = full_at + refill;

    std::array<char, 4096> memory;
    timestamp_text time;
    json_line line(memory);
    line.text("time", time.of(std::chrono::system_clock::now().time_since_epoch()));
    line.text("level", level_names[static_cast<std::size_t>(level)]);
    line.text("event", event).text("message", message, 1024);
    if (allowed.suppressed != 0)
        line.number("suppressed", std::exchange(allowed.suppressed, 0));
    for (const log_field& field : fields)
        add(line, field);
    write_(line.finish());
}

}  // namespace sluice::observe
