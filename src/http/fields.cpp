#include "head_map.hpp"
#include "recognise.hpp"
#include "rules.hpp"
#include <sluice/base/text.hpp>
#include <sluice/http/octets.hpp>

#include <algorithm>

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
    return (name.front() | 0x20) == 'p' && iequals(name.substr(0, 6), "proxy-");
}

[[nodiscard]] refusal bad_name(const char* line, const char* at) noexcept
{
    if (at == line && is_blank(*at))
        return bad("a folded header line");
    if (is_blank(*at))
        return bad("a blank in or after a field name");
    return bad("an invalid field name");
}

// One comparison instead of two where blanks are rare.
[[nodiscard]] bool may_be_blank(char c) noexcept
{
    return static_cast<unsigned char>(c) <= ' ';
}

// What is not a plain name and a colon: rare, so kept out of the loop below. The colon, or nullptr.
[[gnu::cold, gnu::noinline]] const char* read_odd_name(
    const char* line, const char* at, const char* end, refusal& why) noexcept
{
    const char* const colon = skip(at, end, octets::token);
    if (*colon != ':' || colon == line) {
        why = bad_name(line, colon);
        return nullptr;
    }
    if (is_look_alike({line, static_cast<std::size_t>(colon - line)})) {
        why = bad("a field name that imitates a framing or credential field");
        return nullptr;
    }
    return colon;
}

// As head_map, by looking at each octet when it is asked for.
class octet_by_octet {
public:
    explicit octet_by_octet(const char* end) noexcept
        : end_(end)
    {
    }
    [[nodiscard]] const char* name_end(const char* p) const noexcept
    {
        return skip_common_name(p, end_);
    }
    [[nodiscard]] const char* value_end(const char* p) const noexcept
    {
        return find_control(p, end_);
    }

private:
    const char* end_;
};

// The field line at `line`; where the next one begins, or nullptr with `why` set. `end` is the end
// of a head that ends in CRLF CRLF, so an octet that ends the name or value is always found.
template <class Ends>
[[nodiscard]] inline const char* parse_field(
    const Ends& ends,
    const char* base,
    const char* line,
    const char* end,
    std::size_t line_bytes,
    field_table& out,
    refusal& why) noexcept
{
    const char* colon = ends.name_end(line);
    if (*colon != ':' || colon == line) [[unlikely]] {
        colon = read_odd_name(line, colon, end, why);
        if (colon == nullptr)
            return nullptr;
    }

    // Usually exactly one space, and none at the end.
    const char* value = colon + (colon[1] == ' ' ? 2 : 1);
    if (may_be_blank(*value)) [[unlikely]]
        while (is_blank(*value))
            ++value;
    const char* const line_end = ends.value_end(value);
    if (line_end[0] != '\r' || line_end[1] != '\n') [[unlikely]] {
        why = bad("a control character in a field value");
        return nullptr;
    }
    if (static_cast<std::size_t>(line_end - line) > line_bytes) [[unlikely]] {
        why = {errc::head_too_large, "a header line is longer than allowed"};
        return nullptr;
    }
    const char* value_end = line_end;
    if (may_be_blank(value_end[-1])) [[unlikely]]
        while (value_end != value && is_blank(value_end[-1]))
            --value_end;

    const std::string_view name{line, static_cast<std::size_t>(colon - line)};
    const header id = recognise(name);
    const bool hop_by_hop =
        id == header::other ? is_proxy_field(name) : (hop_by_hop_headers & bit(id)) != 0;
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

namespace {

template <class Ends>
[[nodiscard]] std::optional<refusal> parse_all(
    const Ends& ends,
    const char* base,
    const char* first,
    const char* end,
    const head_limits& limits,
    field_table& out) noexcept
{
    const std::size_t max_fields = std::min(limits.fields, field_table::capacity);
    const std::size_t line_bytes = std::min(limits.line_bytes, head_limits::longest_line);
    const char* const blank_line = end - 2;
    out.clear(base);
    refusal why{};
    for (const char* line = first; line != blank_line;) {
        if (out.size() == max_fields)
            return refusal{errc::head_too_large, "more header fields than allowed"};
        line = parse_field(ends, base, line, end, line_bytes, out, why);
        if (line == nullptr)
            return why;
    }
    return std::nullopt;
}

}  // namespace

std::optional<refusal> parse_fields(
    const char* base,
    const char* first,
    const char* end,
    const head_limits& limits,
    field_table& out) noexcept
{
    head_map map;
    if (map.draw(first, end))
        return parse_all(map, base, first, end, limits, out);
    return parse_all(octet_by_octet(end), base, first, end, limits, out);
}

namespace {

// One Connection value; false when it and those before hold too many options.
[[nodiscard]] bool read_options(
    std::string_view list,
    field_table& fields,
    std::size_t& nominations,
    connection_options& out) noexcept
{
    if (list == "keep-alive") {
        out.keep_alive = true;
        return true;
    }
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        const std::string_view option = trim_blanks(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
        if (iequals(option, "close")) {
            out.close = true;
        } else if (recognise_header(option) == header::keep_alive) {
            out.keep_alive = true;
        } else if (!option.empty()) {
            if (++nominations > max_nominations)
                return false;
            fields.nominate(option);
        }
    }
    return true;
}

}  // namespace

std::optional<refusal> read_connection(field_table& fields, connection_options& out) noexcept
{
    if (!fields.has(header::connection))
        return std::nullopt;
    std::size_t nominations = 0;
    bool fine = true;
    if (!fields.repeated(header::connection)) {
        fine = read_options(fields.find(header::connection), fields, nominations, out);
    } else {
        for (std::size_t i = 0; fine && i < fields.size(); ++i)
            if (fields[i].id == header::connection)
                fine = read_options(fields[i].value, fields, nominations, out);
    }
    if (!fine)
        return bad("too many options in Connection");
    return std::nullopt;
}

}  // namespace sluice::http
