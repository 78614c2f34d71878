#pragma once
// Takes the usage event out of a stream again when only the gateway had asked for it.

#include <sluice/wire/json_watch.hpp>
#include <sluice/wire/key_finder.hpp>
#include <sluice/wire/sse_framer.hpp>

#include <cstddef>
#include <cstdint>
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

    // A finish_reason has gone by before process() was first called: for a caller that found it
    // out by other means and starts the filter only then, anywhere in an event.
    void expect_usage() noexcept { finished_ = true; }

    // The upstream has ended: what is still held and not to be removed. What the last process()
    // gave out stays valid.
    void finish(std::vector<std::string_view>& out);

    [[nodiscard]] std::size_t held_bytes() const noexcept { return held_.size(); }
    [[nodiscard]] std::uint64_t removed_events() const noexcept { return removed_; }

private:
    // Of the event at hand: nothing of it but comments so far; going out as it comes; undecided.
    enum class mode : std::uint8_t { between, passing, holding };

    void look_for_finish(std::string_view data);
    void begin_event() noexcept;
    void inspect(std::string_view data);
    [[nodiscard]] bool usage_only() const noexcept;
    void on_data(std::string_view bytes, std::vector<std::string_view>& out);
    void release(std::vector<std::string_view>& out);

    sse_framer framer_;
    json_watch watch_;
    key_finder finish_reason_{"finish_reason"};
    std::string held_;     // the front of an undecided event
    std::string sending_;  // held bytes that were released by the last call
    std::string ending_;   // what was still held at the end
    std::uint64_t removed_ = 0;
    mode mode_ = mode::between;
    bool finished_ = false;    // a finish_reason was seen
    bool swallow_lf_ = false;  // a removed event ended with CR: an LF after it goes too
    bool choices_empty_ = false;
    bool has_usage_ = false;
    bool keep_ = false;
};

}  // namespace sluice::wire
