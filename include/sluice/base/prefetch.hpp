#pragma once
// Memory that is about to be used, fetched all at once and while something else is done. What one
// stream needs for an event has left the caches since its last event: read piece by piece, each
// time waiting for the one before, it was three quarters of the time spent outside the kernel.

#include <cstddef>
#include <cstdint>

namespace sluice {

// Every line of it. Reads nothing: any address will do.
inline void prefetch(const void* at, std::size_t bytes = 1) noexcept
{
    constexpr std::uintptr_t line = 64;
    const auto begin = reinterpret_cast<std::uintptr_t>(at);
    for (auto each = begin & ~(line - 1); each < begin + bytes; each += line)
        __builtin_prefetch(reinterpret_cast<const void*>(each));
}

// What its owner is going to use when the wait it is in is over.
struct prefetcher {
    void (*fetch)(const prefetcher& self) noexcept;
};

}  // namespace sluice
