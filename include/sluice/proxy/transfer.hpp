#pragma once
// The body of an answer on its way from provider to client: what came goes in, what is to be sent
// comes out, and on the side it is known how the stream stands. No I/O and no clock.

#include <sluice/base/prefetch.hpp>
#include <sluice/http/chunked.hpp>
#include <sluice/http/head.hpp>
#include <sluice/http/writer.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/wire/body_tap.hpp>
#include <sluice/wire/json_watch.hpp>
#include <sluice/wire/redact.hpp>
#include <sluice/wire/sse_tap.hpp>
#include <sluice/wire/usage_filter.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::proxy {

class payload_copy;

class transfer {
public:
    struct settings {
        http::framing from = http::framing::none;  // the provider's
        std::uint64_t length = 0;                  // with framing::length
        bool client_is_old = false;                // HTTP/1.0: knows no chunks
        bool events = false;                       // a text/event-stream
        bool readable = true;                      // not compressed: can be looked into
        bool json_by_close = false;                // only its text tells whether it is whole
        bool remove_usage = false;                 // the usage event was asked for by the gateway
        wire::endpoint where = wire::endpoint::chat_completions;
        std::span<const std::string> secrets;  // outlive the transfer
        payload_copy* copy = nullptr;          // gets what is readable too; outlives the transfer
    };

    // How the client's side is framed.
    enum class framing : std::uint8_t { none, length, chunked, until_close };

    enum class progress : std::uint8_t {
        more,
        end,     // the provider's message is whole; what is left of the input is not part of it
        broken,  // its framing is wrong
    };

    enum class more_input : std::uint8_t { may_come, none };

    struct step {
        std::size_t consumed = 0;  // less than was given: the rest has to come again, in front
        progress state = progress::more;
        bool stuck = false;  // the rest waits for input, not for `out` to be sent
    };

    // `pieces` is scratch that outlives the transfer.
    transfer(const settings& how, std::vector<std::string_view>& pieces) noexcept;

    [[nodiscard]] framing to() const noexcept { return to_; }

    // What feed() uses of this for an event, see base/prefetch.hpp.
    void fetch() const noexcept
    {
        prefetch(this, sizeof how_ + sizeof chunks_ + sizeof redactor_ + sizeof tap_);
        prefetch(&filter_ + 1);  // behind it, where it tells whether there is one
    }

    // `raw` may be changed. What is added to `out` are views of raw, of this object and of
    // literals, to be sent before the next call.
    [[nodiscard]] step feed(std::span<char> raw, time_point now, net::gather& out, more_input then);

    // The provider has closed: `end` where that ends its message, else `broken`.
    [[nodiscard]] progress closed(net::gather& out);

    // Whether the body ended where its dialect allows it, or JSON where it may; true for what is
    // neither.
    [[nodiscard]] bool legal_end() const noexcept;

    // Whether what was sent ends with the stream's last word: only framing is missing.
    [[nodiscard]] bool said_all() const noexcept;
    // Ends the body there. False: the provider's chunk is still open.
    [[nodiscard]] bool end_here(net::gather& out);

    // Takes the mark of a proper end off what was to be sent last: only right after `end`.
    void without_end(net::gather& out) const noexcept;

    // An event of our own can be put in here without touching the provider's.
    [[nodiscard]] bool between_events() const noexcept;
    void heartbeat(net::gather& out);

    // The last event of a broken stream; the body is not ended by it. Nothing where there is no
    // room for it.
    void error_event(net::gather& out, std::string_view event);
    // What a client has seen of the stream; null: whole events. See wire::append_error_event.
    [[nodiscard]] const wire::sse_tap* seen() const noexcept;

    [[nodiscard]] const wire::usage& usage() const noexcept;
    // A provider key was masked in it.
    [[nodiscard]] bool masked() const noexcept { return masked_ahead_ || redactor_.masked(); }
    // Null for what is no readable event stream.
    [[nodiscard]] const wire::sse_tap* tap() const noexcept { return tap_ ? &*tap_ : nullptr; }

private:
    // How much of its end waits for more, lest a key be sent in parts.
    [[nodiscard]] std::size_t suspicious(std::span<char> raw) const;
    void look(std::span<char> payload, time_point now);
    [[nodiscard]] step pass_lone(
        std::span<char> raw, std::span<char> payload, time_point now, net::gather& out);
    [[nodiscard]] step pass_chunks(std::span<char> raw, time_point now, net::gather& out);
    [[nodiscard]] step pass_plain(std::span<char> raw, time_point now, net::gather& out);
    [[nodiscard]] step reframe(std::span<char> raw, time_point now, net::gather& out);
    using size_line = std::array<char, http::chunk_size_line_bytes>;
    void emit_pieces(size_line& line, net::gather& out);
    void open_chunk(size_line& line, std::size_t bytes, net::gather& out) const;
    void finish(net::gather& out);
    [[nodiscard]] bool filtering();
    [[nodiscard]] bool nothing_held() const noexcept;

    settings how_;
    framing to_;
    bool passes_;         // the provider's framing goes on as it is
    std::uint64_t left_;  // with framing::length
    http::chunked chunks_;
    wire::redactor redactor_;
    std::optional<wire::sse_tap> tap_;
    bool masked_ahead_ = false;
    bool filters_ = false;  // there may be something to take out
    std::optional<wire::usage_filter> filter_;
    std::optional<wire::body_tap> body_tap_;
    std::optional<wire::json_watch> json_;  // with json_by_close
    std::vector<std::string_view>& pieces_;
    std::string joined_;                   // pieces that were too many for one gathered write
    std::array<size_line, 3> size_lines_;  // of one step: its data, what the filter held, an error
};

}  // namespace sluice::proxy
