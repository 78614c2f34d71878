#include "find_pair.hpp"

#include "blocks.hpp"

#include <bit>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sluice::wire {
namespace {

// `stop`: behind the last place the first byte may stand at.
const char* search(
    const char* p, const char* stop, char first, char second, std::size_t gap) noexcept
{
    constexpr auto step = static_cast<std::ptrdiff_t>(block_bytes);
    const bool long_enough = stop - p >= step;
    for (; stop - p >= step; p += step)
        if (const auto hits = block(p).equal(first) & block(p + gap).equal(second))
            return p + std::countr_zero(hits);
    if (!long_enough) {
        for (; p < stop; ++p)
            if (*p == first && p[gap] == second)
                return p;
        return nullptr;
    }
    // The last block overlaps the one before it, in which there was nothing.
    const char* const last = stop - step;
    const auto hits = block(last).equal(first) & block(last + gap).equal(second);
    return hits != 0 ? last + std::countr_zero(hits) : nullptr;
}

#if defined(__x86_64__)
#define SLUICE_AVX2 __attribute__((target("avx2")))

SLUICE_AVX2 inline __m256i pairs(
    const char* p, __m256i first, __m256i second, std::size_t gap) noexcept
{
    const auto a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const auto b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + gap));
    return _mm256_and_si256(_mm256_cmpeq_epi8(a, first), _mm256_cmpeq_epi8(b, second));
}

// As search(), where 32 places or more are left.
SLUICE_AVX2 const char* search_avx2(
    const char* p, const char* stop, char first, char second, std::size_t gap) noexcept
{
    constexpr std::ptrdiff_t step = 32;
    constexpr std::ptrdiff_t stride = 4 * step;
    const auto a = _mm256_set1_epi8(first);
    const auto b = _mm256_set1_epi8(second);
    for (; stop - p >= stride; p += stride) {
        const auto front = _mm256_or_si256(pairs(p, a, b, gap), pairs(p + step, a, b, gap));
        const auto back =
            _mm256_or_si256(pairs(p + 2 * step, a, b, gap), pairs(p + 3 * step, a, b, gap));
        const auto any = _mm256_or_si256(front, back);
        if (_mm256_testz_si256(any, any) == 0)
            break;
    }
    for (; stop - p >= step; p += step)
        if (const auto hits = _mm256_movemask_epi8(pairs(p, a, b, gap)))
            return p + std::countr_zero(static_cast<unsigned>(hits));
    const char* const last = stop - step;
    const auto hits = static_cast<unsigned>(_mm256_movemask_epi8(pairs(last, a, b, gap)));
    return hits != 0 ? last + std::countr_zero(hits) : nullptr;
}
#endif

}  // namespace

const char* find_pair(
    const char* p, const char* end, char first, char second, std::size_t gap) noexcept
{
    if (end - p <= static_cast<std::ptrdiff_t>(gap))
        return nullptr;
    const char* const stop = end - gap;
#if defined(__x86_64__)
    if (stop - p >= 32 && __builtin_cpu_supports("avx2"))
        return search_avx2(p, stop, first, second, gap);
#endif
    return search(p, stop, first, second, gap);
}

}  // namespace sluice::wire
