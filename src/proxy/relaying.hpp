#pragma once
// One answer on its way from its provider to the client; see relay.hpp.

#include <sluice/base/prefetch.hpp>
#include <sluice/proxy/client.hpp>
#include <sluice/proxy/exchange.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/transfer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace sluice::proxy {

// Its members are what has to live over waits.
class relaying : private prefetcher {
public:
    relaying(services& with, client& to, exchange& x) noexcept;

    net::task<result<void>> run(std::span<char> input);
    void note_tokens() noexcept;
    void note_break() noexcept;

private:
    // What came of a wait for the provider's next octets.
    enum class turn : std::uint8_t { wait, beat, input, lost };

    [[nodiscard]] net::send_all send(const net::gather& out) noexcept;
    bool note_sent(net::io how, const net::gather& out, bool with_head);
    void begin_wait();
    [[nodiscard]] net::socket::wait readable();
    [[nodiscard]] turn after_wait(net::io waited);
    turn lose(errc why) noexcept;
    turn run_out() noexcept;
    net::task<result<void>> provider_closed();
    net::task<result<void>> break_off(errc why);
    net::task<result<void>> end_as_told(errc why);
    net::task<> take_last_chunk();
    net::task<turn> beat();
    [[nodiscard]] charge known_cost(bool whole) noexcept;
    [[nodiscard]] time_point stalled_at() const noexcept;
    [[nodiscard]] time_point beat_at() const noexcept;
    [[nodiscard]] net::buffer keep_rest(std::span<const char> left);
    void commit() noexcept;
    void note_end(transfer::progress how, net::gather& out);
    [[nodiscard]] observe::stream_end told_end() const noexcept;

    static void fetch_all(const prefetcher& self) noexcept;

    // What every piece needs lies in front.
    services& with_;
    client& to_;
    exchange& x_;
    attempt& from_;
    net::stream* upstream_;
    const net::socket* client_socket_;
    const config::snapshot& config_;
    net::buffer rest_;  // input that has to come again, in front of what is read next
    std::size_t rest_bytes_ = 0;
    time_point began_;       // when the answer's head was here
    time_point last_piece_;  // when the provider last sent something
    time_point last_sent_;   // when the client was last sent something
    bool told_ = false;      // the client has the stream's last word
    // Of the wait at hand:
    bool looked_ = false;  // the end of the connection was looked for
    time_point stalled_;
    std::span<char> input_;  // after turn::input
    errc lost_{};            // after turn::lost
    transfer::settings how_;
    transfer body_;
    std::string error_event_;
};

}  // namespace sluice::proxy
