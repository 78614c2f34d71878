#include "blocks.hpp"
#include "json_text.hpp"
#include "usage_scan.hpp"

#include <cstring>

namespace sluice::wire {
namespace {

// The size is a constant, so this is a comparison of a word or two and no call.
template <std::size_t Size>
bool is(std::string_view name, const char (&wanted)[Size])
{
    return name.size() == Size - 1 && std::memcmp(name.data(), wanted, Size - 1) == 0;
}

enum class inside { other, input_details, output_details };

inside details_named(std::string_view name)
{
    if (is(name, "prompt_tokens_details") || is(name, "input_tokens_details"))
        return inside::input_details;
    if (is(name, "completion_tokens_details") || is(name, "output_tokens_details"))
        return inside::output_details;
    return inside::other;
}

// Which count of `into` this member of the object itself is, or null.
std::uint64_t* slot(usage& into, std::string_view name)
{
    if (is(name, "prompt_tokens") || is(name, "input_tokens"))
        return &into.input;
    if (is(name, "completion_tokens") || is(name, "output_tokens"))
        return &into.output;
    if (is(name, "total_tokens"))
        return &into.total;
    if (is(name, "prompt_cache_hit_tokens") || is(name, "cached_tokens")
        || is(name, "num_cached_tokens"))
        return &into.cached_input;
    if (is(name, "cache_creation_input_tokens"))
        return &into.cache_write;
    return nullptr;
}

// The same for a member of its details.
std::uint64_t* slot(usage& into, std::string_view name, inside where)
{
    if (where == inside::input_details && is(name, "cached_tokens"))
        return &into.cached_input;
    if (where == inside::input_details && is(name, "cache_write_tokens"))
        return &into.cache_write;
    if (where == inside::input_details && is(name, "audio_tokens"))
        return &into.input_audio;
    if (where == inside::output_details && is(name, "reasoning_tokens"))
        return &into.reasoning;
    return nullptr;
}

// The quote that ends the string p stands in, or end.
const char* closing_quote(const char* p, const char* end) noexcept
{
    while ((p = find_either(p, end, '"', '\\')) != end && *p == '\\') {
        if (end - p < 2)
            return end;
        p += 2;
    }
    return p;
}

// Whether a usage that has this count says what was used.
bool tells(const usage& of, const std::uint64_t* count) noexcept
{
    return count == &of.input || count == &of.output || count == &of.total;
}

// The value at p, if it is a count. Moves p behind its digits.
bool read_count(const char*& p, const char* end, std::uint64_t& into) noexcept
{
    const char* const first = p;
    std::uint64_t count = 0;
    for (; p != end && *p >= '0' && *p <= '9'; ++p)
        if (count <= max_token_count)
            count = count * 10 + static_cast<std::uint64_t>(*p - '0');
    const bool ends = p != end && (is_blank(*p) || *p == ',' || *p == '}' || *p == ']');
    if (p == first || !ends || count > max_token_count)
        return false;
    into = count;
    return true;
}

}  // namespace

const char* scan_usage(const char* p, const char* end, usage& found)
{
    usage counts;
    std::uint32_t depth = 0;
    auto where = inside::other;
    while (p != end) {
        const char c = *p++;
        // Digits, letters in capitals, commas and colons.
        if (c > '"' && c < '[')
            continue;
        if (c == '"') {
            const char* const begin = p;
            p = closing_quote(p, end);
            if (p == end)
                return nullptr;
            const std::string_view name(begin, static_cast<std::size_t>(p++ - begin));
            const char* value = skip_blanks(p, end);
            if (value == end || *value != ':' || depth > 2)
                continue;
            p = skip_blanks(value + 1, end);
            if (depth == 1)
                where = details_named(name);
            auto* const wanted = depth == 1 ? slot(counts, name) : slot(counts, name, where);
            if (wanted == nullptr || p == end || *p == 'n')
                continue;
            if (read_count(p, end, *wanted))
                counts.known |= tells(counts, wanted);
            else
                counts.absurd = true;
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            found = counts.known ? counts : usage{};
            return p;
        }
    }
    return nullptr;
}

usage read_usage(std::string_view object)
{
    usage found;
    const char* const end = object.data() + object.size();
    if (!object.starts_with('{') || scan_usage(object.data(), end, found) != end)
        return {};
    return found;
}

}  // namespace sluice::wire
