#include "describing.hpp"

#include <sluice/base/text.hpp>
#include <sluice/config/units.hpp>

#include <cmath>

namespace sluice::config::describing {
namespace {

std::string in_quotes(std::string_view text)
{
    return '"' + json_escaped(text) + '"';
}

}  // namespace

void add(description& object, std::string_view name, description value)
{
    object.members.emplace_back(name, std::move(value));
}

description raw(std::string json)
{
    return {.is = description::kind::leaf, .json = std::move(json)};
}

description text(std::string_view value)
{
    return raw(in_quotes(value));
}

description texts(const std::vector<std::string>& values)
{
    std::string json;
    for (const auto& value : values)
        json += (json.empty() ? "" : ",") + in_quotes(value);
    return raw('[' + json + ']');
}

description number(std::uint64_t value)
{
    return raw(std::to_string(value));
}

description flag(bool value)
{
    return raw(value ? "true" : "false");
}

description time(nanoseconds value)
{
    return text(format_duration(std::chrono::duration_cast<milliseconds>(value)));
}

description size(std::size_t bytes)
{
    return text(format_size(bytes));
}

std::string percent_digits(double share)
{
    return format_micros(std::llround(share * 1e8));
}

description percent(double share)
{
    return text(percent_digits(share) + '%');
}

description money(std::int64_t micro_dollars)
{
    return text(format_money(micro_dollars));
}

}  // namespace sluice::config::describing
