#pragma once
// A changed request body as a list of pieces: no byte is copied, all others stay as they were sent.

#include <sluice/wire/request.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sluice::wire {

// A short list of views, for one gathered write.
struct gather {
    static constexpr std::size_t capacity = 8;

    // Empty pieces are left out. More than `capacity` pieces is a bug of the caller (asserted).
    void add(std::string_view piece);

    [[nodiscard]] std::span<const std::string_view> pieces() const noexcept
    {
        return {piece.data(), count};
    }

    std::array<std::string_view, capacity> piece;
    std::size_t count = 0;
    std::size_t total_bytes = 0;
};

// The body with another model name and, if `ask_usage`, with stream_options.include_usage switched
// on where facts.edit says it has to be. `model_json` is a JSON string with its quotes (json_string
// below) or empty: keep the client's. At most 5 pieces, views of `body`, of `model_json` and of
// literals.
[[nodiscard]] gather splice(
    const request_facts& facts, std::string_view body, std::string_view model_json, bool ask_usage);

// The text as a JSON string, quotes included. For use when the configuration is read, not per
// request.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace sluice::wire
