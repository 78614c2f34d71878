#pragma once
// Looks on while a stream is relayed: how it ends, what it used, when its tokens came.

#include <sluice/base/clock.hpp>
#include <sluice/wire/endpoint.hpp>
#include <sluice/wire/json_closer.hpp>
#include <sluice/wire/json_watch.hpp>
#include <sluice/wire/sse_framer.hpp>
#include <sluice/wire/usage.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::wire {

enum class finish : std::uint8_t {
    none,
    stop,
    length,
    tool_calls,  // also function_call
    content_filter,
    other,
    completed,  // Responses from here on
    incomplete,
    failed,
};

[[nodiscard]] std::string_view label_of(finish reason) noexcept;

// Reads an OpenAI-dialect event stream in payload pieces cut anywhere (HTTP framing taken off) and
// keeps no text. It never fails: what it does not understand is counted as malformed and relayed
// all the same. Allocates only to keep a usage object that is cut by the end of a piece (at most 4
// KiB, given back when the object ends).
class sse_tap {
public:
    explicit sse_tap(endpoint where) noexcept
        : where_(where)
    {
    }

    void feed(std::span<const char> payload, time_point now);
    void feed(std::string_view payload, time_point now) { feed(std::span(payload), now); }

    // Events with at least one data line, [DONE] included. One whose blank line is missing counts.
    [[nodiscard]] std::uint64_t events() const noexcept { return events_; }

    // Events that carry generated text, reasoning, a refusal, audio or a tool call; not those that
    // name a role only, or the life cycle.
    [[nodiscard]] std::uint64_t content_events() const noexcept { return content_events_; }

    // Whether any of them carried reasoning, or a summary of it. Where none did, what is counted as
    // reasoning was generated before the first of them.
    [[nodiscard]] bool reasoning_shown() const noexcept { return reasoning_shown_; }

    // Data events that are neither [DONE] nor JSON with balanced brackets.
    [[nodiscard]] std::uint64_t malformed_events() const noexcept { return malformed_events_; }

    // The last one reported, where an answer's own stands: what is told back of the request, a
    // tool's parameters above all, may have members of that name.
    [[nodiscard]] const usage& tokens() const noexcept { return usage_; }

    // The last reason given.
    [[nodiscard]] finish finish_reason() const noexcept { return finish_; }

    [[nodiscard]] bool done() const noexcept { return done_; }  // data: [DONE]

    // A data event with a truthy top-level "error", `event: error`, a line `error: ...`, or of the
    // Responses API an event of type error or response.failed.
    [[nodiscard]] bool in_band_error() const noexcept { return in_band_error_; }

    // Whether an end of the body here is an end the dialect knows. Chat and text completions:
    // [DONE], or a finish_reason, because some providers never send [DONE]; with n > 1 the first
    // one is enough. Responses: response.completed, .incomplete or .failed. An in-band error is no
    // legal end, but for response.failed.
    [[nodiscard]] bool legal_end() const noexcept;

    // Whether the stream has said its last word: [DONE], the last event of the Responses API, or an
    // error in their place. A finish_reason is none: usage comes after it.
    [[nodiscard]] bool said_all() const noexcept;

    [[nodiscard]] std::optional<time_point> first_token_at() const noexcept;
    [[nodiscard]] std::optional<time_point> last_token_at() const noexcept;

    // Between two events: a comment may be put here.
    [[nodiscard]] bool at_event_boundary() const noexcept { return framer_.at_boundary(); }

    // Appends an event that tells `error`, `"error":{...}`, to a stream that breaks off here.
    // Within a data line there is no way to begin another event that a client could read: what of
    // the line was sent becomes an object with the error in it.
    void append_last_event(std::string& out, std::string_view error) const;

private:
    enum class wanted : std::uint8_t { nothing, usage, finish, error, type, content, reasoning };

    void on_event(const sse_framer::event& event, time_point now);
    void on_name_end();
    void on_data_start();
    void on_data(std::string_view bytes, time_point now);
    void on_cut(std::string_view bytes);
    void on_event_end();
    [[nodiscard]] wanted wants(char first) const;
    void keep_usage(std::string_view bytes);
    void on_value(std::string_view rest, time_point now);
    void on_finish(std::string_view value);
    void on_type(std::string_view value, time_point now);
    void on_content(time_point now);

    sse_framer framer_;
    json_watch watch_;
    json_closer cut_;  // of a data line that does not end in the piece it began in
    usage usage_;
    std::unique_ptr<std::string> spill_;  // the front of a usage object that is cut
    std::uint64_t events_ = 0;
    std::uint64_t content_events_ = 0;
    std::uint64_t malformed_events_ = 0;
    time_point first_token_at_{};
    time_point last_token_at_{};
    endpoint where_;
    finish finish_ = finish::none;
    wanted wanted_ = wanted::nothing;
    bool done_ = false;
    bool in_band_error_ = false;
    bool in_data_ = false;      // this event has had a data line
    bool in_cut_line_ = false;  // cut_ follows the data line at hand
    bool second_line_ = false;  // the data line at hand is not the event's first
    bool event_has_content_ = false;
    bool reasoning_shown_ = false;
    bool event_has_usage_ = false;
    std::uint8_t usage_depth_ = 0;   // in the outermost object's member at hand
    std::uint8_t done_matched_ = 0;  // bytes of "[DONE]" that opened this event's data
    std::uint8_t name_matched_ = 0;  // bytes of "error" that opened the value of `event:`
};

static_assert(sizeof(sse_tap) <= 320);

}  // namespace sluice::wire
