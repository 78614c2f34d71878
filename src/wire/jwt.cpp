#include <sluice/wire/jwt.hpp>

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

namespace sluice::wire {
namespace {

namespace dom = simdjson::dom;

constexpr std::array<std::string_view, 3> algorithms{"RS256", "ES256", "HS256"};
constexpr std::size_t most_texts = 10'000;

// 64: none of the alphabet.
unsigned sextet_of(char c) noexcept
{
    if (c >= 'A' && c <= 'Z')
        return static_cast<unsigned>(c - 'A');
    if (c >= 'a' && c <= 'z')
        return static_cast<unsigned>(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return static_cast<unsigned>(c - '0') + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : 64;
}

// An object in which no name occurs twice.
bool read_object(dom::parser& parser, std::string_view text, dom::object& into)
{
    if (parser.parse(text.data(), text.size()).get(into) != simdjson::SUCCESS)
        return false;
    std::set<std::string_view> seen;
    for (const auto [name, value] : into)
        if (!seen.insert(name).second)
            return false;
    return true;
}

// Leaves `into` as it is where the member is not there.
bool read_text(dom::object from, std::string_view name, std::string& into)
{
    dom::element value;
    std::string_view text;
    if (from[name].get(value) != simdjson::SUCCESS)
        return true;
    if (value.get(text) != simdjson::SUCCESS)
        return false;
    into = text;
    return true;
}

bool read_time(dom::object from, std::string_view name, std::optional<std::int64_t>& into)
{
    constexpr double most = 1e15;
    dom::element value;
    double seconds = 0;
    if (from[name].get(value) != simdjson::SUCCESS)
        return true;
    if (value.get(seconds) != simdjson::SUCCESS || !(std::abs(seconds) <= most))
        return false;
    into = static_cast<std::int64_t>(std::floor(seconds));
    return true;
}

bool read_texts(
    dom::object from, std::string_view name, std::optional<std::vector<std::string>>& into)
{
    dom::element value;
    if (from[name].get(value) != simdjson::SUCCESS)
        return true;
    into.emplace();
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) {
        into->emplace_back(text);
        return true;
    }
    dom::array all;
    if (value.get(all) != simdjson::SUCCESS || all.size() > most_texts)
        return false;
    for (const auto one : all) {
        if (one.get(text) != simdjson::SUCCESS)
            return false;
        into->emplace_back(text);
    }
    return true;
}

}  // namespace

std::string_view name_of(jwt_algorithm algorithm) noexcept
{
    return algorithms[static_cast<std::size_t>(algorithm)];
}

std::optional<jwt_algorithm> jwt_algorithm_named(std::string_view name) noexcept
{
    for (std::size_t i = 0; i < algorithms.size(); ++i)
        if (algorithms[i] == name)
            return static_cast<jwt_algorithm>(i);
    return {};
}

std::optional<std::string> base64url_decoded(std::string_view text)
{
    if (text.size() % 4 == 1)
        return {};
    std::string out;
    out.reserve(text.size() / 4 * 3 + 2);
    unsigned bits = 0;
    unsigned held = 0;  // how many of the bits are not yet out
    for (const char c : text) {
        const unsigned value = sextet_of(c);
        if (value == 64)
            return {};
        bits = ((bits << 6U) | value) & 0xFFFFU;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out += static_cast<char>((bits >> held) & 0xFFU);
        }
    }
    if ((bits & ((1U << held) - 1U)) != 0)
        return {};
    return out;
}

bool looks_like_jwt(std::string_view text) noexcept
{
    // A brace, and behind it a quotation mark or a blank, or a line's end or a tab.
    const bool begins = text.starts_with("ey") || text.starts_with("ew");
    return begins && text.size() <= max_jwt_bytes && std::ranges::count(text, '.') == 2;
}

std::optional<jwt> parse_jwt(std::string_view token)
{
    if (!looks_like_jwt(token))
        return {};
    const auto first = token.find('.');
    const auto second = token.find('.', first + 1);
    const auto header = base64url_decoded(token.substr(0, first));
    auto payload = base64url_decoded(token.substr(first + 1, second - first - 1));
    auto signature = base64url_decoded(token.substr(second + 1));
    if (!header || !payload || !signature || signature->empty())
        return {};
    dom::parser parser;
    dom::object members;
    jwt result;
    std::string algorithm;
    dom::element unused;
    if (!read_object(parser, *header, members) || !read_text(members, "alg", algorithm)
        || !read_text(members, "kid", result.key_id)
        || members["crit"].get(unused) == simdjson::SUCCESS)
        return {};
    const auto known = jwt_algorithm_named(algorithm);
    if (!known)
        return {};
    result.algorithm = *known;
    result.signed_part = token.substr(0, second);
    result.payload = std::move(*payload);
    result.signature = std::move(*signature);
    return result;
}

std::optional<jwt_claims> read_claims(
    std::string_view payload, const std::vector<std::string>& asked)
{
    dom::parser parser;
    dom::object members;
    jwt_claims claims;
    std::optional<std::vector<std::string>> audience;
    if (!read_object(parser, payload, members) || !read_text(members, "iss", claims.issuer)
        || !read_time(members, "exp", claims.expires)
        || !read_time(members, "nbf", claims.not_before)
        || !read_time(members, "iat", claims.issued) || !read_texts(members, "aud", audience))
        return {};
    claims.audience = std::move(audience).value_or(std::vector<std::string>());
    for (const auto& name : asked)
        if (!read_texts(members, name, claims.asked.emplace_back()))
            return {};
    return claims;
}

}  // namespace sluice::wire
