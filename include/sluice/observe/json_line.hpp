#pragma once
// Writes one JSON object as one line into memory of the caller's, without allocating. What does not
// fit is left out; the line stays valid JSON.

#include <sluice/base/clock.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::observe {

// Length of the well-formed UTF-8 sequence `text` begins with (RFC 3629), 0 if it begins with none.
// `text` is not empty.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

// RFC 3339 in UTC with milliseconds. Remembers the last second, which is most of the work.
class timestamp_text {
public:
    // Valid until the next call. `since_epoch` is the system clock's, not negative.
    [[nodiscard]] std::string_view of(nanoseconds since_epoch) noexcept;

private:
    std::int64_t second_ = -1;
    std::array<char, 24> text_{};  // 2026-11-21T03:09:54.123Z
};

// A member's name as it stands in the line, `,"name":`, made by the compiler where the name is a
// literal. At most 28 bytes, which need no escaping; more are cut.
class json_key {
public:
    template <std::size_t N>
    // NOLINTNEXTLINE(google-explicit-constructor): a literal is the key
    consteval json_key(const char (&name)[N])
        : json_key(std::string_view(name, N - 1), 0)
    {
        static_assert(N - 1 <= 28);
    }
    explicit constexpr json_key(std::string_view name)
        : json_key(name.substr(0, 28), 0)
    {
    }

private:
    friend class json_line;

    constexpr json_key(std::string_view name, int)
        : length_(name.size() + 4)
    {
        text_[0] = ',';
        text_[1] = '"';
        for (std::size_t i = 0; i < name.size(); ++i)
            text_[i + 2] = name[i];
        text_[name.size() + 2] = '"';
        text_[name.size() + 3] = ':';
    }

    std::array<char, 32> text_{};
    std::size_t length_;
};

class json_line {
public:
    static constexpr std::size_t least_bytes = 8;

    // `memory` holds at least least_bytes.
    explicit json_line(std::span<char> memory) noexcept;

    // At most `cap` bytes of escaped value are written, cut at a
    // character's end; bytes that are not UTF-8 become U+FFFD.
    json_line& text(const json_key& key, std::string_view value, std::size_t cap = 128) noexcept;
    json_line& number(const json_key& key, std::uint64_t value) noexcept;
    json_line& integer(const json_key& key, std::int64_t value) noexcept;
    json_line& flag(const json_key& key, bool value) noexcept;
    // In milliseconds with three decimals.
    json_line& millis(const json_key& key, nanoseconds value) noexcept;
    // In whole units with nine decimals; below 0 counts as 0.
    json_line& billionths(const json_key& key, std::int64_t value) noexcept;
    // A number that has been written already.
    json_line& written(const json_key& key, std::string_view number) noexcept;

    // Closes the object and ends the line. Call once, last.
    [[nodiscard]] std::string_view finish() noexcept;

private:
    [[nodiscard]] bool open(const json_key& key, std::size_t value_bytes) noexcept;
    void put(char c) noexcept { *at_++ = c; }
    void put(std::string_view bytes) noexcept;
    void digits(std::uint64_t value) noexcept;
    // Apart from text(), which mostly has nothing to escape.
    [[gnu::noinline]] void escaped(std::string_view value, const char* limit) noexcept;

    char* begin_;
    char* at_;
    char* end_;  // "}\n" still fits behind it
};

}  // namespace sluice::observe
