#include <sluice/state/operations.hpp>

#include <algorithm>

namespace sluice::state {

bool is_operation(std::string_view name) noexcept
{
    return !name.empty() && name.size() <= longest_operation
           && std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f'; });
}

booking booking_of(std::string_view operations, const extra& what)
{
    const auto line = '\n' + what.operation + ' ';
    const auto at = operations.find(line);
    if (at == std::string_view::npos)
        return booking::none;
    const auto amount = operations.substr(at + line.size());
    return amount.substr(0, amount.find('\n')) == std::to_string(what.amount) ? booking::before
                                                                              : booking::differs;
}

void book(std::string& operations, const extra& what)
{
    operations += '\n' + what.operation + ' ' + std::to_string(what.amount);
    if (operations.size() > longest_operations)
        operations.erase(0, operations.size() - longest_operations);
}

}  // namespace sluice::state
