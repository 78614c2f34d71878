// Loaded into a program with LD_PRELOAD to count its heap allocations where another process can
// read them while it runs: a file of two 64-bit numbers (allocations, bytes), named by
// BENCH_MALLOC_FILE and mapped shared, so that forked workers count into it too. Globals, because
// malloc has no other place.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

struct counts {
    std::uint64_t allocations;
    std::uint64_t bytes;
};

counts before_start{};
counts* current = &before_start;

void count(std::size_t bytes) noexcept
{
    __atomic_fetch_add(&current->allocations, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&current->bytes, bytes, __ATOMIC_RELAXED);
}

[[gnu::constructor]] void open_file() noexcept
{
    const char* path = std::getenv("BENCH_MALLOC_FILE");
    if (path == nullptr)
        return;
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void* const memory = mmap(nullptr, sizeof(counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory != MAP_FAILED)
        current = static_cast<counts*>(memory);
}

}  // namespace

extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size)
{
    count(size);
    return __libc_malloc(size);
}

void* calloc(std::size_t number, std::size_t size)
{
    count(number * size);
    return __libc_calloc(number, size);
}

void* realloc(void* old, std::size_t size)
{
    count(size);
    return __libc_realloc(old, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size)
{
    count(size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void** result, std::size_t alignment, std::size_t size)
{
    count(size);
    *result = __libc_memalign(alignment, size);
    return *result == nullptr ? ENOMEM : 0;
}
}
