#pragma once
// Heads and chunk sizes, written into memory of the caller.

#include <sluice/http/fields.hpp>
#include <sluice/http/names.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::http {

// "OK" for 200; "Unknown" for a status without a registered phrase.
[[nodiscard]] std::string_view reason_phrase(unsigned status) noexcept;

// Writes one head: a first line, fields, finish(). Never past the end of its memory, never an octet
// that could end a line or a value early: the call that would do so sets a flag instead, and from
// then on nothing is written. The memory outlives the writer; the arguments need only last the
// call.
class head_writer {
public:
    explicit head_writer(std::span<char> memory) noexcept
        : begin_(memory.data()),
          at_(memory.data()),
          end_(memory.data() + memory.size())
    {
    }

    // The method must be a token, the target printable ASCII without blanks.
    void request_line(
        std::string_view method, std::string_view target, int minor_version = 1) noexcept;
    // 100..999; the phrase from the table, or one given.
    void status_line(unsigned status, int minor_version = 1) noexcept;
    void status_line(unsigned status, std::string_view reason, int minor_version) noexcept;
    // The name must be a token, the value HTAB, SP, VCHAR and obs-text.
    void field(std::string_view name, std::string_view value) noexcept;
    void field(std::string_view name, std::uint64_t value) noexcept;
    // As above, for a known name.
    void field(header id, std::string_view value) noexcept;
    void field(header id, std::uint64_t value) noexcept;
    // A field of an accepted head, name and value as they were sent; not checked again.
    void copy(const http::field& parsed) noexcept { line(parsed.name, parsed.value); }
    // Those of an accepted head's fields that keep(field) is true for, as by copy(); fields that
    // stand one behind the other as they are to be written are copied together.
    template <class Keep>
    void copy_if(const field_table& fields, const Keep& keep) noexcept
    {
        std::string_view run;
        for (const auto each : fields) {
            if (!keep(each))
                continue;
            const auto whole = as_written(each);
            if (!whole.empty() && whole.data() == run.data() + run.size()) {
                run = {run.data(), run.size() + whole.size()};
                continue;
            }
            lines(run);
            run = whole;
            if (whole.empty())
                copy(each);
        }
        lines(run);
    }
    // Complete field lines that another writer's text() held before: trusted, only the room is
    // checked.
    void lines(std::string_view rendered) noexcept;
    // A name, ": " and a value, all trusted as in lines().
    void trusted(std::string_view name_and_colon, std::string_view value) noexcept;
    void trusted(std::string_view name_and_colon, std::uint64_t value) noexcept;
    // All that is written so far, so that it can be kept for lines(); empty when it overflowed or
    // something was refused.
    [[nodiscard]] std::string_view text() const noexcept
    {
        return overflowed_ || refused_ ? std::string_view{} : std::string_view{begin_, size()};
    }
    // The blank line, then the whole head; empty when it overflowed or something was refused.
    [[nodiscard]] std::string_view finish() noexcept;

    [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
    // An argument held something it must not: a CR, LF, NUL, another control, an empty name...
    [[nodiscard]] bool refused() const noexcept { return refused_; }
    [[nodiscard]] std::size_t size() const noexcept
    {
        return static_cast<std::size_t>(at_ - begin_);
    }

private:
    // True when `bytes` more fit and nothing went wrong before.
    [[nodiscard]] bool room(std::size_t bytes) noexcept;
    // The line of a field of an accepted head, where that is what line() makes of it; else empty.
    [[nodiscard]] static std::string_view as_written(const http::field& parsed) noexcept
    {
        const char* const name_end = parsed.name.data() + parsed.name.size();
        const char* const value_end = parsed.value.data() + parsed.value.size();
        const bool same = parsed.value.data() == name_end + 2 && name_end[1] == ' '
                          && value_end[0] == '\r' && value_end[1] == '\n';
        const auto bytes = static_cast<std::size_t>(value_end + 2 - parsed.name.data());
        return same ? std::string_view{parsed.name.data(), bytes} : std::string_view{};
    }
    void put(std::string_view text) noexcept;
    void line(std::string_view name, std::string_view value) noexcept;

    char* begin_;
    char* at_;
    char* end_;
    bool overflowed_ = false;
    bool refused_ = false;
};

// Enough for chunk_size_line.
inline constexpr std::size_t chunk_size_line_bytes = 18;
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

// Lower-case hex and CRLF at the front of `memory`. Not for 0: that is last_chunk.
[[nodiscard]] std::string_view chunk_size_line(
    std::span<char, chunk_size_line_bytes> memory, std::uint64_t payload_bytes) noexcept;

}  // namespace sluice::http
