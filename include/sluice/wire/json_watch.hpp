#pragma once
// Watches JSON text go by in pieces cut anywhere and reports its members, without building
// anything.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::wire {

// Not a validator: of JSON it reports the truth, of anything else something harmless.
class json_watch {
public:
    enum class hit : std::uint8_t {
        none,       // the input is used up
        member,     // p stands at the first byte of a member's value
        value_end,  // p stands behind the value that was followed
    };

    // Advances p.
    [[nodiscard]] hit next(const char*& p, const char* end);

    // Whatever there is in it.
    void pass(std::string_view text);

    // After a member: its name as it was sent, empty if longer than 32 bytes; how many objects and
    // arrays are open around it (1: a member of the outermost object).
    [[nodiscard]] std::string_view name() const noexcept { return {name_.data(), name_bytes_}; }
    [[nodiscard]] std::uint32_t depth() const noexcept { return depth_; }

    // After a member: report the end of its value too, and keep the value's first 48 bytes. Members
    // inside the value are not reported.
    void follow() noexcept;

    // After value_end: the value, cut off after 48 bytes; whitespace outside strings is left out.
    [[nodiscard]] std::string_view value() const noexcept { return {value_.data(), value_bytes_}; }

    // Everything that was opened is closed, and an object or array was the first thing.
    [[nodiscard]] bool complete() const noexcept
    {
        return (first_ == '{' || first_ == '[') && depth_ == 0 && !bad_;
    }

    // Whether there was a byte that is not blank yet, and whether the first one was this bracket.
    [[nodiscard]] bool begun() const noexcept { return first_ != 0; }
    [[nodiscard]] bool begun_with(char bracket) const noexcept { return first_ == bracket; }

    void reset() noexcept { *this = json_watch{}; }

private:
    void keep(char c) noexcept;
    void keep_escape(char c) noexcept;
    bool ground(char c) noexcept;
    void string_run(const char*& p, const char* end) noexcept;

    enum class state : std::uint8_t { ground, string, escape, after_string, after_colon };

    std::array<char, 32> name_{};
    std::array<char, 48> value_{};
    std::uint32_t depth_ = 0;
    std::uint32_t follow_depth_ = 0;
    std::uint8_t name_bytes_ = 0;
    std::uint8_t value_bytes_ = 0;
    state state_ = state::ground;
    bool name_too_long_ = false;
    bool following_ = false;
    char first_ = 0;
    bool bad_ = false;
};

}  // namespace sluice::wire
