#pragma once

#include <algorithm>
#include <cstddef>
#include <malloc.h>

namespace sluice::server {

// The C library keeps what a burst of connections has used; this gives it back.
class heap_trimmer {
public:
    void look() noexcept
    {
        const auto unused = ::mallinfo2().fordblks;
        floor_ = std::min(floor_, unused);
        if (unused < floor_ + worth_it)
            return;
        ::malloc_trim(0);
        floor_ = unused;
    }

private:
    static constexpr std::size_t worth_it = std::size_t{1} << 20U;
    std::size_t floor_ = 0;  // free bytes that were given back already
};

}  // namespace sluice::server
