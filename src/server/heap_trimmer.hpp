#pragma once

#include <algorithm>
#include <cstddef>
#include <malloc.h>

namespace sluice::server {

// The C library keeps what a burst of connections has used; this gives it back.
class heap_trimmer {
public:
    // glibc's own threshold, but fixed: it would grow with every large block that is freed, up to
    // 32 MiB, and the heap of each thread would keep twice as much at its end. Of an end that is
    // given back the C library keeps 128 KiB for growth, a heap each: an eighth of that is plenty
    // where requests allocate nothing.
    heap_trimmer() noexcept
    {
        ::mallopt(M_MMAP_THRESHOLD, 128 * 1024);
        ::mallopt(M_TOP_PAD, 16 * 1024);
    }

    // Now and then. Asks what is in use and not what is free: free memory that the system has back
    // counts as free as well.
    void look() noexcept
    {
        const auto used = ::mallinfo2().uordblks;
        most_ = std::max(most_, used);
        if (most_ - used < worth_it)
            return;
        ::malloc_trim(0);
        most_ = used;
    }

private:
    static constexpr std::size_t worth_it = std::size_t{256} << 10U;
    std::size_t most_ = 0;  // bytes in use at once since the last time something was given back
};

}  // namespace sluice::server
