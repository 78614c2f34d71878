#include "table.hpp"

#include <algorithm>
#include <cstddef>

namespace sluice {
namespace {

bool number_like(std::string_view cell)
{
    return !cell.empty() && cell.front() >= '0' && cell.front() <= '9';
}

// Code points: near enough to columns for names and numbers.
std::size_t width_of(std::string_view cell)
{
    return static_cast<std::size_t>(std::ranges::count_if(
        cell, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

}  // namespace

std::string table_text(const std::vector<std::vector<std::string>>& rows)
{
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string padding(widths[i] - width_of(row[i]), ' ');
            line += i == 0 ? "" : "  ";
            line += number_like(row[i]) ? padding + row[i] : row[i] + padding;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    }
    return out;
}

std::string indented(std::string_view json)
{
    std::string out;
    std::size_t depth = 0;
    bool in_text = false;
    const auto line = [&] { out += '\n' + std::string(2 * depth, ' '); };
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (in_text) {
            out += c;
            if (c == '\\' && i + 1 < json.size())
                out += json[++i];
            in_text = c != '"';
        } else if (c == '"') {
            out += c;
            in_text = true;
        } else if (
            (c == '{' || c == '[') && i + 1 < json.size()
            && (json[i + 1] == '}' || json[i + 1] == ']')) {
            out += c;
            out += json[++i];
        } else if (c == '{' || c == '[') {
            out += c;
            ++depth;
            line();
        } else if (c == '}' || c == ']') {
            depth -= std::min<std::size_t>(depth, 1);
            line();
            out += c;
        } else if (c == ',') {
            out += c;
            line();
        } else if (c == ':') {
            out += ": ";
        } else if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
            out += c;
        }
    }
    return out;
}

}  // namespace sluice
