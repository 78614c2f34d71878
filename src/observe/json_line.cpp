#include <sluice/base/put.hpp>
#include <sluice/observe/json_line.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sluice::observe {
namespace {

constexpr std::uint64_t ones = 0x0101010101010101U;
constexpr std::uint64_t tops = 0x8080808080808080U;

// True if the eight bytes may stand in a JSON string as they are: ASCII, no controls, no '"' or
// '\\'. Each subtraction sets a byte's top bit where the byte is to be escaped; a borrow can set
// others only beside such a one.
bool plain(std::uint64_t word) noexcept
{
    const std::uint64_t controls = word - ones * 0x20;
    const std::uint64_t quotes = (word ^ (ones * '"')) - ones;
    const std::uint64_t backslashes = (word ^ (ones * '\\')) - ones;
    return ((word | controls | quotes | backslashes) & tops) == 0;
}

// Two runs of eight bytes, looked at together.
class octets {
public:
#if defined(__SSE2__)
    void load(const char* a, const char* b) noexcept
    {
        bytes_ = _mm_unpacklo_epi64(
            _mm_loadl_epi64(reinterpret_cast<const __m128i*>(a)),
            _mm_loadl_epi64(reinterpret_cast<const __m128i*>(b)));
    }
    void store(char* a, char* b) const noexcept
    {
        _mm_storel_epi64(reinterpret_cast<__m128i*>(a), bytes_);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(b), _mm_unpackhi_epi64(bytes_, bytes_));
    }
    // As signed bytes those from 0x80 on are below the space too.
    [[nodiscard]] bool plain() const noexcept
    {
        const auto below = _mm_cmplt_epi8(bytes_, _mm_set1_epi8(' '));
        const auto marks = _mm_or_si128(
            _mm_cmpeq_epi8(bytes_, _mm_set1_epi8('"')),
            _mm_cmpeq_epi8(bytes_, _mm_set1_epi8('\\')));
        return _mm_movemask_epi8(_mm_or_si128(below, marks)) == 0;
    }

private:
    __m128i bytes_;
#else
    void load(const char* a, const char* b) noexcept
    {
        std::memcpy(&a_, a, 8);
        std::memcpy(&b_, b, 8);
    }
    void store(char* a, char* b) const noexcept
    {
        std::memcpy(a, &a_, 8);
        std::memcpy(b, &b_, 8);
    }
    [[nodiscard]] bool plain() const noexcept { return observe::plain(a_) && observe::plain(b_); }

private:
    std::uint64_t a_;
    std::uint64_t b_;
#endif
};

// Copies a value that needs no escaping and answers the place behind it. Otherwise null, and what
// lies at `to` is of no meaning. The last piece overlaps the one before it, so that few bytes are
// looked at alone.
char* copy_plain(char* to, std::string_view value) noexcept
{
    const char* from = value.data();
    const char* const last = from + value.size();
    char* const behind = to + value.size();
    if (value.size() >= 8) {
        octets piece;
        for (; last - from > 16; from += 16, to += 16) {
            piece.load(from, from + 8);
            if (!piece.plain())
                return nullptr;
            piece.store(to, to + 8);
        }
        // 16 bytes or fewer: the last eight, and those before them or the first eight.
        const auto back = value.size() >= 16 ? std::ptrdiff_t{16} : last - from;
        piece.load(last - back, last - 8);
        piece.store(behind - back, behind - 8);
        return piece.plain() ? behind : nullptr;
    }
    if (value.size() >= sizeof(std::uint32_t)) {
        std::uint32_t head = 0;
        std::uint32_t tail = 0;
        std::memcpy(&head, from, 4);
        std::memcpy(&tail, last - 4, 4);
        std::memcpy(to, &head, 4);
        std::memcpy(behind - 4, &tail, 4);
        return plain(std::uint64_t{head} << 32U | tail) ? behind : nullptr;
    }
    for (; from != last; ++from, ++to) {
        if (!plain(ones * static_cast<unsigned char>(*from)))
            return nullptr;
        *to = *from;
    }
    return behind;
}

}  // namespace

std::size_t utf8_length(std::string_view text) noexcept
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (text.size() < length)
        return 0;
    // The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF.
    const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (byte(1) < low || byte(1) > high)
        return 0;
    for (std::size_t i = 2; i < length; ++i)
        if (byte(i) < 0x80 || byte(i) > 0xbf)
            return 0;
    return length;
}

std::string_view timestamp_text::of(nanoseconds since_epoch) noexcept
{
    const std::int64_t ms = std::max<std::int64_t>(since_epoch.count(), 0) / 1'000'000;
    const std::int64_t second = ms / 1000;
    if (second != second_) {
        const std::chrono::sys_seconds instant{seconds{second}};
        const auto day = std::chrono::floor<std::chrono::days>(instant);
        const std::chrono::year_month_day date{day};
        const auto in_day = static_cast<unsigned>((instant - day).count());
        const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
        std::memcpy(text_.data(), "0000-00-00T00:00:00.000Z", text_.size());
        put_two_digits(&text_[0], year / 100 % 100);
        put_two_digits(&text_[2], year % 100);
        put_two_digits(&text_[5], static_cast<unsigned>(date.month()));
        put_two_digits(&text_[8], static_cast<unsigned>(date.day()));
        put_two_digits(&text_[11], in_day / 3600);
        put_two_digits(&text_[14], in_day / 60 % 60);
        put_two_digits(&text_[17], in_day % 60);
        second_ = second;
    }
    put_three_digits(&text_[20], static_cast<unsigned>(ms % 1000));
    return {text_.data(), text_.size()};
}

json_line::json_line(std::span<char> memory) noexcept
    : begin_(memory.data()),
      at_(memory.data()),
      end_(memory.data() + memory.size() - 2)
{
}

void json_line::put(std::string_view bytes) noexcept
{
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
}

inline void json_line::digits(std::uint64_t value) noexcept
{
    const auto small = static_cast<unsigned>(value);
    if (value < 10) {
        put(static_cast<char>('0' + small));
    } else if (value < 100) {
        put_two_digits(at_, small);
        at_ += 2;
    } else if (value < 1000) {
        put_three_digits(at_, small);
        at_ += 3;
    } else if (value < 10'000) {
        put_two_digits(at_, small / 100);
        put_two_digits(at_ + 2, small % 100);
        at_ += 4;
    } else {
        at_ = std::to_chars(at_, end_, value).ptr;
    }
}

// Copies a key's whole array, which is faster than its exact length.
inline bool json_line::open(const json_key& key, std::size_t value_bytes) noexcept
{
    if (static_cast<std::size_t>(end_ - at_) < key.text_.size() + value_bytes)
        return false;
    std::memcpy(at_, key.text_.data(), key.text_.size());  // finish() makes the first comma a brace
    at_ += key.length_;
    return true;
}

json_line& json_line::text(const json_key& key, std::string_view value, std::size_t cap) noexcept
{
    constexpr std::size_t quotes = 2;
    constexpr std::size_t longest_escape = 6;
    if (!open(key, quotes + longest_escape))
        return *this;
    put('"');
    const std::size_t room = std::min(cap, static_cast<std::size_t>(end_ - at_) - 1);
    char* const behind = value.size() > room ? nullptr : copy_plain(at_, value);
    if (behind != nullptr)
        at_ = behind;
    else
        escaped(value, at_ + room);
    put('"');
    return *this;
}

void json_line::escaped(std::string_view value, const char* limit) noexcept
{
    constexpr std::string_view hex_digits = "0123456789abcdef";
    while (!value.empty()) {
        std::array<char, 6> escape{'\\', 'u', '0', '0', '0', '0'};
        const char c = value.front();
        const auto byte = static_cast<unsigned char>(c);
        const std::size_t length = utf8_length(value);
        std::string_view next = value.substr(0, length);
        if (c == '"' || c == '\\') {
            escape[1] = c;
            next = {escape.data(), 2};
        } else if (byte < 0x20) {
            escape[4] = hex_digits[byte >> 4U];
            escape[5] = hex_digits[byte & 15U];
            next = {escape.data(), escape.size()};
        } else if (length == 0) {
            next = "\\ufffd";
        }
        if (limit - at_ < static_cast<std::ptrdiff_t>(next.size()))
            return;
        put(next);
        value.remove_prefix(std::max<std::size_t>(length, 1));
    }
}

json_line& json_line::number(const json_key& key, std::uint64_t value) noexcept
{
    if (open(key, 20))
        digits(value);
    return *this;
}

json_line& json_line::integer(const json_key& key, std::int64_t value) noexcept
{
    if (open(key, 20))
        at_ = std::to_chars(at_, end_, value).ptr;
    return *this;
}

json_line& json_line::flag(const json_key& key, bool value) noexcept
{
    if (open(key, 5))
        put(value ? std::string_view("true") : std::string_view("false"));
    return *this;
}

json_line& json_line::millis(const json_key& key, nanoseconds value) noexcept
{
    if (!open(key, 24))
        return *this;
    const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0)) / 1000;
    digits(us / 1000);
    put('.');
    put_three_digits(at_, static_cast<unsigned>(us % 1000));
    at_ += 3;
    return *this;
}

json_line& json_line::billionths(const json_key& key, std::int64_t value) noexcept
{
    if (!open(key, 24))
        return *this;
    at_ = put_billionths(at_, static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0)));
    return *this;
}

json_line& json_line::written(const json_key& key, std::string_view number) noexcept
{
    if (open(key, number.size()))
        at_ = put_short(at_, number);
    return *this;
}

std::string_view json_line::finish() noexcept
{
    if (at_ == begin_)
        ++at_;
    *begin_ = '{';
    put('}');
    put('\n');
    return {begin_, static_cast<std::size_t>(at_ - begin_)};
}

}  // namespace sluice::observe
