#include "head_map.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sluice::http {

#if defined(__x86_64__)

namespace {

#define SLUICE_AVX2 __attribute__((target("avx2")))

// Classes by the halves of an octet: bit h of entry l is set when 16 h + l is in the class. Octets
// from 0x80 on are in none.
consteval std::array<char, 32> name_octets()
{
    std::array<char, 32> table{};
    for (unsigned c = 0; c < 0x80; ++c) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (letter || (c >= '0' && c <= '9') || c == '-')
            for (const unsigned copy : {0U, 16U})
                table[copy + c % 16] = static_cast<char>(
                    static_cast<unsigned char>(table[copy + c % 16]) | 1U << c / 16);
    }
    return table;
}

consteval std::array<char, 32> bits_of_halves()
{
    std::array<char, 32> table{};
    for (unsigned half = 0; half < 8; ++half)
        table[half] = table[16 + half] = static_cast<char>(1U << half);
    return table;
}

constexpr auto names_low = name_octets();
constexpr auto high_bits = bits_of_halves();

struct marks {
    std::uint64_t name;
    std::uint64_t value;
};

SLUICE_AVX2 inline marks thirty_two(const char* from, __m256i low, __m256i high) noexcept
{
    const auto octets = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    const auto halves = _mm256_and_si256(_mm256_srli_epi16(octets, 4), _mm256_set1_epi8(15));
    const auto in_name =
        _mm256_and_si256(_mm256_shuffle_epi8(low, octets), _mm256_shuffle_epi8(high, halves));
    const auto below = _mm256_cmpeq_epi8(_mm256_min_epu8(octets, _mm256_set1_epi8(0x1f)), octets);
    const auto tab = _mm256_cmpeq_epi8(octets, _mm256_set1_epi8('\t'));
    const auto del = _mm256_cmpeq_epi8(octets, _mm256_set1_epi8(0x7f));
    const auto bad = _mm256_or_si256(_mm256_andnot_si256(tab, below), del);
    const auto other = _mm256_cmpeq_epi8(in_name, _mm256_setzero_si256());
    return {
        static_cast<unsigned>(_mm256_movemask_epi8(other)),
        static_cast<unsigned>(_mm256_movemask_epi8(bad))};
}

SLUICE_AVX2 inline marks sixty_four(const char* from, __m256i low, __m256i high) noexcept
{
    const auto first = thirty_two(from, low, high);
    const auto second = thirty_two(from + 32, low, high);
    return {first.name | second.name << 32U, first.value | second.value << 32U};
}

}  // namespace

SLUICE_AVX2 void head_map::draw_avx2(const char* end) noexcept
{
    const auto low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(names_low.data()));
    const auto high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(high_bits.data()));
    std::size_t word = 0;
    const char* from = begin_;
    for (; end - from >= 64; from += 64, ++word) {
        const auto found = sixty_four(from, low, high);
        names_[word] = found.name;
        values_[word] = found.value;
    }
    // The rest, at the end of a block that overlaps what was looked at before.
    names_[word] = values_[word] = ~std::uint64_t{0};
    if (from != end) {
        const auto seen = static_cast<unsigned>(64 - (end - from));
        const auto found = sixty_four(end - 64, low, high);
        const auto behind = ~std::uint64_t{0} << (64 - seen);
        names_[word] = found.name >> seen | behind;
        values_[word] = found.value >> seen | behind;
    }
}

bool head_map::draw(const char* begin, const char* end) noexcept
{
    const auto size = static_cast<std::size_t>(end - begin);
    if (size < least || size > most || !__builtin_cpu_supports("avx2"))
        return false;
    begin_ = begin;
    draw_avx2(end);
    return true;
}

#else

bool head_map::draw(const char*, const char*) noexcept
{
    return false;
}

#endif

}  // namespace sluice::http
