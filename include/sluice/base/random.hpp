#pragma once
// A worker's own random engine: small, fast, not for secrets.

#include <cstdint>

namespace sluice {

// SplitMix64 (Steele, Lea, Flood 2014): every seed gives a full-period stream.
class random_engine {
public:
    explicit constexpr random_engine(std::uint64_t seed) noexcept
        : state_(seed)
    {
    }

    constexpr std::uint64_t operator()() noexcept
    {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }

    // In [0, 1), 53 bits.
    constexpr double uniform() noexcept
    {
        return static_cast<double>((*this)() >> 11U) * 0x1.0p-53;
    }

private:
    std::uint64_t state_;
};

}  // namespace sluice
