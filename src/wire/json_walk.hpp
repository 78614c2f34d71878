#pragma once
// The grammar of a JSON document, checked over the positions of its tokens.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::wire {

// A cursor over the structural positions simdjson's first stage found: each bracket, comma and
// colon, each opening quote and the first byte of each other token. Strings are known to end and to
// hold no raw control characters, the text to be UTF-8. Numbers, literals, and what follows what
// are checked here; escapes are not.
class json_walk {
public:
    // positions[count] has to be text.size().
    json_walk(std::string_view text, const std::uint32_t* positions, std::size_t count) noexcept
        : text_(text),
          at_(positions),
          end_(positions + count)
    {
    }

    // First byte of the token at hand; 0 behind the last one.
    [[nodiscard]] char peek() const noexcept { return at_ == end_ ? '\0' : text_[*at_]; }
    [[nodiscard]] std::size_t offset() const noexcept { return *at_; }
    [[nodiscard]] bool at_end() const noexcept { return at_ == end_; }

    // Passes over one token if it begins with c.
    bool take(char c) noexcept
    {
        if (peek() != c)
            return false;
        ++at_;
        return true;
    }

    // The first bytes of this token and of the three behind it, packed; 0 if there are fewer.
    [[nodiscard]] std::uint32_t peek_four() const noexcept
    {
        return end_ - at_ < 4 ? 0
                              : packed(text_[*at_], text_[at_[1]], text_[at_[2]], text_[at_[3]]);
    }
    [[nodiscard]] static constexpr std::uint32_t packed(char a, char b, char c, char d) noexcept
    {
        const auto octet = [](char one) { return std::uint32_t{static_cast<unsigned char>(one)}; };
        return octet(a) | octet(b) << 8U | octet(c) << 16U | octet(d) << 24U;
    }
    void pass(std::size_t tokens) noexcept { at_ += tokens; }

    // All bytes of the number, literal or string (with its quotes) at hand.
    [[nodiscard]] std::string_view token() const noexcept;

    // Passes over a whole value, or says that there is none. `depth` containers are open around it.
    [[nodiscard]] bool skip_value(std::size_t depth) noexcept;

private:
    std::string_view text_;
    const std::uint32_t* at_;
    const std::uint32_t* end_;
};

}  // namespace sluice::wire
