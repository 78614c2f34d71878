#pragma once
// What the mock upstream says: built once, sent many times.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::bench {

// `"@` opens a stamp inside an event's content: 19 digits of CLOCK_MONOTONIC nanoseconds, `;`.
inline constexpr std::string_view stamp_mark = "\"@";
inline constexpr std::size_t stamp_digits = 19;

class mock_responses {
public:
    // Sizes are of the JSON document and of one event's bytes without chunk framing; each is raised
    // to what the document needs without any padding.
    mock_responses(std::size_t body_bytes, std::size_t event_bytes);

    // A whole chat completion: head and body.
    [[nodiscard]] std::string_view completion() const noexcept { return completion_; }
    [[nodiscard]] std::size_t completion_body_bytes() const noexcept { return body_bytes_; }

    [[nodiscard]] std::string_view stream_head() const noexcept { return stream_head_; }
    // One event as a chunk, stamped; valid until the next call.
    [[nodiscard]] std::string_view event(std::uint64_t now_ns) noexcept;
    // Finish reason, usage where asked for, [DONE] and the last chunk.
    [[nodiscard]] std::string_view stream_end(bool usage) const noexcept
    {
        return usage ? end_with_usage_ : end_;
    }

private:
    std::string completion_;
    std::size_t body_bytes_ = 0;
    std::string stream_head_;
    std::string event_;
    std::size_t stamp_at_ = 0;
    std::string end_;
    std::string end_with_usage_;
};

}  // namespace sluice::bench
