#pragma once
// The time between an answer's head and its first octet to the client, in which another target can
// still be asked: a stream is held back until its first token, a JSON answer until it is whole, an
// error until it is known which.

#include <sluice/http/chunked.hpp>
#include <sluice/proxy/attempt.hpp>
#include <sluice/wire/key_finder.hpp>
#include <sluice/wire/sse_tap.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace sluice::proxy {

class prelude {
public:
    prelude(const attempt& one, const question& asked);

    // Looks at what has come since the last time. None: more is needed to tell. `success`: the
    // client may have it; else what went wrong.
    [[nodiscard]] std::optional<outcome> look(attempt& one, time_point now);

    // The same when the provider has ended the connection.
    [[nodiscard]] outcome ended(attempt& one);

private:
    enum class kind : std::uint8_t {
        stream,  // of events
        opaque,  // a stream that cannot be read: compressed
        json,
        error,
        other,
    };

    void see(std::span<char> payload, time_point now);
    [[nodiscard]] std::optional<outcome> judge(attempt& one) const;
    [[nodiscard]] outcome judge_whole(attempt& one) const;
    [[nodiscard]] static outcome in_band(attempt& one);

    kind what_;
    std::size_t most_;        // octets to hold back
    std::size_t looked_ = 0;  // of the attempt's rest
    std::uint64_t left_;      // with a content-length
    std::uint64_t seen_ = 0;  // octets of payload
    bool ended_ = false;
    bool broken_ = false;
    bool suspicious_ = false;  // there is a member "error"
    http::chunked chunks_;
    wire::sse_tap tap_;
    wire::key_finder finder_{"error"};
};

// What is held of an answer, without its framing.
[[nodiscard]] std::string held_payload(const attempt& one);

// Whether this is the head of a stream of events.
[[nodiscard]] bool is_event_stream(const http::response_head& head) noexcept;
// JSON that can be looked into.
[[nodiscard]] bool is_json_answer(const http::response_head& head) noexcept;

// Waits until it is clear whether the client gets this answer. `so_far` has looked once. Afterwards
// the answer lies in memory of the attempt.
net::task<outcome> hold_back(
    services& with, attempt& one, const question& asked, prelude& so_far, net::interrupter& stop);

}  // namespace sluice::proxy
