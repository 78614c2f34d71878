#include "admin_http.hpp"

#include <sluice/base/text.hpp>
#include <sluice/config/units.hpp>
#include <sluice/server/json_writer.hpp>
#include <sluice/wire/error_body.hpp>

#include <algorithm>
#include <set>

namespace sluice::server {
namespace {

namespace http = boost::beast::http;

int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const char small = lower(c);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

// Calls `visit(name, value)`, both undecoded, until it answers false.
template <class Visit>
void for_each_in_query(std::string_view query, Visit visit)
{
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto member = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const auto equals = std::min(member.find('='), member.size());
        const auto value = member.substr(std::min(equals + 1, member.size()));
        if (!member.empty() && !visit(member.substr(0, equals), value))
            return;
    }
}

std::uint64_t version_in(std::string_view tag)
{
    if (tag.size() < 2 || tag.front() != '"' || tag.back() != '"')
        return 0;
    return config::parse_count(tag.substr(1, tag.size() - 2)).value_or(0);
}

}  // namespace

admin_response text_answer(unsigned status, std::string_view content_type, std::string body)
{
    admin_response response{static_cast<http::status>(status), 11};
    response.set(
        http::field::content_type, boost::string_view(content_type.data(), content_type.size()));
    response.set(http::field::cache_control, "no-store");
    response.set("x-content-type-options", "nosniff");
    response.body() = std::move(body);
    return response;
}

admin_response json_answer(unsigned status, std::string body)
{
    body += '\n';
    return text_answer(status, "application/json", std::move(body));
}

admin_response error_answer(const admin_error& why)
{
    json_writer out;
    out.begin_object().key("error").begin_object();
    out.key("message").text(why.message);
    out.key("type").text(why.status >= 500 ? "server_error" : "invalid_request_error");
    out.key("param");
    if (why.param.empty())
        out.null();
    else
        out.text(why.param);
    out.key("code").text(why.code);
    if (!why.complaints.empty())
        out.key("complaints").texts(why.complaints);
    return json_answer(why.status, out.end_object().end_object().str());
}

admin_response error_answer(errc code, std::string_view message, std::string_view param)
{
    auto response = json_answer(describe(code).status, wire::error_body(code, message, param));
    if (code == errc::invalid_api_key)
        response.set(http::field::www_authenticate, "Bearer realm=\"sluice admin\"");
    return response;
}

std::optional<std::string> percent_decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? digit_of(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? digit_of(text[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0)
            return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name)
{
    std::optional<std::string> found;
    for_each_in_query(query, [&](std::string_view key, std::string_view value) {
        if (percent_decoded(key) == name)
            found = percent_decoded(value).value_or(std::string(value));
        return !found;
    });
    return found;
}

std::vector<std::string> query_values(std::string_view query, std::string_view name)
{
    std::vector<std::string> found;
    for_each_in_query(query, [&](std::string_view key, std::string_view value) {
        if (percent_decoded(key) == name)
            found.push_back(percent_decoded(value).value_or(std::string(value)));
        return true;
    });
    return found;
}

std::optional<std::string> unknown_in_query(
    std::string_view query, std::span<const std::string_view> known)
{
    std::optional<std::string> unknown;
    for_each_in_query(query, [&](std::string_view key, std::string_view) {
        auto name = percent_decoded(key).value_or(std::string(key));
        if (std::ranges::find(known, name) == known.end())
            unknown = std::move(name);
        return !unknown;
    });
    return unknown;
}

std::string etag_of(std::uint64_t version)
{
    return '"' + std::to_string(version) + '"';
}

std::optional<std::uint64_t> wanted_version(std::string_view if_match, std::uint64_t current)
{
    if (sluice::trim(if_match) == "*")
        return std::nullopt;
    std::optional<std::uint64_t> first;
    while (true) {
        const auto comma = std::min(if_match.find(','), if_match.size());
        const auto version = version_in(sluice::trim(if_match.substr(0, comma)));
        if (version == current)
            return current;
        if (!first)
            first = version;
        if (comma == if_match.size())
            return first;
        if_match.remove_prefix(comma + 1);
    }
}

std::optional<admin_response> parse_object(
    simdjson::dom::parser& parser, std::string_view body, simdjson::dom::object& members)
{
    simdjson::dom::element root;
    if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS)
        return error_answer(errc::invalid_json);
    if (root.get(members) != simdjson::SUCCESS)
        return error_answer(errc::invalid_type, "the body is a JSON object");
    std::set<std::string_view> seen;
    for (const auto [name, value] : members)
        if (!seen.insert(name).second)
            return error_answer(errc::duplicate_parameter, {}, name);
    return std::nullopt;
}

}  // namespace sluice::server
