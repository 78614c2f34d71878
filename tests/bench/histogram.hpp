#pragma once
// Durations in log-linear cells: exact below 128, then 64 cells to each power of two, so a quantile
// is never below the sample it stands for and at most 1.6 % above it. Fixed size, no allocation.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace sluice::bench {

class histogram {
public:
    void record(std::uint64_t value) noexcept
    {
        ++cells_[cell_of(value)];
        ++count_;
        sum_ += value;
        max_ = std::max(max_, value);
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
    [[nodiscard]] double mean() const noexcept
    {
        return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
    }

    // The smallest cell edge that at least `share` (0 to 1) of the samples do not exceed; 0 when
    // empty.
    [[nodiscard]] std::uint64_t quantile(double share) const noexcept
    {
        const double wanted = share * static_cast<double>(count_);
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            seen += cells_[i];
            if (seen != 0 && static_cast<double>(seen) >= wanted)
                return std::min(upper_edge(i), max_);
        }
        return max_;
    }

private:
    static constexpr std::size_t cell_count = 58U * 64U + 64U;

    static std::size_t cell_of(std::uint64_t value) noexcept
    {
        if (value < 128U)
            return static_cast<std::size_t>(value);
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - 7U;
        return shift * std::size_t{64} + static_cast<std::size_t>(value >> shift);
    }

    static std::uint64_t upper_edge(std::size_t cell) noexcept
    {
        if (cell < 128U)
            return cell;
        const std::size_t shift = cell / 64U - 1U;
        const std::uint64_t mantissa = cell - shift * 64U;
        return ((mantissa + 1U) << shift) - 1U;
    }

    std::array<std::uint64_t, cell_count> cells_{};
    std::uint64_t count_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t max_ = 0;
};

}  // namespace sluice::bench
