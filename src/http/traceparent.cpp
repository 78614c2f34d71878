#include <sluice/http/traceparent.hpp>

namespace sluice::http {
namespace {

constexpr std::size_t trace_at = 3;
constexpr std::size_t span_at = 36;
constexpr std::size_t flags_at = 53;

// Lower-case only, unlike chunk sizes. False: another character.
bool read_hex(std::string_view digits, std::uint64_t& into) noexcept
{
    into = 0;
    for (const char c : digits) {
        const bool number = c >= '0' && c <= '9';
        if (!number && (c < 'a' || c > 'f'))
            return false;
        into = into << 4U | static_cast<std::uint64_t>(number ? c - '0' : c - 'a' + 10);
    }
    return true;
}

}  // namespace

std::optional<traceparent> parse_traceparent(std::string_view text) noexcept
{
    if (text.size() < traceparent::text_bytes || text[2] != '-' || text[span_at - 1] != '-'
        || text[flags_at - 1] != '-')
        return {};
    std::uint64_t version = 0;
    std::uint64_t flags = 0;
    traceparent found;
    const bool hex = read_hex(text.substr(0, 2), version)
                     && read_hex(text.substr(trace_at, 16), found.trace_high)
                     && read_hex(text.substr(trace_at + 16, 16), found.trace_low)
                     && read_hex(text.substr(span_at, 16), found.span)
                     && read_hex(text.substr(flags_at, 2), flags);
    if (!hex || version == 0xff || (found.trace_high | found.trace_low) == 0 || found.span == 0)
        return {};
    if (text.size() > traceparent::text_bytes
        && (version == 0 || text[traceparent::text_bytes] != '-'))
        return {};
    found.flags = static_cast<std::uint8_t>(flags);
    return found;
}

std::array<char, traceparent::text_bytes> text_of(const traceparent& from) noexcept
{
    std::array<char, traceparent::text_bytes> text{};
    text[0] = text[1] = '0';
    text[2] = text[span_at - 1] = text[flags_at - 1] = '-';
    const std::span<char> all(text);
    write_hex(from.trace_high, all.subspan<trace_at, 16>());
    write_hex(from.trace_low, all.subspan<trace_at + 16, 16>());
    write_hex(from.span, all.subspan<span_at, 16>());
    text[flags_at] = '0';
    text[flags_at + 1] = static_cast<char>(
        '0' + (from.flags & (traceparent::sampled_flag | traceparent::random_flag)));
    return text;
}

void write_hex(std::uint64_t value, std::span<char, 16> into) noexcept
{
    for (std::size_t i = 0; i < into.size(); ++i)
        into[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15U];
}

}  // namespace sluice::http
