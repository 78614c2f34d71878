#pragma once
// Searches a JSON text, in pieces cut anywhere, for members of one name at the speed of a byte
// search.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::wire {

// A name in its quotes with a colon behind it is a member wherever it stands: inside a string its
// quotes would be escaped. The name may stand at any depth.
class key_finder {
public:
    // `name`: 2 to 30 bytes without escapes, a literal.
    explicit constexpr key_finder(std::string_view name) noexcept
        : name_(name)
    {
    }

    // True: p stands at the first byte of a member's value. False: the input is used up.
    [[nodiscard]] bool next(const char*& p, const char* end);

private:
    enum class state : std::uint8_t { searching, in_name, before_colon, before_value };

    bool search(const char*& p, const char* end);

    std::string_view name_;
    std::uint8_t matched_ = 0;  // bytes of the name, after the opening quote
    char before_ = '{';         // the byte before the input at hand
    state state_ = state::searching;
};

// Finds the end of an object or array whose opening bracket is the first byte given.
class object_end {
public:
    // True: p stands behind the closing bracket. False: the input is used up.
    [[nodiscard]] bool next(const char*& p, const char* end);

private:
    std::uint32_t depth_ = 0;
    bool in_string_ = false;
    bool escaped_ = false;
};

}  // namespace sluice::wire
