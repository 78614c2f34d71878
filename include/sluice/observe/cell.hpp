#pragma once
// Numbers one thread writes and any thread reads. A write is a plain load, add and store: no locked
// instruction, no fence. A reader may see the members of a histogram a few observations apart.

#include <sluice/base/clock.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::observe {

class counter {
public:
    void add(std::uint64_t n = 1) noexcept
    {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t read() const noexcept
    {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

class gauge {
public:
    void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
    void add(std::int64_t n = 1) noexcept { set(read() + n); }
    void sub(std::int64_t n = 1) noexcept { set(read() - n); }
    [[nodiscard]] std::int64_t read() const noexcept
    {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::int64_t> value_{0};
};

// Index of the first bound that is not below `value`; bounds.size() if there is none. Bounds
// ascend.
template <std::size_t N>
[[nodiscard]] constexpr std::size_t bucket_of(
    const std::array<std::int64_t, N>& bounds, std::int64_t value) noexcept
{
    std::size_t first = 0;
    for (std::size_t left = N; left > 1;) {
        const std::size_t half = left / 2;
        first += bounds[first + half - 1] < value ? half : 0;
        left -= half;
    }
    return first + (bounds[first] < value ? 1 : 0);
}

// What a histogram held when it was read, or the sum of several.
struct histogram_totals {
    std::span<const std::int64_t> bounds_ns;
    std::array<std::uint64_t, 24> buckets{};  // not cumulative; bounds_ns.size() + 1 of them in use
    std::uint64_t sum_ns = 0;

    [[nodiscard]] std::uint64_t count() const noexcept;
};

// `Bounds` is a constexpr array of upper bounds in nanoseconds, inclusive, ascending.
template <const auto& Bounds>
class histogram {
public:
    static_assert(Bounds.size() >= 1 && Bounds.size() < 24);

    // Negative counts as zero.
    void observe(nanoseconds value) noexcept
    {
        const std::int64_t ns = value.count() < 0 ? 0 : value.count();
        buckets_[bucket_of(Bounds, ns)].add();
        sum_ns_.add(static_cast<std::uint64_t>(ns));
    }

    // Adds what it holds; `into` is fresh or was filled from the same family.
    void read(histogram_totals& into) const noexcept
    {
        into.bounds_ns = Bounds;
        for (std::size_t i = 0; i < buckets_.size(); ++i)
            into.buckets[i] += buckets_[i].read();
        into.sum_ns += sum_ns_.read();
    }

private:
    std::array<counter, Bounds.size() + 1> buckets_;
    counter sum_ns_;
};

}  // namespace sluice::observe
