#pragma once
// Where the names and values of a whole head's fields end, found for all of them together.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace sluice::http {

class head_map {
public:
    static constexpr std::size_t least = 64;
    static constexpr std::size_t most = 4096;

    // [begin, end) has to stay as it is. False: not here, or not of this size; ask octet by octet.
    [[nodiscard]] bool draw(const char* begin, const char* end) noexcept;

    // The first octet from p on that is not a letter, digit or hyphen, or one behind the end.
    [[nodiscard]] const char* name_end(const char* p) const noexcept { return next(names_, p); }
    // The first one that must not stand in a field value: a control other than HTAB, or DEL.
    [[nodiscard]] const char* value_end(const char* p) const noexcept { return next(values_, p); }

private:
    // Bit i of word n stands for octet 64 n + i. What is behind the end is marked.
    using words = std::array<std::uint64_t, most / 64 + 1>;

    [[nodiscard]] const char* next(const words& marks, const char* p) const noexcept
    {
        const auto at = static_cast<std::size_t>(p - begin_);
        std::size_t word = at / 64;
        if (const auto here = marks[word] >> (at % 64); here != 0)
            return p + std::countr_zero(here);
        while (marks[++word] == 0) {
        }
        return begin_ + 64 * word + std::countr_zero(marks[word]);
    }

    void draw_avx2(const char* end) noexcept;

    const char* begin_;
    words names_;  // as many words as the head has, and one
    words values_;
};

}  // namespace sluice::http
