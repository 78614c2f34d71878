#pragma once
// What one worker has counted as spent, by arm and key. The worker alone writes; a scraper reads at
// any time. Only pairs that occur take room, and at most so many.

#include <sluice/observe/cell.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace sluice::observe {

class spending {
public:
    // Further pairs count as the arm's `other` key, or as other altogether.
    static constexpr std::size_t most_pairs = 65'536;

    spending();

    // The worker. Nano-dollars; allocates for a pair not seen before.
    void add(std::size_t arm, std::size_t key, std::uint64_t nanodollars);

    // Any thread: calls each(arm, key, nanodollars) for every pair.
    template <class Each>
    void read(const Each& each) const
    {
        const auto count = count_.load(std::memory_order_acquire);
        for (std::size_t i = 0; i < count; ++i) {
            const auto& one = at(i);
            each(one.arm, one.key, one.nanodollars.read());
        }
    }

private:
    struct pair {
        std::size_t arm = 0;
        std::size_t key = 0;
        counter nanodollars;
    };
    static constexpr std::size_t block = 256;
    using pairs = std::array<pair, block>;

    [[nodiscard]] const pair& at(std::size_t index) const noexcept
    {
        return (*shared_[index / block].load(std::memory_order_acquire))[index % block];
    }
    [[nodiscard]] pair* find_or_make(std::size_t arm, std::size_t key);

    std::unordered_map<std::uint64_t, pair*> known_;  // the worker's
    pair* last_ = nullptr;                            // what was added to
    std::array<std::unique_ptr<pairs>, most_pairs / block> owned_;
    std::array<std::atomic<const pairs*>, most_pairs / block> shared_{};
    std::atomic<std::size_t> count_{0};
};

}  // namespace sluice::observe
