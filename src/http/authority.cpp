#include "rules.hpp"
#include <sluice/http/octets.hpp>

namespace sluice::http {

namespace {

// RFC 3986 IPv4address: four numbers up to 255 without leading zeros.
[[nodiscard]] bool valid_ipv4(std::string_view text) noexcept
{
    for (int part = 0; part < 4; ++part) {
        std::size_t digits = 0;
        unsigned value = 0;
        while (digits < text.size() && digits < 3 && is(text[digits], octets::digit))
            value = value * 10 + static_cast<unsigned>(text[digits++] - '0');
        if (digits == 0 || value > 255 || (digits > 1 && text.front() == '0'))
            return false;
        text.remove_prefix(digits);
        if (part == 3)
            break;
        if (!text.starts_with('.'))
            return false;
        text.remove_prefix(1);
    }
    return text.empty();
}

// RFC 3986 IPv6address: eight groups, or fewer around one "::"; the last two may be an IPv4
// address.
[[nodiscard]] bool valid_ipv6(std::string_view text) noexcept
{
    bool gap = text.starts_with("::");
    if (gap)
        text.remove_prefix(2);
    int groups = 0;
    while (!text.empty() || (!gap && groups == 0)) {
        std::size_t digits = 0;
        while (digits < text.size() && digits < 5 && is(text[digits], octets::hex))
            ++digits;
        if (digits == 0 || digits == 5)
            return false;
        if (digits < text.size() && text[digits] == '.') {
            groups += 2;
            return valid_ipv4(text) && (gap ? groups <= 7 : groups == 8);
        }
        ++groups;
        text.remove_prefix(digits);
        if (text.empty())
            break;
        if (text == ":" || !text.starts_with(':'))
            return false;
        text.remove_prefix(1);
        if (text.starts_with(':')) {
            if (gap)
                return false;
            gap = true;
            text.remove_prefix(1);
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

// RFC 3986 IPvFuture: "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ).
[[nodiscard]] bool valid_ip_future(std::string_view text) noexcept
{
    text.remove_prefix(1);
    const char* const end = text.data() + text.size();
    const char* const dot = skip(text.data(), end, octets::hex);
    if (dot == text.data() || end - dot < 2 || *dot != '.')
        return false;
    for (const char* p = dot + 1; p != end; ++p)
        if (*p != ':' && !is(*p, octets::host))
            return false;
    return true;
}

[[nodiscard]] bool valid_port(std::string_view text) noexcept
{
    if (text.size() > 5)
        return false;
    unsigned value = 0;
    for (const char c : text) {
        if (!is(c, octets::digit))
            return false;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value <= 65535;
}

}  // namespace

const char* skip_percent_encoded(const char* p, const char* end) noexcept
{
    const bool encoded =
        end - p >= 3 && *p == '%' && is(p[1], octets::hex) && is(p[2], octets::hex);
    return encoded ? p + 3 : nullptr;
}

bool valid_authority(std::string_view text) noexcept
{
    const char* const end = text.data() + text.size();
    const char* p = text.data();
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos)
            return false;
        const std::string_view inside = text.substr(1, close - 1);
        const bool future = inside.starts_with('v') || inside.starts_with('V');
        if (!(future ? valid_ip_future(inside) : valid_ipv6(inside)))
            return false;
        p += close + 1;
    } else {
        while (p != end && *p != ':') {
            p = is(*p, octets::host) ? skip(p, end, octets::host) : skip_percent_encoded(p, end);
            if (p == nullptr)
                return false;
        }
        if (p == text.data())
            return false;
    }
    if (p == end)
        return true;
    return *p == ':' && valid_port({p + 1, static_cast<std::size_t>(end - p - 1)});
}

}  // namespace sluice::http
