#include "read.hpp"

#include "address.hpp"
#include <sluice/config/key.hpp>

#include <algorithm>

namespace sluice::config {
namespace {

bool visible(char c)
{
    return c > 0x20 && c < 0x7f;
}

}  // namespace

bool check_name(const place& at, std::string_view text)
{
    if (is_name(text))
        return true;
    at.complain("a name has to be 1 to 64 of A-Z a-z 0-9 . _ -");
    return false;
}

bool check_model_name(const place& at, std::string_view text)
{
    const auto fits = [](char c) { return visible(c) && c != '"' && c != '\\'; };
    if (!text.empty() && text.size() <= 256 && std::all_of(text.begin(), text.end(), fits))
        return true;
    at.complain(
        "a model's name has to be 1 to 256 visible ASCII characters, no quotes or backslashes");
    return false;
}

bool check_secret(const place& at, std::string_view text)
{
    if (!text.empty() && std::all_of(text.begin(), text.end(), visible))
        return true;
    at.complain(
        text.empty() ? "the value is empty"
                     : "the value may only have visible ASCII characters, no spaces or line ends");
    return false;
}

bool check_length(const place& at, std::size_t length, std::size_t most)
{
    if (length <= most)
        return true;
    at.complain("has " + std::to_string(length) + " elements, at most " + std::to_string(most));
    return false;
}

std::optional<webhook> read_webhook(const place& at)
{
    if (!at.given())
        return {};
    auto [found, wrong] = parse_webhook(at.text());
    if (!found)
        at.complain(wrong + ", allowed: " + allowed(*find_row("budget_webhook")));
    return std::move(found);
}

std::string read_path(
    const place& at,
    const environment& environment,
    const std::function<std::string(const std::string& path)>& fault)
{
    if (!at.given())
        return {};
    std::string path = at.text();
    if (path.find('\0') != std::string::npos || !environment.file(path)) {
        at.complain_value("cannot be read");
        return {};  // so that nobody opens what may be a pipe
    }
    if (const auto wrong = fault ? fault(path) : ""; !wrong.empty())
        at.complain(at.shown() + " cannot be used: " + wrong);
    return path;
}

}  // namespace sluice::config
