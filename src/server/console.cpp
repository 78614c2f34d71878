#include "console.hpp"

#include "console_files.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::server {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view root = "/console/";
// Nothing from elsewhere, nothing inline, in nobody's frame.
constexpr auto policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string_view type_of(std::string_view name)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> types{{
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".svg", "image/svg+xml"},
    }};
    const auto* const found =
        std::ranges::find_if(types, [&](const auto& type) { return name.ends_with(type.first); });
    return found == types.end() ? "application/octet-stream" : found->second;
}

admin_response to_the_console()
{
    auto answer = text_answer(302, "text/plain", "the console is at console/\n");
    answer.set(http::field::location, "console/");
    return answer;
}

}  // namespace

std::optional<admin_response> console_answer(std::string_view path)
{
    if (path == "/" || path == "/console")
        return to_the_console();
    if (!path.starts_with(root))
        return std::nullopt;
    const auto name = path == root ? "index.html" : path.substr(root.size());
    const auto files = console_files();
    const auto found = std::ranges::find(files, name, &console_file::name);
    if (found == files.end())
        return std::nullopt;
    auto answer = text_answer(200, type_of(name), std::string(found->bytes));
    answer.set("content-security-policy", policy);
    answer.set("referrer-policy", "no-referrer");
    answer.set("cross-origin-opener-policy", "same-origin");
    answer.set("cross-origin-resource-policy", "same-origin");
    answer.set("x-frame-options", "DENY");
    return answer;
}

}  // namespace sluice::server
