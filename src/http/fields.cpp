#include "rules.hpp"

#include <algorithm>
#include <sluice/base/text.hpp>
#include <sluice/http/octets.hpp>

namespace sluice::http {

namespace {

constexpr std::size_t max_nominations = 64;

// Names a careless reader would take for one of these although they are spelled with "_".
constexpr std::uint64_t look_alike_headers =
    hop_by_hop_headers | bit(header::content_length) | bit(header::x_api_key)
    | bit(header::x_goog_api_key) | bit(header::content_type) | bit(header::content_encoding);

[[nodiscard]] bool is_look_alike(std::string_view name) noexcept
{
    std::array<char, 32> copy;
    if (name.size() > copy.size() || name.find('_') == std::string_view::npos)
        return false;
    std::replace_copy(name.begin(), name.end(), copy.begin(), '_', '-');
    const header twin = recognise_header({copy.data(), name.size()});
    return twin != header::other && (look_alike_headers & bit(twin)) != 0;
}

[[nodiscard]] bool is_proxy_field(std::string_view name) noexcept
{
    return name.size() > 6 && lower(name.front()) == 'p' && iequals(name.substr(0, 6), "proxy-");
}

[[nodiscard]] refusal bad(std::string_view message) noexcept
{
    return {errc::bad_request, message};
}

[[nodiscard]] refusal bad_name(const char* line, const char* at) noexcept
{
    if (at == line && is(*at, octets::blank))
        return bad("a folded header line");
    if (is(*at, octets::blank))
        return bad("a blank in or after a field name");
    return bad("an invalid field name");
}

// The field line at `line`; where the next one begins, or nullptr with `why` set. `end` is
// the end of a head that ends in CRLF CRLF, so an octet that ends the name or value is always
// found.
[[nodiscard]] const char* parse_field(
    const char* base,
    const char* line,
    const char* end,
    std::size_t line_bytes,
    field_table& out,
    refusal& why) noexcept
{
    const char* colon = skip_common_name(line, end);
    const bool plain = *colon == ':';
    if (!plain)
        colon = skip(colon, end, octets::token);
    if (*colon != ':' || colon == line) {
        why = bad_name(line, colon);
        return nullptr;
    }

    const char* value = colon + 1;
    while (is(*value, octets::blank))
        ++value;
    const char* const line_end = find_control(value, end);
    if (line_end[0] != '\r' || line_end[1] != '\n') {
        why = bad("a control character in a field value");
        return nullptr;
    }
    const char* value_end = line_end;
    while (value_end != value && is(value_end[-1], octets::blank))
        --value_end;
    if (static_cast<std::size_t>(line_end - line) > line_bytes) {
        why = {errc::head_too_large, "a header line is longer than allowed"};
        return nullptr;
    }

    const std::string_view name{line, static_cast<std::size_t>(colon - line)};
    const header id = recognise_header(name);
    bool hop_by_hop = (hop_by_hop_headers & bit(id)) != 0;
    if (id == header::other) {
        hop_by_hop = is_proxy_field(name);
        if (!plain && is_look_alike(name)) {
            why = bad("a field name that imitates a framing or credential field");
            return nullptr;
        }
    }
    out.add(
        static_cast<std::uint32_t>(line - base),
        static_cast<std::uint16_t>(colon - line),
        static_cast<std::uint16_t>(value - line),
        static_cast<std::uint16_t>(value_end - value),
        id,
        hop_by_hop);
    return line_end + 2;
}

}  // namespace

std::string_view field_table::find(std::string_view lower_case_name) const noexcept
{
    for (std::size_t i = 0; i < count_; ++i)
        if (iequals(name(entries_[i]), lower_case_name))
            return value(entries_[i]);
    return {};
}

void field_table::nominate(std::string_view nominated) noexcept
{
    const header id = recognise_header(nominated);
    if (!has(id) || (never_nominated_headers & bit(id)) != 0)
        return;
    for (std::size_t i = 0; i < count_; ++i)
        if (entries_[i].id == id && (id != header::other || iequals(name(entries_[i]), nominated)))
            entries_[i].hop_by_hop = true;
}

std::optional<refusal> parse_fields(
    const char* base,
    const char* first,
    const char* end,
    const head_limits& limits,
    field_table& out) noexcept
{
    const std::size_t max_fields = std::min(limits.fields, field_table::capacity);
    const std::size_t line_bytes = std::min<std::size_t>(limits.line_bytes, 65535);
    const char* const blank_line = end - 2;
    out.clear(base);
    for (const char* line = first; line != blank_line;) {
        if (out.size() == max_fields)
            return refusal{errc::head_too_large, "more header fields than allowed"};
        refusal why{};
        line = parse_field(base, line, end, line_bytes, out, why);
        if (line == nullptr)
            return why;
    }
    return std::nullopt;
}

std::optional<refusal> read_connection(field_table& fields, connection_options& out) noexcept
{
    std::size_t nominations = 0;
    for (std::size_t i = 0; fields.has(header::connection) && i < fields.size(); ++i) {
        const field connection = fields[i];
        if (connection.id != header::connection)
            continue;
        for (std::string_view rest = connection.value; !rest.empty();) {
            const std::size_t comma = std::min(rest.find(','), rest.size());
            const std::string_view option = trim_blanks(rest.substr(0, comma));
            rest.remove_prefix(std::min(comma + 1, rest.size()));
            if (iequals(option, "close")) {
                out.close = true;
            } else if (iequals(option, "keep-alive")) {
                out.keep_alive = true;
            } else if (!option.empty()) {
                if (++nominations > max_nominations)
                    return bad("too many options in Connection");
                fields.nominate(option);
            }
        }
    }
    return std::nullopt;
}

}  // namespace sluice::http
