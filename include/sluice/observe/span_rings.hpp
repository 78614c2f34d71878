#pragma once
// Spans from the workers to the exporter.

#include <sluice/observe/byte_ring.hpp>
#include <sluice/observe/span.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::observe {

class span_rings {
public:
    // `ring_bytes` is a power of two.
    explicit span_rings(std::size_t workers, std::size_t ring_bytes = std::size_t{1} << 20U)
    {
        for (std::size_t i = 0; i < workers; ++i)
            rings_.push_back(std::make_unique<byte_ring>(ring_bytes));
    }

    // That worker's thread only. No lock, allocation or system call; one that finds no room is
    // lost, and counted.
    void write(std::size_t worker, const span& what) noexcept
    {
        std::array<char, most_span_bytes> memory;
        rings_[worker]->push(pack(what, memory));
    }

    // The exporter's thread: appends what is there, whole records.
    void take(std::string& out)
    {
        for (const auto& ring : rings_)
            ring->take(out);
    }

    // Any thread.
    [[nodiscard]] std::uint64_t lost() const noexcept
    {
        std::uint64_t all = 0;
        for (const auto& ring : rings_)
            all += ring->dropped();
        return all;
    }

private:
    std::vector<std::unique_ptr<byte_ring>> rings_;
};

}  // namespace sluice::observe
