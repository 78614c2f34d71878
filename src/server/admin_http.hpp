#pragma once
// Requests and answers of the admin API, without a socket.

#include <sluice/base/errc.hpp>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::server {

using admin_request = boost::beast::http::request<boost::beast::http::string_body>;
using admin_response = boost::beast::http::response<boost::beast::http::string_body>;

[[nodiscard]] inline std::string_view view(boost::string_view text) noexcept
{
    return {text.data(), text.size()};
}

// Why a call is not answered; becomes OpenAI's error object with a list of complaints in it when
// there is one.
struct admin_error {
    unsigned status = 400;
    std::string_view code{};
    std::string message;
    std::string param{};
    std::span<const std::string> complaints{};
};

[[nodiscard]] admin_response json_answer(unsigned status, std::string body);
[[nodiscard]] admin_response text_answer(
    unsigned status, std::string_view content_type, std::string body);
[[nodiscard]] admin_response error_answer(const admin_error& why);
[[nodiscard]] admin_response error_answer(
    errc code, std::string_view message = {}, std::string_view param = {});

// "%2F" and its like; none: a percent sign without two digits, or an encoded NUL.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text);

// The value of a query's member; none: it is not there.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

// The values of all its members of that name, in order.
[[nodiscard]] std::vector<std::string> query_values(std::string_view query, std::string_view name);

// The first member of the query that is not among `known`, decoded.
[[nodiscard]] std::optional<std::string> unknown_in_query(
    std::string_view query, std::span<const std::string_view> known);

[[nodiscard]] std::string etag_of(std::uint64_t version);

// The version an If-Match asks for: none if it accepts any, `current` if that is among the tags,
// otherwise the first tag's, 0 for one that was never ours.
[[nodiscard]] std::optional<std::uint64_t> wanted_version(
    std::string_view if_match, std::uint64_t current);

// Fills `members` with the body's one JSON object, in which no name occurs twice; otherwise the
// answer. The members live as long as the parser.
[[nodiscard]] std::optional<admin_response> parse_object(
    simdjson::dom::parser& parser, std::string_view body, simdjson::dom::object& members);

}  // namespace sluice::server
