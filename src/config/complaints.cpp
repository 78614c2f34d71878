#include "complaints.hpp"

#include <sluice/base/text.hpp>

#include <utility>

namespace sluice::config {

bool complaints::full() const
{
    return list.size() >= max_complaints;
}

void complaints::add(std::size_t line, std::size_t column, std::string key, std::string what)
{
    if (full()) {
        ++left_out;
        return;
    }
    list.push_back(
        {.file = file,
         .line = line,
         .column = column,
         .key = std::move(key),
         .what = std::move(what)});
}

std::string shown_name(std::string_view name)
{
    constexpr std::size_t most = 64;
    if (name.size() <= most)
        return json_escaped(name);
    return json_escaped(name.substr(0, most)) + "...";
}

}  // namespace sluice::config
