#pragma once
// One end of a TCP connection for tests, plain or TLS: every byte is seen, every wait is bounded.
// One thread at a time.

#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace loopback {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How long anything may take that is expected to happen; generous because sanitizers are slow.
inline constexpr milliseconds patience{20'000};

// Asks again and again until it holds: whether it did in time. With pauses, for an asker without
// them takes a core from what it waits for.
[[nodiscard]] bool comes_to_hold(
    const std::function<bool()>& holds, milliseconds within = patience);

// Something expected did not happen in time, or the peer ended while more was due.
struct failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct ssl_deleter {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
using ssl_ptr = std::unique_ptr<SSL, ssl_deleter>;
using context_ptr = std::unique_ptr<SSL_CTX, ssl_deleter>;
using session_ptr = std::unique_ptr<SSL_SESSION, ssl_deleter>;

// A request or an answer, body without its framing.
struct message {
    std::string start_line;
    std::string fields;  // as sent, without the start line and the empty line
    std::string body;
    bool whole = true;  // ended where its framing says

    [[nodiscard]] unsigned status() const;
    [[nodiscard]] bool has(std::string_view name) const;
    // The first field of this name; empty when there is none.
    [[nodiscard]] std::string header(std::string_view name) const;
    [[nodiscard]] bool says(std::string_view part) const
    {
        return body.find(part) != std::string::npos;
    }
};

enum class ending : std::uint8_t { none, fin, reset };

class connection {
public:
    connection() = default;
    explicit connection(int descriptor);  // takes it
    connection(connection&& other) noexcept;
    connection& operator=(connection&& other) noexcept;
    ~connection();

    // 0: the system's. To small segments the peer's system buffers little.
    [[nodiscard]] static connection to(
        std::uint16_t port, int receive_buffer = 0, int segment_bytes = 0);

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    [[nodiscard]] SSL* ssl() const noexcept { return ssl_.get(); }

    // Handshakes with a fresh SSL whose side is set. False: refused by either side.
    [[nodiscard]] bool encrypt(ssl_ptr ssl);

    // False: the peer is gone.
    bool send(std::string_view bytes);
    // What would be sent, as TLS records of so many octets each; send_as_is() sends them, or parts,
    // also while another thread receives.
    [[nodiscard]] std::string sealed(std::string_view bytes, std::size_t record = 16384);
    bool send_as_is(std::string_view bytes);
    // As much as the peer takes until it has taken nothing for `quiet`.
    std::size_t send_until_stuck(std::string_view bytes, milliseconds quiet);

    // Adds what comes to input(). False: the peer ended, or nothing came until then.
    bool read(clock::time_point until);
    [[nodiscard]] std::string& input() noexcept { return input_; }
    [[nodiscard]] ending ended() const noexcept { return ended_; }

    // Up to and with `mark`; throws if it does not come.
    std::string until(std::string_view mark);
    std::string exactly(std::size_t bytes);
    // Everything until the peer ends; throws if it does not.
    std::string rest();
    // Whether the peer ends within this time; what it still sends is kept.
    [[nodiscard]] bool ends(milliseconds within = patience);
    // Whether anything at all comes, an end included.
    [[nodiscard]] bool stirs(milliseconds within);

    message head();  // without its body
    message answer(bool to_head_request = false);
    message request();

    // TCP segments with payload that came, so many writes of the peer's if they are small.
    [[nodiscard]] unsigned segments() const;

    void finish();  // FIN
    void reset();   // RST
    void close();

private:
    [[nodiscard]] bool wait(short events, clock::time_point until) const;
    bool send_through(SSL* ssl, std::string_view bytes);  // none: as it is
    long receive(char* into, std::size_t size, bool& wants_write);
    void read_body(message& into, bool until_end);
    [[nodiscard]] bool filled(std::size_t bytes);
    [[nodiscard]] bool take_line(std::string& line);

    int descriptor_ = -1;
    ssl_ptr ssl_;
    std::string input_;
    ending ended_ = ending::none;
};

}  // namespace loopback
