#pragma once
// Takes the usage event out of a stream again when only the gateway had asked for it.

#include <cstddef>
#include <cstdint>
#include <sluice/wire/json_watch.hpp>
#include <sluice/wire/key_finder.hpp>
#include <sluice/wire/sse_framer.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::wire {

// For chat and text completion streams. Removes each event that comes after a finish_reason and
// whose JSON has an empty top-level `choices`, a `usage` object and no error, with its blank line.
// All other bytes pass in order and unchanged, at once, but for an event after a finish_reason that
// is cut by the end of a piece and can still become such an event: its bytes are kept (at most 64
// KiB, then they pass) until it is decided.
class usage_filter {
public:
    static constexpr std::size_t max_held_bytes = 64 * 1024;

    // Replaces the content of `out` (its memory is reused) by what is to be sent now: views into
    // `piece` and into the filter, valid until the next call of either function.
    void process(std::string_view piece, std::vector<std::string_view>& out);

    // The upstream has ended: what is still held and not to be removed.
    void finish(std::vector<std::string_view>& out);

    [[nodiscard]] std::size_t held_bytes() const noexcept { return held_.size(); }
    [[nodiscard]] std::uint64_t removed_events() const noexcept { return removed_; }

private:
    enum class verdict : std::uint8_t { open, keep };

    void inspect(std::string_view data);
    [[nodiscard]] bool usage_only() const noexcept;
    void begin_event() noexcept;

    sse_framer framer_;
    json_watch watch_;
    key_finder finish_reason_{"finish_reason"};
    std::string held_;     // the front of an undecided event
    std::string sending_;  // held bytes that were released by the last call
    std::uint64_t removed_ = 0;
    bool finished_ = false;    // a finish_reason was seen
    bool in_event_ = false;    // a line of the present event that is no comment has begun
    bool swallow_lf_ = false;  // a removed event ended with CR, an LF would belong to it
    bool choices_empty_ = false;
    bool has_usage_ = false;
    verdict verdict_ = verdict::open;
};

}  // namespace sluice::wire
