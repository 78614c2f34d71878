#include "address.hpp"
#include "read.hpp"
#include <sluice/base/text.hpp>

#include <algorithm>
#include <array>

namespace sluice::config {
namespace {

constexpr std::size_t most_headers = 16;
constexpr std::size_t most_attributes = 64;
constexpr std::size_t most_value_bytes = 4096;

// What the gateway writes itself, or what changes how a message is framed.
constexpr std::array<std::string_view, 9> own_headers{
    "host",
    "connection",
    "content-length",
    "content-type",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "user-agent"};

bool all_between(std::string_view text, char first, char last)
{
    return std::ranges::all_of(text, [&](char c) { return c >= first && c <= last; });
}

bool is_header_name(std::string_view text)
{
    return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-'
               || c == '_' || c == '.';
    });
}

void read_endpoint(const place& at, webhook& into)
{
    if (!at.given())
        return;
    auto [url, wrong] = parse_webhook(at.text(), "tracing.headers");
    if (!url)
        return at.complain(wrong + ", allowed: " + allowed(*find_row("tracing.otlp")));
    into = std::move(*url);
    if (into.path == "/" || into.path.starts_with("/?"))
        into.path.insert(1, "v1/traces");
}

void read_headers(const place& at, tracing_settings::pairs& into)
{
    const auto written = at.entries();
    if (!check_length(at, written.size(), most_headers))
        return;
    for (const auto& [name, one] : written) {
        const auto value = one.text();
        const auto same = [&](std::string_view own) { return iequals(own, name); };
        if (!is_header_name(name))
            one.complain("is no name of a header");
        else if (std::ranges::any_of(own_headers, same))
            one.complain("is a header that the gateway writes itself");
        else if (value.empty() || value.size() > most_value_bytes || !all_between(value, ' ', '~'))
            one.complain("the value has to be 1 to 4096 visible ASCII characters and blanks");
        else
            into.emplace_back(name, value);
    }
}

void read_resource(const place& at, tracing_settings::pairs& into)
{
    const auto written = at.entries();
    if (!check_length(at, written.size(), most_attributes))
        return;
    for (const auto& [name, one] : written) {
        const auto value = one.text();
        if (name.empty() || name.size() > 128 || !all_between(name, '!', '~'))
            one.complain("a name has to be 1 to 128 visible ASCII characters");
        else if (name == "service.name")
            one.complain("is what `tracing.service_name` says");
        else if (value.size() > most_value_bytes)
            one.complain("the value is longer than 4096 characters");
        else
            into.emplace_back(name, value);
    }
}

}  // namespace

void read_tracing(const place& root, snapshot& settings)
{
    const auto at = root["tracing"];
    if (!at.given())
        return;
    tracing_settings tracing;
    read_endpoint(at["otlp"], tracing.otlp);
    read_headers(at["headers"], tracing.headers);
    tracing.sample = at["sample"].percent() / 100;
    tracing.service_name = at["service_name"].text();
    if (tracing.service_name.empty() || tracing.service_name.size() > 256)
        at["service_name"].complain("has to be 1 to 256 characters");
    read_resource(at["resource"], tracing.resource);
    tracing.timeout = at["timeout"].duration();
    settings.tracing = std::move(tracing);
}

}  // namespace sluice::config
