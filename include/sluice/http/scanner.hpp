#pragma once
// Where a head ends, found while it arrives.

#include <sluice/http/head.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::http {

enum class message_kind : std::uint8_t { request, response };

// Asked after every read with all bytes received since the last message, it looks at new bytes
// only: a head costs O(n) however it is cut. The buffer may move between calls, its bytes may not
// change.
class head_scanner {
public:
    enum class progress : std::uint8_t { incomplete, complete, refused };

    struct answer {
        progress state;
        std::size_t begin;  // complete: the head is buffer.substr(begin, size)
        std::size_t size;
        refusal why;  // refused: what to answer before closing
    };

    head_scanner(message_kind kind, const head_limits& limits) noexcept
        : limits_(limits),
          kind_(kind)
    {
    }

    // Refuses as early as the bytes allow it, so that nobody waits for a timeout: a first octet no
    // request starts with (TLS, PROXY v2), an answer that does not start with "HTTP/1.", a line
    // that ends in a bare LF, more than one empty line before a request (RFC 9112 2.2), and heads,
    // lines and field counts over their limits. For requests bad_request or head_too_large, for
    // answers upstream_invalid. Everything else is parse()'s to judge. Once complete or refused,
    // reset() before the next question.
    [[nodiscard]] answer scan(std::string_view buffer) noexcept;

    void reset() noexcept;

private:
    [[nodiscard]] answer refuse(std::string_view message, errc code) const noexcept;
    // Sets started_ once enough octets are there to say that nothing is wrong with them.
    [[nodiscard]] bool starts_wrong(std::string_view buffer) noexcept;

    head_limits limits_;
    message_kind kind_;
    bool started_ = false;
    std::size_t begin_ = 0;       // first octet of the head
    std::size_t line_begin_ = 0;  // of the line being received
    std::size_t scanned_ = 0;     // everything before holds no undiscovered LF
    std::size_t lines_ = 0;       // complete ones
};

}  // namespace sluice::http
