#pragma once
// How the export of spans does, for metrics.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::observe {

enum class span_loss : std::uint8_t {
    ring_full,    // a worker made more than were taken off it
    queue_full,   // the collector does not keep up
    refused,      // it answered something that makes no sense to try again
    rejected,     // it took the batch without them
    unreachable,  // for too long
    off,          // tracing was switched off meanwhile
};
// clang-format off
inline constexpr std::array<std::string_view, 6> span_loss_labels{
    "ring_full", "queue_full", "refused", "rejected", "unreachable", "off"};
// clang-format on

struct exported_spans {
    std::uint64_t exported = 0;
    std::array<std::uint64_t, span_loss_labels.size()> dropped{};

    std::uint64_t& operator[](span_loss why) noexcept
    {
        return dropped[static_cast<std::size_t>(why)];
    }
};

}  // namespace sluice::observe
