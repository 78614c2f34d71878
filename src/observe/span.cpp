#include <sluice/observe/span.hpp>

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace sluice::observe {

static_assert(std::is_trivially_copyable_v<span_numbers>);
static_assert(static_cast<std::size_t>(span_text::request_id) + 1 == span_texts);

std::string_view pack(const span& from, std::span<char, most_span_bytes> memory) noexcept
{
    char* at = memory.data();
    const auto put = [&at](const void* bytes, std::size_t size) {
        std::memcpy(at, bytes, size);
        at += size;
    };
    put(&from.numbers, sizeof from.numbers);
    for (const auto text : from.texts) {
        const auto size = static_cast<std::uint16_t>(std::min(text.size(), most_span_text));
        put(&size, sizeof size);
        if (size > 0)
            put(text.data(), size);
    }
    return {memory.data(), at};
}

bool unpack(std::string_view& from, span& into) noexcept
{
    if (from.size() < sizeof into.numbers)
        return false;
    auto rest = from;
    std::memcpy(&into.numbers, rest.data(), sizeof into.numbers);
    rest.remove_prefix(sizeof into.numbers);
    for (auto& text : into.texts) {
        std::uint16_t size = 0;
        if (rest.size() < sizeof size)
            return false;
        std::memcpy(&size, rest.data(), sizeof size);
        rest.remove_prefix(sizeof size);
        if (rest.size() < size)
            return false;
        text = rest.substr(0, size);
        rest.remove_prefix(size);
    }
    from = rest;
    return true;
}

}  // namespace sluice::observe
