#include <sluice/base/text.hpp>
#include <sluice/config/units.hpp>
#include <sluice/server/json_writer.hpp>

namespace sluice::server {

json_writer& json_writer::begin_object()
{
    return open('{');
}

json_writer& json_writer::end_object()
{
    return close('}');
}

json_writer& json_writer::begin_array()
{
    return open('[');
}

json_writer& json_writer::end_array()
{
    return close(']');
}

json_writer& json_writer::key(std::string_view name)
{
    text(name);
    out_ += ':';
    comma_ = false;
    return *this;
}

json_writer& json_writer::text(std::string_view value)
{
    return put('"' + json_escaped(value) + '"');
}

json_writer& json_writer::number(double value)
{
    return put(config::format_decimal(value));
}

json_writer& json_writer::count(std::uint64_t value)
{
    return put(std::to_string(value));
}

json_writer& json_writer::boolean(bool value)
{
    return put(value ? "true" : "false");
}

json_writer& json_writer::null()
{
    return put("null");
}

json_writer& json_writer::raw(std::string_view json)
{
    return put(json);
}

json_writer& json_writer::texts(std::span<const std::string> values)
{
    begin_array();
    for (const auto& value : values)
        text(value);
    return end_array();
}

json_writer& json_writer::put(std::string_view json)
{
    if (comma_)
        out_ += ',';
    out_ += json;
    comma_ = true;
    return *this;
}

json_writer& json_writer::open(char bracket)
{
    put(std::string_view(&bracket, 1));
    comma_ = false;
    return *this;
}

json_writer& json_writer::close(char bracket)
{
    out_ += bracket;
    comma_ = true;
    return *this;
}

}  // namespace sluice::server
